"""A separator whose stems are known exactly, and short sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from unweave.core.plan import Segmentation
from unweave.types import Spec

RATE_HZ = 8000


SPEC = Spec(
    name="mid-side",
    stems=("vocals", "band"),
    complement="band",
    additive=True,
    channels=2,
    segmentation=Segmentation(length_s=1.0, fade_s=0.25),
)


@dataclass(frozen=True)
class MidSide:
    """What is equal in both channels is the voice, what differs the band."""

    spec: Spec = SPEC

    def to(self, device: str) -> MidSide:
        return self

    def __call__(self, mix: Any, sample_rate_hz: int) -> Any:
        import torch

        vocals = mix.mean(dim=1, keepdim=True).expand_as(mix)
        return torch.stack([vocals, mix - vocals], dim=1)


def stems_of(mix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stems that `MidSide` finds."""
    vocals = np.broadcast_to(mix.mean(axis=0, keepdims=True), mix.shape)
    return vocals, mix - vocals


def noise(seconds: float = 1.5, channels: int = 2, seed: int = 0, level: float = 0.05) -> Any:
    """`(channel, time)` float32 at RATE_HZ."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    return level * rng.standard_normal((channels, frames), dtype=np.float32)


def write(path: Path, wave: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.T, rate_hz, subtype="FLOAT", format="WAV")
    return path


def read(path: Path) -> np.ndarray:
    """`(channel, time)` float32."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T
