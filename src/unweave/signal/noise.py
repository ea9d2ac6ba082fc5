"""How loud a noise is: measured where it is alone, or found below a signal by minimum statistics.

Speech and music leave gaps; noise does not. So the least power that a frequency has had within
some seconds is the noise's, but for a bias: the minimum of a fluctuating power lies below its mean.
The power is averaged over a third of a second, its minimum is taken over the frames around, and
the bias is divided out.

Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics",
IEEE Trans. Speech and Audio Processing 9(5), 2001. Two things are simpler here, because a whole
segment is there and not only its past: the average and the search reach to both sides of a frame,
so that the estimate does not lag behind a noise that grows; and the average is a fixed one, whose
bias is found once by passing white noise through the same steps, in place of an adaptive one whose
bias is approximated.

Powers are `|X|^2` of frames with a square-root Hann window, `(batch, frame, frequency)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.signal.stft import magnitude, stft

SMOOTH_S = 0.3
RARE = 1e-3  # of an estimated noise, the largest magnitude is what one frame in so many exceeds
FRAMES_AT_ONCE = 64
_PIECE = 1024  # frames of a noise measured at once
_TRIAL_SIZE, _TRIAL_FRAMES = 128, 6000  # white noise that the bias is measured on


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about a noise, each `(batch, frame or 1, frequency)`, over all channels."""

    power: Tensor
    mean: Tensor  # magnitude
    largest: Tensor  # magnitude

    def at(self, from_hz: Tensor, to_hz: Tensor, gain: float) -> Profile:
        """At other frequencies, in between which lines are drawn, and with `gain` times the power.

        from_hz, to_hz: rising, the frequencies here and there. Above the last one here is nothing.
        """
        right = torch.searchsorted(from_hz, to_hz).clamp_(1, len(from_hz) - 1)
        low, high = from_hz[right - 1], from_hz[right]
        share = ((to_hz - low) / (high - low)).float()
        there = gain * (to_hz <= from_hz[-1]).float()

        def moved(values: Tensor) -> Tensor:
            return torch.lerp(values[..., right - 1], values[..., right], share) * there

        root = gain**-0.5  # of magnitudes
        return Profile(moved(self.power), moved(self.mean) * root, moved(self.largest) * root)

    def to(self, device: torch.device) -> Profile:
        return Profile(self.power.to(device), self.mean.to(device), self.largest.to(device))


def measured(wave: Tensor, window: Tensor, hop: int, average_frames: int) -> Profile:
    """The profile of a noise alone, `(batch, channel, time)`, at least a window long.

    The largest magnitude is that of `average_frames` (odd) frames averaged.
    """
    power = mean = largest = torch.zeros((), device=wave.device)
    count = 0
    for piece in _pieces(wave, window.shape[0], hop):
        powers = joint_power(stft(piece, window, hop))
        magnitudes = powers.sqrt()
        power = power + powers.sum(-2, keepdim=True)
        mean = mean + magnitudes.sum(-2, keepdim=True)
        averaged = average(magnitudes, average_frames)
        largest = torch.maximum(largest, averaged.amax(-2, keepdim=True))
        count += powers.shape[-2]
    return Profile(power / count, mean / count, largest)


def expected(power: Tensor) -> Profile:
    """The profile of a Gaussian noise of that power: its magnitudes follow Rayleigh's law."""
    amplitude = power.sqrt()
    return Profile(
        power, amplitude * math.sqrt(math.pi / 4), amplitude * math.sqrt(-math.log(RARE))
    )


def joint_power(spectrum: Tensor) -> Tensor:
    """The mean of `|X|^2` over channels: complex `(batch, channel, frame, frequency)`."""
    total = magnitude(spectrum[:, 0]).square_()
    for channel in range(1, spectrum.shape[1]):
        total += magnitude(spectrum[:, channel]).square_()
    return total.div_(spectrum.shape[1])


def average(values: Tensor, frames: int) -> Tensor:
    """The mean of `frames` (odd) neighbouring frames, of fewer at the ends."""
    if frames == 1:
        return values
    half, count = frames // 2, values.shape[-2]
    padded = F.pad(values, (0, 0, half, half))
    total = padded[..., :count, :].clone()
    for n in range(1, frames):
        total += padded[..., n : n + count, :]
    there = F.pad(values.new_ones(count), (half, half)).unfold(0, frames, 1).sum(-1)
    return total.div_(there[:, None])


def minimum_statistics(
    power: Tensor, active: Tensor, overlap: int, hop_s: float, search_s: float
) -> Tensor:
    """The noise's power in each frame of a spectrogram.

    power: of one channel, or of channels that hold the same; overlap: hops of hop_s to a window.
    active: `(batch, frame)`, False where the recording is digitally silent, which says nothing
    about the noise. search_s: seconds that the minimum is taken over. Returns a power shaped the
    same, 0 where nothing sounds.
    """
    frames = power.shape[-2]
    smooth = _odd(SMOOTH_S / hop_s)
    search = min(_odd(search_s / hop_s), frames + 1 - frames % 2)
    averaged = _averaged(power, active, _weights(smooth))
    averaged.masked_fill_(~active[..., None], torch.inf)
    least = _sliding_minimum(averaged, search)
    return least.masked_fill_(least == torch.inf, 0.0).mul_(_bias(overlap, smooth, search))


def active_frames(wave: Tensor, size: int, hop: int) -> Tensor:
    """Which frames, centred on multiples of the hop, lie in sound all over.

    wave: `(batch, time)`. Returns `(batch, frame)`, False where a hop's length of the frame or
    more is all zeros: before the beginning, behind the end, in a gap.
    """
    length = wave.shape[-1]
    frames = 1 + -(-length // hop)
    padded = F.pad(wave, (size // 2, (frames - 1) * hop + size // 2 - length))
    there = (padded != 0).unfold(-1, hop, hop).any(dim=-1)  # (batch, hop's lengths)
    return there.unfold(-1, size // hop, 1).all(dim=-1)


def _pieces(wave: Tensor, size: int, hop: int) -> Iterator[Tensor]:
    """Parts of a wave that have the whole's frames, each once."""
    step = _PIECE * hop
    for first in range(0, wave.shape[-1] - size + 1, step):
        yield wave[..., first : first + step + size - hop]


def _odd(frames: float) -> int:
    """The nearest odd number, so that there is a middle."""
    return 2 * max(0, round((frames - 1) / 2)) + 1


def _weights(count: int) -> Tensor:
    """A bell of `count` frames."""
    return torch.hann_window(count + 2, periodic=False)[1:-1]


def _averaged(power: Tensor, active: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean over the active frames around each frame; 0 where there are none.

    A block of frames is one product of a matrix with them, which is faster than a convolution.
    """
    half, frames = weights.shape[0] // 2, power.shape[-2]
    known = active[..., None].to(power.dtype)
    out = torch.empty_like(power)
    for first in range(0, frames, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE, frames)
        low, high = max(0, first - half), min(frames, last + half)
        place = torch.arange(low, high)[None] - torch.arange(first, last)[:, None] + half
        inside = (place >= 0) & (place <= 2 * half)
        matrix = (weights[place.clamp(0, 2 * half)] * inside).to(power.device)
        there = known[..., low:high, :]
        share = (matrix @ there).clamp_(min=torch.finfo(power.dtype).tiny)
        out[..., first:last, :] = (matrix @ (power[..., low:high, :] * there)).div_(share)
    return out


def _sliding_minimum(values: Tensor, width: int) -> Tensor:
    """The least of `width` (odd) values around each, along the axis before the last.

    Minima over 2, 4, 8 ... values; two of the largest that fits make any width.
    """
    half, frames, span = width // 2, values.shape[-2], 1
    least = F.pad(values, (0, 0, half, half), value=torch.inf)
    while 2 * span <= width:
        least = torch.minimum(least[..., :-span, :], least[..., span:, :])
        span *= 2
    return torch.minimum(
        least[..., :frames, :], least[..., width - span : width - span + frames, :]
    )


@lru_cache(maxsize=64)
def _bias(overlap: int, smooth: int, search: int) -> float:
    """Mean over minimum of the averaged power of white noise, measured with a seed of its own."""
    hop = _TRIAL_SIZE // overlap
    noise = torch.randn(_TRIAL_FRAMES * hop, generator=torch.Generator().manual_seed(0))
    frames = noise.unfold(0, _TRIAL_SIZE, hop) * torch.hann_window(_TRIAL_SIZE).sqrt_()
    power = torch.fft.rfft(frames)[None, :, 2:-2].abs().square_()
    averaged = _averaged(power, torch.ones(power.shape[:2], dtype=torch.bool), _weights(smooth))
    edge = search // 2 + smooth
    inner = _sliding_minimum(averaged, search)[:, edge:-edge]
    return float(power.mean() / inner.mean())
