"""Medians of many windows or many small sets at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unweave.signal.selection import running, tile_of
from unweave.signal.threads import parallel_map

Array = npt.NDArray[np.float32]

LANES_AT_ONCE = 1 << 15  # values that one step works on: they and their like stay in the cache
VALUES_AT_ONCE = 1 << 23  # that all steps together keep
GATHERED_AT_ONCE = 1 << 20


def running_median(values: Tensor, width: int, dim: int = -1) -> Tensor:
    """The median of the `width` values around each one, along an axis.

    values: any shape, `dim` being one of its last two axes; width: odd, at least 1. Beyond the ends
    the values are mirrored, the last one twice (`reflect` in scipy). Returns the same shape. Raises
    ValueError for an even width.
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"a running median needs an odd width, got {width}")
    if width == 1 or not values.numel():
        return values.clone()
    out = torch.empty_like(values)
    for source, target in zip(_matrices(values, dim), _matrices(out, dim), strict=True):
        _run(source, target, width)
    return out


def _matrices(values: Tensor, dim: int) -> list[Tensor]:
    """Views `(along the axis, across it)`."""
    if values.ndim == 1:
        return [values[:, None]]
    rows = values.unsqueeze(0).flatten(0, -3)
    axis = range(values.ndim)[dim] - values.ndim
    if axis not in (-1, -2):
        raise ValueError(f"a running median goes along one of the last two axes, not {dim}")
    return list(rows if axis == -2 else rows.transpose(-1, -2))


def _run(values: Tensor, out: Tensor, width: int) -> None:
    program, tile, length = running(width), tile_of(width), values.shape[0]
    tiles = -(-length // tile)
    # The window of the first value begins at sample 1 of what the program sees.
    index = torch.arange((tiles + program.reach) * tile, device=values.device) - 1 - width // 2
    index = index.remainder(2 * length)
    index = torch.minimum(index, 2 * length - 1 - index)
    lanes = LANES_AT_ONCE // (tiles + program.reach)
    lanes = max(16, min(lanes, VALUES_AT_ONCE // ((tiles + program.reach) * program.registers)))

    def some(first: int) -> None:
        part = values[:, first : first + lanes].contiguous().index_select(0, index)
        inputs = part.reshape(-1, tile, part.shape[1]).unbind(1)
        medians = torch.stack(program.run(inputs), dim=1).flatten(0, 1)
        out[:, first : first + lanes] = medians[:length]

    parallel_map(some, range(0, values.shape[1], lanes))


def median_(values: Tensor) -> Tensor:
    """The median over the last axis of `(..., count)`, `count` at least 1; mixes up `values`.

    Between the two middle ones it is their mean, as in numpy, whose vectorised sort does it on a
    CPU in a thirtieth of the time that torch's own median takes.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(_median_of(values.numpy()))
    count = values.shape[-1]
    return values.sort(dim=-1).values[..., (count - 1) // 2 : count // 2 + 1].mean(-1)


def _median_of(values: Array) -> Array:
    values.sort(axis=-1)
    count = values.shape[-1]
    low, high = values[..., (count - 1) // 2], values[..., count // 2]
    return (low + high) * np.float32(0.5)


def gathered_median(values: Tensor, indices: Tensor) -> Tensor:
    """Medians `(..., set)` over sets of places along the last axis.

    values: `(..., place)` float32; indices: `(set, count)`, the places in each set.
    """
    sets, count = indices.shape
    rows = values.reshape(-1, values.shape[-1])
    out = rows.new_empty(rows.shape[0], sets)
    columns = min(sets, max(1, GATHERED_AT_ONCE // (16 * count)))
    height = max(1, GATHERED_AT_ONCE // (columns * count))  # so few rows that the cache has them
    corners = [
        (slice(row, row + height), slice(column, column + columns))
        for column in range(0, sets, columns)
        for row in range(0, rows.shape[0], height)
    ]
    if values.device.type != "cpu":
        for row, column in corners:
            sample = rows[row].index_select(1, indices[column].reshape(-1))
            out[row, column] = median_(sample.reshape(len(sample), -1, count))
        return out.reshape(*values.shape[:-1], sets)
    source, target, places = rows.numpy(), out.numpy(), indices.numpy()

    def fill(corner: tuple[slice, slice]) -> None:
        row, column = corner
        sample = source[row].take(places[column], axis=1, mode="clip")
        target[row, column] = _median_of(sample)

    parallel_map(fill, corners)
    return out.reshape(*values.shape[:-1], sets)
