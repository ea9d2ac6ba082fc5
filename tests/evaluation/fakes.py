"""A separator without weights, a registry that offers it, and tracks that misbehave."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from tests import loading
from unweave.datasets import synthetic
from unweave.datasets.track import Track
from unweave.errors import UsageError
from unweave.options import Option
from unweave.request import SeparatorRef
from unweave.types import Spec

RATE_HZ = 8000
SHARE = Option(name="share", types=(float,), default=0.25, meaning="of the mix")


@dataclass(frozen=True)
class Share:
    """The first stem is a share of the mix, the second the rest."""

    share: float = 0.25
    stems: tuple[str, ...] = ("vocals", "accompaniment")
    calls: ClassVar[list[int]] = []

    @property
    def spec(self) -> Spec:
        return Spec(
            name="share",
            stems=self.stems,
            complement=self.stems[-1],
            additive=True,
            options={SHARE.name: self.share},
        )

    def to(self, device: str) -> Share:
        return self

    def __call__(self, mix, sample_rate_hz):
        import torch

        self.calls.append(mix.shape[-1])
        if self.share > 1:
            raise RuntimeError("a share above one")
        parts = [mix * self.share] * (len(self.stems) - 1)
        return torch.stack([*parts, mix - sum(parts)], dim=1)


def offer(monkeypatch, stems=("vocals", "accompaniment")) -> None:
    """Put `share` where the registry would give a real technique."""
    from unweave import registry

    def load(name="share", **options):
        if name != "share":
            raise UsageError(f"no model is called {name!r}")
        return Share(stems=stems, **options)

    def describe(name):
        spec = load(name).spec
        return registry.Technique(
            name=name, title="", doc="", stems=spec.stems, paper="", licence=""
        )

    def resolve(name, given):
        spec = load(name, **given).spec
        return SeparatorRef(name=name, model=name, options=dict(spec.options)), spec.stems

    Share.calls.clear()
    loading.give(monkeypatch, load)
    monkeypatch.setattr(registry, "describe", describe)
    monkeypatch.setattr(registry, "declared", lambda name: (SHARE,) if load(name) else ())
    monkeypatch.setattr(registry, "resolve", resolve)
    monkeypatch.setattr(registry, "trained_on", lambda name: frozenset())
    monkeypatch.setattr(registry, "with_weights", lambda name, stems=(): [])
    monkeypatch.setattr("unweave.registry.loading.check", lambda separator, model, loaded: None)


def tracks(count: int = 2, duration_s: float = 2.2, channels: int = 1) -> list[Track]:
    return synthetic.make(
        count, duration_s=duration_s, sample_rate_hz=RATE_HZ, channels=channels, split="test"
    )


@dataclass(frozen=True)
class Deadly:
    """A signal whose reading ends the process, as the system does where memory runs out."""

    code: int = 9

    def read(self, start: int, length: int) -> np.ndarray:
        os._exit(self.code)

    def parts(self) -> tuple:
        return ()


@dataclass(frozen=True)
class Endless:
    """A signal whose reading says that it has begun and takes a minute."""

    begun: Path

    def read(self, start: int, length: int) -> np.ndarray:
        self.begun.touch()
        time.sleep(60)
        raise AssertionError("nobody ended it")

    def parts(self) -> tuple:
        return ()


@dataclass(frozen=True)
class Waves:
    """A signal in memory."""

    wave: np.ndarray = field(repr=False)

    def read(self, start: int, length: int) -> np.ndarray:
        return self.wave[:, start : start + length].copy()

    def parts(self) -> tuple:
        return ()


def track_of(name: str, mixture: object, stems: dict[str, object], samples: int, **more) -> Track:
    facts = {"split": "test", "sample_rate_hz": RATE_HZ, "channels": 1, "files": ()} | more
    return Track(
        name=name, samples=samples, stems=tuple(stems), mixture=mixture, sources=stems, **facts
    )


def waves(names=("vocals", "drums", "bass", "other"), samples=20000, channels=2, seed=0):
    """`{stem: (channel, time)}` float32 noises."""
    rng = np.random.default_rng(seed)
    return {n: rng.standard_normal((channels, samples), dtype=np.float32) * 0.1 for n in names}


def duet(name: str) -> Track:
    """A second of two noises in one channel, whose scores take next to no time."""
    stems = waves(("vocals", "accompaniment"), RATE_HZ, 1, seed=len(name))
    mix = Waves(np.sum(list(stems.values()), axis=0, dtype=np.float32))
    return track_of(name, mix, {stem: Waves(wave) for stem, wave in stems.items()}, RATE_HZ)
