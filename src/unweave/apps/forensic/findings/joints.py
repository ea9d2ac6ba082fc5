"""Places where the sound does not go on: breaks of the wave, steps of level and of the background.

A break is a sample that linear prediction from the samples before does not foresee, in a
neighbourhood that it foresees (Vaseghi, Advanced digital signal processing and noise reduction,
2008, chapter 12). A step of level changes all bands by the same ratio, which music and speech do
not. The background is what the quietest moments have in each band.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings.runs import highest
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

ORDER = 32  # of the prediction
FRAME = 2048  # samples that have one prediction
BLOCK = 16 * FRAME
REACH_S = 0.013  # the neighbourhood on each side: longer than the period of a voice
CLEAR = 8  # samples beside a break that are none of its neighbourhood
BREAK = 8.0  # times the largest surprise nearby
SEPARATE_S = 0.1  # breaks that are closer are one

BAND_FRAME_S = 0.04
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100.0, 14_000.0
SIDE_S = 0.4  # what is compared on both sides of a step of level
STEP_SCORE = 26.0  # times its standard error over the bands
STEP_DB = 1.5
STEP_MOST_DB = 14.0  # more is a pause or an attack, which change all bands too
BACKGROUND_S = 4.0
QUIETEST = 0.1  # the share of frames that are background
BACKGROUND_DB = 12.0
FLOOR_DB = -100.0

Array = npt.NDArray[np.float64]

WAVE = Kind(
    name="waveform-break",
    title="The wave breaks off and goes on elsewhere",
    measures="The error of linear prediction at this sample over the largest one nearby.",
    limits="Clicks of records, of lips and of bad connections break it too. A cross-fade of some "
    "milliseconds, or a place chosen with care, breaks nothing.",
)
LEVEL = Kind(
    name="level-step",
    title="The level changes in all bands alike",
    measures="By how many dB the sound behind this place is louder than before it, in the middle "
    "of all bands, where they agree.",
    limits="Automatic gain does the same. In music most steps are hidden by its own changes.",
)
BACKGROUND = Kind(
    name="background-step",
    title="The background changes",
    measures="By how many dB the quietest moments of the seconds before and after differ, in the "
    "mean of all bands.",
    limits="Music changes its background when instruments come and go: the figure says something "
    "about speech and places only.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds."""
    rate_hz = recording.info.sample_rate_hz
    found = [*_breaks(recording.blocks(), rate_hz), *_steps(recording.blocks(), rate_hz)]
    yield from sorted(found, key=lambda each: (each.start_s or 0.0, each.kind))


def _breaks(blocks: Iterator[Wave], rate_hz: int) -> Iterator[Finding]:
    reach = round(REACH_S * rate_hz)
    context = FRAME + reach + 2 * (ORDER + CLEAR)
    start, last_s, last = 0, -1.0, 0.0
    waiting: Finding | None = None
    for wave in windows(in_blocks(blocks, BLOCK), context):
        length = wave.shape[1] - 2 * context
        score = _surprise(wave[:2], reach)[context : context + length]
        if start == 0:
            score[:reach] = 0  # the recording's own beginning
        for at in np.flatnonzero(score >= BREAK):
            at_s = (start + int(at)) / rate_hz
            if waiting is None or at_s - last_s > SEPARATE_S:
                if waiting is not None:
                    yield waiting
                waiting, last = None, 0.0
            if score[at] > last:
                last, waiting = float(score[at]), _break(at_s, float(score[at]), rate_hz)
            last_s = at_s
        start += length
    if waiting is not None:
        yield waiting


def _break(at_s: float, score: float, rate_hz: int) -> Finding:
    return Finding(
        kind=WAVE.name,
        words="At this sample the wave does not go on as the samples before it let expect.",
        start_s=round(max(0.0, at_s - ORDER / rate_hz), 5),
        end_s=round(at_s + ORDER / rate_hz, 5),
        figure=round(score, 2),
        unit="times the largest error nearby",
        limit=BREAK,
    )


def _surprise(wave: Wave, reach: int) -> Array:
    """The error of prediction at each sample over the largest nearby, `(time,)`."""
    error = np.sqrt(sum(np.square(_error(row)) for row in wave.astype(np.float64)))
    error = np.maximum(error, 1e-5)  # a third of a step of 16 bits: nothing below is a break
    gap = ORDER + CLEAR
    width = reach - gap
    if width < 1:
        return np.zeros(len(error))
    tops = highest(error, width)  # of the samples from each one on
    score = np.zeros(len(error))
    inner = slice(reach + CLEAR, len(error) - reach - gap)
    count = len(error) - 2 * reach - gap - CLEAR
    if count < 1:
        return score
    before = tops[reach + CLEAR - CLEAR - width :][:count]
    after = tops[reach + CLEAR + gap :][:count]
    score[inner] = error[inner] / np.maximum(before, after)
    return score


def _error(row: Array) -> Array:
    """What linear prediction leaves of a wave, `(time,)`; each frame has a prediction."""
    length = len(row)
    frames = -(-length // FRAME)
    padded = np.pad(row, (FRAME // 2 + ORDER, frames * FRAME - length + FRAME // 2))
    long = np.lib.stride_tricks.sliding_window_view(padded[ORDER:], 2 * FRAME)[::FRAME]
    window = np.hanning(2 * FRAME)
    spectrum = np.abs(np.fft.rfft(long * window, 4 * FRAME)) ** 2
    correlation = np.fft.irfft(spectrum)[:, : ORDER + 1]
    predictor = _predictor(correlation)
    own = np.lib.stride_tricks.sliding_window_view(padded, FRAME + ORDER)
    own = own[FRAME // 2 :: FRAME][:frames]
    error = np.zeros((frames, FRAME))
    for lag in range(ORDER + 1):
        error += predictor[:, lag : lag + 1] * own[:, ORDER - lag : ORDER - lag + FRAME]
    return error.ravel()[:length]


def _predictor(correlation: Array) -> Array:
    """Levinson and Durbin's recursion for all frames at once: `(frame, ORDER + 1)`, 1 first."""
    frames = len(correlation)
    predictor = np.zeros((frames, ORDER + 1))
    predictor[:, 0] = 1
    rest = correlation[:, 0] * (1 + 1e-9) + 1e-12
    for order in range(1, ORDER + 1):
        past = correlation[:, order:0:-1]
        reflection = -np.einsum("fl,fl->f", predictor[:, :order], past) / rest
        predictor[:, 1 : order + 1] += (
            reflection[:, None] * predictor[:, order - 1 :: -1][:, :order]
        )
        rest = rest * (1 - reflection**2) + 1e-15
    return predictor


def _steps(blocks: Iterator[Wave], rate_hz: int) -> Iterator[Finding]:
    """Steps of level, and of the background."""
    frame = max(64, round(BAND_FRAME_S * rate_hz))
    side = round(SIDE_S / BAND_FRAME_S)
    wide = round(BACKGROUND_S / BAND_FRAME_S)
    kept: deque[Array] = deque(maxlen=2 * wide)
    level = _Peaks(2 * side)
    background = _Peaks(wide)
    for count, band_db in enumerate(_bands(blocks, rate_hz, frame), 1):
        kept.append(band_db)
        if len(kept) >= 2 * side + 1:
            near = np.array([kept[n] for n in range(len(kept) - 2 * side - 1, len(kept))])
            step_db, score = _level(near, side)
            middle_s = (count - side - 0.5) * frame / rate_hz
            size_db = abs(step_db) if score >= STEP_SCORE else 0.0
            size_db = 0.0 if size_db > STEP_MOST_DB else size_db
            for time_s, _, value in level.push(size_db, STEP_DB, (middle_s, step_db, score)):
                yield _step(time_s, *value)
        if len(kept) == 2 * wide and count % 5 == 0:
            every = np.array(kept)
            change_db = _background_change(every[:wide], every[wide:])
            middle_s = (count - wide) * frame / rate_hz
            for time_s, figure, _ in background.push(change_db, BACKGROUND_DB, (middle_s,)):
                yield _other_background(time_s, figure)
    for time_s, _, value in level.finish():
        yield _step(time_s, *value)
    for time_s, figure, _ in background.finish():
        yield _other_background(time_s, figure)


def _bands(blocks: Iterator[Wave], rate_hz: int, frame: int) -> Iterator[Array]:
    """The level in each band, `(band,)` dB, frame by frame."""
    highest_hz = min(HIGHEST_HZ, 0.45 * rate_hz)
    edges_hz = np.geomspace(LOWEST_HZ, highest_hz, BANDS + 1)
    edges = np.unique(np.maximum(1, np.rint(edges_hz * frame / rate_hz).astype(int)))
    window = np.hanning(frame)
    for block in in_blocks(blocks, 32 * frame):
        mean = block.mean(axis=0, dtype=np.float64)
        whole = mean[: len(mean) // frame * frame].reshape(-1, frame)
        power = np.square(np.abs(np.fft.rfft(whole * window))) / (frame * window.sum())
        summed = np.add.reduceat(power, edges, axis=1)[:, :-1]
        yield from 10 * np.log10(summed + 10 ** (FLOOR_DB / 10))


def _level(near: Array, side: int) -> tuple[float, float]:
    """The step in the middle of `(2 * side + 1, band)`: dB, and over its standard error."""
    before, after = near[:side], near[side + 1 :]
    loud = np.minimum(before.mean(axis=0), after.mean(axis=0)) > FLOOR_DB + 10
    if loud.sum() < BANDS // 3:
        return 0.0, 0.0
    change = (after.mean(axis=0) - before.mean(axis=0))[loud]
    middle = float(np.median(change))
    spread = 1.4826 * float(np.median(np.abs(change - middle)))
    return middle, abs(middle) / ((spread + 0.1) / np.sqrt(len(change)))


def _background_change(before: Array, after: Array) -> float:
    quiet = [np.quantile(each, QUIETEST, axis=0) for each in (before, after)]
    return float(np.mean(np.abs(quiet[1] - quiet[0])))


def _step(time_s: float, step_db: float, score: float) -> Finding:
    louder = "louder" if step_db > 0 else "quieter"
    return Finding(
        kind=LEVEL.name,
        words=f"From here on all bands together are {abs(step_db):.1f} dB {louder}.",
        start_s=round(max(0.0, time_s - BAND_FRAME_S), 3),
        end_s=round(time_s + BAND_FRAME_S, 3),
        figure=round(step_db, 2),
        unit="dB",
        limit=STEP_DB,
        details={"standard_errors": round(score, 1), "limit_standard_errors": STEP_SCORE},
    )


def _other_background(time_s: float, change_db: float) -> Finding:
    return Finding(
        kind=BACKGROUND.name,
        words=f"The quietest moments before and after differ by {change_db:.1f} dB.",
        start_s=round(max(0.0, time_s - 0.5), 3),
        end_s=round(time_s + 0.5, 3),
        figure=round(change_db, 2),
        unit="dB",
        limit=BACKGROUND_DB,
    )


class _Peaks:
    """The highest of values that are above a limit, one for each `apart` of them."""

    def __init__(self, apart: int) -> None:
        self._apart = apart
        self._age = 0
        self._best: tuple[float, float, tuple[float, ...]] | None = None

    def push(
        self, value: float, limit: float, what: tuple[float, ...]
    ) -> Iterator[tuple[float, float, tuple[float, ...]]]:
        """what: the time, and what goes with it. Returns the time, the value and what goes."""
        self._age += 1
        if self._best is not None and self._age > self._apart:
            yield self._best
            self._best = None
        if value >= limit and (self._best is None or value > self._best[1]):
            self._best, self._age = (what[0], value, what[1:]), 0

    def finish(self) -> Iterator[tuple[float, float, tuple[float, ...]]]:
        """The one that waits."""
        if self._best is not None:
            yield self._best


FINDER = Finder(
    name="joints",
    kinds=(WAVE, LEVEL, BACKGROUND),
    find=find,
    parameters={
        "order": ORDER,
        "break": BREAK,
        "step_standard_errors": STEP_SCORE,
        "step_db": STEP_DB,
        "step_most_db": STEP_MOST_DB,
        "side_s": SIDE_S,
        "background_db": BACKGROUND_DB,
    },
)
