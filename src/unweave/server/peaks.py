"""The lowest and the highest samples of parts of a stem, for its waveform.

Small parts are read from the samples. For long parts there is a file of them for each 256 samples,
which grows with the stem, so that the waveform of hours is read in no time.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from unweave.server.samples import Sound

STEP = 256  # samples of an entry of the file
LONG = 16 * STEP  # samples of a part, from which on the file is good enough
BLOCK = 1 << 18  # samples that are read at once: a multiple of STEP
Peaks = npt.NDArray[np.int16]
_growing = threading.Lock()


def peaks(sound: Sound, start: int, there: int, count: int, bins: int) -> Peaks:
    """`(bin, 2)`: the lowest and the highest sample of each of `bins` equal parts, as 16 bits.

    The parts are those of `count` samples from `start` on, of which `there` are there. All channels
    together. Parts without samples are zero. Long parts begin and end at multiples of 256 samples.
    """
    found = np.zeros((bins, 2), "<i2")
    if count >= bins * LONG:
        coarse = _coarse(sound)
        edges = (start + np.arange(bins + 1, dtype=np.int64) * count // bins) // STEP
        full = min(bins, int(np.searchsorted(edges[:-1], len(coarse))))
        if full:
            used = coarse[: edges[full]]
            found[:full, 0] = np.minimum.reduceat(used[:, 0], edges[:full])
            found[:full, 1] = np.maximum.reduceat(used[:, 1], edges[:full])
        return found
    low, high = np.full(bins, np.inf, np.float32), np.full(bins, -np.inf, np.float32)
    at = 0
    for block in sound.blocks(start, there, BLOCK):
        wave = np.nan_to_num(block)
        parts = (np.arange(at, at + len(wave), dtype=np.int64) * bins) // count
        number, first = np.unique(parts, return_index=True)
        low[number] = np.minimum(low[number], np.minimum.reduceat(wave.min(axis=1), first))
        high[number] = np.maximum(high[number], np.maximum.reduceat(wave.max(axis=1), first))
        at += len(wave)
    known = np.isfinite(low)
    found[known] = _as_16_bits(np.stack([low, high], axis=1)[known])
    return found


def _coarse(sound: Sound) -> Peaks:
    """An entry for each 256 samples that are there; of a whole stem also for the rest."""
    with _growing:  # one at a time reads so much
        path = sound.coarse
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:
            done = file.tell() // 4
            file.truncate(4 * done)
            if done * STEP > sound.available + STEP:  # of a run before this one
                done = 0
                file.truncate(0)
            end = sound.available if sound.whole else sound.available // STEP * STEP
            for block in sound.blocks(done * STEP, max(0, end - done * STEP), BLOCK):
                wave = np.nan_to_num(block)
                starts = np.arange(0, len(wave), STEP)
                low = np.minimum.reduceat(wave.min(axis=1), starts)
                high = np.maximum.reduceat(wave.max(axis=1), starts)
                file.write(_as_16_bits(np.stack([low, high], axis=1)).tobytes())
        return np.fromfile(path, "<i2").reshape(-1, 2)


def _as_16_bits(values: npt.NDArray[np.float32]) -> Peaks:
    return np.rint(np.clip(values, -1.0, 1.0) * 32767).astype("<i2")
