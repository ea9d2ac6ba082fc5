"""The command line's torch lacks what the default model does not need: the bytes are the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from tests import LONG
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
    assert (int(run.stdout) < 20) is lean.tried()
    for stem, want in unweave.separate(mix, RATE_HZ).items():
        got, _ = soundfile.read(tmp_path / "mix" / f"{stem}.wav", dtype="float32")
        np.testing.assert_array_equal(got.T, want)


@pytest.mark.parametrize(
    ("flags", "without"),
    [
        ("-qo OUT --max-memory 2000", True),
        pytest.param("-qm spleeter-2stems -o OUT", True, marks=LONG),
        pytest.param("-qm nmf -o OUT", False, marks=LONG),
        ("-vmnmf -oOUT", False),
        pytest.param("-qoOUT --model=hpss", False, marks=LONG),
    ],
)
def test_only_the_default_model_does_without(tmp_path: Path, flags: str, without: bool) -> None:
    wave = 0.1 * np.random.default_rng(5).standard_normal(8000)
    soundfile.write(tmp_path / "mix.wav", wave, 8000)
    words = flags.replace("OUT", str(tmp_path)).split()
    run = subprocess.run(
        [sys.executable, "-c", SEPARATE, "separate", *words, str(tmp_path / "mix.wav")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert (tmp_path / "mix" / "report.json").exists(), run.stderr
    assert (int(run.stdout.splitlines()[-1]) < 20) is (without and lean.tried())


def test_another_version_of_torch_is_loaded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.6.0")
    monkeypatch.setattr(lean, "_allowed", True)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    before = list(sys.meta_path)
    lean.start_lean("spleeter-2stems", "spleeter-2stems")
    assert sys.meta_path == before


def test_the_version_that_is_pinned_is_one_that_does_without() -> None:
    pinned = (Path(__file__).parents[2] / "constraints.txt").read_text()
    assert any(f"\ntorch=={begin}" in pinned for begin in lean.TRIED)


def test_a_program_that_calls_the_command_gets_torch_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    before = list(sys.meta_path)
    lean.start_lean("spleeter-2stems", "spleeter-2stems")
    assert sys.meta_path == before
