"""Conv-TasNet from its weights, of Demucs' package or of asteroid.

Shapes give nearly all. What they do not, such as how masks are bounded, the checkpoint's arguments
say (`kwargs` of Demucs, `model_args` of asteroid), or a YAML file.
"""

from __future__ import annotations

from typing import Any

from unweave.errors import WeightsError
from unweave.models.conv_tasnet.convert import convert
from unweave.models.conv_tasnet.model import SPEECH
from unweave.models.layers.recognise import Arrays, Settings, Told, count

STEMS = ("drums", "bass", "other", "vocals")  # in the order of all published ones
MUSIC_S, SPEECH_S = 8, 4
LIKE = {"norm_type": "gLN", "causal": False}  # what the network is built for


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for norms and convolutions that unweave lacks.
    """
    music = "encoder.conv1d_U.weight" in arrays
    if not music and "encoder.filterbank._filters" not in arrays:
        return None
    ours, told = convert({"": arrays}), Told(settings, "conv_tasnet")
    for key, value in LIKE.items():
        if told.get(key, value) != value:
            raise WeightsError(f"its {key} is {told.values[key]!r:.80}, and unweave has {value!r}")
    filters, channels, kernel = ours["encoder.weight"].shape
    blocks = count(ours, r"blocks\.(\d+)\.")
    config: dict[str, Any] = {} if music else {**SPEECH}
    config |= {
        "filters": filters,
        "kernel": kernel,
        "hop": told.get("stride", kernel // 2),
        "bottleneck": ours["bottleneck.weight"].shape[0],
        "hidden": ours["blocks.0.expand.weight"].shape[0],
        "taps": ours["blocks.0.depthwise.weight"].shape[-1],
        "skip": ours["blocks.0.skip.weight"].shape[0] if "blocks.0.skip.weight" in ours else 0,
    }
    config.pop("channels", None)
    if music:
        repeats = count(arrays, r"separator\.network\.2\.(\d+)\.")
        mask = told.get("mask_nonlinear", "relu", "masks that are rectified")
        config |= {"repeats": repeats, "mask": mask, "fill": False}
    else:
        each = told.get("n_blocks", 8, "8 blocks in a repeat")
        repeats = -(-blocks // each)
        config |= {"repeats": repeats, "mask": told.get("mask_act", "sigmoid", "sigmoid masks")}
    config["blocks"] = blocks // repeats
    names = told.stems(ours["masks.weight"].shape[0] // filters, STEMS if music else ())
    rate = told.sample_rate_hz() if music else told.sample_rate_hz("sample_rate", 8000)
    samples = told.samples(rate, MUSIC_S if music else SPEECH_S)
    return {
        "stems": names,
        "sample_rate_hz": rate,
        "channels": channels,
        "normalise_track": music,
        "segment": {
            "length": samples,
            "hop": int(0.75 * samples),
            "window": "triangle",
            "edge": "fitted",
        },
        "config": config,
        "notes": told.notes(),
    }
