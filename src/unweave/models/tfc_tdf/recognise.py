"""TFC-TDF v3 from its weights: what a card has to say of a checkpoint of MDX23C or of a drum kit.

Shapes give what it is built of; the transform stands in a YAML file (MSST, UVR), or is that of the
published networks of the same size.
"""

from __future__ import annotations

from unweave.errors import WeightsError, quoted
from unweave.models.layers import msst
from unweave.models.layers.recognise import Arrays, Settings, Told, count, table

# Of published networks, by the bins that they see and their growth: samples of a transform, of its
# hop, and of a chunk. MDX23C for voice, its narrow one (D1581), drum kits.
TRANSFORMS = {
    (4096, 128): (8192, 1024, 261120),
    (4096, 64): (12288, 2048, 260096),
    (1024, 128): (2048, 512, 130560),
}
KIT_OF_FIVE = 523776  # the chunk of the one that has five parts
KITS = {
    5: ("kick", "snare", "toms", "hh", "cymbals"),
    6: ("kick", "snare", "toms", "hh", "ride", "crash"),
}
VOICE = ("vocals", "instrumental")
BLOCK = "encoder_blocks.0.tfc_tdf.blocks.0"


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for a transform that nobody states, for one that unweave lacks, and for
    norms and activations that it does not know.
    """
    if not {"first_conv.weight", "final_conv.2.weight", f"{BLOCK}.tdf.5.weight"} <= arrays.keys():
        return None
    told = msst.told(settings)
    width, parts = arrays["first_conv.weight"].shape[:2]
    heads = arrays["final_conv.2.weight"].shape[0] // parts
    shrink = arrays["encoder_blocks.0.downscale.conv.2.weight"]
    band, squeezed = arrays[f"{BLOCK}.tdf.5.weight"].shape
    channels = table(settings, "audio").get("num_channels")
    if channels is None:
        channels = 2
        told.assume("stereo")
    subbands = parts // (2 * channels)
    if told.get("num_subbands", subbands) == 2 * subbands:
        raise WeightsError("it is made for the Hartley transform (STHT), which unweave lacks")
    bins, growth = subbands * band, shrink.shape[0] - width
    size, hop, chunk = _transform(told, bins, growth, heads)
    levels = count(arrays, r"encoder_blocks\.(\d+)\.")
    blocks = count(arrays, r"bottleneck_block\.blocks\.(\d+)\.")
    told.compare(growth=growth, num_scales=levels, num_blocks_per_scale=blocks)
    facts = msst.facts(told, heads, chunk, KITS.get(heads, VOICE), size)
    return {
        **facts,
        "channels": channels,
        "config": {
            "remainder": "complement" in facts,
            "frame_size": size,
            "hop": hop,
            "bins": bins,
            "subbands": subbands,
            "width": width,
            "growth": growth,
            "levels": levels,
            "blocks": blocks,
            "narrow": band // squeezed,
            "frame_stride": shrink.shape[2],
            "bin_stride": shrink.shape[3],
            **_norm(told, arrays),
            **_activation(told),
        },
        "notes": told.notes(),
    }


def _transform(told: Told, bins: int, growth: int, heads: int) -> tuple[int, int, int]:
    """The samples of a transform, of its hop and of a chunk. Raises WeightsError."""
    published = TRANSFORMS.get((bins, growth))
    if published is None:
        if not {"n_fft", "hop_length", "chunk_size"} <= told.values.keys():
            raise WeightsError(
                "its transform is not in it: --config states 'n_fft', 'hop_length' and 'chunk_size'"
            )
        published = (0, 0, 0)
    size, hop, chunk = published
    return (
        int(told.get("n_fft", size, f"a transform of {size} samples")),
        int(told.get("hop_length", hop, f"a hop of {hop} samples")),
        KIT_OF_FIVE if heads == 5 and bins == 1024 else chunk,
    )


def _norm(told: Told, arrays: Arrays) -> dict[str, object]:
    """The settings of the norms. Raises WeightsError."""
    if f"{BLOCK}.tfc1.0.weight" not in arrays:
        return {"norm": "none"}
    if f"{BLOCK}.tfc1.0.running_mean" in arrays:
        return {"norm": "batch"}
    name = told.get("norm", "InstanceNorm")
    groups = name.removeprefix("GroupNorm")
    if groups.isdecimal() and len(groups) < 6:
        return {"norm": "group", "groups": int(groups)}
    if name != "InstanceNorm":
        raise WeightsError(f"its norm is {quoted(name)}, and unweave has 'InstanceNorm'")
    return {"norm": "instance"}


def _activation(told: Told) -> dict[str, object]:
    """The settings of the activations. Raises WeightsError."""
    name = told.get("act", "gelu", "GELU")
    if name in ("gelu", "relu"):
        return {"activation": name}
    try:
        return {"activation": "elu", "alpha": float(name.removeprefix("elu"))}
    except ValueError:
        raise WeightsError(f"its activation is {quoted(name)}, and unweave has 'gelu'") from None
