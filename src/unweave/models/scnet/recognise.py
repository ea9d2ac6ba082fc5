"""SCNet from its weights: what a card has to say of a checkpoint, published or trained further.

Shapes give the widths, kernels, branches and layers; the transform, the strides and the shares of
the bands stand in a YAML file (MSST), or are those of the published networks of the same size.
"""

from __future__ import annotations

import re

from unweave.errors import WeightsError
from unweave.models.layers import msst
from unweave.models.layers.recognise import Arrays, Settings, Told, count

STEMS = ("drums", "bass", "other", "vocals")  # in the order of all published ones
CHUNK = 485100  # samples of theirs
# Where bands part in the published ones, by the width of the deepest level and the layers: small,
# large, XL.
SHARES = {(128, 6): (0.175, 0.392), (256, 6): (0.225, 0.372), (256, 8): (0.23, 0.37)}
ENCODER = "encoder.0.SDlayer.convs."
GATE = r"encoder\.0\.conv_modules\.\d+\.layers\.\d+\.1\.weight"
OTHERS = {  # that carry the name
    r"separation_net\.dp_modules\.\d+\.(time|freq)_layer\.": "it is SCNet Tran, whose transformers",
    r"(sd|su)_blocks\.\d+\.": "it is the SCNet of amanteur, whose layers",
}


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for relatives that unweave lacks, and for bands that no setting gives.
    """
    for pattern, what in OTHERS.items():
        if any(re.match(pattern, name) for name in arrays):
            raise WeightsError(f"{what} unweave lacks")
    if not {f"{ENCODER}0.weight", "separation_net.dp_modules.0.norm_layers.0.weight"} <= {*arrays}:
        return None
    told = msst.told(settings)
    first = arrays[f"{ENCODER}0.weight"].shape[1]
    widths = [
        arrays[f"encoder.{n}.globalconv.weight"].shape[0]
        for n in range(count(arrays, r"encoder\.(\d+)\."))
    ]
    bands = range(count(arrays, rf"{re.escape(ENCODER)}(\d+)\."))
    kernels = [arrays[f"{ENCODER}{n}.weight"].shape[2] for n in bands]
    layers = count(arrays, r"separation_net\.dp_modules\.(\d+)\.")
    gate = next(value for name, value in arrays.items() if re.fullmatch(GATE, name))
    state = arrays["separation_net.dp_modules.0.lstm_layers.0.weight_hh_l0"].shape[1]
    last = arrays[f"decoder.{len(widths) - 1}.1.convtrs.0.weight"].shape[1]
    place, mask = arrays.get("pos_embed_f"), arrays.get("mask_layer.0.weight")
    size = 4096 if place is None else 2 * (place.shape[2] - 1)
    size = told.get("nfft", size, "" if place is not None else f"a transform of {size} samples")
    if told.get("win_size", size) != size:
        raise WeightsError("its windows are shorter than its transforms, which unweave lacks")
    # All that are known have a stride of one with a kernel of three, and of the kernel with others.
    strides = [1 if kernel == 3 else kernel for kernel in kernels]
    told.compare(dims=[first, *widths], num_dplayer=layers)
    facts = msst.facts(told, last // first, CHUNK, STEMS, size)
    return {
        **facts,
        "channels": first // 2,
        "config": {
            "remainder": "complement" in facts,
            "frame_size": size,
            "hop": told.get("hop_size", 1024, "a hop of 1024 samples"),
            "normalised": told.get("normalized", True),
            "widths": widths,
            "shares": _shares(told, widths[-1], layers),
            "strides": told.get("band_stride", strides, f"strides of {_listed(strides)}"),
            "kernels": kernels,
            "branches": [
                count(arrays, rf"encoder\.0\.conv_modules\.{n}\.layers\.(\d+)\.") for n in bands
            ],
            "compress": 2 * widths[0] // gate.shape[0],
            "around": gate.shape[2],
            "layers": layers,
            "expand": state // widths[-1],
            "mask_width": 0 if mask is None else mask.shape[0],
        },
        "notes": told.notes(),
    }


def _shares(told: Told, width: int, layers: int) -> list[float]:
    """What the bands but the highest have of all bins. Raises WeightsError where nobody says."""
    found = told.values.get("band_SR")
    if isinstance(found, (list, tuple)):
        return list(found[:-1])
    published = SHARES.get((width, layers))
    if published is None:
        raise WeightsError("where its bands part is not in it: --config states 'band_SR'")
    told.assume(f"bands with {_listed(published)} of the bins, and the rest")
    return list(published)


def _listed(numbers: list[int] | tuple[float, ...]) -> str:
    return ", ".join(f"{each:g}" for each in numbers)
