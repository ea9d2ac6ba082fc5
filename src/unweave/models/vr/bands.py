"""Spectra of several bands under one another, each of its own transform, and waves of them.

A recording is resampled downwards from band to band. Of each band's spectrum some bins are taken,
the lowest band's first; hops last equally long in all, so that frames lie side by side. Back, each
band fades into its neighbours, and the sum of the lower ones is resampled upwards. This is the
front end of Ultimate Vocal Remover's VR networks (`spec_utils` of audio-separator 0.47.1).

Nothing is hidden at the ends: a wave has `reach` hops more at both sides than frames. So pieces of
a recording have the frames of the whole one, and waves of some of its frames can be added.

Axes: waves `(batch, channel, time)`, spectra `(batch, channel, bin, frame)`, complex.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.signal.stft import add_frames

# Two channels as others, by the sum that each of the new ones is.
CHANNELS = {
    "stereo": ((1.0, 0.0), (0.0, 1.0)),
    "mid_side": ((0.5, 0.5), (1.0, -1.0)),
    "mid_side_b2": ((0.5, 1.0), (1.0, -0.5)),
    "mid_side_c": ((1.0, 0.25), (-0.25, 1.0)),
    "stereo_n": ((1 / 0.9375, 0.25 / 0.9375), (0.25 / 0.9375, 1 / 0.9375)),
}
LOBES = 10  # of the resampling filter at each side, as scipy's `resample_poly` has them
KAISER_BETA = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One band, from the bin `start` to the one before `stop`. Raises ValueError.

    rise, fall: the bins between which it fades in and out when waves are made of spectra, as the
    original's files have them: from the loud one to the silent one; empty where it does not fade.
    """

    rate_hz: int
    hop: int
    frame_size: int
    start: int = 0
    stop: int
    rise: tuple[int, ...] = ()
    fall: tuple[int, ...] = ()
    channels: str = "stereo"

    def __post_init__(self) -> None:
        if self.rate_hz < 1 or not 1 <= self.hop < self.frame_size or self.frame_size % 2:
            raise ValueError(
                "rate_hz is above 0, frame_size even, and hop below that; got "
                f"{self.rate_hz}, {self.frame_size} and {self.hop}"
            )
        if not 0 <= self.start < self.stop <= self.frame_size // 2 + 1:
            raise ValueError(
                f"a band's bins lie between 0 and {self.frame_size // 2 + 1}; got {self.start} to "
                f"{self.stop}"
            )
        if self.channels not in CHANNELS:
            raise ValueError(f"channels is one of {', '.join(CHANNELS)}; got {self.channels!r:.80}")
        if self.rise and not (len(self.rise) == 2 and self.rise[0] >= self.rise[1] >= 0):
            raise ValueError(f"rise is two bins, the higher one first; got {self.rise}")
        if self.fall and not (len(self.fall) == 2 and 0 < self.fall[0] < self.fall[1]):
            raise ValueError(f"fall is two bins, the lower one first; got {self.fall}")

    def gains(self) -> np.ndarray:
        """`(bin,)`: what it fades by, in all of its transform's bins."""
        bins, gains = np.arange(self.frame_size // 2 + 1), np.ones(self.frame_size // 2 + 1)
        if self.rise:
            loud, silent = self.rise
            gains *= np.clip((bins - silent) / (loud - silent + 1), 0, 1)
        if self.fall:
            gains *= fall(bins, *self.fall)
        return gains


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands from the lowest to the highest, which has the recording's rate. Raises ValueError.

    bins: of all of them, and one more, which is silent. top: the bins between which the highest
    ones are turned down before the network sees them; empty where they are not. steep: turned down
    as versions before 5.1 do it in several bands.
    """

    bins: int
    bands: tuple[Band, ...]
    top: tuple[int, ...] = ()
    steep: bool = False

    def __post_init__(self) -> None:
        if not self.bands or sum(each.stop - each.start for each in self.bands) > self.bins:
            raise ValueError(f"there are bands, and they have at most {self.bins} bins together")
        if self.top and not (len(self.top) == 2 and 0 < self.top[0] <= self.top[1] <= self.bins):
            raise ValueError(f"top is two of {self.bins} bins, the lower one first; got {self.top}")
        for low, high in pairwise(self.bands):
            if low.rate_hz > high.rate_hz or low.hop * high.rate_hz != high.hop * low.rate_hz:
                raise ValueError(
                    "rates rise from band to band, and hops last equally long; got hops of "
                    f"{low.hop} at {low.rate_hz} Hz and {high.hop} at {high.rate_hz} Hz"
                )

    @property
    def hop(self) -> int:
        """Samples of the recording from frame to frame."""
        return self.bands[-1].hop

    @property
    def reach(self) -> int:
        """Hops, at least, between a frame's middle and the last sample that has to do with it."""
        rate_hz, filters_s, farthest_s = self.bands[-1].rate_hz, 0.0, 0.0
        for band in reversed(self.bands):
            if band.rate_hz < rate_hz:
                filters_s += (LOBES + 1) / band.rate_hz
            rate_hz = band.rate_hz
            farthest_s = max(farthest_s, band.frame_size / 2 / rate_hz + filters_s)
        return max(2, math.ceil(farthest_s * self.bands[-1].rate_hz / self.hop))

    def samples(self, frames: int) -> int:
        """Of a wave with so many frames, and its ends."""
        return (frames - 1 + 2 * self.reach) * self.hop

    def analyse(self, mix: Tensor) -> Tensor:
        """`(batch, 2, samples(frame))` to `(batch, 2, bins + 1, frame)`."""
        parts: list[Tensor] = []
        wave, rate_hz = mix, self.bands[-1].rate_hz
        for band in reversed(self.bands):
            wave, rate_hz = resampled(wave, rate_hz, band.rate_hz), band.rate_hz
            border = self.reach * band.hop - band.frame_size // 2
            inner = mixed(wave[..., border : wave.shape[-1] - border], CHANNELS[band.channels])
            found = torch.stft(
                inner.flatten(0, 1),
                band.frame_size,
                band.hop,
                window=hann(band.frame_size, mix),
                center=False,
                return_complex=True,
            ).unflatten(0, inner.shape[:2])
            parts.append(found[:, :, band.start : band.stop])
        lowest_first = torch.cat(parts[::-1], dim=2)
        spectrum = F.pad(lowest_first, (0, 0, 0, self.bins + 1 - lowest_first.shape[2]))
        return spectrum * like(self.turned_down(), mix)[:, None]

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """`(batch, 2, bins + 1, frame)` to `(batch, 2, samples(frame))`, nothing beyond `reach`."""
        wave, low, rate_hz = None, 0, 0
        for band in self.bands:
            high = low + band.stop - band.start
            above = band.frame_size // 2 + 1 - band.stop
            own = F.pad(spectrum[:, :, low:high], (0, 0, band.start, above))
            made = self._wave(own * like(band.gains(), own.real)[:, None], band)
            wave = made if wave is None else resampled(wave, rate_hz, band.rate_hz) + made
            low, rate_hz = high, band.rate_hz
        assert wave is not None
        return wave

    def turned_down(self) -> np.ndarray:
        """`(bins + 1,)`: the gains of what the network sees, and of what its masks are for."""
        bins, gains = np.arange(self.bins + 1), np.ones(self.bins + 1)
        if not self.top:
            return gains
        first, last = self.top
        if not self.steep or len(self.bands) == 1:
            return fall(bins, first, last) if first < last else np.where(bins < last, 1.0, 0.0)
        for n in range(first + 1, last):
            gains[n] = 10 ** (-(n - first) * (3.5 - gains[n - 1]) / 20)
        return gains

    def _wave(self, spectrum: Tensor, band: Band) -> Tensor:
        """All bins of a band to its wave at its own rate."""
        window = hann(band.frame_size, spectrum.real)
        frames = torch.fft.irfft(spectrum.transpose(2, 3), n=band.frame_size) * window
        added = add_frames(frames, band.hop)
        squared = F.pad(window.square(), (0, -band.frame_size % band.hop))
        share = squared.unflatten(0, (-1, band.hop)).sum(0)  # of the frames around every sample
        share = share.repeat(-(-added.shape[-1] // band.hop))[: added.shape[-1]]
        border = self.reach * band.hop - band.frame_size // 2
        return mixed(F.pad(added / share, (border, border)), inverse(band.channels))


def fall(bins: np.ndarray, loud: int, silent: int) -> np.ndarray:
    """Gains that fall from one below the bin `loud` to nothing below the bin `silent`."""
    return np.clip((silent - 1 - bins) / (silent - loud), 0, 1)


def mixed(wave: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Channels as sums of channels; the wave itself where they are the same."""
    if matrix == CHANNELS["stereo"]:
        return wave
    return torch.einsum("dc,bct->bdt", like(np.array(matrix), wave), wave)


@cache
def inverse(channels: str) -> tuple[tuple[float, ...], ...]:
    """The matrix that makes left and right of such channels."""
    return tuple(map(tuple, np.linalg.inv(np.array(CHANNELS[channels])).tolist()))


def resampled(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """A wave at another rate, zeros beyond its ends; the first samples lie on one another.

    The filter is that of `scipy.signal.resample_poly`: a sinc under a Kaiser window.
    """
    if from_hz == to_hz:
        return wave
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    taps = like(lowpass(up, down), wave)
    flat = wave.reshape(-1, 1, wave.shape[-1])
    stuffed = F.pad(flat.unsqueeze(-1), (0, up - 1)).flatten(2)
    made = F.conv1d(stuffed, taps[None, None], stride=down, padding=len(taps) // 2)
    return made.reshape(*wave.shape[:-1], -1)


@cache
def lowpass(up: int, down: int) -> np.ndarray:
    """`(2 * LOBES * max(up, down) + 1,)`: the filter between rates that are as `up` to `down`."""
    most = max(up, down)
    at = np.arange(-LOBES * most, LOBES * most + 1)
    taps = np.sinc(at / most) * np.kaiser(len(at), KAISER_BETA)
    return up * taps / taps.sum()


def hann(size: int, wave: Tensor) -> Tensor:
    return torch.hann_window(size, dtype=wave.dtype, device=wave.device)


def like(values: np.ndarray, wave: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=wave.dtype, device=wave.device)
