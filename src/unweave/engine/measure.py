"""What is measured while sound flows by: null test, peaks, loudness, faults of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unweave.core.types import Wave
from unweave.dsp.loudness import Loudness

SILENCE_DB = -300.0  # stands for minus infinity, which JSON cannot hold
FULL_SCALE = 1.0 - 2.0**-15  # the highest 16-bit value: what a clipped recording stays at


def decibels(ratio: float) -> float:
    """`10 log10` of a ratio of energies, never below SILENCE_DB."""
    return max(SILENCE_DB, 10 * math.log10(ratio)) if ratio > 0 else SILENCE_DB


def _peak(block: Wave) -> float:
    return max(float(block.max(initial=0.0)), -float(block.min(initial=0.0)))


class Faults:
    """Counts what is wrong with a recording and makes it finite."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.samples = 0
        self.not_finite = 0
        self.clipped = 0
        self.loudest = 0.0
        self.total = 0.0

    def clean(self, block: Wave) -> Wave:
        """The block `(channel, time)` with NaN and infinity as silence."""
        self.samples += block.shape[-1]
        peak = _peak(block)
        if not math.isfinite(peak):
            bad = ~np.isfinite(block)
            self.not_finite += int(bad.sum())
            block = np.where(bad, np.float32(0), block)
            peak = _peak(block)
        if peak >= FULL_SCALE:
            high = np.abs(block) >= FULL_SCALE
            # Two in a row: a single sample at full scale is a peak, a run is a cut-off wave.
            self.clipped += int((high[:, 1:] & high[:, :-1]).sum())
        self.loudest = max(self.loudest, peak)
        self.total += float(block.sum(dtype=np.float64)) / block.shape[0]
        return block

    def warnings(self) -> list[str]:
        """One sentence for each kind of fault."""
        found = []
        if self.not_finite:
            found.append(f"{self.not_finite} samples were NaN or infinite and count as silence")
        if self.clipped:
            found.append(f"the recording is clipped: {self.clipped} samples stay at full scale")
        if self.samples and self.loudest == 0.0:
            found.append("the recording is silent")
        mean = self.total / max(1, self.samples)
        if abs(mean) > 0.01:
            found.append(f"the recording has a DC offset of {mean:+.3f}")
        return found


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
        lost = mix - stems[self.summed].sum(0)
        self.mix_energy += float(np.vdot(mix, mix))
        self.lost_energy += float(np.vdot(lost, lost))
        for loudness, stem in zip(self._loudness, stems, strict=True):
            loudness.push(stem)

    @property
    def peaks(self) -> list[float]:
        """The largest absolute sample of each stem so far, 1.0 being full scale."""
        return [loudness.peak for loudness in self._loudness]

    def null_test_db(self) -> float | None:
        """Energy of what the stems lack against the mix's; None for a silent mix."""
        return decibels(self.lost_energy / self.mix_energy) if self.mix_energy else None

    def peak_dbfs(self, stem: int, gain: float) -> float:
        return decibels((self.peaks[stem] * gain) ** 2)

    def loudness_lufs(self, stem: int, gain: float) -> float | None:
        """Integrated loudness; None where nothing rose above the gate."""
        loudness = self._loudness[stem].integrated_lufs()
        return loudness + decibels(gain**2) if math.isfinite(loudness) else None
