"""What a mix does to sound: pure functions on windows of the recording and its stems.

    remix = mix + sum over the stems of weight * (changed stem - stem)

So the remix of unchanged stems is the recording to the bit, and what a separator got wrong is heard
only as far as a stem is changed. The weight is one unless the sensitivity is lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.remix.filters import Array, filtered
from unweave.apps.remix.mix import Strip, Value
from unweave.types import Wave

if TYPE_CHECKING:
    from torch import Tensor

FRAME_S = 0.04  # of the weights; the next power of two
HOPS = 4  # in a frame


@dataclass(frozen=True)
class Desk:
    """A mix made ready for one recording.

    strips: of each stem, in their order, and of the residual, the last. filters: the taps of those
    that have a filter, by stem.
    """

    strips: Mapping[str, Strip]
    filters: Mapping[str, Array]
    sensitivity: float
    sample_rate_hz: int

    @property
    def frame(self) -> int:
        return 1 << int(np.ceil(np.log2(FRAME_S * self.sample_rate_hz)))

    @property
    def context(self) -> int:
        """Samples before and after a window without which it cannot be mixed."""
        filters = max((len(each) // 2 for each in self.filters.values()), default=0)
        return filters + (self.frame if self.sensitivity < 1 else 0)


def mixed(desk: Desk, window: Wave, start: int) -> tuple[Wave, Wave]:
    """The remix `(channel, time)` and the changed stems `(stem, channel, time)`, which sum to it.

    window: the mix and then its stems, `(1 + stem, channel, time)`, with the context on both
    sides, which is not returned. start: the place of its first sample in the recording.
    """
    context = desk.context
    mix, stems = window[0], window[1:]
    stems = np.concatenate([stems, (mix - stems.sum(0))[None]])
    inside = slice(context, mix.shape[-1] - context)
    remix, changed = mix[:, inside].copy(), stems[..., inside].copy()
    for place, (name, strip) in enumerate(desk.strips.items()):
        if not strip.changes:
            continue
        change = processed(stems[place], strip, desk.filters.get(name), start, desk.sample_rate_hz)
        change -= stems[place]
        if desk.sensitivity < 1:
            change = weighted(change, stems, place, desk.sensitivity, desk.frame)
        remix += change[:, inside]
        changed[place] += change[:, inside]
    return remix, changed


def processed(
    stem: Wave, strip: Strip, taps: Array | None, start: int, sample_rate_hz: int
) -> Wave:
    """A stem `(channel, time)` as its strip has it. start: its first sample in the recording."""
    if strip.mute:
        return np.zeros_like(stem)
    wave = stem.copy() if taps is None else filtered(stem, taps)

    def at(value: Value) -> Array | float:
        return sampled(value, start, wave.shape[-1], sample_rate_hz)

    if strip.gain != 0:
        wave *= np.float32(10) ** (np.float32(0.05) * np.asarray(at(strip.gain), np.float32))
    if strip.width != 1:
        wave = widened(wave, at(strip.width))
    if strip.pan != 0:
        wave = panned(wave, at(strip.pan))
    return wave


def sampled(value: Value, start: int, count: int, sample_rate_hz: int) -> Array | float:
    """A value at `count` samples from `start` on: linear between points, exact at each point.

    A point lies on the sample that is the nearest to its time.
    """
    if not isinstance(value, tuple):
        return value
    places = [round(time_s * sample_rate_hz) for time_s, _ in value]
    return np.interp(np.arange(start, start + count), places, [number for _, number in value])


def widened(wave: Wave, width: Array | float) -> Wave:
    """Stereo `(2, time)` with its difference signal times `width`; the sum stays as it is."""
    middle, side = (wave[0] + wave[1]) / 2, (wave[0] - wave[1]) / 2
    return np.stack([middle + width * side, middle - width * side]).astype(np.float32)


def panned(wave: Wave, pan: Array | float) -> Wave:
    """Stereo `(2, time)`, each channel times its gain: cosine and sine, one at the middle.

    What is equal in both channels keeps its power wherever it goes. At an end the other channel is
    silent: what was there alone is lost, so narrow a wide stem before.
    """
    angle = (np.asarray(pan) + 1) * (np.pi / 4)
    gains = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)])
    return (wave * gains.reshape(2, -1)).astype(np.float32)


def weighted(change: Wave, stems: Wave, place: int, sensitivity: float, frame: int) -> Wave:
    """A change with less of it where the stem is little of the mix.

    In each frame and frequency of a short-time Fourier transform it is multiplied by
    `share ** (1 - sensitivity)`. The share is the stem's part of the power of all stems, the gain
    of a Wiener filter (Benaroya, Bimbot, Gribonval, Audio source separation with a single sensor,
    2006). change: `(channel, time)`; stems: `(stem, channel, time)`. The result is exact but for
    `frame` samples at each end.
    """
    import torch

    from unweave.signal.stft import groups, overlap_add, stft

    hop, length = frame // HOPS, change.shape[-1]
    window = torch.hann_window(frame).sqrt()

    def spectra(wave: Wave) -> Tensor:
        padded = np.pad(wave, [(0, 0)] * (wave.ndim - 1) + [(0, -length % hop + frame)])
        return stft(torch.from_numpy(padded), window, hop)

    powers = spectra(stems).abs().square()
    share = powers[place] / powers.sum(0).clamp_min(torch.finfo(torch.float32).tiny)
    spectrum = spectra(change) * share.clamp(0, 1) ** (1 - sensitivity)
    frames = spectrum.shape[-2]
    parts = ((some, spectrum[..., some, :]) for some in groups(frames))
    wave = overlap_add(parts, frames, window, hop)[..., :length]
    return (wave / (HOPS / 2)).numpy()
