"""Clipped peaks: found where many end in one flat level, and rebuilt from what is around them.

**Found.** A clipped peak is flat over several samples and steep beside them. `learn` counts such
runs by their level, for each channel and sign. Where they lie at one level, which nothing exceeds,
and most of what reaches that level is flat, the recording is clipped there. The peaks of a limiter
or of soft clipping are round, and do not count. What was clipped and then coded with loss or
resampled is no longer flat and is not found; `level` says it by hand.

**Rebuilt** by A-SPADE (Kitić, Bertin, Gribonval, "Sparsity and cosparsity for audio declipping: a
flexible non-convex approach", LVA/ICA 2015; Záviška and others, "A survey and an extensive
evaluation of popular audio declipping methods", IEEE JSTSP 15(1), 2021): in frames, the sound
that a few bins of a spectrum twice as dense as needed describe, among all sounds that agree
with the known samples and exceed the level where it was clipped. The number of bins grows until
both descriptions agree. Samples that were not clipped keep their bits; clipped ones only grow. So
what comes out may exceed full scale: who writes integers has to turn all down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

Array = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

FLAT = 3e-5  # of full scale, which is one step of 16 bits: a run may move by so much
STEPS = 1.5  # of the recording's own quantisation, if that is coarser
STEEP = 6.0  # times what a run may move, beside it
RUN = 3  # samples that are flat
LOWEST = 0.01  # of full scale: no level is searched for below
RUNS = 5  # of one level, so that it is no chance
MOSTLY = 0.25  # of the samples at a level that are in flat runs
BINS_DB = 0.02
FRAME_S = 0.046
OVERLAP = 4
CLOSE = 0.1  # both descriptions agree, relative to the frame
STEP = 1024  # samples for which one more bin is taken, time after time
AT_ONCE = 64  # frames
SIZE = 1 << 15


@dataclass(frozen=True)
class Clipping:
    """The level of each channel above and below zero, both positive; infinite: not clipped."""

    above: tuple[float, ...] = ()
    below: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return bool(np.isfinite((*self.above, *self.below)).any())


@dataclass
class Rebuilt:
    """samples: of all channels, that were clipped; peak: the highest of what came out."""

    samples: int = 0
    peak: float = 0.0


def learn(blocks: Iterator[Wave], sample_rate_hz: int) -> Clipping:
    """The levels at which a recording is clipped. blocks: `(channel, time)`, of any length."""
    counts: list[_Levels] = []
    tolerance = FLAT
    before: Wave | None = None
    for block in in_blocks(blocks, SIZE):
        if before is None:
            tolerance = max(FLAT, STEPS * _step(block))
            counts = [_Levels() for _ in range(2 * len(block))]
            before = np.zeros((len(block), 0), np.float32)
        wave = np.concatenate([before, block], axis=1)
        fresh = before.shape[1]
        for channel, row in enumerate(wave):
            counts[2 * channel].add(row, fresh, tolerance)
            counts[2 * channel + 1].add(-row, fresh, tolerance)
        before = wave[:, -_Levels.KEPT :]
    levels = [count.level(tolerance) for count in counts]
    return Clipping(tuple(levels[::2]), tuple(levels[1::2]))


def _step(block: Wave) -> float:
    """The least by which samples differ, a recording's quantisation."""
    values = np.unique(block)
    steps = np.diff(values)
    least = float(steps[steps > 0].min(initial=1.0)) if len(values) > 1 else 0.0
    return least if least < 0.02 else 0.0


@dataclass
class _Levels:
    """Of one sign of one channel: flat runs, their samples, and all samples, by level in bins."""

    KEPT = 512  # samples of a block that the next is counted with, so that no run is cut

    top: float = 0.0
    runs: Array = field(default_factory=lambda: np.zeros(_bins()))
    flat: Array = field(default_factory=lambda: np.zeros(_bins()))
    all: Array = field(default_factory=lambda: np.zeros(_bins()))

    def add(self, row: Wave, fresh: int, tolerance: float) -> None:
        """row: what was kept, `fresh` samples, and what is new."""
        values = row.astype(np.float64)
        new = values[fresh:]
        self.top = max(self.top, float(new.max(initial=0.0)))
        self.all += np.bincount(_bin(new[new > LOWEST]), minlength=_bins())
        begins, ends = _flat_runs(values, tolerance)
        mine = (ends >= fresh - 1) & (ends < len(values) - 1)  # ends: the last sample of a run
        begins, ends = begins[mine], ends[mine]
        level = values[begins]
        places = _bin(level)
        np.add.at(self.runs, places, 1)
        np.add.at(self.flat, places, ends - begins + 1)

    def level(self, tolerance: float) -> float:
        """The level at which it is clipped, or infinity."""
        if self.top <= LOWEST:
            return float("inf")
        last = int(_bin(np.array([self.top]))[0])
        first = int(_bin(np.array([max(LOWEST, self.top - 2 * tolerance)]))[0]) - 1
        at_top = slice(max(0, first), last + 1)
        clipped = (
            self.runs[at_top].sum() >= RUNS
            and self.flat[at_top].sum() >= MOSTLY * self.all[at_top].sum()
        )
        return self.top - 2 * tolerance if clipped else float("inf")


def _bins() -> int:
    return int(np.ceil(60 / BINS_DB))  # from LOWEST to 20 dB above full scale


def _bin(level: Array) -> npt.NDArray[np.int64]:
    found = 20 * np.log10(np.maximum(level, LOWEST) / LOWEST) / BINS_DB
    return np.clip(found.astype(np.int64), 0, _bins() - 1)


def _flat_runs(
    values: Array, tolerance: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and last samples of runs above LOWEST that are flat, and steep beside them."""
    still = (np.abs(np.diff(values)) <= tolerance) & (values[1:] > LOWEST) & (values[:-1] > LOWEST)
    edges = np.flatnonzero(np.diff(still, prepend=False, append=False))
    begins, ends = edges[::2], edges[1::2]  # a run's samples are begins to ends
    whole = (begins > 0) & (ends < len(values) - 1) & (ends - begins + 1 >= RUN)
    begins, ends = begins[whole], ends[whole]
    fall = (values[begins] - values[begins - 1] + values[ends] - values[ends + 1]) / 2
    steep = (fall > STEEP * tolerance) & (np.abs(values[ends] - values[begins]) <= tolerance)
    return begins[steep], ends[steep]


def declip(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    profile: Clipping,
    level: float | None = None,
    found: Rebuilt | None = None,
) -> Iterator[Wave]:
    """The same samples with clipped peaks rebuilt, which may exceed full scale.

    blocks: `(channel, time)` of any length. profile: what `learn` found. level: at which all
    channels are clipped, instead. Raises ValueError for a level that cannot be.
    """
    if level is not None and not 0 < level < np.inf:
        raise ValueError(f"cannot be clipped at {level}")
    found = Rebuilt() if found is None else found
    if level is None and not profile:
        for block in blocks:
            found.peak = max(found.peak, float(np.abs(block).max(initial=0.0)))
            yield block
        return
    size = 1 << max(6, round(np.log2(FRAME_S * sample_rate_hz)))
    hop = size // OVERLAP
    for window in windows(in_blocks(blocks, -(-SIZE // size) * size), size):
        channels = len(window)
        above = np.full(channels, level) if level else np.array(profile.above)
        below = np.full(channels, level) if level else np.array(profile.below)
        inner = slice(size, window.shape[1] - size)
        out = window[:, inner].copy()
        for channel in range(channels):
            row = window[channel].astype(np.float64)
            high, low = row >= above[channel], row <= -below[channel]
            clipped = (high | low)[inner]
            if not clipped.any():
                continue
            guess = _rebuilt(row, high, low, size, hop)[inner]
            own = row[inner]
            grown = np.where(high[inner], np.maximum(guess, own), np.minimum(guess, own))
            out[channel, clipped] = grown[clipped]
            found.samples += int(clipped.sum())
        found.peak = max(found.peak, float(np.abs(out).max(initial=0.0)))
        yield out


def _rebuilt(
    row: Array, high: npt.NDArray[np.bool_], low: npt.NDArray[np.bool_], size: int, hop: int
) -> Array:
    """`row`, `(time,)`, with its frames that have clipped samples rebuilt and added up."""
    length = row.shape[0]
    padding = -(length - size) % hop
    window = np.sqrt(np.hanning(size + 1)[:-1])
    weight = window**2 * (2 / OVERLAP)  # of overlapping frames sum to one
    padded = np.pad(row, (0, padding))
    starts = np.arange(0, len(padded) - size + 1, hop)
    clipped = np.pad(high | low, (0, padding))
    total = np.append(0, np.cumsum(clipped))
    needed = starts[total[starts + size] > total[starts]]
    change = np.zeros(len(padded))
    for first in range(0, len(needed), AT_ONCE):
        some = needed[first : first + AT_ONCE]
        places = some[:, None] + np.arange(size)
        frames = padded[places]
        lost_high = np.pad(high, (0, padding))[places]
        lost_low = np.pad(low, (0, padding))[places]
        found = _a_spade(frames * window, lost_high, lost_low)
        # Of a window's thin ends nothing can be divided out; weights are thin there as well.
        parts = found * window * (2 / OVERLAP) - frames * weight
        for start, part in zip(some, parts, strict=True):
            change[start : start + size] += part
    return row + change[:length]


def _a_spade(frames: Array, high: npt.NDArray[np.bool_], low: npt.NDArray[np.bool_]) -> Array:
    """Windowed frames `(frame, time)`, clipped where `high` or `low`, as sparse sounds agree."""
    size = frames.shape[1]
    known = ~(high | low)
    found = frames.copy()
    dense = 2 * size
    scale = np.sqrt((frames**2).sum(1)) + 1e-12
    dual = np.zeros((len(frames), size + 1), np.complex128)
    alive = np.arange(len(frames))
    step = max(1, size // STEP)
    for count in range(step, size // 2, step):
        x, u = found[alive], dual[alive]
        spectrum = np.fft.rfft(x, dense, norm="ortho")
        sparse = _largest(spectrum + u, count)
        back = np.fft.irfft(sparse - u, dense, norm="ortho")[:, :size]
        own = frames[alive]
        x = np.where(known[alive], own, back)
        x = np.where(high[alive], np.maximum(back, own), x)
        x = np.where(low[alive], np.minimum(back, own), x)
        difference = np.fft.rfft(x, dense, norm="ortho") - sparse
        found[alive], dual[alive] = x, u + difference
        away = np.sqrt(2 * (np.abs(difference) ** 2).sum(1)) / scale[alive]
        alive = alive[away > CLOSE]
        if not len(alive):
            break
    return found


def _largest(spectrum: npt.NDArray[np.complex128], count: int) -> npt.NDArray[np.complex128]:
    """The `count` largest bins of each; the others are zero."""
    power = spectrum.real**2 + spectrum.imag**2
    least = np.partition(power, power.shape[1] - count, axis=1)[:, power.shape[1] - count]
    return np.where(power >= least[:, None], spectrum, 0)
