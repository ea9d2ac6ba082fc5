"""Filters that weigh frequencies as the ear does, applied to a stretch of a signal at once."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Taps = npt.NDArray[np.float64]


def filtered(signal: Tensor, first: int, last: int, taps: Tensor) -> Tensor:
    """The samples from `first` to `last` of a signal under a filter, in float64.

    signal: `(channel, time)`, silent beyond both ends. taps: `(tap,)`; those behind the middle one,
    or the first of the two middle ones, weigh samples that come before.
    """
    from scipy.fft import next_fast_len

    count, length = taps.shape[0], signal.shape[-1]
    before = count // 2
    low, high = first - before, last + count - 1 - before
    part = signal[:, max(0, low) : min(length, high)].double()
    part = torch.nn.functional.pad(part, (max(0, -low), max(0, high - length)))
    size = next_fast_len(part.shape[-1] + count - 1, real=True)
    spectrum = torch.fft.rfft(part, size) * torch.fft.rfft(taps, size)
    return torch.fft.irfft(spectrum, size)[:, count - 1 : count - 1 + last - first]


@cache
def a_weighting(sample_rate_hz: int, count: int = 101) -> Tensor:
    """The A curve (IEC 61672-1), `(count,)`: a least-squares fit to its bilinear transform.

    As in auraloss 0.4 (Steinmetz, Reiss, "auraloss: Audio focused loss functions in PyTorch",
    DMRN+15, 2020; Wright, Välimäki, "Perceptual loss function for neural modelling of audio
    systems", ICASSP 2020).
    """
    from scipy import signal

    one, two, three, four = 2 * np.pi * np.array([20.598997, 107.65265, 737.86223, 12194.217])
    numerator = [four**2 * 10 ** (1.9997 / 20), 0, 0, 0, 0]
    denominator = np.polymul([1, 2 * four, four**2], [1, 2 * one, one**2])
    denominator = np.polymul(np.polymul(denominator, [1, three]), [1, two])
    digital = signal.bilinear(numerator, denominator, fs=sample_rate_hz)
    at_hz, response = signal.freqz(*digital, worN=512, fs=sample_rate_hz)
    taps = signal.firls(count, at_hz, np.abs(response), fs=sample_rate_hz)
    return torch.from_numpy(taps.astype(np.float32).astype(np.float64))


@cache
def sensitivity(sample_rate_hz: int = 44_100, count: int = 4000) -> Tensor:
    """How well the ear hears frequencies, as log-WMSE has it: `(count,)`, without phase.

    A high shelf at 1500 Hz, a high pass at 120 Hz, a peak at 500 Hz (R. Bristow-Johnson, Cookbook
    formulae for audio equalizer biquad filter coefficients), and a low pass at 10 kHz.
    """
    from scipy import signal

    size = 8192
    wave = np.zeros(size)
    wave[size // 2] = 1.0
    q = 1 / np.sqrt(2)
    for sections in (
        _shelf(1500.0, 5.0, q, sample_rate_hz),
        signal.butter(2, 120.0, "highpass", fs=sample_rate_hz, output="sos"),
        _peak(500.0, 2.5, 1.5 * q, sample_rate_hz),
    ):
        wave = signal.sosfilt(sections, wave)
    low_pass = signal.butter(1, 10_000.0, fs=sample_rate_hz, output="sos")
    _, response = signal.freqz(signal.sosfiltfilt(low_pass, wave), worN=size // 2 + 1)
    taps = np.fft.fftshift(np.fft.irfft(np.abs(response), size))
    first = size // 2 + 1 - count // 2
    return torch.from_numpy(taps[first : first + count].copy())


def _shelf(middle_hz: float, gain_db: float, q: float, sample_rate_hz: int) -> Taps:
    gain, turn = 10 ** (gain_db / 40), 2 * np.pi * middle_hz / sample_rate_hz
    cos, bend = np.cos(turn), np.sqrt(gain) * np.sin(turn) / q
    more, less = gain + 1, gain - 1
    return _sections(
        [gain * (more + less * cos + bend), -2 * gain * (less + more * cos),
         gain * (more + less * cos - bend)],
        [more - less * cos + bend, 2 * (less - more * cos), more - less * cos - bend],
    )  # fmt: skip


def _peak(middle_hz: float, gain_db: float, q: float, sample_rate_hz: int) -> Taps:
    gain, turn = 10 ** (gain_db / 40), 2 * np.pi * middle_hz / sample_rate_hz
    cos, bend = np.cos(turn), np.sin(turn) / (2 * q)
    return _sections(
        [1 + bend * gain, -2 * cos, 1 - bend * gain], [1 + bend / gain, -2 * cos, 1 - bend / gain]
    )


def _sections(above: list[float], below: list[float]) -> Taps:
    return np.array([[*above, *below]]) / below[0]
