"""The command line's torch lacks what the default model does not need: the bytes are the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from unweave.cli import lean

RATE_HZ = 44100
SEPARATE = """
import atexit, sys
from unweave.cli.lean import UNUSED
atexit.register(lambda: print(max(len(vars(sys.modules[name])) for name in UNUSED)))
from unweave.cli.app import main
sys.exit = lambda code: None  # or atexit would not be reached
import os; os._exit = lambda code: None
main()
"""


def test_the_default_model_gives_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    mix = (0.1 * rng.standard_normal((2, 2 * RATE_HZ))).astype(np.float32)
    soundfile.write(tmp_path / "mix.wav", mix.T, RATE_HZ, subtype="FLOAT")
    command = [sys.executable, "-c", SEPARATE, "separate", "-q", "-o", str(tmp_path)]
    run = subprocess.run(
        [*command, str(tmp_path / "mix.wav")], check=True, capture_output=True, text=True
    )
    assert int(run.stdout) < 20, "what is left out was loaded after all"
    for stem, want in unweave.separate(mix, RATE_HZ).items():
        got, _ = soundfile.read(tmp_path / "mix" / f"{stem}.wav", dtype="float32")
        np.testing.assert_array_equal(got.T, want)


@pytest.mark.parametrize(
    ("words", "enough"),
    [
        ("separate song.wav", True),
        ("separate --max-memory 900 song.wav", True),
        ("separate song.wav -m hpss", False),
        ("separate -mhpss song.wav", False),
        ("separate --model=hpss song.wav", False),
        ("benchmark --dataset mir-1k", False),
        ("", False),
    ],
)
def test_only_the_default_model_does_without(words: str, enough: bool) -> None:
    assert lean.suffices(words.split()) is enough
