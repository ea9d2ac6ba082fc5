"""Weights of Demucs v1 and v2 as their authors name them; only names change."""

from __future__ import annotations

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename

VALUES = r"(weight|bias)"
# The package of v1 and v2 lacks the places for norms that the later one has: 2 there, 3 here.
RULES: Rules = (
    (rf"encoder\.(\d+)\.0\.{VALUES}", r"encoder.\1.conv.\2"),
    (rf"encoder\.(\d+)\.[23]\.{VALUES}", r"encoder.\1.rewrite.\2"),
    (r"lstm\.(lstm|linear)\.(\w+)", r"lstm.\1.\2"),
    (rf"decoder\.(\d+)\.0\.{VALUES}", r"decoder.\1.rewrite.\2"),
    (rf"decoder\.(\d+)\.[23]\.{VALUES}", r"decoder.\1.deconv.\2"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    return {rename(name, RULES): value for name, value in only(sources).items()}
