"""Loudness (ITU-R BS.1770-4, EBU R 128) and sample peak of a stream of blocks.

The standard filters each channel (a high shelf for the head, a high pass for the ear), takes the
energy of 400 ms blocks, four to the block's length, and averages those above two gates. Here the
filter is convolution with its impulse response by FFT, which costs less than the recursion, and
what is kept is one energy for each 100 ms: an hour is 288 kB. The convolution always works on the
same stretches of the signal, so that the result does not depend on how it was cut into blocks.
Powers are made of the energies when they are read, a stretch at a time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

RESPONSE_S = 0.055  # all that follows in the filter's response is 115 dB below the whole
ROWS = 4  # stretches transformed at once
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
BLOCK_HOPS, SHORT_TERM_HOPS = 4, 30  # of 100 ms
STRETCH = 1 << 14  # powers made at once
RANGE_GATE_LU = -20.0
RANGE_PERCENT = 10.0, 95.0
OFFSET_LU = -0.691  # what the filter adds to 997 Hz, so that a full-scale sine reads -3.01
ABSOLUTE_GATE = 10 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LU) / 10)  # as a power
SURROUND_WEIGHT = 1.41
SHELF_ZEROS = 1.53512485958697, -2.69169618940638, 1.19839281085285  # at 48 kHz
SHELF_POLES = 1.0, -1.69065929318241, 0.73248077421585
HIGH_PASS_GAIN = 1.0049948  # of the standard's second filter, far above its corner


class Loudness:
    """Push blocks, then read `integrated_lufs()` and `peak`; both may be read at any time.

    `channel_names` are FFmpeg's ('FL', 'LFE', 'SL', ...) and decide the weights of surround
    channels; without names all channels count alike. Samples that are not finite count as silence.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int, channel_names: Sequence[str] = ()
    ) -> None:
        if sample_rate_hz < 1000 or channels < 1:
            raise ValueError(f"cannot measure {channels} channels at {sample_rate_hz} Hz")
        self.sample_rate_hz = sample_rate_hz
        self.channels = channels
        self.weights = channel_weights(channels, channel_names)
        self.peak = 0.0  # the largest absolute sample so far, 1.0 being full scale
        self._taps = math.ceil(RESPONSE_S * sample_rate_hz)
        self._size = 1 << (8 * self._taps).bit_length() - 1  # of which the response takes its part
        self._step = self._size - self._taps
        response = k_weighting(sample_rate_hz, self._taps)
        self._response = np.fft.rfft(response, self._size).astype(np.complex64)
        # The last `taps` samples that were filtered, then those that wait.
        self._buffer = np.zeros((channels, self._taps + ROWS * self._step), np.float32)
        self._filled = self._taps
        self._position = 0  # samples filtered so far
        self._hops = array("d")  # weighted energy of each 100 ms, the last one still open

    def push(self, block: Wave) -> None:
        """Take the next samples, `(channel, time)`, of any length."""
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"expected ({self.channels}, time), got shape {block.shape}")
        if block.size == 0:
            return
        peak = max(float(block.max()), -float(block.min()))
        if not math.isfinite(peak):
            block = np.where(np.isfinite(block), block, np.float32(0))
            peak = float(np.abs(block).max())
        self.peak = max(self.peak, peak)
        taken, length = 0, block.shape[1]
        while taken < length:
            count = min(length - taken, self._buffer.shape[1] - self._filled)
            here = slice(self._filled, self._filled + count)
            self._buffer[:, here] = block[:, taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == self._buffer.shape[1]:
                self._add(self._energies(self._filled - self._taps))
                self._position += self._filled - self._taps
                self._buffer[:, : self._taps] = self._buffer[:, -self._taps :]
                self._filled = self._taps

    def integrated_lufs(self) -> float:
        """Gated loudness of all samples so far; -inf when there are under 400 ms or no sound.

        NaN where samples were so high that filtering them is beyond the range of float.
        """
        mean = self._mean_above(ABSOLUTE_GATE)
        if not mean:
            return -math.inf
        relative = mean * 10 ** (RELATIVE_GATE_LU / 10)
        return OFFSET_LU + 10 * math.log10(self._mean_above(max(ABSOLUTE_GATE, relative)))

    def momentary_lufs(self) -> npt.NDArray[np.float64]:
        """Loudness of 400 ms, one value for each 100 ms, `(block,)`; -inf for silence.

        Value n is of the 400 ms from n / 10 s on (EBU Tech 3341).
        """
        return lufs(np.concatenate([np.zeros(0), *self._powers(BLOCK_HOPS)]))

    def range_lu(self) -> float | None:
        """Loudness range in LU (EBU Tech 3342); None where there are under 3 s or no sound."""
        return loudness_range(np.concatenate([np.zeros(0), *self._powers(SHORT_TERM_HOPS)]))

    def _mean_above(self, gate: float) -> float:
        """Mean of the powers of 400 ms above a gate; 0 where there is none, NaN beyond floats."""
        total, count = 0.0, 0
        for powers in self._powers(BLOCK_HOPS):
            if not np.isfinite(powers).all():
                return math.nan
            loud = powers[powers > gate]
            total, count = total + float(loud.sum()), count + loud.size
        return total / max(1, count)

    def _powers(self, width: int) -> Iterator[npt.NDArray[np.float64]]:
        """Mean weighted power of each `width` successive hops, in stretches `(block,)`."""
        hops, waiting = self._hops, self._filled - self._taps
        closed, last = len(hops), np.zeros(0)
        if waiting:
            self._buffer[:, self._filled :] = 0  # or rounding would carry old samples over
            closed, last = self._hop_of(self._position), self._energies(waiting)
            if closed < len(hops):
                last[0] += hops[closed]
        whole = self._hop_of(self._position + waiting)  # complete hops
        for first in range(0, whole - width + 1, STRETCH):
            end = min(first + STRETCH + width - 1, whole)
            before = np.array(hops[first : min(end, closed)], np.float64)
            behind = last[max(0, first - closed) : max(0, end - closed)]
            energy = np.cumsum(np.concatenate([[0.0], before, behind]))
            edges = self._edge(np.arange(first, end + 1))
            with np.errstate(invalid="ignore"):
                powers = (energy[width:] - energy[:-width]) / (edges[width:] - edges[:-width])
            yield powers

    def _edge(self, hop: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """First sample of a hop: tenths of a second, rounded where they fall between samples."""
        return (hop * self.sample_rate_hz + 5) // 10

    def _hop_of(self, position: int) -> int:
        """The hop that the sample at `position` belongs to."""
        near = position * 10 // self.sample_rate_hz
        return near + int(np.sum(self._edge(np.arange(near, near + 2)) <= position)) - 1

    def _add(self, energies: npt.NDArray[np.float64]) -> None:
        """Add the energies of successive hops, the first of which may have begun before."""
        first = self._hop_of(self._position)
        if first < len(self._hops):
            self._hops[first] += energies[0]
            energies = energies[1:]
        self._hops.extend(energies)

    def _energies(self, count: int) -> npt.NDArray[np.float64]:
        """Weighted energy of the first `count` waiting samples, hop by hop."""
        first, last = (self._hop_of(self._position + n) for n in (0, count - 1))
        cuts = np.maximum(self._edge(np.arange(first, last + 1)) - self._position, 0)
        total = np.zeros(len(cuts))
        for weight, channel in zip(self.weights, self._buffer, strict=True):
            if weight == 0:
                continue
            rows = np.lib.stride_tricks.sliding_window_view(channel, self._size)[:: self._step]
            with np.errstate(over="ignore", invalid="ignore"):  # `integrated_lufs` looks at the sum
                spectrum = np.fft.rfft(rows)
                spectrum *= self._response
                # Of each row the first `taps` samples wrapped around; the rest is the convolution.
                filtered = np.fft.irfft(spectrum, self._size)[:, self._taps :].ravel()[:count]
                # In 64 bits, as squares of loud samples are beyond the range of 32.
                power = np.square(filtered, dtype=np.float64)
                total += weight * np.add.reduceat(power, cuts)
        return total


def lufs(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Loudness of each of the powers, of the same shape; -inf for silence."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return OFFSET_LU + 10 * np.log10(np.maximum(powers, 0.0))


def loudness_range(powers: npt.NDArray[np.float64]) -> float | None:
    """Loudness range in LU of short-term powers `(block,)`; None where all is below the gate.

    From the 10th to the 95th percentile of what is above -70 LUFS and no more than 20 LU below the
    mean of that (EBU Tech 3342).
    """
    loud = powers[powers > ABSOLUTE_GATE]
    if not loud.size or not np.isfinite(loud).all():
        return None
    low, high = np.percentile(
        lufs(loud[loud >= loud.mean() * 10 ** (RANGE_GATE_LU / 10)]), RANGE_PERCENT
    )
    return float(high - low)


def channel_weights(channels: int, names: Sequence[str] = ()) -> tuple[float, ...]:
    """What each channel's power counts: 1.41 between 60 and 120 degrees to the side, LFE nothing.

    Channels named "back" are at 110 degrees where there are no side channels (5.1 as most files
    have it), and further behind, at weight 1, where there are (7.1).
    """
    if len(names) != channels:
        return (1.0,) * channels
    surround = {"SL", "SR"} if {"SL", "SR"} & set(names) else {"BL", "BR"}
    return tuple(
        0.0 if name.startswith("LFE") else SURROUND_WEIGHT if name in surround else 1.0
        for name in names
    )


def k_weighting(sample_rate_hz: int, taps: int) -> npt.NDArray[np.float64]:
    """The first `taps` samples of the K-weighting filter's impulse response at any rate.

    The standard gives coefficients for 48 kHz and requires the same response at other rates. The
    shelf is the minimum-phase filter with the gain that it has at 48 kHz, frequency by frequency
    (level above 24 kHz); the high pass is low enough for the bilinear transform to keep its form.
    """
    points = 4 * taps  # by then the response has died away, and does not wrap around
    frequency = np.arange(points // 2 + 1) / points  # of the sample rate
    at_48k = np.minimum(frequency * sample_rate_hz / 48000, 0.5)
    gain = np.abs(_quadratic(at_48k, *SHELF_ZEROS) / _quadratic(at_48k, *SHELF_POLES))
    # A minimum-phase filter's cepstrum is causal: twice the even one that its gain alone gives.
    cepstrum = np.fft.irfft(np.log(gain), points)
    cepstrum[1 : points // 2] *= 2
    cepstrum[points // 2 + 1 :] = 0
    shelf = np.exp(np.fft.rfft(cepstrum))

    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    poles = 1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k
    high_pass = HIGH_PASS_GAIN * _quadratic(frequency, 1, -2, 1) / _quadratic(frequency, *poles)
    return np.fft.irfft(shelf * high_pass, points)[:taps]


def _quadratic(
    frequency: npt.NDArray[np.float64], a: float, b: float, c: float
) -> npt.NDArray[np.complex128]:
    """`a + b / z + c / z^2` at frequencies given in parts of the sample rate."""
    delay = np.exp(-2j * np.pi * frequency)
    return a + b * delay + c * delay * delay
