"""Every network as a separator, tiny and untrained: the contract holds whatever its weights are."""

from __future__ import annotations

from typing import Any

import torch

from unweave.core.plan import Plan
from unweave.models import architectures, cards
from unweave.models.adapter import NeuralSeparator

SPECTRUM = {"frame_size": 128, "hop": 64}
TINY: dict[str, dict[str, Any]] = {
    "conv_tasnet": {"filters": 16, "kernel": 16, "hop": 8, "bottleneck": 8, "hidden": 16}
    | {"blocks": 3, "repeats": 2},
    "deep_clustering": SPECTRUM | {"layers": 2, "width": 12, "embedding": 4},
    "demucs": {"width": 8, "depth": 3},
    "hybrid_demucs": {"width": 8, "frame_size": 256}
    | {"norm_from": 2, "lstm_from": 2, "attention_from": 2},
    "mask_inference": SPECTRUM | {"width": 16},
    "spectnt": SPECTRUM
    | {"filters": 8, "units": 1, "blocks": 2, "width": 8, "heads": 2}
    | {"temporal_width": 16, "temporal_heads": 2},
    "unet": SPECTRUM
    | {"filters": (8, 8), "stride_bins": (2, 2), "kernel_bins": (5, 5)}
    | {"stride_frames": (2, 2), "kernel_frames": (5, 5)},
}
PREFIX = "untrained "


def networks_to_train() -> set[str]:
    """The folders of `models/` that say what is trained there."""
    return {name for name in architectures.names() if hasattr(architectures.model(name), "NETWORK")}


def names() -> list[str]:
    return [PREFIX + name for name in TINY]


def load(name: str) -> NeuralSeparator:
    """The separator of one of `names`: stereo, 8 kHz, segments of half a second."""
    network = name.removeprefix(PREFIX)
    config, module = architectures.model(network).NETWORK
    stems = ("vocals", "accompaniment")
    torch.manual_seed(0)
    made = module(config(stems=stems, channels=2, **TINY[network]))
    card = cards.Card(
        name=name,
        title=name,
        architecture=network,
        stems=stems,
        sample_rate_hz=8000,
        channels=2,
        licence_code="MIT",
        licence_weights="MIT",
        paper="none",
        training_data="none",
        weights=cards.Weights(sha256="0", size_bytes=0),
        complement="accompaniment",
        segment=Plan(length=4096, fade=512, context=256),
        config=TINY[network],
    )
    return NeuralSeparator(card, {}, {k: v.numpy() for k, v in made.state_dict().items()})
