"""The steps that samples take: how many bits are in use, and a gain after they were rounded.

A gain on samples that were whole numbers leaves a comb in their histogram: values that never occur,
or occur twice as often. Its period is the gain, so that the histogram's spectrum has a line there,
whatever the sound is (Stamm and Liu, Blind forensics of contrast enhancement in digital images,
2008, for pictures). The line begins and ends where the gain does.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

BLOCK = 8192  # samples of each channel that are judged together
FINE = 8  # bins for each step of 16 bits where a file has finer steps
BINS = 65536
SPREAD = 100.0  # steps: standard deviation from which on a histogram is smooth without a gain
SMOOTH = 0.03  # lines per step below which the sound's own histogram lies
SCORE = 7.0  # standard deviations of a line
LOWEST, HIGHEST = 0.22, 4.2  # of 1 / gain
LEAST_BLOCKS = 2  # with and without the line, on both sides of a step
MOST_BITS = 24
_FIRST = np.arange(1, 4)  # harmonics

Array = npt.NDArray[np.float64]

BITS = Kind(
    name="unused-bits",
    title="Fewer bits in use than the file has",
    measures="The number of bits that the finest step between samples needs.",
    limits="Files of 24 bits often hold recordings of 16. Only whole powers of two are found.",
)
GAIN = Kind(
    name="gain-after-rounding",
    title="A gain on samples that were rounded before",
    measures="The strength of a regular comb in the histogram of samples, in standard deviations.",
    limits="Normalising and volume controls do this to whole recordings. With dither, and after a "
    "lossy encoding or a change of the sample rate, nothing is left of it.",
)
STEP = Kind(
    name="gain-step",
    title="A gain that begins or ends within the recording",
    measures="The strength of the comb on the side of this place that has it.",
    limits="As above; a gain of half or a quarter leaves no comb. The time is within a block.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds."""
    info = recording.info
    if info.lossy:
        return
    whole = not info.is_float and (info.bits or MOST_BITS) <= 16
    lines, scores = array("f"), array("f")
    used = np.uint64(0)
    fits = not info.is_float
    for block in in_blocks(recording.blocks(), BLOCK):
        if fits:
            steps = np.rint(block.astype(np.float64) * 2 ** (MOST_BITS - 1)).astype(np.int64)
            used |= np.bitwise_or.reduce(np.abs(steps), axis=None).astype(np.uint64)
        line, score = _line(block, whole)
        lines.append(line)
        scores.append(score)
    if fits and used:
        yield from _bits(int(used), info.bits or MOST_BITS)
    yield from _gains(np.array(lines), np.array(scores), info.sample_rate_hz)


def _bits(used: int, bits: int) -> Iterator[Finding]:
    in_use = MOST_BITS - ((used & -used).bit_length() - 1)
    if in_use < min(bits, MOST_BITS):
        yield Finding(
            kind=BITS.name,
            words=f"The file has {bits} bits for each sample, and uses {in_use}.",
            figure=float(in_use),
            unit="bits",
            limit=float(bits),
        )


def _line(block: Wave, whole: bool) -> tuple[float, float]:
    """The strongest line in lines per step of 16 bits, and its strength; NaN where none can be."""
    values = block.ravel().astype(np.float64) * 32768
    if values.size < BLOCK // 2 or values.std() < SPREAD:
        return math.nan, 0.0
    scale = 1 if whole else FINE
    counts = np.bincount(np.rint(values * scale).astype(np.int64) % BINS, minlength=BINS)
    spectrum = np.abs(np.fft.rfft(counts)) / math.sqrt(values.size)
    frequency = np.arange(len(spectrum)) * scale / BINS
    usual = np.abs(frequency - np.rint(frequency)) < SMOOTH  # the steps of 16 bits themselves
    spectrum[usual] = 0
    best = int(spectrum.argmax())
    # Without a line its squares are exponentially distributed, with mean one.
    score = float(spectrum[best])
    if score < SCORE:
        return 0.0, score
    if not whole:  # the lines are alike, and the lowest is the period
        return float(frequency[np.flatnonzero(spectrum >= 0.7 * score)[0]]), score
    return _period(float(frequency[best]), spectrum / math.sqrt(values.size)), score


def _period(line: float, spectrum: Array) -> float:
    """The lines per step, `1 / gain`, of which the harmonics are those that are seen.

    Whole numbers show only what a frequency is beyond the next whole one. Rounding makes each
    harmonic weaker by a sinc function, which tells the possible periods from each other.
    """
    periods = {(n + sign * line) / m for n in range(9) for sign in (1, -1) for m in (1, 2, 3)}
    harmonics = np.arange(1, 7)

    def misfit(period: float) -> float:
        turns = harmonics * period
        beyond = np.abs(turns - np.rint(turns))
        counts = beyond >= SMOOTH
        seen = spectrum[np.rint(beyond * BINS).astype(int)]
        near = np.maximum(seen, spectrum[np.rint(beyond * BINS).astype(int) - 1])
        return float(np.abs(near - np.abs(np.sinc(turns)))[counts].sum())

    likely = [each for each in sorted(periods) if LOWEST <= each <= HIGHEST]
    return min(likely, key=misfit) if likely else line


def _gains(lines: np.ndarray, scores: np.ndarray, rate_hz: int) -> Iterator[Finding]:
    usable = np.flatnonzero(np.isfinite(lines))
    clear = usable[scores[usable] >= SCORE]
    if not clear.size:
        return
    states = np.full(len(lines), -1)  # no line
    kinds: list[float] = []
    for block in clear:
        near = [n for n, each in enumerate(kinds) if _alike(each, float(lines[block]))]
        if not near:
            kinds.append(float(lines[block]))
        states[block] = near[0] if near else len(kinds) - 1
    for state, line in enumerate(kinds):
        if np.sum(states == state) >= LEAST_BLOCKS:
            at = usable[states[usable] == state]
            first, last = at[0], at[-1] + 1
            yield _gain(line, float(scores[at].mean()), first, last, rate_hz)
    yield from _steps(states, scores, kinds, usable, rate_hz)


def _gain(line: float, score: float, first: int, last: int, rate_hz: int) -> Finding:
    return Finding(
        kind=GAIN.name,
        words="The samples were whole numbers before their level was changed, and were rounded "
        "again.",
        start_s=round(first * BLOCK / rate_hz, 3),
        end_s=round(last * BLOCK / rate_hz, 3),
        figure=round(score, 1),
        unit="standard deviations",
        limit=SCORE,
        details={"gain_db": round(-20 * math.log10(line), 2)},
    )


def _alike(one: float, other: float) -> bool:
    """Whether two periods are of one comb: harmonics of both are seen at the same place."""
    seen = [np.abs(turns - np.rint(turns)) for turns in (one * _FIRST, other * _FIRST)]
    return bool((np.abs(seen[0][:, None] - seen[1]) < 1e-3).any())


def _steps(
    states: np.ndarray,
    scores: np.ndarray,
    kinds: list[float],
    usable: np.ndarray,
    rate_hz: int,
) -> Iterator[Finding]:
    """Places with LEAST_BLOCKS of one state before, and as many of another one after."""
    n = LEAST_BLOCKS
    seen = states[usable]
    at = n
    while at + n <= len(seen):
        before, after = seen[at - n : at], seen[at : at + n]
        clean = len(set(before.tolist())) == 1 and len(set(after.tolist())) == 1
        skip = 0
        if clean and before[0] == after[0]:
            at += 1
            continue
        if not clean and at + n + 1 <= len(seen):  # the step lies inside of a block
            after = seen[at + 1 : at + 1 + n]
            clean = len(set(before.tolist())) == 1 and len(set(after.tolist())) == 1
            clean = clean and before[0] != after[0]
            skip = 1
        if not clean:
            at += 1
            continue
        sides = usable[at - 1], usable[at + skip]
        line = kinds[after[0]] if after[0] >= 0 else kinds[before[0]]
        side = usable[at + skip : at + skip + n] if after[0] >= 0 else usable[at - n : at]
        start_s = (sides[0] + 0.5) * BLOCK / rate_hz
        yield Finding(
            kind=STEP.name,
            words="From here on the samples show another gain after rounding than before: the "
            "level was changed here.",
            start_s=round(start_s, 3),
            end_s=round((sides[1] + 0.5) * BLOCK / rate_hz, 3),
            figure=round(float(scores[side].mean()), 1),
            unit="standard deviations",
            limit=SCORE,
            details={"gain_db": round(-20 * math.log10(line), 2)},
        )
        at += n + skip


FINDER = Finder(
    name="quantisation",
    kinds=(BITS, GAIN, STEP),
    find=find,
    parameters={"block_samples": BLOCK, "score": SCORE, "least_blocks": LEAST_BLOCKS},
    revision=3,
)
