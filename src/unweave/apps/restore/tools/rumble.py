"""DC and rumble: a constant is subtracted, and a linear-phase high-pass takes what is not heard.

The mean of each channel, measured over the whole recording, is subtracted as it is: no filter rings
at the ends. What moves below 20 Hz (warped records, motors, wind) is found with a low-pass
whose transition lies below `cut_hz`, and subtracted: above `cut_hz` nothing changes.

Clean recordings have something there too (drums, breath, the steps of a singer). So rumble counts
from RUMBLE_DB of the recording's power on, DC from DC_DB; and both have to stay, as a fault of a
machine does and music does not: the mean is nearly the same in all pieces of PIECE_S, and the quiet
ones have nearly as much rumble as the others. Wind that comes in gusts stays for that reason.
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
PIECE_S = 0.5
FEWEST = 4  # pieces that tell whether something stays
QUIET = 0.2  # the share of the pieces that are quiet ...
STAYS = 0.25  # ... and the least part of the mean power that they have
MOVES = 0.5  # the most by which the mean may deviate from piece to piece, as a part of it
AT_ONCE = 8  # pieces
SIZE_S = 4.0
_TINY = 1e-30


@dataclass(frozen=True)
class Rumble:
    """What is below hearing. dc: the mean of each channel, of full scale. dc_db, rumble_db: both
    relative to the power of the recording, -300 for none. dc_stays, rumble_stays: whether they are
    there all the time."""

    dc: tuple[float, ...] = ()
    dc_db: float = -300.0
    rumble_db: float = -300.0
    dc_stays: bool = False
    rumble_stays: bool = False
    cut_hz: float = CUT_HZ
    least_db: float = RUMBLE_DB

    @property
    def has_dc(self) -> bool:
        return self.dc_stays and self.dc_db > DC_DB

    @property
    def has_rumble(self) -> bool:
        return self.rumble_stays and self.rumble_db > self.least_db

    def __bool__(self) -> bool:
        return self.has_dc or self.has_rumble


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
    half = len(taps) // 2
    size = round(PIECE_S * sample_rate_hz)
    found: list[Array] = []  # (sum, channel, piece)
    lengths: list[Array] = []
    # Near the ends the low-pass sees silence beside a constant: only what is inside is measured.
    for window in windows(in_blocks(blocks, AT_ONCE * size), half):
        wave = window[:, half : window.shape[1] - half].astype(np.float64)
        low = inside(window, taps)
        starts = np.arange(0, wave.shape[1], size)
        rows = np.stack([wave, wave**2, low, low**2])
        found.append(np.add.reduceat(rows, starts, axis=2))
        lengths.append(np.diff(starts, append=wave.shape[1]).astype(np.float64))
    if not found:
        return Rumble(cut_hz=cut_hz, least_db=least_db)
    length = np.concatenate(lengths)
    total, power, low_total, low_power = np.concatenate(found, axis=2)
    dc = total.sum(1) / length.sum()
    moves = _mean(((total / length - dc[:, None]) ** 2).sum(0), length)
    low_dc = low_total.sum(1, keepdims=True) / length.sum()
    rumble = ((low_power - 2 * low_dc * low_total) / length + low_dc**2).sum(0)
    level = _mean((power / length).sum(0), length)
    long_enough = len(length) >= FEWEST
    return Rumble(
        dc=tuple(float(value) for value in dc),
        dc_db=_relative_db(float((dc**2).sum()), level),
        rumble_db=_relative_db(_mean(rumble, length), level),
        dc_stays=bool(long_enough and moves <= MOVES**2 * (dc**2).sum()),
        rumble_stays=bool(
            long_enough and np.quantile(rumble, QUIET) >= STAYS * _mean(rumble, length)
        ),
        cut_hz=cut_hz,
        least_db=least_db,
    )


def rumble(blocks: Iterator[Wave], sample_rate_hz: int, *, profile: Rumble) -> Iterator[Wave]:
    """The same samples without the DC and the rumble that `learn` found."""
    if not profile:
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


def _mean(values: Array, length: Array) -> float:
    """Of the pieces, each as long as `length` says."""
    return float(np.average(values, weights=length))


def _relative_db(part: float, whole: float) -> float:
    if part <= _TINY or whole <= _TINY:
        return -300.0
    return float(10 * np.log10(part / whole))
