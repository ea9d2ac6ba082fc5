"""MDX-Net from its graph: what a card has to say of an ONNX file of UVR's kind.

The graph gives channels, bins and frames. The transform, the compensation and the stem stand in
UVR's table, where the file is one of UVR's, or in the settings of the user, by UVR's names.
"""

from __future__ import annotations

from typing import Any

from unweave.errors import Unstated, WeightsError, quoted
from unweave.models.layers.graphs import GRAPH, parsed
from unweave.models.layers.recognise import Arrays, Settings, Told
from unweave.models.mdx_net.published import FACTS, KARAOKE

HOP = 1024
# UVR's names of stems, and what the stem and the rest are called here.
STEMS = {
    "vocals": ("vocals", "instrumental"),
    "instrumental": ("instrumental", "vocals"),
    f"vocals{KARAOKE}": ("lead-vocals", "backing"),
    f"instrumental{KARAOKE}": ("backing", "lead-vocals"),
    "reverb": ("reverb", "dry"),
    "no crowd": ("no-crowd", "crowd"),
}


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for a graph of another kind, and for a transform that nobody states.
    """
    if GRAPH not in arrays:
        return None
    shape = parsed(arrays[GRAPH]).shape
    if len(shape) != 3 or min(shape) < 1 or shape[0] % 2:
        raise WeightsError(
            f"its graph takes {quoted(shape)}, not parts, bins and frames of spectra"
        )
    known = FACTS.get(str(settings.get("uvr_md5")))
    told = Told(settings, "")
    told.values = {**_of_uvr(known), **settings, **told.values}
    if told.values.get("mdx_n_fft_scale_set") is None:
        raise Unstated(
            "UVR's table has no such graph: its transform has to be stated, in a file for --config "
            "with 'mdx_n_fft_scale_set: 6144', 'compensate: 1.035' and 'primary_stem: Vocals', say"
        )
    size = int(told.get("mdx_n_fft_scale_set", 0))
    stem = told.get("primary_stem", "Vocals", "vocals as the stem that it makes").lower()
    stem += KARAOKE * bool(told.get("is_karaoke", False))
    config = {
        "frame_size": size,
        "hop": HOP,
        "bins": shape[1],
        "frames": shape[2],
        "compensation": float(told.get("compensate", 1.0, "no compensation")),
    }
    stems = STEMS.get(stem, (stem.replace(" ", "-"), f"no-{stem.replace(' ', '-')}"))
    return {
        "stems": list(stems),
        "target": stems[0],
        "channels": shape[0] // 2,
        "sample_rate_hz": 44100,
        "segment": segment(size, shape[2]),
        "config": config,
        "notes": told.notes(),
    }


def segment(size: int, frames: int) -> dict[str, Any]:
    """A card's segment, as audio-separator and UVR cut and join: a Hann window, a quarter shared.

    size: samples of the transform. Raises WeightsError for a transform that is longer than that.
    """
    length, border = HOP * (frames - 1), size // 2
    if not 0 < border < length // 2:
        raise WeightsError(f"a transform of {size} samples does not fit {frames} frames")
    return {
        "length": length,
        "hop": int(0.75 * length),
        "window": "hann",
        "before": border,
        "step": length - 2 * border,
        "margin": border,
        "edge": "padded",
    }


def _of_uvr(known: tuple[int, float, str] | None) -> dict[str, object]:
    if known is None:
        return {}
    size, compensation, stem = known
    return {
        "mdx_n_fft_scale_set": size,
        "compensate": compensation,
        "primary_stem": stem.removesuffix(KARAOKE),
        "is_karaoke": stem.endswith(KARAOKE),
    }
