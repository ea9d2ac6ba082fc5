"""A process that is forked from one that has used torch separates as well."""

import os
import sys

import pytest

from tests import processes

# The child ends itself where a computation does not come back.
SCRIPT = """
import faulthandler, os, sys
import numpy as np, torch
import unweave

mix = 0.1 * np.random.default_rng(0).standard_normal((1, 16000)).astype(np.float32)

def separated():
    return unweave.separate(mix, sample_rate_hz=16000, model=sys.argv[1])

torch.set_num_threads(2)
if sys.argv[2] == "separated":
    before = separated()
else:
    torch.rand(2_000_000).exp()
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(100, exit=True)
    stems = separated()
    total = sum(stems[stem] for stem in stems)
    os._exit(0 if np.allclose(total, mix, atol=1e-5) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("model", ["nmf", "hpss"])
@pytest.mark.parametrize("used", ["separated", "by itself"])
def test_a_forked_process_separates(model, used):
    done = processes.run(
        [sys.executable, "-c", SCRIPT, model, used], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
