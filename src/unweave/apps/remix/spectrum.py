"""Loudness and long-term spectrum of a sound, and the filter that brings one near another's.

The spectrum is the mean power density in third octaves (IEC 61260-1, base ten; the highest may be
cut off by half the sample rate), of those 400 ms frames that count for the loudness (ITU-R
BS.1770-4: above -70 LUFS, and no more than 10 LU below the mean of those). So pauses count neither
way. Levels within a third octave are not told apart: that is the smoothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.apps.remix.filters import Array, Gain
from unweave.audio.reader import Reader
from unweave.core.files import shown
from unweave.errors import InputError
from unweave.signal.loudness import (
    ABSOLUTE_GATE_LUFS,
    OFFSET_LU,
    RELATIVE_GATE_LU,
    RESPONSE_S,
    channel_weights,
    k_weighting,
)
from unweave.types import Wave

FRAME_S = 0.4
BANDS_HZ = 1000.0 * 10 ** (np.arange(-16, 14) / 10)  # 25 Hz to 20 kHz
MOST_DB = 12.0
_HALF_BAND = 10 ** (1 / 20)
_SILENCE = 1e-20  # power that stands for none


@dataclass(frozen=True)
class Spectrum:
    """`bands_db`: power density in each third octave of `bands_hz`, dB to full scale and hertz.
    `weights`: what each counts for the loudness."""

    loudness_lufs: float
    bands_hz: Array
    bands_db: Array
    weights: Array


@dataclass(frozen=True)
class Correction:
    """What brings a stem near a reference: a change of level, and of each third octave.

    limited: some change would have been larger than is allowed.
    """

    loudness_db: float
    bands_hz: Array
    bands_db: Array
    limited: bool

    def gain(self) -> Gain:
        """Both changes over frequency: linear in dB between the middles of the bands."""
        at, total = np.log(self.bands_hz), self.loudness_db + self.bands_db
        return lambda hz: np.interp(np.log(hz), at, total)


class Meter:
    """Push blocks `(channel, time)`, then read `spectrum()`."""

    def __init__(self, sample_rate_hz: int, channels: int, names: Iterable[str] = ()) -> None:
        self._size = round(FRAME_S * sample_rate_hz)
        self._window = np.hanning(self._size + 1)[:-1]
        self._weights = np.array(channel_weights(channels, tuple(names)))
        hz = np.fft.rfftfreq(self._size, 1 / sample_rate_hz)
        self.bands_hz = BANDS_HZ[sample_rate_hz / 2 > BANDS_HZ]
        edges_hz = np.append(self.bands_hz / _HALF_BAND, self.bands_hz[-1] * _HALF_BAND)
        self._edges = np.searchsorted(hz, edges_hz)
        self._widths_hz = np.diff(self._edges) * hz[1]
        response = k_weighting(sample_rate_hz, int(np.ceil(RESPONSE_S * sample_rate_hz)))
        self._response = np.abs(np.fft.rfft(response, self._size)) ** 2
        middles = np.clip(np.searchsorted(hz, self.bands_hz), 0, len(hz) - 1)
        self._of_bands = self._response[middles] * self._widths_hz
        self._rest = np.zeros((channels, 0), np.float32)
        self._frames: list[Array] = []  # of each, what counts for the loudness, then the bands

    def push(self, block: Wave) -> None:
        """The next samples, of any length."""
        wave, hop = np.concatenate([self._rest, block], axis=1), self._size // 2
        at = 0
        while at + self._size <= wave.shape[1]:
            self._frames.append(self._measured(wave[:, at : at + self._size]))
            at += hop
        self._rest = wave[:, at:]

    def spectrum(self) -> Spectrum | None:
        """Of all samples so far; None where nothing is loud enough to count."""
        frames = np.array(self._frames).reshape(-1, 1 + len(self.bands_hz))
        loud = frames[frames[:, 0] > 10 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LU) / 10)]
        if not len(loud):
            return None
        mean = loud[loud[:, 0] > loud[:, 0].mean() * 10 ** (RELATIVE_GATE_LU / 10)].mean(axis=0)
        bands_db = 10 * np.log10(np.maximum(mean[1:], _SILENCE))
        loudness = OFFSET_LU + 10 * float(np.log10(mean[0]))
        return Spectrum(loudness, self.bands_hz, bands_db, self._of_bands)

    def _measured(self, frame: Wave) -> Array:
        scale = 2 / (self._size * float(np.sum(self._window**2)))  # to power, of one side
        power = scale * np.abs(np.fft.rfft(frame * self._window)) ** 2
        power = self._weights @ power
        bands = np.add.reduceat(power[: self._edges[-1]], self._edges[:-1])
        return np.append(np.sum(power * self._response), bands / self._widths_hz)


def of_file(path: Path) -> Spectrum:
    """The spectrum of a recording. Raises InputError where it cannot be read, or is silent."""
    with Reader(path) as reader:
        info = reader.info
        meter = Meter(info.sample_rate_hz, info.channels, info.channel_names)
        for block in reader.blocks(info.sample_rate_hz):
            meter.push(np.nan_to_num(block, posinf=0.0, neginf=0.0))
    found = meter.spectrum()
    if found is None:
        raise InputError(f"{shown(path)}: is silent or too short to match; name another recording")
    return found


def correction(stem: Spectrum, reference: Spectrum) -> Correction:
    """What brings a stem near a reference, each change at most MOST_DB either way.

    The change of the bands is beside that of the loudness, and changes no loudness itself: what
    the limits do to the K-weighted power is undone.
    """
    count = min(len(stem.bands_hz), len(reference.bands_hz))
    louder = reference.loudness_lufs - stem.loudness_lufs
    wanted = reference.bands_db[:count] - stem.bands_db[:count] - louder
    bands = np.clip(wanted, -MOST_DB, MOST_DB)
    loudness = float(np.clip(louder, -MOST_DB, MOST_DB))
    power = stem.weights[:count] * 10 ** (stem.bands_db[:count] / 10)
    kept, whole = (np.sum(power * 10 ** (change / 10)) for change in (bands, wanted))
    added = 10 * float(np.log10(kept / whole))
    limited = loudness != louder or bool(np.any(bands != wanted))
    return Correction(loudness - added, stem.bands_hz[:count], bands, limited)
