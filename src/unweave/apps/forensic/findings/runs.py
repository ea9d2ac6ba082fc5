"""Runs of samples with something in common, the highest of neighbours, streams without ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


class Runs:
    """Push booleans, one for each sample; runs of `least` or more come out as `(first, end)`."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._position = 0
        self._since: int | None = None  # the first sample of the run that is open

    def push(self, true: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """The next samples, `(time,)`."""
        if not true.size:
            return
        steps = np.flatnonzero(np.diff(true)) + 1
        if true[0] != (self._since is not None):
            steps = np.append(0, steps)
        for step in steps:
            at = self._position + int(step)
            if self._since is None:
                self._since = at
                continue
            yield from self._closed(at)
        self._position += len(true)

    def finish(self) -> Iterator[tuple[int, int]]:
        """The run that lasts to the end."""
        if self._since is not None:
            yield from self._closed(self._position)

    def _closed(self, end: int) -> Iterator[tuple[int, int]]:
        first, self._since = self._since, None
        if first is not None and end - first >= self._least:
            yield first, end


def highest(values: np.ndarray, width: int) -> np.ndarray:
    """The highest of each `width` neighbours: `width - 1` fewer than `values`."""
    done = 1
    while done < width:
        step = min(done, width - done)
        values = np.maximum(values[:-step], values[step:])
        done += step
    return values


def without_ends(blocks: Iterator[npt.NDArray], count: int) -> Iterator[npt.NDArray]:
    """The same figures `(..., time)` with zeros for the first and the last `count` of them."""
    waiting: npt.NDArray | None = None
    position = 0
    for block in blocks:
        ended = block.copy()
        ended[..., : max(0, count - position)] = 0
        position += block.shape[-1]
        waiting = ended if waiting is None else np.concatenate([waiting, ended], axis=-1)
        if waiting.shape[-1] > count:
            yield waiting[..., :-count]
            waiting = waiting[..., -count:]
    if waiting is not None:
        yield np.zeros_like(waiting)
