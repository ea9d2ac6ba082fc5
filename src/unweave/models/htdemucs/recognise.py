"""HT Demucs from its weights: what a card has to say of a checkpoint, published or trained further.

Shapes give nearly all. What they do not, such as heads and the segment, the checkpoint's `kwargs`
say (Demucs), or `htdemucs` and `training` of a YAML file (MSST); else it is as published.
"""

from __future__ import annotations

from fractions import Fraction

from unweave.models.layers.recognise import Arrays, Settings, Told, count

# In the order of all published ones, of four and of six.
STEMS = ("drums", "bass", "other", "vocals", "guitar", "piano")
SEGMENT_S = Fraction(39, 5)


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network."""
    if not {"crosstransformer.norm_in.weight", "tencoder.0.conv.weight"} <= arrays.keys():
        return None
    told = Told(settings, "htdemucs")
    levels = count(arrays, r"tencoder\.(\d+)\.")
    width, channels, kernel = arrays["tencoder.0.conv.weight"].shape
    made = arrays[f"tdecoder.{levels - 1}.conv_tr.weight"].shape[1] // channels
    stems = told.stems(made, STEMS if made == len(STEMS) else STEMS[:4])
    rate = told.sample_rate_hz()
    length = told.samples(rate, SEGMENT_S)
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
        "branches": count(arrays, r"tencoder\.0\.dconv\.layers\.(\d+)\."),
        "branches_up": "tdecoder.0.dconv.layers.0.0.weight" in arrays,
        "compress": width // squeeze,
        "embedding": told.get("freq_emb", 0.2),
        "bottleneck": 0 if upsampler is None else upsampler.shape[0],
        "layers": count(arrays, r"crosstransformer\.layers\.(\d+)\."),
        "heads": told.get("t_heads", 8, "8 heads"),
        "hidden": forward / token,
        "cross_first": "crosstransformer.layers.0.cross_attn.in_proj_weight" in arrays,
    }
    return {
        "stems": stems,
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
        "notes": told.notes(),
    }
