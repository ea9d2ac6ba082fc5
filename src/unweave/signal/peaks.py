"""Sinusoids in a short-time spectrum: its peaks, with frequency, amplitude and phase.

A sinusoid is a bell in the spectrum, the shape of the window's own. Its top lies between two bins;
a parabola through the three highest in decibels finds it to a few thousandths of a bin. Amplitude
and phase come from fitting the known bell, put there, to the bins around it, in every channel; so
all channels share one frequency, and each has what it holds of it.

Smith and Serra, "PARSHL: an analysis/synthesis program for non-harmonic sounds based on a
sinusoidal representation", ICMC 1987; Serra and Smith, "Spectral modeling synthesis", Computer
Music Journal 14(4), 1990.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unweave.signal.stft import magnitude

PADDING = 2  # the transform is so many times as long as the window, so that bells have a form
LOWEST = 2.0  # in bins of the window: below, a bell meets its own mirror image
AROUND = 2  # bins to each side of a peak that its amplitude is fitted to
SPAN = 161  # bins that the surroundings of a peak are
NEIGHBOURS = 8  # peaks to each side that may be mother of a ripple
MAIN_LOBE = 1.5  # bins: what is nearer to a peak is no ripple of it
RIPPLE_DB = 6.0  # two ripples may meet
FRAMES_AT_ONCE = 32
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks in the order of frames, and of frequency within a frame."""

    frame: npt.NDArray[np.int64]
    frequency: npt.NDArray[np.float64]  # cycles per sample
    amplitude: npt.NDArray[np.complex128]  # `(peak, channel)`: |a| cos(2 pi f t + arg a)
    prominence_db: npt.NDArray[np.float64]  # above the mean, in decibels, of the spectrum around

    def __len__(self) -> int:
        return len(self.frame)


def find_peaks(
    wave: Tensor,
    size: int,
    hop: int,
    *,
    threshold_db: float,
    prominence_db: float,
    most: int,
    first_frame: int = 0,
) -> Peaks:
    """The peaks of the frames that lie in a wave as a whole.

    wave: `(channel, time)`; frame n reaches from sample `n hop` to `n hop + PADDING size`, with the
    window, a Hann of `size`, in its middle, and is numbered `first_frame + n`. threshold_db: how
    far below the loudest of its frame a peak may be (negative). prominence_db: how far it has to
    stand out. most: peaks in a frame, the loudest.
    """
    length = PADDING * size
    window = torch.zeros(length, device=wave.device)
    inner = slice((length - size) // 2, (length + size) // 2)
    window[inner] = torch.hann_window(size, device=wave.device)
    frames = wave.unfold(-1, length, hop)  # (channel, frame, length)
    found = []
    for first in range(0, frames.shape[1], FRAMES_AT_ONCE):
        spectrum = torch.fft.rfft(frames[:, first : first + FRAMES_AT_ONCE] * window)
        places = _places(spectrum, threshold_db, prominence_db, most)
        found.append(_measured(spectrum, places, size, first_frame + first))
    return joined(found, wave.shape[0])


def joined(parts: list[Peaks], channels: int) -> Peaks:
    """Peaks of successive frames in one."""
    none = np.empty((0, channels), np.complex128)
    parts = parts or [Peaks(np.empty(0, np.int64), np.empty(0), none, np.empty(0))]
    return Peaks(
        np.concatenate([part.frame for part in parts]),
        np.concatenate([part.frequency for part in parts]),
        np.concatenate([part.amplitude for part in parts]),
        np.concatenate([part.prominence_db for part in parts]),
    )


def _places(
    spectrum: Tensor, threshold_db: float, prominence_db: float, most: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Frame and bin of the peaks, where between the bins they lie, and their prominence."""
    power = magnitude(spectrum[0]).square_()
    for channel in spectrum[1:]:
        power += magnitude(channel).square_()
    level_db = power.clamp_(min=_TINY).log10_().mul_(10)  # (frame, bin)
    middle = level_db[:, 1:-1]
    mean_db = _surroundings(level_db)
    least_db = torch.maximum(mean_db + prominence_db, level_db.amax(1, keepdim=True) + threshold_db)
    high = (middle > level_db[:, :-2]) & (middle >= level_db[:, 2:]) & (middle > least_db[:, 1:-1])
    low, top = max(AROUND, int(LOWEST * PADDING)), high.shape[1] - AROUND
    high[:, :low], high[:, top:] = False, False
    frame, place = high.nonzero(as_tuple=True)
    place = place + 1
    before, here, after = (level_db[frame, place + n] for n in (-1, 0, 1))
    offset = 0.5 * (before - after) / (before - 2 * here + after)
    kept = _not_sidelobes(frame, place + offset, here).nonzero()[:, 0]
    kept = kept[_loudest(frame[kept], here[kept], most)]
    prominent_db = here - mean_db[frame, place]
    return frame[kept], place[kept], offset[kept], prominent_db[kept]


def _not_sidelobes(frame: Tensor, place: Tensor, level_db: Tensor) -> Tensor:
    """Which peaks are louder than the ripples of the louder peaks beside them: `(peak,)`.

    The ripples of a Hann window lie below `1 / (pi x (x^2 - 1))`, `x` bins from its middle.
    """
    own = torch.ones_like(frame, dtype=torch.bool)
    for step in range(1, min(NEIGHBOURS, len(frame) - 1) + 1):
        apart = ((place[step:] - place[:-step]) / PADDING).clamp_(min=MAIN_LOBE)
        ripple_db = RIPPLE_DB - 20 * torch.log10(torch.pi * apart * (apart.square() - 1))
        together = frame[step:] == frame[:-step]
        rise_db = level_db[step:] - level_db[:-step]
        own[step:] &= ~(together & (rise_db < ripple_db))
        own[:-step] &= ~(together & (-rise_db < ripple_db))
    return own


def _surroundings(level_db: Tensor) -> Tensor:
    """The mean level over the SPAN bins around each, fewer at the ends."""
    bins = level_db.shape[1]
    total = torch.nn.functional.pad(level_db.cumsum(1), (1, 0))
    place = torch.arange(bins, device=level_db.device)
    low, high = (place - SPAN // 2).clamp_(min=0), (place + SPAN // 2 + 1).clamp_(max=bins)
    return (total[:, high] - total[:, low]) / (high - low)


def _loudest(frame: Tensor, level_db: Tensor, most: int) -> Tensor:
    """Which peaks are among the `most` loudest of their frame, in order."""
    order = torch.argsort(level_db, descending=True, stable=True)
    order = order[torch.argsort(frame[order], stable=True)]  # by frame, the loudest first
    sorted_frame = frame[order]
    first = torch.searchsorted(sorted_frame, sorted_frame)  # of the frame
    rank = torch.arange(len(order), device=order.device) - first
    return order[rank < most].sort().values


def _measured(
    spectrum: Tensor, places: tuple[Tensor, Tensor, Tensor, Tensor], size: int, first_frame: int
) -> Peaks:
    """Fit the window's bell to the bins around each peak, channel by channel."""
    frame, place, offset, prominence_db = places
    around = torch.arange(-AROUND, AROUND + 1, device=place.device)
    near = place[:, None] + around  # (peak, bin)
    # The frame's middle is time zero: half the frame's length turns every second bin round.
    bins = spectrum[:, frame[:, None], near] * (1 - 2 * (near % 2))
    bell = _bell((around - offset[:, None]) / PADDING, size)
    fitted = (bins * bell).sum(-1) * (2 / bell.square().sum(-1))
    return Peaks(
        frame.cpu().numpy() + first_frame,
        (place.cpu().double() + offset.cpu().double()).numpy() / (PADDING * size),
        fitted.T.cpu().to(torch.complex128).numpy(),
        prominence_db.cpu().double().numpy(),
    )


def _bell(bins: Tensor, size: int) -> Tensor:
    """The transform of a Hann window of `size`, in its middle, that many of its bins away."""
    beside = torch.sinc(bins - 1) + torch.sinc(bins + 1)
    return size * (0.5 * torch.sinc(bins) + 0.25 * beside)
