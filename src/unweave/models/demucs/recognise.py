"""Demucs v1, v2 and v3 on waves from its weights: what a card has to say of a checkpoint.

Shapes and names give nearly all: in v3's class each convolution has a place for a norm behind it.
What they do not, such as the rate inside, the checkpoint's arguments say, or a YAML file.
"""

from __future__ import annotations

import torch

from unweave.models.demucs.convert import convert
from unweave.models.demucs.model import Demucs, DemucsConfig
from unweave.models.layers.recognise import Arrays, Settings, Told, count, first, numbers

STEMS = ("drums", "bass", "other", "vocals")  # in the order of all published ones
V1_SEGMENT_S, SEGMENT_S = 10, 40
RESIDUAL = r"encoder\.(\d+)\.residual\."


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network."""
    if "encoder.0.0.weight" not in arrays or arrays["encoder.0.0.weight"].ndim != 3:
        return None
    ours, told = convert({"": arrays}), Told(settings, "demucs")
    width, channels, kernel = ours["encoder.0.conv.weight"].shape
    depth = count(ours, r"encoder\.(\d+)\.")
    outer = ours[f"decoder.{depth - 1}.deconv.weight"].shape[1]
    later = max(numbers(arrays, r"encoder\.0\.(\d+)\.")) > 2  # v3's class, or v1's and v2's
    if told.klass:
        later = told.klass.endswith(".demucs.Demucs")
    oldest = "upsample" in told.values  # an argument that v1 alone has
    rewrite = ours.get("decoder.0.rewrite.weight")
    ratio = ours["encoder.1.conv.weight"].shape[0] / width if depth > 1 else 2.0
    stems = told.stems(outer // channels, STEMS)
    config: dict[str, object] = {
        "width": width,
        "growth": told.get("growth", ratio),
        "depth": depth,
        "kernel": kernel,
        "stride": told.get("stride", kernel // 2, f"a stride of {kernel // 2}"),
        "context": 1 if rewrite is None else rewrite.shape[-1],
        "lstm_layers": count(ours, r"lstm\.lstm\.weight_ih_l(\d+)"),
        "gelu": later and told.get("gelu", True, "GELU"),
        "rewrite": rewrite is not None,
        "branches": count(ours, r"encoder\.0\.residual\.(\d+)\."),
        "compress": told.get("dconv_comp", _compress(ours, depth)),
        "lstm_from": first(ours, rf"{RESIDUAL}\d+\.lstm\."),
        "attention_from": first(ours, rf"{RESIDUAL}\d+\.attention\."),
        "norm_from": first(ours, r"encoder\.(\d+)\.norm1\."),
        "norm_groups": told.get("norm_groups", 4),
        "resample": not oldest and told.get("resample", True, "twice the rate inside"),
        "normalise": told.get("normalize", later),
        "padded": later,
        "fill": oldest or later,
    }
    rate = told.sample_rate_hz()
    segment: dict[str, object]
    if oldest:
        samples = V1_SEGMENT_S * rate
        segment = {"length": samples, "hop": samples, "window": "none", "edge": "short"}
    else:
        with torch.device("meta"):
            network = Demucs(DemucsConfig(stems=tuple(stems), channels=channels, **config))
        samples = told.samples(rate, SEGMENT_S)
        length = network.valid_length(samples)
        segment = {
            "length": length,
            "hop": int(0.75 * samples),
            "window": "triangle",
            "context": (length - samples) // 2,
            "step": max(1, network.config.stride**depth // (1 + network.config.resample)),
            "margin": network.margin,
            "edge": "fitted",
        }
    return {
        "stems": stems,
        "sample_rate_hz": rate,
        "channels": channels,
        "normalise_track": True,
        "segment": segment,
        "config": config,
        "notes": told.notes(),
    }


def _compress(ours: Arrays, depth: int) -> int:
    """How much narrower a residual branch is, by that of the deepest level; 1 without any."""
    narrow = ours.get(f"encoder.{depth - 1}.residual.0.squeeze.weight")
    return 1 if narrow is None else int(narrow.shape[1] // narrow.shape[0])
