"""A separator without weights, put where the registry would give the real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from unweave import registry
from unweave.core.plan import Segmentation
from unweave.request import SeparationRequest, run_options
from unweave.types import Spec

RATE_HZ = 8000


def asked(
    model: str = registry.DEFAULT,
    options: dict | None = None,
    stems: tuple[str, ...] = (),
    seed: int = 0,
    **how: object,
) -> SeparationRequest:
    """A request as a person makes it."""
    output, inference, execution, _ = run_options(how)
    return registry.request(
        model,
        options,
        stems=stems,
        seed=seed,
        output=output,
        inference=inference,
        execution=execution,
    )


def spec(**facts: object) -> Spec:
    defaults: dict = {
        "name": "spleeter-2stems",  # the planning asks the registry which stems that has
        "stems": ("vocals", "accompaniment"),
        "complement": "accompaniment",
        "additive": True,
        "segmentation": Segmentation(length_s=1.0, fade_s=0.25),
    }
    if facts.get("name", "spleeter-2stems") == "spleeter-2stems":
        defaults["weights_sha256"] = registry.describe("spleeter-2stems").weights.sha256
    return Spec(**(defaults | facts))


@dataclass(frozen=True)
class Share:
    """The first stem is a share of the mix, the second the rest."""

    spec: Spec = field(default_factory=spec)
    share: float = 0.25

    def to(self, device: str) -> Share:
        return self

    def __call__(self, mix, sample_rate_hz):
        import torch

        return torch.stack([mix * self.share, mix * (1 - self.share)], dim=1)


def noise(seconds: float = 2.0, channels: int = 2, seed: int = 0) -> np.ndarray:
    """`(channel, time)` float32 at RATE_HZ."""
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((channels, int(seconds * RATE_HZ)), dtype=np.float32)


def write_noise(path: Path, seconds: float = 2.0, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(seconds, seed=seed).T, RATE_HZ, subtype="FLOAT", format="WAV")
    return path
