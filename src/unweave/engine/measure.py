"""Measurements of a separation: null test, peaks, loudness, faults of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.signal.loudness import Loudness
from unweave.types import Wave

SILENCE_DB = -300.0  # stands for minus infinity, which JSON cannot hold
LOWEST_CEILING = 0.1  # below it, equal samples are more likely to be rounding than clipping
FULL_SCALE = 1.0  # what lies above it, integer formats cannot hold
UNCLIPPED = 1.0 - 2.0**-15  # the peak of what would clip: rounding cannot reach full scale
SHORTEST_RUN = 3  # equal samples in a row


def decibels(ratio: float) -> float:
    """`10 log10` of a ratio of energies, never below SILENCE_DB."""
    return max(SILENCE_DB, 10 * math.log10(ratio)) if ratio > 0 else SILENCE_DB


class Ceiling:
    """Counts samples that stay at a channel's highest level: the flat tops of a cut-off wave.

    A single sample at the top is a peak. So are a few equal ones that rounding to integers makes of
    a slow wave's top; but that one falls off by a step of the integers, and a cut-off wave by more.
    """

    def __init__(self, step: float) -> None:
        """step: what a wave may fall by beside its top for reasons of rounding."""
        self.level = LOWEST_CEILING
        self.step = step
        self.count = 0
        self._run = 0  # samples at the level that the wave so far ends with
        self._before: float | None = None  # the sample before them; None: the wave begins so

    def push(self, wave: npt.NDArray[np.float32], peak: float) -> None:
        """wave: `(time,)`, going on from the one before; peak: its highest sample."""
        if not wave.size:
            return
        if peak > self.level:
            self._before = self.level if self._run else self._before  # beside is what is lower
            self.level, self.count, self._run = peak, 0, 0
        if peak < self.level and not self._run:
            self._before = float(wave[-1])
            return
        top = np.concatenate([[self._run > 0], wave == np.float32(self.level), [False]])
        edges = np.flatnonzero(top[1:] != top[:-1])
        if self._run:  # `edges` has its end, or the block's where it goes on
            edges = np.concatenate([[0], edges])
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if start > 0:
                self._run, self._before = 0, float(wave[start - 1])
            self._run += int(end - start)
            if end < wave.size:
                self._judge(float(wave[end]))
                self._run = 0
        if not self._run:
            self._before = float(wave[-1])

    def finish(self) -> int:
        """The samples that were found, at the end of the recording."""
        if self._before is not None:
            self._judge(self._before)
        self._run = 0
        return self.count

    def _judge(self, after: float) -> None:
        """Count the run that ended unless the lower one of its neighbours is a step away."""
        beside = after if self._before is None else min(self._before, after)
        if self._run >= SHORTEST_RUN and self.level - beside > self.step:
            self.count += self._run


class SampleSanitizer:
    """Makes samples finite, and counts what is wrong with a recording."""

    def __init__(self, sample_rate_hz: int, bits: int | None = None) -> None:
        """bits: of the recording's samples, None where they are not known."""
        self.sample_rate_hz = sample_rate_hz
        self.samples = 0
        self.not_finite = 0
        self.loudest = 0.0
        self._step = 1.5 * 2.0 ** -(min(bits or 16, 16) - 1)
        self._ceilings: list[tuple[Ceiling, Ceiling]] = []  # of each channel and of its negative
        self._sums = np.zeros(0)

    def clean(self, block: Wave) -> Wave:
        """The block `(channel, time)` with NaN and infinity as silence."""
        self.samples += block.shape[-1]
        highest, lowest = _extremes(block)
        if not (np.isfinite(highest).all() and np.isfinite(lowest).all()):
            bad = ~np.isfinite(block)
            self.not_finite += int(bad.sum())
            block = np.where(bad, np.float32(0), block)
            highest, lowest = _extremes(block)
        if not self._ceilings:
            self._ceilings = [(Ceiling(self._step), Ceiling(self._step)) for _ in block]
            self._sums = np.zeros(len(block))
        for wave, (above, below), high, low in zip(
            block, self._ceilings, highest, lowest, strict=True
        ):
            above.push(wave, float(high))
            below.push(-wave, float(-low))
        self.loudest = max(self.loudest, float(highest.max()), float(-lowest.min()))
        self._sums += block.sum(axis=1, dtype=np.float64)
        return block

    def warnings(self) -> list[str]:
        """One sentence for each kind of fault."""
        found = []
        if self.not_finite:
            found.append(f"{self.not_finite} samples were NaN or infinite and count as silence")
        clipped = sum(ceiling.finish() for pair in self._ceilings for ceiling in pair)
        if clipped:
            found.append(f"the recording is clipped: {clipped} samples lie in flat tops")
        if self.samples and self.loudest == 0.0:
            found.append("the recording is silent")
        offsets = [
            f"{mean:+.3f}" + (f" in channel {n}" if self._sums.size > 1 else "")
            for n, mean in enumerate(self._sums / max(1, self.samples), 1)
            if abs(mean) > 0.01
        ]
        if offsets:
            found.append(f"the recording has a DC offset of {', '.join(offsets)}")
        return found


def _extremes(block: Wave) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The highest and the lowest sample of each channel; 0 where there are none."""
    return block.max(axis=1, initial=0.0), block.min(axis=1, initial=0.0)


def _energy(wave: Wave) -> float:
    """The sum of squares, in 64 bits: squares of loud samples are beyond the range of 32."""
    return float(np.einsum("ct,ct->", wave, wave, dtype=np.float64))


class StemMeter:
    """Peaks and loudness of each stem, and the null test of all of them against the mix."""

    def __init__(
        self,
        stems: Sequence[str],
        summed: Sequence[int],
        sample_rate_hz: int,
        channels: int,
        channel_names: Sequence[str],
    ) -> None:
        """stems: names, in the order of the blocks; summed: those that should make up the mix."""
        self.stems = tuple(stems)
        self.summed = list(summed)
        self.mix_energy = 0.0
        self.lost_energy = 0.0
        names = tuple(channel_names)
        self._loudness = [Loudness(sample_rate_hz, channels, names) for _ in self.stems]

    def push(self, mix: Wave, stems: Wave) -> None:
        """mix: `(channel, time)`; stems: `(stem, channel, time)`, finite."""
        with np.errstate(over="ignore", invalid="ignore"):  # `null_test_db` looks at the sums
            lost = mix - stems[self.summed].sum(0)
            self.mix_energy += _energy(mix)
            self.lost_energy += _energy(lost)
        for loudness, stem in zip(self._loudness, stems, strict=True):
            loudness.push(stem)

    @property
    def peaks(self) -> list[float]:
        """The largest absolute sample of each stem so far, 1.0 being full scale."""
        return [loudness.peak for loudness in self._loudness]

    def null_test_db(self) -> float | None:
        """Energy of what the stems lack against the mix's.

        None for a silent mix, and for sums that were beyond the range of float.
        """
        if not self.mix_energy or not math.isfinite(self.lost_energy):
            return None
        return decibels(self.lost_energy / self.mix_energy)

    def peak_dbfs(self, stem: int, gain: float) -> float:
        return decibels((self.peaks[stem] * gain) ** 2)

    def loudness_lufs(self, stem: int, gain: float) -> float | None:
        """Integrated loudness; None where nothing rose above the gate or it was beyond measure."""
        loudness = self._loudness[stem].integrated_lufs()
        return loudness + decibels(gain**2) if math.isfinite(loudness) else None


@dataclass(frozen=True, slots=True)
class Pass:
    """What one run through the recording found out."""

    meter: StemMeter
    peak: float  # of the stems that are written, before any gain
    warnings: tuple[str, ...]
    samples: int
    seconds: float
