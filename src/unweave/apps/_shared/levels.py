"""The level of what is made: measured, then set by one gain and, where that clips, a limiter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unweave.engine.measure import FULL_SCALE, UNCLIPPED, decibels
from unweave.signal.loudness import Loudness
from unweave.signal.true_peak import TruePeak
from unweave.types import Wave

MOST_DBTP = -1.0  # EBU R 128
MARGIN_DB = 0.05  # other meters look at other places between the samples
CEILING = 10 ** ((MOST_DBTP - MARGIN_DB) / 20)
LIMITED_DB = 12.0  # more is heard as pumping
NEAR_LU = 0.1  # a further pass is not worth it
ENOUGH_LU = 0.3
PASSES = 6


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


@dataclass(frozen=True, slots=True)
class Setting:
    """The gain that brings a sound to a loudness. limited: its peaks have to be limited then."""

    gain: float = 1.0
    limited: bool = False
    notes: Sequence[str] = ()


def setting(
    found: Levels, loudness: float | None, name: str, limited_lufs: Callable[[float], float]
) -> Setting:
    """How a sound comes to `loudness` in LUFS with its true peak below CEILING.

    By its gain alone where that is enough. Else its peaks are limited, by LIMITED_DB at most, which
    takes loudness: the gain is raised until that is made up for. name: of the sound, in notes.
    limited_lufs: the loudness with a gain and limited, which is measured in a pass through the
    sound; the last gain that it is asked for is the one that is returned.
    """
    if loudness is None:
        return Setting()
    if found.lufs is None:
        return Setting(notes=[f"{name} is too quiet or too short to have a loudness: as it is"])
    wanted_db, free_db = loudness - found.lufs, 20 * math.log10(CEILING / found.true_peak)
    if wanted_db <= free_db:
        return Setting(10 ** (wanted_db / 20))
    gain_db, most_db = wanted_db, free_db + LIMITED_DB
    before: tuple[float, float] | None = None  # the gain of the pass before, and what came of it
    for _ in range(PASSES):
        gain_db = min(gain_db, most_db)
        lufs = limited_lufs(10 ** (gain_db / 20))
        missing = loudness - lufs
        if abs(missing) <= NEAR_LU or (missing > 0 and gain_db == most_db):
            break
        # A secant: the louder it is, the less a gain adds.
        slope = (lufs - before[1]) / (gain_db - before[0]) if before else 1.0
        before = gain_db, lufs
        last, gain_db = gain_db, gain_db + missing / min(1.0, max(0.1, slope))
    else:
        gain_db = last
    notes = []
    if abs(missing) > ENOUGH_LU:
        notes.append(
            f"{name} has {lufs:.1f} LUFS: at {loudness:g} LUFS its peaks would be limited by more "
            f"than {LIMITED_DB:g} dB to stay below {MOST_DBTP:g} dBTP"
        )
    return Setting(10 ** (gain_db / 20), True, notes)


def unclipped(peak: float, gain: float, what: str) -> tuple[float, list[str]]:
    """`gain`, or the one at which integers hold a peak; and what there is to say then."""
    if peak * gain <= FULL_SCALE:
        return gain, []
    over_db = 20 * math.log10(peak * gain)
    said = f"peaks {over_db:.2f} dB above full scale, so {what} that much quieter"
    return UNCLIPPED / peak, [f"{said} (32-bit WAV keeps the level)"]
