"""Hybrid Demucs from its weights: what a card has to say of a checkpoint.

Shapes give nearly all; where bands of frequencies part, and which padding is meant, the
checkpoint's arguments say, or a YAML file.
"""

from __future__ import annotations

from unweave.errors import WeightsError
from unweave.models.hybrid_demucs.convert import convert
from unweave.models.layers.recognise import Arrays, Settings, Told, count, numbers

STEMS = ("drums", "bass", "other", "vocals")  # in the order of all published ones
SEGMENT_S = 40
NEVER = 999


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for bands that no setting gives, and for the filter that unweave lacks.
    """
    both = {"tencoder.0.conv.weight", "tdecoder.0.conv_tr.weight"} <= arrays.keys()
    if not both or any(name.startswith("crosstransformer.") for name in arrays):
        return None
    ours, told = convert({"": arrays}), Told(settings, "hdemucs")
    meeting = count(ours, r"time_down\.(\d+)\.")  # the level where both branches meet
    shared = count(ours, r"shared_down\.(\d+)\.")
    levels = [*(f"spectrum_down.{n}" for n in range(meeting)), "meet"]
    levels += [f"shared_down.{n}" for n in range(shared)]
    width, channels, kernel = ours["time_down.0.conv.weight"].shape
    outer = ours[f"time_up.{meeting - 1}.stretch.conv.weight"].shape[1]
    banded = 1 + max(numbers(ours, r"spectrum_down\.(\d+)\.bands\."), default=-1)
    bands = told.get("multi_freqs", None) or ()
    if banded and not bands:
        raise WeightsError("where its bands part is not in it: --config states 'multi_freqs'")
    magnitudes = ours[_within(ours, levels[0], "conv.weight")].shape[1] == channels
    if magnitudes and told.get("wiener_iters", 0):
        raise WeightsError("it filters its stems by 'wiener_iters', which unweave lacks for it")
    squeeze = ours.get("meet.residual.0.squeeze.weight")
    below = ours.get("shared_down.0.conv.weight")
    outward = ours["meet.conv.weight"].shape[:2]

    def since(part: str) -> int:
        """The first level that has it."""
        found = (n for n, level in enumerate(levels) if _within(ours, level, part) in ours)
        return next(found, NEVER)

    rate = told.sample_rate_hz()
    samples = told.samples(rate, SEGMENT_S)
    return {
        "stems": told.stems(outer // channels, STEMS),
        "sample_rate_hz": rate,
        "channels": channels,
        "normalise_track": True,
        "segment": {
            "length": samples,
            "hop": int(0.75 * samples),
            "window": "triangle",
            "edge": "fitted",
        },
        "config": {
            "width": width,
            "growth": told.get("growth", outward[0] / outward[1]),
            "frame_size": 2 * ours["embedding"].shape[0] * (kernel // 2),
            "stride": kernel // 2,
            "shared_levels": shared,
            "shared_stride": 2 if below is None else below.shape[-1] // 2,
            "context": (ours["part.gate.conv.weight"].shape[-1] - 1) // 2,
            "branches": count(ours, r"meet\.residual\.(\d+)\."),
            "compress": 4 if squeeze is None else squeeze.shape[1] // squeeze.shape[0],
            "norm_from": since("norm1.weight"),
            "norm_groups": told.get("norm_groups", 4),
            "lstm_from": since("residual.0.lstm.linear.weight"),
            "attention_from": since("residual.0.attention.query.weight"),
            "embedding": told.get("freq_emb", 0.2),
            "embedding_rate": told.get("emb_scale", 10),
            "magnitudes": magnitudes,
            "bands": list(bands),
            "banded_levels": banded,
            "old_padding": told.get("hybrid_old", False),
        },
        "notes": told.notes(),
    }


def _within(ours: Arrays, level: str, part: str) -> str:
    """The name of a part of a level, of its first band where it has bands."""
    inner = f"{level}.bands.0.{part}"
    return inner if inner in ours else f"{level}.{part}"
