"""Another key, another tempo, block by block: Signalsmith Stretch by the package python-stretch.

A wave that is made `r` times as long and then played `r` times as fast is as long as before and
higher by `r`. So only its stretching is the library's, which keeps every frequency; its own change
of key is off by several cents at low notes.

The library takes a whole wave at once. So a recording is changed in long chunks with context at
both ends, of which nothing is kept. Two chunks are joined where they overlap: the second is moved
by a few milliseconds to where it agrees best with the first, and they are cross-faded at constant
power. Each chunk lies at its own place, so that no error adds up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import soxr

from unweave.apps.karaoke.formants import Formants
from unweave.apps.karaoke.timing import stretched_length
from unweave.types import Wave

CHUNK_S = 20.0
CONTEXT_S = 0.6  # the library sees a frame of 0.12 s
JOINT_S = 0.12
LAG_S = 0.004  # how far a chunk may move: a period of the lowest notes that are sung
ALIKE = 0.5  # less than that is noise or silence, which is alike nowhere
SEED = 0  # of phases that the library draws


class Stretch:
    """A stream of `channels` channels, `semitones` higher and `tempo` times as fast.

    formants: keep those of a voice. Push every block in turn, then flush once; together they return
    `round(n / tempo)` samples of n.
    """

    def __init__(
        self, rate_hz: int, channels: int, semitones: float, tempo: float, formants: bool = False
    ) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._semitones = semitones
        self._tempo = tempo
        self._hop = round(CHUNK_S * rate_hz)
        self._context = round(CONTEXT_S * rate_hz)
        self._half = round(JOINT_S / 2 * rate_hz)
        self._lag = round(LAG_S * rate_hz)
        self._waiting = np.zeros((channels, self._context), np.float32)  # the next chunk's input
        self._taken = 0
        self._chunk = 0
        self._joint: Wave | None = None  # the last chunk's part of the joint
        self._formants: tuple[Stretch, Formants] | None = None
        if formants and semitones:
            reference = Stretch(rate_hz, channels, 0.0, tempo)
            self._formants = reference, Formants(rate_hz, channels, 2 ** (semitones / 12))

    def push(self, block: Wave) -> Wave:
        """Take `(channel, time)`, return what is ready: `(channel, time)`, possibly no samples."""
        self._taken += block.shape[1]
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        made = [np.zeros((self._channels, 0), np.float32)]
        while self._waiting.shape[1] >= self._hop + 2 * self._context:
            made.append(self._next(self._waiting[:, : self._hop + 2 * self._context], None))
            self._waiting = self._waiting[:, self._hop :]
        wave = np.concatenate(made, axis=1)
        if self._formants is None:
            return wave
        reference, formants = self._formants
        return formants.push(wave, reference.push(block))

    def flush(self) -> Wave:
        """The rest, `(channel, time)`. The stream is over afterwards."""
        silence = np.zeros((self._channels, self._context), np.float32)
        rest = np.concatenate([self._waiting, silence], axis=1)
        wave = self._next(rest, stretched_length(self._taken, self._tempo))
        if self._formants is None:
            return wave
        reference, formants = self._formants
        return np.concatenate([formants.push(wave, reference.flush()), formants.flush()], axis=1)

    def _next(self, wave: Wave, total: int | None) -> Wave:
        """The next chunk's output up to its last joint, or up to the end of all, `total`."""
        start = self._chunk * self._hop
        joint, begin = round(start / self._tempo), round((start - self._context) / self._tempo)
        end = round((start + self._hop) / self._tempo) if total is None else total
        made = self._changed(wave)
        parts: list[Wave] = []
        place = joint
        if self._joint is not None:
            at = joint - self._half - begin
            lag, likeness = _best_lag(self._joint, made, at, self._lag)
            begin -= lag
            head = made[:, at + lag : at + lag + 2 * self._half]
            parts.append(_faded(self._joint, head, likeness))
            place = joint + self._half
        last = end if total is not None else end - self._half
        parts.append(made[:, place - begin : last - begin])
        if total is None:
            self._joint = made[:, last - begin : end + self._half - begin]
        self._chunk += 1
        return np.concatenate(parts, axis=1)

    def _changed(self, wave: Wave) -> Wave:
        """A whole chunk, `(channel, time)`, in its key and at its tempo."""
        if self._semitones == 0 and self._tempo == 1:
            return wave
        # The library takes two channels, which it keeps in phase with each other.
        pairs = [wave[n : n + 2] for n in range(0, len(wave), 2)]
        return np.concatenate([self._pair(pair) for pair in pairs])

    def _pair(self, wave: Wave) -> Wave:
        import python_stretch

        ratio = 2 ** (self._semitones / 12)
        # Beyond twice the length the library draws phases: several times is cleaner.
        times = max(1, math.ceil(math.log2(ratio / self._tempo)))
        for _ in range(times):
            library: Any = python_stretch.Signalsmith.Stretch(SEED)
            library.preset(len(wave), float(self._rate_hz))
            library.setTimeFactor((self._tempo / ratio) ** (1 / times))
            wave = library.process(np.ascontiguousarray(wave, np.float32))
        if ratio == 1:
            return np.asarray(wave, np.float32)
        rows = soxr.resample(wave.T, self._rate_hz * ratio, self._rate_hz, quality="VHQ")
        return np.ascontiguousarray(rows.T, np.float32)


def _best_lag(joint: Wave, made: Wave, at: int, most: int) -> tuple[int, float]:
    """Where in `made`, near `at`, it is most like `joint`, and how much: 0 to 1."""
    size = joint.shape[1]
    near = made[:, at - most : at + size + most].astype(np.float64)
    own = joint.astype(np.float64)
    product = sum(np.correlate(a, b, "valid") for a, b in zip(near, own, strict=True))
    power = np.concatenate([[0.0], np.cumsum(np.square(near).sum(0))])
    energy = np.sqrt((power[size:] - power[:-size]) * np.square(own).sum())
    likeness = np.divide(product, energy, out=np.zeros_like(energy), where=energy > 1e-12)
    best = int(np.argmax(likeness))
    if likeness[best] < ALIKE:
        return 0, float(max(0.0, likeness[most]))
    return best - most, float(min(1.0, likeness[best]))


def _faded(old: Wave, new: Wave, likeness: float) -> Wave:
    """From one wave to another of that likeness, at constant power."""
    angle = np.pi / 2 * (np.arange(old.shape[1]) + 0.5) / old.shape[1]
    down, up = np.cos(angle), np.sin(angle)
    level = 1 / np.sqrt(1 + 2 * likeness * down * up)
    return np.asarray(level * (down * old + up * new), np.float32)
