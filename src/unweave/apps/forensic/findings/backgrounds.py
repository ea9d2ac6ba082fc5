"""Steps of the background: what the quietest moments have in each band changes at a place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

FRAME_S = 0.04
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100.0, 14_000.0
SIDE_S = 4.0  # what is compared on both sides
QUIETEST = 0.1  # the share of frames that are background
STEP_DB = 12.0
FLOOR_DB = -100.0

Array = npt.NDArray[np.float64]

BACKGROUND = Kind(
    name="background-step",
    title="The background changes",
    measures="By how many dB the quietest moments of the seconds before and after differ, in the "
    "mean of all bands.",
    limits="Music changes its background when instruments come and go: the figure says something "
    "about speech and places only.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind."""
    rate_hz = recording.info.sample_rate_hz
    frame = max(64, round(FRAME_S * rate_hz))
    side = round(SIDE_S / FRAME_S)
    kept: deque[Array] = deque(maxlen=2 * side)
    peaks = _Peaks(side)
    for count, band_db in enumerate(_bands(recording.blocks(), rate_hz, frame), 1):
        kept.append(band_db)
        if len(kept) == 2 * side and count % 5 == 0:
            every = np.array(kept)
            middle_s = (count - side) * frame / rate_hz
            for time_s, change_db in peaks.push(_change(every[:side], every[side:]), middle_s):
                yield _finding(time_s, change_db)
    for time_s, change_db in peaks.finish():
        yield _finding(time_s, change_db)


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


def _change(before: Array, after: Array) -> float:
    quiet = [np.quantile(each, QUIETEST, axis=0) for each in (before, after)]
    return float(np.mean(np.abs(quiet[1] - quiet[0])))


def _finding(time_s: float, change_db: float) -> Finding:
    return Finding(
        kind=BACKGROUND.name,
        words=f"The quietest moments before and after differ by {change_db:.1f} dB.",
        start_s=round(max(0.0, time_s - 0.5), 3),
        end_s=round(time_s + 0.5, 3),
        figure=round(change_db, 2),
        unit="dB",
        limit=STEP_DB,
    )


class _Peaks:
    """The highest of values that are beyond the limit, one for each `apart` of them."""

    def __init__(self, apart: int) -> None:
        self._apart = apart
        self._age = 0
        self._best: tuple[float, float] | None = None

    def push(self, value: float, time_s: float) -> Iterator[tuple[float, float]]:
        """Returns the time and the value."""
        self._age += 1
        if self._best is not None and self._age > self._apart:
            yield self._best
            self._best = None
        if value >= STEP_DB and (self._best is None or value > self._best[1]):
            self._best, self._age = (time_s, value), 0

    def finish(self) -> Iterator[tuple[float, float]]:
        """The one that waits."""
        if self._best is not None:
            yield self._best


FINDER = Finder(
    name="backgrounds",
    kinds=(BACKGROUND,),
    find=find,
    parameters={"step_db": STEP_DB, "side_s": SIDE_S, "quietest": QUIETEST},
)
