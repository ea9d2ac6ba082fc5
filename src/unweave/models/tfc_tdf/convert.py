"""Weights of TFC-TDF v3 as its authors, MSST and UVR name them; only names change."""

from __future__ import annotations

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

VALUES = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
N = r"(\d+)"
# The layers of a block, each behind its norm: their names, and the numbers of norm and layer there.
STEPS = (("tfc1", "tfc1", 0), ("squeeze", "tdf", 0), ("widen", "tdf", 3), ("tfc2", "tfc2", 0))
PLACES = (
    (rf"encoder_blocks\.{N}\.tfc_tdf\.blocks\.{N}\.", r"down.\1.blocks.\2."),
    (rf"(bottleneck)_block\.blocks\.{N}\.", r"bottom.\2."),
    (rf"decoder_blocks\.{N}\.tfc_tdf\.blocks\.{N}\.", r"up.\1.blocks.\2."),
)
RULES: Rules = (
    *(
        rule
        for theirs, ours in PLACES
        for rule in (
            *(
                (rf"{theirs}{old}\.{at}\.{VALUES}", rf"{ours}{new}.{part}.\3")
                for new, old, first in STEPS
                for part, at in (("norm", first), ("layer", first + 2))
            ),
            (rf"{theirs}shortcut\.(weight)", rf"{ours}shortcut.\3"),
        )
    ),
    *(
        (rf"{theirs}_blocks\.{N}\.{old}\.conv\.{at}\.{VALUES}", rf"{ours}.\1.{new}.{part}.\2")
        for theirs, old, ours, new in (
            ("encoder", "downscale", "down", "shrink"),
            ("decoder", "upscale", "up", "grow"),
        )
        for part, at in (("norm", 0), ("layer", 2))
    ),
    (r"first_conv\.(weight)", r"enter.\1"),
    (r"final_conv\.0\.(weight)", r"join.\1"),
    (r"final_conv\.2\.(weight)", r"leave.\1"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    return renamed(only(sources), lambda name: rename(name, RULES))
