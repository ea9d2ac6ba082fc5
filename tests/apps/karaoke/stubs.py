"""Separators that need no weights: the voice is where a test puts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from unweave.core.plan import Segmentation
from unweave.types import Spec

RATE_HZ = 8000
SEGMENTS = Segmentation(length_s=1.0, fade_s=0.25)


def _spec(name: str, stems: tuple[str, ...]) -> Spec:
    return Spec(name=name, stems=stems, complement=stems[-1], additive=True, segmentation=SEGMENTS)


RIGHT = _spec("right", ("vocals", "accompaniment"))


@dataclass(frozen=True)
class Right:
    """The voice is the right channel, the music the left one."""

    spec: Spec = RIGHT

    def to(self, device: str) -> Right:
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        sides = torch.eye(2)[:, None, :, None]
        return torch.stack([mix * sides[1], mix * sides[0]], dim=1)


@dataclass(frozen=True)
class Shares:
    """Every stem is a share of the mix, the last the rest."""

    spec: Spec
    shares: tuple[float, ...]

    def to(self, device: str) -> Shares:
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        shares = (*self.shares, 1 - sum(self.shares))
        return torch.stack([mix * share for share in shares], dim=1)


CHOIR = Shares(_spec("choir", ("lead_vocals", "backing_vocals", "accompaniment")), (0.5, 0.25))
BEATS = Shares(_spec("beats", ("drums", "rest")), (0.5,))


def tone(hz: float, seconds: float, rate_hz: int = RATE_HZ, level: float = 0.3) -> np.ndarray:
    """`(time,)` float32."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def write(path: Path, *channels: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack(channels, axis=1), rate_hz, subtype="FLOAT")
    return path


def read(path: Path) -> np.ndarray:
    """`(channel, time)` float32."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def noise(seconds: float, seed: int = 0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """`(time,)` float32."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * rate_hz))).astype(np.float32)
