"""Give a voice in another key the formants that it had: the same singer, higher.

A change of key stretches a spectrum, and its envelope with it, which is the shape of the mouth. So,
frame by frame, the moved spectrum is divided by the stretched envelope and multiplied by the
envelope itself. That is the true envelope of A. Röbel and X. Rodet, "Efficient spectral envelope
estimation and its application to pitch shifting and envelope preservation", DAFx 2005: a log
spectrum is smoothed by its cepstrum, and again where it is above that, until it lies on the peaks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

FRAME_S = 0.046
OVERLAP = 4  # frames at each place
PITCHES_S = (0.0012, 0.013)  # periods of voices
LIFTER = 0.55  # of a period: what is slower in a cepstrum is the envelope
ROUNDS = 6
FLOOR_DB = -70.0  # under the loudest bin of a frame: what is lower has no envelope
MOST_DB = 24.0  # of correction

Array = npt.NDArray[np.float64]


class Formants:
    """A voice that was moved by `ratio` in frequency gets its formants back.

    Push both voices in blocks `(channel, time)` of equal length, then `flush`. Together both return
    as many samples as were pushed.
    """

    def __init__(self, rate_hz: int, channels: int, ratio: float) -> None:
        self._rate_hz = rate_hz
        self._ratio = ratio
        self._size = OVERLAP * max(4, round(FRAME_S * rate_hz / OVERLAP))
        self._hop = self._size // OVERLAP
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
        return self._through(silence, silence)

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
        early = min(self._skip, done)
        self._skip -= early
        ready = out[:, early:done][:, : self._taken - self._given]
        self._given += ready.shape[1]
        return np.asarray(ready, np.float32)

    def _corrected(self, count: int) -> Array:
        """The next frames `(channel, frame, time)`, windowed for their sum."""
        envelope = self._envelope(self._spectra(self._before, count))
        change = envelope - _stretched(envelope, self._ratio)
        gain = np.exp(np.clip(change, -_MOST, _MOST))
        frames = np.fft.irfft(self._spectra(self._moved, count) * gain, self._size)
        return np.asarray(frames * self._window * (2 / OVERLAP))

    def _spectra(self, wave: Array, count: int) -> npt.NDArray[np.complex128]:
        rows = np.lib.stride_tricks.sliding_window_view(wave, self._size, axis=1)
        return np.asarray(np.fft.rfft(rows[:, :: self._hop][:, :count] * self._window))

    def _envelope(self, spectra: npt.NDArray[np.complex128]) -> Array:
        """The log of the envelope of all channels together, `(frame, bin)`."""
        power = np.square(np.abs(spectra)).sum(0)
        floor = power.max(axis=-1, keepdims=True) * 10 ** (FLOOR_DB / 10) + 1e-12
        spectrum = 0.5 * np.log(power + floor)
        cepstrum = np.fft.irfft(spectrum, self._size)
        low, high = (round(period_s * self._rate_hz) for period_s in PITCHES_S)
        high = min(high, self._size // 2)
        periods = low + cepstrum[:, low:high].argmax(axis=-1)
        slow = np.minimum(np.arange(self._size), self._size - np.arange(self._size))
        lifter = slow < np.maximum(2, LIFTER * periods)[:, None]
        smooth = np.fft.rfft(cepstrum * lifter).real
        for _ in range(ROUNDS):
            cepstrum = np.fft.irfft(np.maximum(spectrum, smooth), self._size)
            smooth = np.fft.rfft(cepstrum * lifter).real
        return np.asarray(smooth)


def _stretched(envelope: Array, ratio: float) -> Array:
    """The envelope `(frame, bin)` with every frequency times `ratio`."""
    bins = envelope.shape[-1]
    place = np.minimum(np.arange(bins) / ratio, bins - 1)
    below = np.minimum(place.astype(np.int64), bins - 2)
    part = place - below
    return np.asarray(envelope[:, below] * (1 - part) + envelope[:, below + 1] * part)


_MOST = MOST_DB / 20 * np.log(10)
