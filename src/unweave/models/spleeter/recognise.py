"""Spleeter from its TensorFlow checkpoint: the count of its networks tells the published ones.

The order of the networks, their activations and the bins that they see are in no array. They are
those of the published configurations, or of the JSON file that Spleeter trains with (`--config`
reads it, as JSON is YAML).
"""

from __future__ import annotations

from unweave.models.layers.recognise import Arrays, Settings, Told, numbers, table
from unweave.models.spleeter.convert import FILTERS

PUBLISHED = {
    2: ("vocals", "accompaniment"),
    4: ("vocals", "drums", "bass", "other"),
    5: ("vocals", "piano", "drums", "bass", "other"),
}
KERNELS = 7  # convolutions of a network that are not transposed
ACTIVATIONS = {"ReLU": "relu", "ELU": "elu", "LeakyReLU": "leaky_relu"}


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network."""
    if "conv2d/kernel" not in arrays or "batch_normalization/gamma" not in arrays:
        return None
    told = Told({**settings, "training": settings}, "spleeter")
    count = (1 + max(numbers(arrays, r"conv2d_(\d+)/kernel"), default=0)) // KERNELS
    told.values.setdefault("sources", told.values.get("instrument_list"))
    stems = told.stems(count, PUBLISHED.get(count, ()))
    params = table(table(settings, "model"), "params")
    known = "model" in settings
    down, up = ("leaky_relu", "relu") if known or count == 2 else ("elu", "elu")
    softmax = count == 5
    if known:
        softmax = "softmax" in str(table(settings, "model").get("type"))
    else:
        told.assume(f"activations {down} and {up}, masks by {'softmax' if softmax else 'sigmoid'}")
    rate = told.sample_rate_hz("sample_rate")
    frames, bins = told.get("T", 512), told.get("F", 1024, "1024 bins of the spectrum")
    size, hop = told.get("frame_length", 4096), told.get("frame_step", 1024)
    return {
        "stems": stems,
        "complement": stems[-1],
        "sample_rate_hz": rate,
        "channels": arrays["conv2d/kernel"].shape[2],
        "segment": {
            "length": (frames - 1) * hop + size,
            "hop": frames * hop,
            "window": "own",
            "before": size,
        },
        "config": {
            "frames": frames,
            "bins": bins,
            "frame_size": size,
            "hop": hop,
            "filters": list(FILTERS),
            "encoder_activation": ACTIVATIONS.get(str(params.get("conv_activation")), down),
            "decoder_activation": ACTIVATIONS.get(str(params.get("deconv_activation")), up),
            "softmax": softmax,
        },
        "role": ",".join(stems),
        "notes": told.notes(),
    }
