"""Give a voice in another key the formants that it had: the same singer, higher.

A change of key moves all of a spectrum, also its envelope, which is the shape of the mouth. Frame
by frame, the spectrum of the moved voice is multiplied by the envelope that the voice had and
divided by the one that it has now. An envelope is the log spectrum smoothed by its cepstrum, as in
A. Röbel and X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting
and envelope preservation", DAFx 2005.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

FRAME_S = 0.046
OVERLAP = 4  # frames at each place
LIFTER_S = 0.0014  # quefrencies below it are the envelope, those above it the voice's pitch
FLOOR_DB = -70.0  # under the loudest bin of a frame: what is lower has no envelope
MOST_DB = 24.0  # of correction

Array = npt.NDArray[np.float64]


class Formants:
    """Push both voices in blocks `(channel, time)` of equal length, then `flush`.

    Together both return as many samples as were pushed.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._size = OVERLAP * max(4, round(FRAME_S * rate_hz / OVERLAP))
        self._hop = self._size // OVERLAP
        self._lifter = max(2, round(LIFTER_S * rate_hz))
        self._window = np.sin(np.pi * (np.arange(self._size) + 0.5) / self._size)
        ahead = self._size - self._hop
        self._moved = np.zeros((channels, ahead))  # what the next frame begins with
        self._before = np.zeros((channels, ahead))
        self._sum = np.zeros((channels, ahead))  # of frames so far, where others are to come
        self._skip = ahead  # samples that come out before the first that went in
        self._taken = self._given = 0

    def push(self, moved: Wave, before: Wave) -> Wave:
        """moved: the voice in its new key; before: the same in its own, at the same times."""
        if moved.shape != before.shape:
            raise ValueError(f"the voices are {moved.shape} and {before.shape}")
        self._taken += moved.shape[1]
        return self._through(moved, before)

    def flush(self) -> Wave:
        """What is left, `(channel, time)`. The stream is over afterwards."""
        silence = np.zeros((len(self._sum), 2 * self._size), np.float32)
        return self._through(silence, silence)[:, : self._taken - self._given]

    def _through(self, moved: Wave, before: Wave) -> Wave:
        self._moved = np.concatenate([self._moved, moved], axis=1)
        self._before = np.concatenate([self._before, before], axis=1)
        count = max(0, (self._moved.shape[1] - self._size) // self._hop + 1)
        out = np.zeros((len(self._sum), count * self._hop + self._size - self._hop))
        out[:, : self._sum.shape[1]] = self._sum
        if count:
            frames = self._corrected(count)
            for n in range(count):
                at = n * self._hop
                out[:, at : at + self._size] += frames[:, n]
        done = count * self._hop
        self._moved, self._before = self._moved[:, done:], self._before[:, done:]
        self._sum = out[:, done:]
        ready = out[:, min(self._skip, done) : done]
        self._skip -= min(self._skip, done)
        room = self._taken - self._given
        ready = ready[:, :room]
        self._given += ready.shape[1]
        return np.asarray(ready, np.float32)

    def _corrected(self, count: int) -> Array:
        """The next frames `(channel, frame, time)`, windowed for their sum."""
        now, then = (self._spectra(wave, count) for wave in (self._moved, self._before))
        gain = np.exp(np.clip(self._envelope(then) - self._envelope(now), -_MOST, _MOST))
        frames = np.fft.irfft(now * gain, self._size)
        return np.asarray(frames * self._window * (2 / OVERLAP))

    def _spectra(self, wave: Array, count: int) -> npt.NDArray[np.complex128]:
        rows = np.lib.stride_tricks.sliding_window_view(wave, self._size, axis=1)
        return np.asarray(np.fft.rfft(rows[:, :: self._hop][:, :count] * self._window))

    def _envelope(self, spectra: npt.NDArray[np.complex128]) -> Array:
        """The log of the envelope of all channels together, `(frame, bin)`."""
        power = np.square(np.abs(spectra)).sum(0)
        floor = power.max(axis=-1, keepdims=True) * 10 ** (FLOOR_DB / 10) + 1e-12
        cepstrum = np.fft.irfft(0.5 * np.log(power + floor), self._size)
        cepstrum[..., self._lifter : self._size - self._lifter + 1] = 0
        return np.asarray(np.fft.rfft(cepstrum).real)


_MOST = MOST_DB / 20 * np.log(10)
