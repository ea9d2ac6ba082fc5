"""Hits of kick, snare and hi-hat: what rises in a spectrum, as a sum of what each drum raises.

The rise of each frame over those before is taken apart by fixed spectra, with weights that are not
negative: C.-W. Wu and A. Lerch, "Drum transcription using partially fixed non-negative matrix
factorization", EUSIPCO 2015, here with every spectrum fixed. Spectra of toms and cymbals take what
is none of the three. A hit is a maximum of a drum's weights.

`spectra.csv` holds the rises of single hits of three kits of the soundfont FluidR3 (MIT);
benchmarks/analyze/drum_spectra.py writes it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.analyze.events import Event
from unweave.apps.analyze.mono import mono

if TYPE_CHECKING:
    from unweave.types import Wave

RATE_HZ = 44100
SIZE, HOP = 2048, 441
BANDS_HZ = tuple(40.0 * 400 ** (n / 18) for n in range(19))  # their edges
BACK = 3  # frames over which a level rises
STRETCH = 1000  # frames that are looked at together: ten seconds
CONTEXT = 50  # frames at the ends of a stretch that its neighbours give
UPDATES = 40
APART = 4  # frames by which a hit is the largest rise of its drum, to each side
LATE = 1  # frames that the largest rise lies behind the hit
SPECTRA = Path(__file__).parent / "spectra.csv"
# For a hit: the least of the strongest rise of any drum in the stretch, and of the strong ones (of
# twenty maxima the strongest) of its own.
LEAST = {"kick": (0.25, 0.3), "snare": (0.12, 0.3), "hi-hat": (0.01, 0.15)}
SILENCE = 1e-4  # of a full-scale sine's level in a band


def find(blocks: Iterator[Wave], rate_hz: int) -> list[Event]:
    """The hits in a stem of drums, or in a mix, in order of time; they have no length.

    blocks: `(channel, time)` of any size. Memory does not grow with the sound, but for the events.
    confidence: 0.5 for a rise that is just large enough, towards 1 for larger ones.
    """
    names, spectra = known_spectra()
    events = []
    for first, kept, rise in _stretches(mono(blocks, rate_hz, RATE_HZ)):
        weights = taken_apart(rise, spectra)
        by_drum = {
            drum: weights[:, [n for n, name in enumerate(names) if name == drum]].sum(1)
            for drum in names
        }
        top = max(float(each.max(initial=0.0)) for each in by_drum.values())
        for drum, (of_all, of_own) in LEAST.items():
            for frame, confidence in _hits(by_drum[drum], of_all * top, of_own):
                if frame in kept:
                    at = max(0, first + frame - LATE) * HOP / RATE_HZ
                    events.append(Event(at, at, drum, confidence))
    return sorted(events, key=lambda event: (event.start_s, str(event.value)))


def known_spectra() -> tuple[list[str], np.ndarray]:
    """The drum of each spectrum, and the spectra `(spectrum, band)`, of sum one."""
    with SPECTRA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [row[0] for row in rows], np.array([row[2:] for row in rows], np.float64)


def taken_apart(rise: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """The weights `(frame, spectrum)` with which the spectra give a rise `(frame, band)`.

    D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 2000: the
    updates for the divergence.
    """
    weights = np.repeat(rise.sum(1, keepdims=True) / spectra.shape[0], spectra.shape[0], 1)
    for _ in range(UPDATES):
        weights *= (rise / (weights @ spectra + 1e-12)) @ spectra.T / spectra.sum(1)
    return weights


def rises(wave: Wave) -> np.ndarray:
    """How much the level of each band rises, `(frame, band)`; frames are `HOP` apart.

    wave: `(time,)` at `RATE_HZ`, of SIZE - HOP samples more than frames have.
    """
    window = np.hanning(SIZE + 1)[:-1].astype(np.float32)
    edges = np.ceil(np.array(BANDS_HZ) * SIZE / RATE_HZ).astype(int)
    edges[1:] = np.maximum(edges[1:], edges[:-1] + 1)  # a band has one bin at the least
    frames = np.lib.stride_tricks.sliding_window_view(wave, SIZE)[::HOP]
    levels = np.empty((frames.shape[0], edges.shape[0] - 1))
    for at in range(0, frames.shape[0], 100):
        power = np.abs(np.fft.rfft(frames[at : at + 100] * window)) ** 2
        levels[at : at + 100] = np.sqrt(np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1))
    found = np.zeros_like(levels)
    found[BACK:] = (levels[BACK:] - levels[:-BACK]).clip(0.0)
    return found


def _stretches(blocks: Iterator[Wave]) -> Iterator[tuple[int, range, np.ndarray]]:
    """Stretches of a stream `(time,)`: the number of the first frame, those that no other stretch
    gives, counted from it, and the rises. Silence lies beyond both ends."""
    held = np.zeros(SIZE // 2, np.float32)
    parts: list[Wave] = []
    need = (STRETCH - 1) * HOP + SIZE
    step = STRETCH - 2 * CONTEXT
    length, first = held.shape[0], 0
    for block in blocks:
        parts.append(block)
        length += block.shape[0]
        while length >= need + HOP:  # more sound is to come
            held, parts = np.concatenate([held, *parts]), []
            begin = CONTEXT if first else 0
            yield first, range(begin, STRETCH - CONTEXT), rises(held[:need])
            held, length, first = held[step * HOP :], length - step * HOP, first + step
    if length <= SIZE // 2 and not first:
        return
    held = np.pad(np.concatenate([held, *parts]), (0, SIZE // 2))
    held = np.pad(held, (0, max(0, SIZE - held.shape[0])))
    rise = rises(held)
    yield first, range(CONTEXT if first else 0, rise.shape[0]), rise


def _hits(weights: np.ndarray, least: float, of_own: float) -> Iterator[tuple[int, float]]:
    """Frames where a drum is hit, and how sure that is. weights: `(frame,)`."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(weights, APART), 2 * APART + 1)
    peaks = np.flatnonzero((weights == around.max(1)) & (weights > SILENCE * SIZE / 4))
    if not peaks.size:
        return
    limit = max(least, of_own * float(np.percentile(weights[peaks], 95)))
    for frame in peaks[weights[peaks] >= limit].tolist():
        yield frame, 1 - limit / (2 * float(weights[frame]))
