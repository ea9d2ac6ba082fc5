"""What a separator returns is what its spec says, else nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

import unweave
from unweave.core.plan import Segmentation
from unweave.errors import SeparatorError
from unweave.testing import check_separator
from unweave.types import Spec

RATE_HZ = 8000
WHOLE = None
PIECES = Segmentation(length_s=0.5, fade_s=0.05)


class Returns:
    """Two stems by its spec, and whatever a function makes of the mix."""

    def __init__(self, made: Callable[[Tensor], object], segmentation: Segmentation | None) -> None:
        self.made = made
        self.spec = Spec(
            name="mine", stems=("a", "b"), paper="none", licence="none", segmentation=segmentation
        )

    def to(self, device: str) -> Returns:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        return self.made(mix)  # type: ignore[return-value]


WRONG: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "three stems": (lambda m: torch.stack([m, m, m], 1), r"returned \(1, 3, \d, \d+\)"),
    "one stem": (lambda m: m[:, None], r"returned \(1, 1, \d, \d+\)"),
    "no axis of stems": (lambda m: m, r"returned \(1, \d, \d+\) for"),
    "too short": (lambda m: torch.stack([m, m], 1)[..., :-5], r"must return \(1, 2, \d, \d+\)"),
    "one channel": (lambda m: torch.stack([m, m], 1)[:, :, :1], r"returned \(1, 2, 1, \d+\)"),
    "numpy": (lambda m: torch.stack([m, m], 1).numpy(), "returned a ndarray"),
    "nan": (lambda m: torch.stack([m, m], 1) * float("nan"), "not finite"),
    "infinite": (lambda m: torch.stack([m, m / 0.0], 1), "not finite"),
}


@pytest.mark.parametrize("segmentation", [WHOLE, PIECES], ids=["whole", "pieces"])
@pytest.mark.parametrize(("made", "words"), WRONG.values(), ids=WRONG)
def test_anything_else_fails_and_writes_nothing(
    made: Callable[[Tensor], object],
    words: str,
    segmentation: Segmentation | None,
    tmp_path: Path,
) -> None:
    wave = np.random.default_rng(0).normal(size=(2, 9000)).astype(np.float32) / 10
    soundfile.write(tmp_path / "song.wav", wave.T, RATE_HZ, subtype="FLOAT")
    separator = Returns(made, segmentation)
    with pytest.raises(SeparatorError, match=f"^mine: .*{words}"):
        unweave.separate(wave, RATE_HZ, separator)
    with pytest.raises(SeparatorError, match=words):
        unweave.separate_file(tmp_path / "song.wav", tmp_path / "stems", separator)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "song.wav"]
    with pytest.raises(AssertionError, match=words):
        check_separator(separator)


def test_a_spec_that_cannot_be_is_refused_where_it_is_made() -> None:
    with pytest.raises(
        ValueError, match="mine: complement must be one of the stems, a, b; got 'c'"
    ):
        Spec(name="mine", stems=("a", "b"), complement="c")
    with pytest.raises(ValueError, match="mine: stems must be names that differ"):
        Spec(name="mine", stems=("a", "a"))
    with pytest.raises(ValueError, match=r"fade_s must be at most 2.5, .*; got 9"):
        Segmentation(length_s=5, fade_s=9)
    with pytest.raises(ValueError, match="length_s must be above 0"):
        Segmentation(length_s=0)
