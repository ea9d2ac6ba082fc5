"""The mains frequency in a recording: its trace, jumps of its phase, and a reference's trace.

The hum of the mains and its harmonics move together, by some thousandths of a hertz, and alike in
all of a grid (Grigoras, Digital audio recording analysis: the electric network frequency criterion,
2005). The recording is turned down by each harmonic's nominal frequency; in windows of WINDOW_S the
deviation is taken that the harmonics together have most power at. A cut makes the phase jump
(Rodríguez, Apolinário, Biscainho, Audio authenticity: detecting ENF discontinuity with high
precision phase analysis, 2010).
"""

from __future__ import annotations

import csv
import math
from array import array
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording, finite
from unweave.apps.forensic.findings.channels import mono
from unweave.audio.reader import Reader
from unweave.core.files import shown
from unweave.errors import InputError
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

NOMINAL_HZ = 50.0, 60.0
RATE_HZ = 1200  # what the recording is turned to first
HARMONICS = 1, 2, 3, 4, 6
SLOW_HZ = 10  # of the turned down harmonics
WINDOW_S, STEP_S = 10.0, 1.0
WIDEST_HZ, GRID_HZ = 0.6, 0.005  # deviations that are looked at
CLEAR_DB = 14.0  # of the peak over the median of all deviations
STEADY_HZ = 0.03  # from window to window
LEAST_WINDOWS = 8
_GRID_HZ = np.arange(-WIDEST_HZ, WIDEST_HZ + GRID_HZ / 2, GRID_HZ)
JUMP = math.pi / 8
JUMP_SCORE = 6.0  # times the usual unsteadiness of the phase
DIFFERENT_HZ = 0.01

Array = npt.NDArray[np.complex128]

TRACE = Kind(
    name="mains-trace",
    title="Mains frequency",
    measures="The mean frequency of the hum, of all harmonics together.",
    limits="Devices far from lines record no hum. A long bass note may look like it.",
    describes=True,
)
PHASE = Kind(
    name="mains-phase-jump",
    title="The phase of the mains jumps",
    measures="By how many degrees the hum is ahead of, or behind, where it should be.",
    limits="Sounds of the same frequency disturb the phase. A cut of whole periods leaves no jump.",
)
OTHER = Kind(
    name="mains-differs",
    title="The mains trace differs from the reference",
    measures="The root mean square difference to the reference, where it fits best.",
    limits="Short recordings fit at many times. The reference has to be of the same grid.",
)
FITS = Kind(
    name="mains-fits",
    title="The mains trace fits the reference",
    measures="The root mean square difference to the reference, where it fits best.",
    limits="Short recordings fit at many times. The reference has to be of the same grid.",
    describes=True,
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds. Raises InputError for a reference that cannot be read."""
    rate_hz = recording.info.sample_rate_hz
    trace = tracked(mono(recording.blocks()), rate_hz, recording.mains_hz)
    if trace is None:
        return
    nominal_hz, times_s, hertz = trace.nominal_hz, trace.times_s, trace.hertz
    yield Finding(
        kind=TRACE.name,
        words=f"Hum of the mains is traced for {len(hertz) * STEP_S:.0f} s, at "
        f"{hertz.mean():.3f} Hz.",
        start_s=round(float(times_s[0]), 2),
        end_s=round(float(times_s[-1]), 2),
        figure=round(float(hertz.mean()), 4),
        unit="Hz",
        details={
            "nominal_hz": nominal_hz,
            "lowest_hz": round(float(hertz.min()), 4),
            "highest_hz": round(float(hertz.max()), 4),
            "first_hz": round(float(hertz[0]), 4),
            "last_hz": round(float(hertz[-1]), 4),
        },
    )
    yield from _jumps(recording, trace)
    if recording.mains_reference is not None:
        yield _compared(trace, reference(recording.mains_reference, nominal_hz))


class Trace:
    """times_s, hertz: `(window,)`, the middle of each clear window and the frequency there."""

    def __init__(self, nominal_hz: float, times_s: np.ndarray, hertz: np.ndarray) -> None:
        self.nominal_hz, self.times_s, self.hertz = nominal_hz, times_s, hertz


def tracked(blocks: Iterator[Wave], rate_hz: int, nominal_hz: float | None = None) -> Trace | None:
    """The trace of the mains in blocks `(1, time)`; None where there is no clear one."""
    choices = (nominal_hz,) if nominal_hz else NOMINAL_HZ
    found: dict[float, tuple[array[float], array[float]]] = {
        each: (array("d"), array("d")) for each in choices
    }
    steps = round(WINDOW_S / STEP_S)
    turned: dict[float, deque[Array]] = {each: deque(maxlen=steps) for each in choices}
    for number, block in enumerate(in_blocks(_resampled(blocks, rate_hz), round(STEP_S * RATE_HZ))):
        if block.shape[1] < STEP_S * RATE_HZ:
            break
        for each in choices:
            turned[each].append(_turned(block[0], each))
            if len(turned[each]) < steps:
                continue
            deviation = _deviation(np.concatenate(turned[each], axis=1))
            if deviation is not None:
                found[each][0].append((number + 1) * STEP_S - WINDOW_S / 2)
                found[each][1].append(each + deviation)
    best = max(choices, key=lambda each: len(found[each][0]))
    times_s, hertz = (np.array(each) for each in found[best])
    steady = _steady(hertz)
    if steady.sum() < LEAST_WINDOWS:
        return None
    return Trace(best, times_s[steady], hertz[steady])


def _resampled(blocks: Iterator[Wave], rate_hz: int) -> Iterator[Wave]:
    stream = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in in_blocks(blocks, rate_hz):
        yield stream.resample_chunk(np.ascontiguousarray(block[0]))[None]
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)[None]


def _turned(wave: np.ndarray, nominal_hz: float) -> Array:
    """`(harmonic, time)`: a step of STEP_S turned down by each harmonic, SLOW_HZ values a second.

    All steps begin with the same phase, as nominal frequencies are whole numbers of hertz.
    """
    slow = wave * _carriers(nominal_hz)
    return slow.reshape(len(slow), -1, RATE_HZ // SLOW_HZ).mean(axis=2)


@cache
def _carriers(nominal_hz: float) -> Array:
    harmonics = [n for n in HARMONICS if n * (nominal_hz + WIDEST_HZ) <= 0.45 * RATE_HZ]
    times_s = np.arange(round(STEP_S * RATE_HZ)) / RATE_HZ
    return np.exp(-2j * np.pi * nominal_hz * np.outer(harmonics, times_s))


@cache
def _deviations(harmonics: int, length: int) -> Array:
    """`(harmonic, deviation, time)`: windowed, so that products with a wave are its spectrum."""
    turns = np.outer(_GRID_HZ, np.arange(length) / SLOW_HZ)
    each = np.array(HARMONICS[:harmonics])[:, None, None]
    turning: Array = np.exp(-2j * np.pi * each * turns)
    return turning * np.hanning(length + 2)[1:-1]


def _deviation(slow: Array) -> float | None:
    """By how many hertz the mains differs from its nominal frequency, None where unclear.

    slow: `(harmonic, time)`, turned down.
    """
    found = np.abs(np.einsum("hdt,ht->hd", _deviations(*slow.shape), slow)) ** 2
    # A harmonic counts by how clear it is.
    total = (found / (np.median(found, axis=1, keepdims=True) + 1e-20)).sum(axis=0)
    peak = int(total.argmax())
    if not 0 < peak < len(_GRID_HZ) - 1:
        return None
    if 10 * math.log10(total[peak] / np.median(total) + 1e-20) < CLEAR_DB:
        return None
    before, top, after = np.log(total[peak - 1 : peak + 2])
    bend = 2 * (before - 2 * top + after)
    return float(_GRID_HZ[peak] + (GRID_HZ * (before - after) / bend if bend else 0.0))


def _steady(hertz: np.ndarray) -> np.ndarray:
    """Windows that go on from the one before or to the next without a leap."""
    if len(hertz) < 2:
        return np.zeros(len(hertz), bool)
    near = np.abs(np.diff(hertz)) <= STEADY_HZ * STEP_S
    return np.append(near, False) | np.append(False, near)


def _jumps(recording: Recording, trace: Trace) -> Iterator[Finding]:
    """Where the phase of the strongest of the first harmonics is not where the trace puts it."""
    rate_hz = recording.info.sample_rate_hz
    half = RATE_HZ // 2
    phases, levels = array("d"), array("d")
    start, turned = 0, 0.0
    for block in in_blocks(_resampled(mono(recording.blocks()), rate_hz), half):
        if block.shape[1] < half:
            break
        middle_s = (start + half / 2) / RATE_HZ
        hertz = float(np.interp(middle_s, trace.times_s, trace.hertz))
        # The phase advances by the frequency of the trace, from block to block.
        times_s = (np.arange(half) - half / 2) / RATE_HZ
        weights = np.hanning(half + 2)[1:-1] * np.exp(-2j * np.pi * hertz * times_s)
        value = complex(block[0] @ weights) * 2 / (half + 1)
        turned += 2 * np.pi * hertz * 0.5
        phases.append(math.remainder(math.atan2(value.imag, value.real) - turned, 2 * np.pi))
        levels.append(abs(value))
        start += half
    if len(phases) < 8:
        return
    phase, level = np.unwrap(np.array(phases)), np.array(levels)
    # From the two values before a place to the two behind it, and the same nearby.
    change = (phase[2:] - phase[:-2])[1:-1] if len(phase) > 4 else np.zeros(0)
    if not change.size:
        return
    usual = 1.4826 * float(np.median(np.abs(change - np.median(change)))) + 0.01
    score = np.abs(change - np.median(change)) / usual
    quiet = level < 0.25 * np.median(level)
    last = -4
    for at in np.argsort(-score):
        if score[at] < JUMP_SCORE or abs(change[at] - np.median(change)) < JUMP:
            break
        if abs(int(at) - last) < 4 or quiet[at + 1 : at + 4].any():
            continue
        last = int(at)
        middle_s = (at + 2.5) * 0.5
        degrees = math.degrees(math.remainder(float(change[at]), 2 * np.pi))
        yield Finding(
            kind=PHASE.name,
            words=f"The phase of the mains jumps by {degrees:+.0f} degrees.",
            start_s=round(middle_s - 0.75, 3),
            end_s=round(middle_s + 0.75, 3),
            figure=round(degrees, 1),
            unit="degrees",
            limit=round(math.degrees(JUMP), 1),
        )


def reference(path: Path, nominal_hz: float) -> Trace:
    """A reference: a CSV of `seconds,hertz`, or a recording of the mains. Raises InputError."""
    if path.suffix.lower() != ".csv":
        with Reader(path) as reader:
            rate_hz = reader.info.sample_rate_hz
            trace = tracked(mono(finite(reader.blocks(rate_hz))), rate_hz, nominal_hz)
        if trace is None:
            raise InputError(f"{shown(path)}: holds no clear mains frequency; give another one")
        return trace
    rows = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                try:
                    rows.append((float(row[0]), float(row[1])))
                except (ValueError, IndexError) as error:
                    if number > 1 and row:
                        raise InputError(
                            f"{shown(path)}: line {number} is no seconds,hertz; correct it"
                        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{shown(path)}: cannot be read as CSV: {error}") from error
    table = np.array(rows).reshape(-1, 2)
    if len(table) < 2 or not np.isfinite(table).all() or (np.diff(table[:, 0]) <= 0).any():
        raise InputError(f"{shown(path)}: needs rows of seconds,hertz, with seconds that rise")
    return Trace(nominal_hz, table[:, 0], table[:, 1])


def _compared(trace: Trace, other: Trace) -> Finding:
    """The finding at the time of the reference where both differ least."""
    step_s = STEP_S
    grid_s = np.arange(other.times_s[0], other.times_s[-1] + step_s / 2, step_s)
    there = np.interp(grid_s, other.times_s, other.hertz)
    index = np.rint((trace.times_s - trace.times_s[0]) / step_s).astype(int)
    span = int(index[-1]) + 1
    if len(there) < span:
        index, span = index[index < len(there)], len(there)
    here = trace.hertz[: len(index)]
    squares = [
        float(np.mean((here - there[first + index]) ** 2)) for first in range(len(there) - span + 1)
    ]
    best = int(np.argmin(squares))
    rest_hz = math.sqrt(squares[best])
    begin_s = float(grid_s[best] - trace.times_s[0])
    kind = FITS if rest_hz <= DIFFERENT_HZ else OTHER
    said = "fits" if kind is FITS else "fits nowhere; it comes nearest to"
    return Finding(
        kind=kind.name,
        words=f"The trace {said} the reference with the recording's start at {begin_s:.0f} s of "
        f"it, with {1000 * rest_hz:.1f} mHz between them.",
        start_s=round(float(trace.times_s[0]), 2),
        end_s=round(float(trace.times_s[-1]), 2),
        figure=round(1000 * rest_hz, 2),
        unit="mHz",
        limit=1000 * DIFFERENT_HZ,
        details={"reference_start_s": round(begin_s, 1), "windows": len(index)},
    )


FINDER = Finder(
    name="mains",
    kinds=(TRACE, PHASE, FITS, OTHER),
    find=find,
    parameters={
        "window_s": WINDOW_S,
        "clear_db": CLEAR_DB,
        "steady_hz": STEADY_HZ,
        "least_windows": LEAST_WINDOWS,
        "jump_degrees": round(math.degrees(JUMP), 1),
        "jump_score": JUMP_SCORE,
        "different_hz": DIFFERENT_HZ,
    },
)
