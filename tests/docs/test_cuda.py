"""The prepared check for a CUDA card, `benchmarks/cuda.py`, where there is none."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import cuda


def findings(seconds: float = 100) -> cuda.Findings:
    return cuda.Findings("cpu", time.monotonic() + seconds)


def test_without_a_card_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cuda.main([]) == 3
    assert capsys.readouterr().err.startswith("error: there is no CUDA card here")


@pytest.mark.parametrize("name", cuda.SMALL)
def test_a_family_is_one_row(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = findings()
    cuda.family(name, tmp_path, small=True, seconds=0.1, found=found)
    cells = capsys.readouterr().out.strip().split(" | ")
    assert cells[0] == f"| {name}"
    assert cells[1] == "the same"
    assert float(cells[1 + cuda.COLUMNS.index("float32, x")]) > 0
    assert not found.failed
    assert found.skipped[0] == f"{name} without TF32: the CPU has none"


def test_what_is_too_far_away_fails_and_what_comes_too_late_is_skipped() -> None:
    want = np.random.default_rng(0).standard_normal((1, 2, 2, 100))
    wrong = want.copy()
    wrong[0, 1] *= 1.01
    assert cuda.below_db(want, want) == np.inf
    assert cuda.below_db(want, wrong) == pytest.approx(40)
    assert cuda.below_db(want, np.full_like(want, np.nan)) == -np.inf
    found = findings(-1)
    assert found.at_least("far", 40, 80) == "40.0"
    assert found.at_least("near", 90, 80) == "90.0"
    assert found.failed == ["far: 40.0 dB, less than 80"]
    assert found.late("all")
    assert found.skipped == ["all: the time was over"]
