"""Medians as programs of minima and maxima over whole arrays.

A merging network (Batcher's odd-even merge, Knuth, TAOCP 3, section 5.3.4) sorts or selects by a
fixed list of `min(a, b)` and `max(a, b)`, whatever the values are. So one such list computes
thousands of medians side by side, one in each lane of a vector unit, with no branch and no
comparison that anyone waits for. Steps without a reader of their results are left out.

`running` shares most of the work between neighbouring windows (Adams, "Fast median filters using
separable sorting networks", ACM Trans. Graphics 40(4), 2021, in one dimension): a tile of windows
has a common core, sorted once; halves of the tile add a few sorted values each to what may still
become their medians, and so on down to single windows. The sorted pieces are those of an aligned
merge sort, whose pieces neighbouring tiles use too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

Value = tuple[int, int]
"""A step's result, and how many tiles later it is taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """`registers[out] = min or max of two registers or inputs`, each so many tiles later."""

    smaller: bool
    left: Value  # an input n is written as -1 - n
    right: Value
    out: int
    reach: int  # tiles that the result depends on besides its own


@dataclass(frozen=True, slots=True)
class Program:
    """Steps in an order that works, and where the results are when all are done."""

    inputs: int
    steps: tuple[Step, ...]
    results: tuple[Value, ...]
    registers: int
    reach: int

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Results for inputs `(tile, lane)`, each `(tile - reach, lane)`."""
        tiles, lanes = inputs[0].shape
        store = [inputs[0].new_empty(tiles, lanes) for _ in range(self.registers)]
        places = [*store, *reversed(inputs)]  # so that places[-1 - n] is input n
        for step in self.steps:
            (a, after), (b, later) = step.left, step.right
            count = tiles - step.reach
            left, right = places[a][after : after + count], places[b][later : later + count]
            kind = torch.minimum if step.smaller else torch.maximum
            kind(left, right, out=store[step.out][:count])
        count = tiles - self.reach
        return [places[n][after : after + count] for n, after in self.results]


def tile_of(width: int) -> int:
    """Windows in a tile of `running(width)`: the power of two that takes the fewest steps."""
    return 1 << max(0, (width + 1).bit_length() - 2)


@lru_cache(maxsize=64)
def running(width: int) -> Program:
    """Medians of the windows of odd `width` that start one after another.

    Of inputs `(tile, lane)`, `tile_of(width)` of them, input n is every sample whose index leaves n
    when divided by the tile. Result n is the median of the windows that start at such samples,
    each of them one further than its index says: the window that starts at sample 1 is the first.
    """
    tile, rank, builder = tile_of(width), width // 2, _Builder()
    builder.tile = tile
    results: list[Value] = []

    def split(first: int, windows: int, candidates: list[Value], lowest: int) -> None:
        """candidates: the core's values of ranks `lowest`, `lowest` + 1 ... that may be medians."""
        if windows == 1:
            results.append(candidates[rank - lowest])
            return
        half = windows // 2
        for start, begin in (
            (first, 1 + first + half - 1),  # what the left half's windows have before the core
            (first + half, 1 + first + width),  # what the right half's have behind it
        ):
            more = builder.sort(begin, begin + half)
            low = max(rank - half + 1, lowest)
            high = min(rank + 1, lowest + len(candidates) + half)
            kept = builder.select(candidates, more, low - lowest, high - lowest)
            split(start, half, kept, low)

    core = width - tile + 1
    low, high = max(0, rank - tile + 1), min(core, rank + 1)
    split(0, tile, builder.sort(tile, tile + core)[low:high], low)
    return builder.program(tile, results)


class _Builder:
    """Writes down steps, each only once, and keeps those that the results need."""

    def __init__(self) -> None:
        self.tile = 0  # samples after which the same steps are done again; 0 for never
        self.nodes: list[tuple[bool, Value, Value]] = []
        self.known: dict[tuple[bool, Value, Value], int] = {}
        self.sorted: dict[tuple[int, int], list[Value]] = {}

    def step(self, smaller: bool, a: Value, b: Value) -> Value:
        (left, after), (right, later) = sorted((a, b))
        first = min(after, later)
        key = smaller, (left, after - first), (right, later - first)
        if key not in self.known:
            self.known[key] = len(self.nodes)
            self.nodes.append(key)
        return self.known[key], first

    def merge(self, a: list[Value], b: list[Value]) -> list[Value]:
        """Batcher's odd-even merge of two sorted lists of any lengths."""
        if not a or not b:
            return a or b
        if len(a) == len(b) == 1:
            return [self.step(True, a[0], b[0]), self.step(False, a[0], b[0])]
        even, odd = self.merge(a[::2], b[::2]), self.merge(a[1::2], b[1::2])
        out, pairs = even[:1], min(len(odd), len(even) - 1)
        for low, high in zip(odd[:pairs], even[1 : pairs + 1], strict=True):
            out += [self.step(True, low, high), self.step(False, low, high)]
        return out + odd[pairs:] + even[pairs + 1 :]

    def select(self, a: list[Value], b: list[Value], low: int, high: int) -> list[Value]:
        """The values of ranks `low` up to `high` of two sorted lists, sorted."""
        from_a, from_b = max(0, low - len(b)), max(0, low - len(a))  # below: too low in any case
        dropped = from_a + from_b
        return self.merge(a[from_a:high], b[from_b:high])[low - dropped : high - dropped]

    def sort(self, begin: int, end: int) -> list[Value]:
        """The samples `begin` up to `end`, sorted, out of pieces aligned to powers of two."""
        tiles = begin // self.tile if self.tile else 0
        key = begin - tiles * self.tile, end - tiles * self.tile
        if key not in self.sorted:
            self.sorted[key] = self._sort(*key)
        return [(node, after + tiles) for node, after in self.sorted[key]]

    def _sort(self, begin: int, end: int) -> list[Value]:
        if end - begin == 1:
            return [(-1 - begin, 0)]
        step = 1 << (end - begin - 1).bit_length() - 1
        while not begin < (cut := (begin // step + 1) * step) < end:
            step //= 2
        return self.merge(self.sort(begin, cut), self.sort(cut, end))

    def program(self, inputs: int, results: list[Value]) -> Program:
        last: dict[int, int] = {}  # where a node's value is read for the last time
        order: list[int] = []
        seen: set[int] = set()

        def visit(node: int) -> None:
            if node < 0 or node in seen:
                return
            seen.add(node)
            for child, _ in self.nodes[node][1:]:
                visit(child)
            for child, _ in self.nodes[node][1:]:
                last[child] = len(order)
            order.append(node)

        for node, _ in results:
            visit(node)
        last.update((node, len(order)) for node, _ in results)

        place: dict[int, int] = {}
        reach: dict[int, int] = {}
        free: list[int] = []
        registers, steps = 0, []
        for at, node in enumerate(order):
            smaller, *operands = self.nodes[node]
            if not free:
                free.append(registers)
                registers += 1
            place[node] = free.pop()
            reach[node] = max(reach.get(n, 0) + after for n, after in operands)
            left, right = ((place.get(n, n), after) for n, after in operands)
            steps.append(Step(smaller, left, right, place[node], reach[node]))
            free += {place[n] for n, _ in operands if n >= 0 and last[n] == at}
        return Program(
            inputs,
            tuple(steps),
            tuple((place.get(node, node), after) for node, after in results),
            registers,
            max(reach.get(node, 0) + after for node, after in results),
        )
