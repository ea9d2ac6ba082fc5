"""DC and rumble: a constant is subtracted, and a linear-phase high-pass takes what is not heard.

The mean of each channel, measured over the whole recording, is subtracted as it is: no filter rings
at the ends. What moves below 20 Hz (warped records, motors, wind) is found with a low-pass
whose transition lies below `cut_hz`, and subtracted: above `cut_hz` nothing changes. Clean
recordings have something there too (drums, breath, the steps of a singer), so rumble counts from
RUMBLE_DB of the recording's power on, DC from DC_DB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unweave.apps.restore.tools.filters import Array, inside, low_pass
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

CUT_HZ = 20.0
DC_DB = -40.0  # of the recording's power: less is left where it is
RUMBLE_DB = -15.0
STOP = 0.6  # of `cut_hz`: the rumble below is gone
SIZE_S = 4.0
_TINY = 1e-30


@dataclass(frozen=True)
class Rumble:
    """What is below hearing. dc: the mean of each channel, of full scale. dc_db, rumble_db: both
    relative to the power of the recording, -300 for none."""

    dc: tuple[float, ...]
    dc_db: float
    rumble_db: float
    cut_hz: float
    least_db: float = RUMBLE_DB

    @property
    def has_dc(self) -> bool:
        return self.dc_db > DC_DB

    @property
    def has_rumble(self) -> bool:
        return self.rumble_db > self.least_db


def learn(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    cut_hz: float = CUT_HZ,
    least_db: float = RUMBLE_DB,
) -> Rumble:
    """Measure a recording, blocks `(channel, time)` of any length.

    least_db: of the recording's power, from which on what is below `cut_hz` is rumble. Raises
    ValueError for settings that cannot be.
    """
    taps = _taps(cut_hz, sample_rate_hz)
    half, length = len(taps) // 2, 0
    total: Array = np.zeros(0)
    power: Array = np.zeros(0)
    low_sum: Array = np.zeros(0)
    low_power: Array = np.zeros(0)
    # Near the ends the low-pass sees silence beside a constant: only what is inside is measured.
    for window in windows(in_blocks(blocks, round(SIZE_S * sample_rate_hz)), half):
        wave = window[:, half : window.shape[1] - half].astype(np.float64)
        low = inside(window, taps)
        if not length:
            total, power = np.zeros(len(wave)), np.zeros(len(wave))
            low_sum, low_power = np.zeros(len(wave)), np.zeros(len(wave))
        total += wave.sum(1)
        power += (wave**2).sum(1)
        low_sum += low.sum(1)
        low_power += (low**2).sum(1)
        length += wave.shape[1]
    if not length:
        return Rumble((), -300.0, -300.0, cut_hz, least_db)
    dc = total / length
    rumble = low_power / length - (low_sum / length) ** 2
    return Rumble(
        tuple(float(value) for value in dc),
        _relative_db(float((dc**2).sum()), float(power.sum()) / length),
        _relative_db(float(rumble.sum()), float(power.sum()) / length),
        cut_hz,
        least_db,
    )


def rumble(blocks: Iterator[Wave], sample_rate_hz: int, *, profile: Rumble) -> Iterator[Wave]:
    """The same samples without the DC and the rumble that `learn` found."""
    if not profile.has_dc and not profile.has_rumble:
        yield from blocks
        return
    dc = np.array(profile.dc)[:, None] if profile.has_dc else np.zeros((len(profile.dc), 1))
    level = (block - dc for block in blocks)  # float64
    if not profile.has_rumble:
        yield from (wave.astype(np.float32) for wave in level)
        return
    taps = _taps(profile.cut_hz, sample_rate_hz)
    half = len(taps) // 2
    narrow = (wave.astype(np.float32) for wave in level)
    for window in windows(in_blocks(narrow, round(SIZE_S * sample_rate_hz)), half):
        wave = window[:, half : window.shape[1] - half]
        yield (wave - inside(window, taps)).astype(np.float32)


def _taps(cut_hz: float, sample_rate_hz: int) -> Array:
    if not 1 <= cut_hz < sample_rate_hz / 4:
        raise ValueError(f"cannot cut below {cut_hz} Hz at {sample_rate_hz} Hz")
    return low_pass((1 + STOP) / 2 * cut_hz, (1 - STOP) * cut_hz, sample_rate_hz)


def _relative_db(part: float, whole: float) -> float:
    if part <= _TINY or whole <= _TINY:
        return -300.0
    return float(10 * np.log10(part / whole))
