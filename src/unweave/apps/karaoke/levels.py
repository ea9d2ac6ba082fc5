"""The level of a backing track: measured while it is made, then set by one gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unweave.engine.measure import FULL_SCALE, UNCLIPPED, decibels
from unweave.signal.loudness import Loudness
from unweave.signal.true_peak import TruePeak
from unweave.types import Wave

MOST_DBTP = -1.0  # EBU R 128
MARGIN_DB = 0.05  # other meters look at other places between the samples
CLICK_OVER_LU = 2.0  # the peak of a click above the song's loudness: heard, and no fright
CLICK_PEAKS = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Levels:
    """peak, true_peak: 1.0 is full scale. lufs: integrated; None where nothing is above the gate"""

    peak: float
    true_peak: float
    lufs: float | None

    def facts(self) -> dict[str, float | None]:
        """In decibels, for the report."""
        return {
            "peak_dbfs": round(decibels(self.peak**2), 2),
            "true_peak_dbtp": round(decibels(self.true_peak**2), 2),
            "loudness_lufs": None if self.lufs is None else round(self.lufs, 2),
        }


class Meter:
    """Push blocks `(channel, time)`, then `levels`."""

    def __init__(self, rate_hz: int, channels: int, channel_names: Sequence[str] = ()) -> None:
        self._loudness = Loudness(rate_hz, channels, channel_names)
        self._true_peak = TruePeak(rate_hz, channels)

    def push(self, block: Wave) -> None:
        self._loudness.push(block)
        self._true_peak.push(block)

    def levels(self) -> Levels:
        """Of all that was pushed. The meter is used up."""
        lufs = self._loudness.integrated_lufs()
        peak = self._loudness.peak
        true_peak = max(peak, self._true_peak.finish())
        return Levels(peak, true_peak, lufs if math.isfinite(lufs) else None)


def gain_for(found: Levels, loudness: float | None, integer: bool) -> tuple[float, list[str]]:
    """The gain that brings a track to `loudness` in LUFS, and what there is to say about it.

    The true peak stays below `MOST_DBTP`, by a lower gain where it has to be. Without a loudness,
    only samples of a file of integers are kept from clipping.
    """
    gain, notes = 1.0, list[str]()
    if loudness is not None and found.lufs is None:
        notes.append("the backing track is too quiet or too short to have a loudness: as it is")
    elif loudness is not None and found.lufs is not None:
        wanted_db = loudness - found.lufs
        most_db = MOST_DBTP - MARGIN_DB - 20 * math.log10(found.true_peak)
        gain = 10 ** (min(wanted_db, most_db) / 20)
        if wanted_db > most_db:
            above = MOST_DBTP + wanted_db - most_db
            notes.append(
                f"at {loudness:g} LUFS its true peak would be {above:+.1f} dBTP: the backing track "
                f"has {found.lufs + most_db:.1f} LUFS, so that it stays below {MOST_DBTP:g} dBTP"
            )
    if integer and found.peak * gain > FULL_SCALE:
        over_db = 20 * math.log10(found.peak * gain)
        gain = UNCLIPPED / found.peak
        notes.append(
            f"it peaks {over_db:.2f} dB above full scale: the backing track is so much quieter "
            "(32-bit WAV keeps the level)"
        )
    return gain, notes


def click_peak(lufs: float | None) -> float:
    """The peak of a click before a song of that loudness."""
    low, high = CLICK_PEAKS
    return high / 2 if lufs is None else min(high, max(low, 10 ** ((lufs + CLICK_OVER_LU) / 20)))
