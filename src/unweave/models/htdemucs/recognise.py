"""HT Demucs from its weights: what a card has to say of a checkpoint, published or trained further.

Shapes give nearly all. What they do not, such as heads and the segment, the checkpoint's `kwargs`
say (Demucs), or `htdemucs` and `training` of a YAML file (MSST); else it is as published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

STEMS = ("drums", "bass", "other", "vocals")  # in the order of all published ones
SEGMENT_S = Fraction(39, 5)

Arrays = Mapping[str, np.ndarray]


def recognise(arrays: Arrays, settings: Mapping[str, object]) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network."""
    if not {"crosstransformer.norm_in.weight", "tencoder.0.conv.weight"} <= arrays.keys():
        return None
    told = {**_table(settings, "htdemucs"), **_table(settings, "kwargs")}
    training = _table(settings, "training")
    levels = _count(arrays, r"tencoder\.(\d+)\.")
    width, channels, kernel = arrays["tencoder.0.conv.weight"].shape
    count = arrays[f"tdecoder.{levels - 1}.conv_tr.weight"].shape[1] // channels
    names = tuple(told.get("sources") or training.get("instruments") or ())
    if len(names) != count:
        names = STEMS if count == len(STEMS) else tuple(f"stem-{n + 1}" for n in range(count))
    rate = int(told.get("samplerate") or training.get("samplerate") or 44100)
    segment_s = told.get("segment") or training.get("segment") or SEGMENT_S
    length = int(Fraction(segment_s) * rate)
    upsampler = arrays.get("channel_upsampler.weight")
    squeeze = arrays["tencoder.0.dconv.layers.0.0.weight"].shape[0]
    forward, token = arrays["crosstransformer.layers.0.linear1.weight"].shape
    config = {
        "length": length,
        "width": width,
        "growth": told.get("growth", 2),
        "levels": levels,
        "frame_size": told.get("nfft", 4096),
        "stride": kernel // 2,
        "context": (arrays["tdecoder.0.rewrite.weight"].shape[-1] - 1) // 2,
        "branches": _count(arrays, r"tencoder\.0\.dconv\.layers\.(\d+)\."),
        "branches_up": "tdecoder.0.dconv.layers.0.0.weight" in arrays,
        "compress": width // squeeze,
        "embedding": told.get("freq_emb", 0.2),
        "bottleneck": 0 if upsampler is None else upsampler.shape[0],
        "layers": _count(arrays, r"crosstransformer\.layers\.(\d+)\."),
        "heads": told.get("t_heads", 8),
        "hidden": forward / token,
        "cross_first": "crosstransformer.layers.0.cross_attn.in_proj_weight" in arrays,
    }
    return {
        "stems": [str(name).lower() for name in names],
        "sample_rate_hz": rate,
        "channels": channels,
        "normalise_track": True,
        "segment": {
            "length": length,
            "hop": int(0.75 * length),
            "window": "triangle",
            "edge": "centred",
        },
        "config": config,
    }


def _table(settings: Mapping[str, object], key: str) -> dict[str, Any]:
    found = settings.get(key)
    return found if isinstance(found, dict) else {}


def _count(arrays: Arrays, pattern: str) -> int:
    """How many numbers, from 0 on, the first group of `pattern` has among the names."""
    found = (re.match(pattern, name) for name in arrays)
    return 1 + max((int(match[1]) for match in found if match), default=-1)
