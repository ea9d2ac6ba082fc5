"""Memory is set by the segment, not by the song: the whole command at two lengths."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 44100


def peak_mb(seconds: int, folder: Path, *options: str) -> float:
    """Peak resident memory of `unweave separate` on noise of that length."""
    source = folder / f"{seconds}.wav"
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(source, "w", RATE, 2, "PCM_16") as file:
        for _ in range(seconds):
            file.write(rng.normal(scale=0.1, size=(RATE, 2)))
    command = [sys.executable, "-m", "unweave", "separate", "-q", "--batch", "2", *options]
    command += ["-o", str(folder / "out"), str(source)]
    pid = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1000


@pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")
def test_peak_memory_does_not_grow_with_the_song(tmp_path: Path) -> None:
    # Long enough for every buffer to be full and for a run to reach its steady state.
    short = peak_mb(60, tmp_path, "--format", "flac")
    long = peak_mb(240, tmp_path, "--format", "flac")
    assert long <= 1.1 * short, f"{short:.0f} MB at 60 s, {long:.0f} MB at 240 s"
