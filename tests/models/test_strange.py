"""Checkpoints and YAML files that make no sense are refused in one line, whatever is wrong.

Of every network, `UNWEAVE_MUTATIONS` of them are added, 40 where it is not set:

    UNWEAVE_LONG=1 UNWEAVE_MUTATIONS=1000 python -m pytest tests/models/test_strange.py -s
"""

import json
import subprocess
import sys
from pathlib import Path

from tests import LONG
from tests.models import strange
from tests.models.test_malice import MUTATIONS, SEED

ROOT = Path(__file__).parents[2]


@LONG
def test_strange_checkpoints_are_refused_in_one_line(tmp_path):
    command = [sys.executable, "-m", "tests.models.strange", str(tmp_path), str(MUTATIONS), SEED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout)
    print(found["refused"])
    assert found["refused"].keys() == strange.PAIRS.keys()
    assert all(sum(counts) > MUTATIONS // 5 for counts in found["refused"].values())
    assert not found["wrong"], "\n".join(found["wrong"][:20])
