"""Clicks and crackle: found where sound cannot be foretold, and filled in from what is around.

**Found.** Each sample is foretold from both sides by an autoregressive model of the hundredths of a
second around it (Godsill and Rayner, Digital audio restoration, 1998, ch. 5). The model is fitted
again without what stands out, or a click would hide itself. Attacks of drums and the pulses of a
voice or of brass are not foretold either, but they come again or go on. So a click has to stand, by
`threshold`, above the highest value that is usual in the cells before it and in the cells after it;
nothing like it may be near; it has to be short, and the sound goes on as loud as it was. A second
threshold, lower and relative to the click, bounds it.

**Filled in** are the samples that the model of the surroundings makes most likely (Janssen, see
`autoregression`); then the samples that turn out to be as foretold are put back, and the rest is
filled in once more. A second pass finds what larger clicks beside it hid.

Channels are repaired each by itself, as a scratch differs from wall to wall of a groove. All
samples outside clicks keep their bits. A click longer than `longest_s`, as a dropped needle makes,
stays, and so does a click that is not louder than the attacks around it. A few small clicks in a
second are no crackle: pulses of a voice look like them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.apps.restore.tools.autoregression import Array, Mask, interpolated, model
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

CELL_S = 0.01  # at least a period of most voices, so that each cell has a pulse
CELLS = 128  # worked on together, however the samples come, so that the bytes are the same
AROUND = 14  # cells of context
ORDER_S = 0.0007
ORDERS = 12, 40  # of the model that clicks are found with, least and most
NOISE = 1e-6  # as of `autoregression.model`: less than what codecs leave out counts for nothing
ROBUST = 2  # times that the model is fitted again without what was not foretold
CLEAR = 6.0  # medians of a cell, that is four deviations of noise
FLOOR = 3e-5  # of full scale: what is softer is no click
BESIDE_PEAK = 0.1  # the second threshold, as a part of the click's highest value ...
BESIDE_CRACKLE = 0.35  # ... for short ones, of which what the model makes beside them is no part
BESIDE_S = 0.01  # before and after, where nothing like it may be
ALONE = 8.0  # times the others that are near at once
AUDIBLE = 0.05  # of the level around: what is softer, as in a band that a codec empties, is none
RISE = 2.0  # by which the sound may be louder after a click than before it
BESIDE = 10  # parts of that
MARGIN = 2  # samples beside a click that are filled in too
LONGER = 3  # the order that a gap is filled in with is so many times its length ...
REPAIR_ORDERS = 32, 128  # ... within these
FEWEST = 5  # in CELLS are crackle; fewer are sounds of the recording, or clicks
TIGHTER = 2  # times that samples which were right after all are put back
STRETCH = 6  # orders on each side that a gap is filled in from


@dataclass
class Clicks:
    """What was repaired: `count`, and `samples` of all channels together."""

    count: int = 0
    samples: int = 0


def declick(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    threshold: float = 12.0,
    longest_s: float = 0.0012,
    passes: int = 2,
    found: Clicks | None = None,
) -> Iterator[Wave]:
    """The same samples without clicks: up to some fifty in a second.

    blocks: `(channel, time)` of any length. threshold: how many times a click has to rise above
    what is usual around it. found: is filled while it streams. Raises ValueError for settings that
    cannot be.
    """
    how = _How(
        sample_rate_hz, threshold, longest_s, usual=13, rank=0.4, cells=1, others=2, alone=ALONE
    )
    return _repaired(blocks, how, passes, found)


def decrackle(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    threshold: float = 10.0,
    longest_s: float = 0.0005,
    passes: int = 1,
    found: Clicks | None = None,
) -> Iterator[Wave]:
    """The same samples without crackle, up to some hundred short clicks a second. As `declick`.

    Where fewer than some five are found in a second they stay.
    """
    how = _How(
        sample_rate_hz,
        threshold,
        longest_s,
        usual=16,
        rank=0.25,
        cells=4,
        others=10,
        alone=ALONE,
        beside=BESIDE_CRACKLE,
        fewest=FEWEST,
    )
    return _repaired(blocks, how, passes, found)


@dataclass(frozen=True)
class _How:
    """usual: cells on each side that say what is usual, by the value at `rank` (0 to 1) of their
    highest. cells: in CELL_S, for this. others: clicks that may be near another,
    alone: and by what it stands above what else is near at once.
    beside: the second threshold. fewest: in CELLS, of one channel, or they stay."""

    sample_rate_hz: int
    threshold: float
    longest_s: float
    usual: int
    rank: float
    cells: int
    others: int
    alone: float
    beside: float = BESIDE_PEAK
    fewest: int = 1

    def __post_init__(self) -> None:
        if not self.sample_rate_hz > 0 or not self.threshold > 1 or not 0 < self.longest_s <= 0.01:
            raise ValueError(
                f"cannot look for clicks of {self.longest_s} s above {self.threshold} "
                f"at {self.sample_rate_hz} Hz"
            )

    @property
    def cell(self) -> int:
        """Samples, a multiple of `cells`."""
        return max(4, round(CELL_S * self.sample_rate_hz / 4)) * 4

    @property
    def order(self) -> int:
        return int(np.clip(round(ORDER_S * self.sample_rate_hz), *ORDERS))

    @property
    def longest(self) -> int:
        return max(1, round(self.longest_s * self.sample_rate_hz))


def _repaired(
    blocks: Iterator[Wave], how: _How, passes: int, found: Clicks | None
) -> Iterator[Wave]:
    found = Clicks() if found is None else found
    for _ in range(passes):
        blocks = _filled(_marked(blocks, how), how, found)
    return blocks


def _marked(blocks: Iterator[Wave], how: _How) -> Iterator[Wave]:
    """Each channel and, behind them, whether its samples are in a click: `(2 channel, time)`.

    A last row is one inside the recording, so that its ends are known.
    """
    core, context = CELLS * how.cell, AROUND * how.cell
    for window in windows(_with_ones(in_blocks(blocks, core)), context):
        wave, inside = window[:-1], window[-1] > 0
        length = window.shape[1] - 2 * context
        marks = _clicks(wave, inside, how)
        rows = np.concatenate([wave, marks, window[-1:]])
        yield rows[:, context : context + length]


def _with_ones(blocks: Iterator[Wave]) -> Iterator[Wave]:
    for block in blocks:
        yield np.concatenate([block, np.ones((1, block.shape[1]), np.float32)])


def _clicks(wave: Wave, inside: Mask, how: _How) -> Wave:
    """One where `wave`, `(channel, time)`, has a click."""
    marks = np.zeros(wave.shape, np.float32)
    strange = _unforetold(wave, inside, how)
    usual = np.repeat(_usual(strange, how), how.cell // how.cells, axis=1)[:, : wave.shape[1]]
    places = np.flatnonzero(inside)
    here = slice(int(places[0]), int(places[-1]) + 1)
    for channel in range(len(wave)):
        own, row, mark = wave[channel, here], strange[channel, here], marks[channel, here]
        for first, last in _runs(row, usual[channel, here], how):
            if _stands_alone(own, row, first, last, how):
                mark[max(0, first - MARGIN) : last + 1 + MARGIN] = 1.0
    return marks


def _unforetold(wave: Wave, inside: Mask, how: _How) -> Array:
    """How far each sample lies from what those on both sides say: `(channel, time)`, absolute.

    Within a model's order of the recording's ends nothing is foretold, and this is zero.
    """
    cell, order = how.cell, how.order
    length = -(-wave.shape[1] // cell) * cell
    padded = np.pad(wave.astype(np.float64), ((0, 0), (cell, cell + length - wave.shape[1])))
    window = np.hanning(3 * cell + 2)[1:-1]
    size = 1 << int(np.ceil(np.log2(2 * order + 2)))
    likely = padded
    for n in range(1 + ROBUST):
        frames = np.lib.stride_tricks.sliding_window_view(likely, 3 * cell, axis=1)[:, ::cell]
        a = model(frames * window, order, NOISE)
        b = np.fft.irfft(np.abs(np.fft.rfft(a, size)) ** 2, size)[..., : order + 1]
        strange = _filtered(padded, b / b[..., :1], cell)
        if n < ROBUST:
            size_of = np.abs(strange)
            clear = size_of > CLEAR * np.median(size_of, axis=2, keepdims=True)
            likely = padded.copy()
            likely[:, cell:-cell] -= np.where(clear, strange, 0.0).reshape(len(wave), -1)
    found = np.abs(strange.reshape(len(wave), -1)[:, : wave.shape[1]])
    places = np.flatnonzero(inside)
    if len(places):
        found[:, : places[0] + order] = 0.0
        found[:, max(0, places[-1] + 1 - order) :] = 0.0
    return found


def _filtered(padded: Array, taps: Array, cell: int) -> Array:
    """Each cell through its own symmetric filter: `(channel, cell, time)`.

    padded: a cell more at both ends. taps: `(channel, cell, tap)`, from the middle on.
    """
    length = padded.shape[1] - 2 * cell
    total = padded[:, cell:-cell].reshape(*taps.shape[:2], cell).copy()
    for n in range(1, taps.shape[2]):
        beside = padded[:, cell - n : cell - n + length] + padded[:, cell + n : cell + n + length]
        total += taps[..., n, None] * beside.reshape(total.shape)
    return total


def _usual(strange: Array, how: _How) -> Array:
    """The highest value that is usual around each cell: `(channel, cell)`."""
    width, n = how.cell // how.cells, how.usual
    padded = np.pad(strange, ((0, 0), (0, -strange.shape[1] % width)))
    highest = padded.reshape(len(strange), -1, width).max(axis=2)
    sides = np.pad(highest, ((0, 0), (n, n)), "reflect" if highest.shape[1] > n else "edge")
    near = np.lib.stride_tricks.sliding_window_view(sides, n, axis=1)
    place = int(how.rank * n)
    ranked = np.partition(near, place, axis=2)[..., place]
    count = highest.shape[1]
    return np.maximum(np.maximum(ranked[:, :count], ranked[:, n + 1 : n + 1 + count]), FLOOR)


def _runs(row: Array, usual: Array, how: _How) -> Iterator[tuple[int, int]]:
    """First and last sample of what is higher than usual and is short enough.

    What the model makes of a click beside it is not counted: it is far lower than the click.
    """
    for first, last in _groups(np.flatnonzero(row > how.threshold * usual), how.order // 2):
        start, stop = max(0, first - how.order), last + 1 + how.order
        part = row[start:stop]
        bound = np.maximum(how.beside * part.max(), usual[start:stop])
        for begin, end in _groups(np.flatnonzero(part > bound), how.order // 2):
            if end - begin < how.longest + 2 * how.order:
                yield start + begin, start + end


def _groups(places: npt.NDArray[np.int64], apart: int) -> Iterator[tuple[int, int]]:
    """First and last of those that lie no further apart."""
    if len(places):
        edges = np.flatnonzero(np.diff(places) > apart)
        firsts, lasts = places[np.append(0, edges + 1)], places[np.append(edges, len(places) - 1)]
        for first, last in zip(firsts, lasts, strict=True):
            yield int(first), int(last)


def _stands_alone(wave: Wave, strange: Array, first: int, last: int, how: _How) -> bool:
    """Whether nothing else like it is near, and whether the sound goes on as it was before.

    strange: of `wave`, `(time,)`. A few other clicks may be near.
    """
    step = max(1, round(BESIDE_S * how.sample_rate_hz / BESIDE))
    away = how.order + 1
    before = slice(max(0, first - away - BESIDE * step), max(0, first - away))
    after = slice(last + 1 + away, last + 1 + away + BESIDE * step)
    highest, levels = [], []
    for side in (before, after):
        count = (min(side.stop, len(wave)) - side.start) // step
        if count < 1:
            continue
        part = slice(side.start, side.start + count * step)
        highest.append(strange[part].reshape(count, step).max(axis=1))
        levels.append(float(np.median((wave[part].reshape(count, step) ** 2).mean(axis=1))))
    if not highest:
        return False
    peaks = np.sort(np.concatenate(highest))[::-1]
    usual = float(peaks[min(how.others, len(peaks) - 1)])
    peak = float(strange[first : last + 1].max())
    if peak < how.alone * usual or peak < AUDIBLE * np.sqrt(np.mean(levels)):
        return False
    return len(levels) < 2 or levels[1] < RISE**2 * levels[0] + FLOOR**2


def _filled(rows: Iterator[Wave], how: _How, found: Clicks) -> Iterator[Wave]:
    """Waves whose marked samples are filled in, where they are a click and enough are near."""
    core = CELLS * how.cell
    longest = how.longest + 2 * how.order + 2 * MARGIN
    context = longest + STRETCH * REPAIR_ORDERS[1] + how.order
    for window in windows(in_blocks(rows, core), context):
        channels = len(window) // 2
        inside = np.flatnonzero(window[-1] > 0)
        begin, end = int(inside[0]), int(inside[-1]) + 1
        wave = window[:channels].copy()
        length = window.shape[1] - 2 * context
        for channel in range(channels):
            marked = window[channels + channel, begin:end] > 0
            row = window[channel, begin:end].astype(np.float64)
            repairs = [
                (first + begin, repair)
                for first, last in _gaps(marked)
                if first + begin < context + length and last + begin >= context
                if (repair := _repair(row, marked, first, last, how)) is not None
            ]
            if len(repairs) < how.fewest:
                continue
            for first, (places, values) in repairs:
                wave[channel, places + begin] = values
                if context <= first < context + length:
                    found.count += 1
                    found.samples += len(places)
        yield wave[:, context : context + length]


def _gaps(marked: Mask) -> Iterator[tuple[int, int]]:
    """First and last of each run of marked samples."""
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False))
    for first, behind in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(behind) - 1


def _repair(
    row: Array, marked: Mask, first: int, last: int, how: _How
) -> tuple[npt.NDArray[np.int64], Array] | None:
    """Places that a click covers, and what belongs there; None: it is too long for one."""
    order = int(np.clip(LONGER * (last + 1 - first), *REPAIR_ORDERS))
    start, stop = max(0, first - STRETCH * order), last + 1 + STRETCH * order
    wave, lost = row[start:stop], marked[start:stop].copy()
    begin, end = first - start, last + 1 - start
    for _ in range(TIGHTER):
        error = np.abs(wave - interpolated(wave, lost, order, 1))[begin:end]
        wrong = np.flatnonzero(error > how.beside * error.max())
        tight = max(begin, begin + int(wrong[0]) - MARGIN)
        end = min(end, begin + int(wrong[-1]) + 1 + MARGIN)
        lost[begin:tight], lost[end : last + 1 - start] = False, False
        begin = tight
    if end - begin > how.longest + 2 * MARGIN:
        return None
    return np.arange(begin, end) + start, interpolated(wave, lost, order)[begin:end]
