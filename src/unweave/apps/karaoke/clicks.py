"""The clicks that count a singer in."""

from __future__ import annotations

import numpy as np

from unweave.lyrics import Lyrics
from unweave.lyrics.grid import FINE_BPM
from unweave.types import Wave

SECONDS_BPM = 60.0  # a click each second, where no tempo is known
HIGHEST_BPM = 160.0  # of a song: UltraStar files count several of their beats for one
CLICK_S = 0.03
FIRST_HZ, OTHER_HZ = 1500.0, 1000.0
DECAY_S = 0.006
ATTACK_S = 0.001
CLICK_OVER_LU = 2.0  # the peak of a click above the song's loudness: heard, and no fright
CLICK_PEAKS = (0.05, 0.5)


def tempo_of(lyrics: Lyrics | None) -> float | None:
    """Beats a minute that a file of lyrics says; None where it says none.

    The headers of UltraStar count two or four of their beats for one of the song, so that high
    numbers are halved until people could clap to them. The fine grid of times that lie on no beat
    is no tempo.
    """
    if lyrics is None or lyrics.grid is None or lyrics.grid.bpm == FINE_BPM:
        return None
    bpm = lyrics.grid.bpm
    while bpm > HIGHEST_BPM:
        bpm /= 2
    return bpm


def starts(count: int, bpm: float, rate_hz: int) -> list[int]:
    """The first sample of each click, and of the song behind them: `count + 1` numbers."""
    return [round(n * 60 / bpm * rate_hz) for n in range(count + 1)]


def click(rate_hz: int, hz: float) -> Wave:
    """One click of full scale: a decaying tone, `(time,)`."""
    time_s = np.arange(round(CLICK_S * rate_hz)) / rate_hz
    envelope = np.minimum(time_s / ATTACK_S, 1) * np.exp(-time_s / DECAY_S)
    wave = envelope * np.sin(2 * np.pi * hz * time_s)
    return np.asarray(wave / max(1e-9, float(np.abs(wave).max())), np.float32)


def count_in(count: int, bpm: float, rate_hz: int, channels: int, peak: float) -> Wave:
    """All clicks, `(channel, time)`; the song follows at once. The first click is higher.

    peak: of a click, 1.0 being full scale.
    """
    *begins, length = starts(count, bpm, rate_hz)
    wave = np.zeros((channels, length), np.float32)
    for n, begin in enumerate(begins):
        one = click(rate_hz, OTHER_HZ if n else FIRST_HZ)[: length - begin]
        wave[:, begin : begin + one.size] += np.float32(peak) * one
    return wave


def click_peak(lufs: float | None) -> float:
    """The peak of a click before a song of that loudness."""
    low, high = CLICK_PEAKS
    return high / 2 if lufs is None else min(high, max(low, 10 ** ((lufs + CLICK_OVER_LU) / 20)))
