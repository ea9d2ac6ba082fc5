"""De-essing: sharp s and sh sounds are turned down, in their own band only and while they last.

The band of sibilants is split off with a linear-phase filter, and its momentary level compared with
that of the voice: the mean level below the band over the second before and after. What rises
above `threshold_db` is brought back by half its excess, `most_db` at the most (split-band
de-essing, Zölzer, DAFX, 2011, ch. 4). Gains are worked out ahead, so that they have come down when
the sound comes, and all channels share them. An s of a usual voice stays; for use on a voice, as
cymbals without a band below them are sibilants too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unweave.apps.restore.tools.filters import Array, band_pass, inside, low_pass
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

BAND_HZ = 5000.0, 9000.0
VOICE_HZ = 4000.0  # below lies what the band is compared with
WIDTH_HZ = 1000.0  # of a transition
MOMENT_S = 0.01
VOICE_S = 2.0
SLOPE = 0.5  # of the excess that is taken away
SOFTEST_DB = -60.0  # of full scale: softer sibilants are left alone
SIZE_S = 2.0


@dataclass
class Sibilance:
    """seconds: how long the band was turned down; reduction_db: by how much at the most."""

    seconds: float = 0.0
    reduction_db: float = 0.0


def deess(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    threshold_db: float = 7.0,
    most_db: float = 6.0,
    band_hz: tuple[float, float] = BAND_HZ,
    found: Sibilance | None = None,
) -> Iterator[Wave]:
    """The same samples, sibilants softer.

    blocks: `(channel, time)` of any length. threshold_db: level of the band relative to the
    voice's. At rates that do not hold the lower part of the band, samples keep their bits. Raises
    ValueError for settings that cannot be.
    """
    low_hz, high_hz = band_hz
    if not VOICE_HZ < low_hz < high_hz or not 0 <= most_db <= 24:
        raise ValueError(f"cannot turn {low_hz} to {high_hz} Hz down by {most_db} dB")
    found = Sibilance() if found is None else found
    if sample_rate_hz / 2 < low_hz + 2 * WIDTH_HZ or most_db == 0:
        yield from blocks
        return
    band_taps = band_pass(low_hz, high_hz, WIDTH_HZ, sample_rate_hz)
    voice_taps = low_pass(VOICE_HZ, WIDTH_HZ, sample_rate_hz)
    moment = _bell(MOMENT_S, sample_rate_hz)
    around = _bell(VOICE_S, sample_rate_hz)
    half, blur, far = len(band_taps) // 2, len(moment) // 2, len(around) // 2
    context = half + far + blur
    for window in windows(in_blocks(blocks, round(SIZE_S * sample_rate_hz)), context):
        band, voice = inside(window, band_taps), inside(window, voice_taps)
        band_power = inside((band**2).sum(0)[None], moment)[0, far - blur :][
            : -(far - blur) or None
        ]
        voice_power = inside((voice**2).sum(0)[None], around)[0]
        excess_db = _decibels(band_power) - np.maximum(
            _decibels(voice_power) + threshold_db, SOFTEST_DB
        )
        wanted_db = np.minimum(SLOPE * np.maximum(excess_db, 0.0), most_db)
        reduction_db = inside(wanted_db[None], moment)[0]
        reduction_db[reduction_db < 1e-6] = 0.0  # what a transform leaves of nothing
        inner = slice(context, window.shape[1] - context)
        wave = window[:, inner]
        change = (10 ** (-reduction_db / 20) - 1) * band[:, context - half :][:, : wave.shape[1]]
        found.seconds += float(np.count_nonzero(reduction_db > 0.5)) / sample_rate_hz
        found.reduction_db = max(found.reduction_db, float(reduction_db.max(initial=0.0)))
        yield np.where(reduction_db > 0, wave + change, wave).astype(np.float32)


def _bell(length_s: float, sample_rate_hz: int) -> Array:
    half = max(1, round(length_s * sample_rate_hz / 2))
    bell = np.hanning(2 * half + 3)[1:-1]
    return bell / bell.sum()


def _decibels(power: Array) -> Array:
    return 10 * np.log10(np.maximum(power, 1e-20))
