"""Scoring needs no more memory for a longer song than the song itself."""

import subprocess
import sys

CODE = """
import resource, sys, torch
from unweave import metrics
refs = torch.randn(4, 2, int(sys.argv[1]) * 44100)
ests = refs + 0.1 * refs.roll(1, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
metrics.bss_eval_v4(refs, ests, window=44100, hop=44100, filter_taps=32)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def growth_mb(seconds: int) -> float:
    command = [sys.executable, "-c", CODE, str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_memory_does_not_grow_with_the_song() -> None:
    # 90 s are 254 MB of signals in float32; a copy of one of both would be seen.
    assert growth_mb(90) < growth_mb(10) + 60
