"""Weights of SCNet as its authors and ZFTurbo name them; only names change."""

from __future__ import annotations

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

VALUES = r"(weight|bias)"
N = r"(\d+)"
BRANCH = {0: "norm1", 1: "gate", 3: "along", 4: "norm2", 6: "widen"}  # by the layer's number
AXES = ("bins", "frames")  # the first and the second LSTM of a pair
RULES: Rules = (
    (rf"encoder\.{N}\.SDlayer\.convs\.{N}\.{VALUES}", r"down.\1.strided.\2.\3"),
    *(
        (
            rf"encoder\.{N}\.conv_modules\.{N}\.layers\.{N}\.{layer}\.{VALUES}",
            rf"down.\1.residual.\2.\3.{ours}.\4",
        )
        for layer, ours in BRANCH.items()
    ),
    (rf"encoder\.{N}\.globalconv\.{VALUES}", r"down.\1.across.\2"),
    *(
        (
            rf"separation_net\.dp_modules\.{N}\.{layer}_layers\.{n}\.(\w+)",
            rf"paths.\1.{axis}.{layer}.\2",
        )
        for n, axis in enumerate(AXES)
        for layer in ("norm", "lstm", "linear")
    ),
    (rf"decoder\.{N}\.0\.conv\.{VALUES}", r"up.\1.fuse.\2"),
    (rf"decoder\.{N}\.1\.convtrs\.{N}\.{VALUES}", r"up.\1.stretch.\2.\3"),
    (rf"mask_layer\.(0|2)\.{VALUES}", r"mask.\1.\2"),
    (r"pos_embed_f", "place"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    return renamed(only(sources), lambda name: rename(name, RULES))
