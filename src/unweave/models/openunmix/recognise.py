"""Open-Unmix from its weights: the network of one stem, or those of all in one file.

Shapes give nearly all. The rate and the hop stand in `separator.json` beside the file, the stem in
`vocals.json` or in the file's own name.
"""

from __future__ import annotations

import re

from unweave.models.layers.recognise import Arrays, Settings, Told, count, table
from unweave.models.openunmix.convert import by_stem

BLOCK = 300  # frames that share a filter
# Of a segment, in frames. As on the cards starts lie on blocks, and neighbours fade within a block
# that both see whole.
HOP, FADE, CONTEXT, BEFORE = 8 * BLOCK, 44, BLOCK + 2, 2 * BLOCK


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network."""
    nets = by_stem("", arrays)
    net = next(iter(nets.values()))
    if not {"fc1.weight", "input_mean", "output_scale"} <= net.keys():
        return None
    told = Told(settings, "openunmix")
    told.values |= {**table(settings, "separator"), **told.values}
    alone = "" in nets
    stems = [_stem(told, settings)] if alone else [*nets]
    seen, bins = len(net["input_mean"]), len(net["output_scale"])
    size = 2 * (bins - 1)
    hop = told.get("nhop", size // 4, f"a hop of {size // 4} samples")
    inside = arrays.get("sample_rate")  # of all but the files of 2020
    rate = int(inside) if inside is not None else told.sample_rate_hz("sample_rate")
    return {
        "stems": stems,
        "sample_rate_hz": rate,
        "channels": net["fc1.weight"].shape[1] // seen,
        "segment": {
            "length": (HOP + FADE + 2 * CONTEXT) * hop,
            "hop": HOP * hop,
            "fade": FADE * hop,
            "context": CONTEXT * hop,
            "before": BEFORE * hop,
            "edge": "short",
        },
        "config": {
            "hidden": net["fc1.weight"].shape[0],
            "layers": count(net, r"lstm\.weight_ih_l(\d+)"),
            "seen": seen,
            "frame_size": size,
            "hop": hop,
            "block": BLOCK,
        },
        "role": stems[0] if alone else "",
        "notes": told.notes(),
    }


def _stem(told: Told, settings: Settings) -> str:
    """What the only network of a file is for."""
    beside = [
        name for name, found in settings.items() if isinstance(found, dict) and "args" in found
    ]
    if beside:
        return beside[0].lower()
    if match := re.fullmatch(r"([A-Za-z]+)([-_][0-9a-f]{8,})?", str(settings.get("file", ""))):
        return match[1].lower()
    return told.stems(1)[0]
