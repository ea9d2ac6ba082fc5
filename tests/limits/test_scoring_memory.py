"""Scoring needs no more memory for a longer song than the song itself."""

import subprocess
import sys

from tests import LONG

# One process, in which a high-water mark is all that is asked for: first what any length takes,
# then how far the whole song goes beyond it. Signals are made in place, for a copy of them in the
# making would hide one in the scoring.
CODE = """
import resource, torch
from unweave.evaluation import metrics

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def score(seconds):
    metrics.bss_eval_v4(refs[..., : seconds * 44100], ests[..., : seconds * 44100],
                        window=44100, hop=44100, filter_taps=32)

refs = torch.randn(2, 1, 360 * 44100)
ests = refs.roll(1, 0).mul_(0.1).add_(refs)
score(10)
before = peak_mb()
score(360)
print(peak_mb() - before)
"""


@LONG
def test_memory_does_not_grow_with_the_song() -> None:
    # 360 s are 254 MB of signals in float32; a copy of one of both would be seen.
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 60
