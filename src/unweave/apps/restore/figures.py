"""Figures of a recording before and after: noise floor, clicks, hum, loudness, true peak.

They are simple on purpose and the same for both, and know nothing of what the tools found:

- noise floor: the level in dBFS that the quietest tenth of moments of 50 ms does not exceed,
  digital silence left out;
- clicks: places where the second difference of the samples is `OUT` times its median around. A
  hard attack may count as one;
- hum: the level in dBFS of the harmonics of 50 or 60 Hz up to 1 kHz as far as they stand out of
  the frequencies beside them, from the mean over moments of the spectrum in dB, in which what
  comes and goes counts little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.apps._shared.levels import Levels, Meter
from unweave.types import Wave

MOMENT_S = 0.05
QUIET = 0.1
OUT = 20.0
CELL_S = 0.02
APART_S = 0.001  # clicks nearer than this are one
SOFTEST = 1e-3  # of full scale: softer ones are not counted
HUM_S = 2.0
MAINS_HZ = 50.0, 60.0
HIGHEST_HZ = 1000.0
OFF_HZ = 0.5  # that the mains may be off
STANDS_OUT_DB = 9.0
HARMONICS = 2  # of a hum, at least
_FROM_DB, _STEP_DB, _STEPS = -200.0, 0.5, 420

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """noise_floor_dbfs: None where all is silent or too short. hum_dbfs: None where none is."""

    levels: Levels
    noise_floor_dbfs: float | None
    clicks: int
    hum_dbfs: float | None
    hum_hz: float | None

    def facts(self) -> dict[str, float | None]:
        """For the report."""
        return {
            **self.levels.facts(),
            "noise_floor_dbfs": _rounded(self.noise_floor_dbfs),
            "clicks": self.clicks,
            "hum_dbfs": _rounded(self.hum_dbfs),
            "hum_hz": self.hum_hz,
        }


class Figuring:
    """Passes blocks on, and looks at them: `of` them, then `figures`."""

    def __init__(self, rate_hz: int, channels: int, channel_names: Sequence[str] = ()) -> None:
        self._meter = Meter(rate_hz, channels, channel_names)
        self._rate_hz = rate_hz
        self._floor = np.zeros(_STEPS, np.int64)
        self._clicks = 0
        self._spectrum: Array | float = 0.0
        self._spectra = 0
        self._rest = np.zeros((channels, 0), np.float32)
        self._size = round(HUM_S * rate_hz)

    def of(self, blocks: Iterator[Wave]) -> Iterator[Wave]:
        """The same blocks."""
        for block in blocks:
            self.push(block)
            yield block

    def push(self, block: Wave) -> None:
        """The next samples `(channel, time)`, of any length."""
        self._meter.push(block)
        wave = np.concatenate([self._rest, block], axis=1)
        while wave.shape[1] >= self._size:
            self._look(wave[:, : self._size])
            wave = wave[:, self._size :]
        self._rest = wave

    def figures(self) -> Figures:
        """Of all that was pushed. The meter is used up."""
        if self._rest.shape[1]:
            self._look(self._rest)
        hum_dbfs, hum_hz = self._hum()
        return Figures(self._meter.levels(), self._quiet(), self._clicks, hum_dbfs, hum_hz)

    def _look(self, wave: Wave) -> None:
        size = max(1, round(MOMENT_S * self._rate_hz))
        whole = wave[:, : wave.shape[1] // size * size]
        power = np.square(whole, dtype=np.float64).mean(0).reshape(-1, size).mean(1)
        power = power[power > 0]
        place = (10 * np.log10(np.maximum(power, 1e-20)) - _FROM_DB) / _STEP_DB
        np.add.at(self._floor, np.clip(place, 0, _STEPS - 1).astype(int), 1)
        self._clicks += sum(_clicks(row, self._rate_hz) for row in wave)
        if wave.shape[1] == self._size:
            window = np.hanning(self._size)
            spectra = np.abs(np.fft.rfft(wave * window)) ** 2
            power = spectra.mean(0)[: round((HIGHEST_HZ + 20) * HUM_S)]
            power *= 4 / np.sum(window) ** 2 / 2  # to that of a sine
            if power.any():
                self._spectrum = self._spectrum + 10 * np.log10(np.maximum(power, 1e-20))
                self._spectra += 1

    def _quiet(self) -> float | None:
        total = np.cumsum(self._floor)
        if not total[-1]:
            return None
        return _FROM_DB + _STEP_DB * (float(np.argmax(total >= QUIET * total[-1])) + 0.5)

    def _hum(self) -> tuple[float | None, float | None]:
        if not self._spectra:
            return None, None
        mean_db = np.asarray(self._spectrum) / self._spectra
        found = {hz: self._lines(mean_db, hz) for hz in MAINS_HZ}
        hz = max(found, key=lambda each: len(found[each]))
        if len(found[hz]) < HARMONICS:
            return None, None
        return 10 * float(np.log10(np.sum(10 ** (np.array(found[hz]) / 10)))), hz

    def _lines(self, mean_db: Array, mains_hz: float) -> list[float]:
        """The levels of the harmonics that stand out."""
        levels = []
        most_hz = min(HIGHEST_HZ, self._rate_hz / 2 - 20)
        for number in range(1, int(most_hz // mains_hz) + 1):
            middle = round(number * mains_hz * HUM_S)
            off = max(1, round(min(number, 4) * OFF_HZ * HUM_S))
            line = mean_db[middle - off : middle + off + 1]
            beside = np.concatenate(
                [mean_db[middle - off - 16 : middle - off - 3],
                 mean_db[middle + off + 4 : middle + off + 17]]
            )  # fmt: skip
            if line.max() - np.median(beside) > STANDS_OUT_DB:
                levels.append(float(line.max()))
        return levels


def _clicks(row: Wave, rate_hz: int) -> int:
    bend = np.abs(np.diff(row, 2))
    size = max(8, round(CELL_S * rate_hz))
    if len(bend) < size:
        return 0
    cells = len(bend) // size
    usual = np.median(bend[: cells * size].reshape(cells, size), axis=1)
    # A click beside a pause is measured by what is louder.
    padded = np.pad(usual, 1, "edge")
    usual = np.maximum(np.maximum(padded[:-2], padded[2:]), usual)
    least = np.repeat(np.maximum(OUT * usual, SOFTEST), size)
    at = np.flatnonzero(bend[: cells * size] > least)
    return int(len(at) > 0) + int(np.sum(np.diff(at) > APART_S * rate_hz))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
