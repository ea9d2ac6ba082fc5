"""Complex spectra as real channels, and waves of them, so that strides and hops divide evenly.

Frame n is centred half a hop after sample `n * hop`, as a convolution's output is whose kernel is
padded by a fraction of it: spectra and strided convolutions of a wave then lie side by side.
Differentiable. (Défossez 2021, section 3.1.)
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.signal.stft import add_frames


class Spectra:
    """Spectra of `ceil(time / hop)` frames, the hop being a quarter of a frame's `size` samples.

    Without `mirror` they keep an error that some published weights have learned to live with:
    silence instead of mirrored ends, and waves that lie 1.5 hops late.
    """

    def __init__(self, size: int, *, mirror: bool = True) -> None:
        self.size, self.hop, self.mirror = size, size // 4, mirror
        self.start = self.hop // 2 * 3  # padding before the first sample

    def window(self, like: Tensor) -> Tensor:
        return torch.hann_window(self.size, device=like.device, dtype=like.dtype)

    def analyse(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, channel * 2, bin, frame)`.

        Real and imaginary parts are channels; the bin at half the sample rate is left out.
        """
        batch, channels, length = mix.shape
        end = self.start - length % -self.hop  # frames are whole
        padded = mirrored(mix, self.start, end) if self.mirror else F.pad(mix, (self.start, end))
        spectrum = torch.stft(
            padded.reshape(batch * channels, -1),
            self.size,
            self.hop,
            window=self.window(mix),
            center=False,
            normalized=True,
            return_complex=True,
        )[:, :-1]  # (batch * channel, bin, frame)
        parts = torch.view_as_real(spectrum).permute(0, 3, 1, 2)  # (..., 2, bin, frame)
        return parts.reshape(batch, channels * 2, *parts.shape[2:])

    def synthesise(self, parts: Tensor, length: int) -> Tensor:
        """`(batch, 2 * any, bin, frame)` to `(batch, any, length)`."""
        window, hop = self.window(parts), self.hop
        paired = parts.unflatten(1, (-1, 2)).permute(0, 1, 4, 3, 2)  # (..., frame, bin, 2)
        spectrum = torch.view_as_complex(paired.contiguous())  # (batch, any, frame, bin)
        frames = torch.fft.irfft(spectrum, n=self.size, norm="ortho")  # the top bin is zero
        waves = add_frames(frames * window, hop)  # (batch, any, (frame + 3) * hop)
        # Windows add up as if two empty frames lay on either side.
        start = self.start if self.mirror else 0
        total = add_frames(window.square().expand(frames.shape[-2] + 4, -1), hop)[2 * hop + start :]
        return waves[..., start : start + length] / total[:length]


def mirrored(x: Tensor, before: int, after: int) -> Tensor:
    """`x` with mirrored ends; one too short to mirror is first made longer by silence."""
    lacking = max(before, after) - x.shape[-1] + 1
    if lacking > 0:
        at_end = min(after, lacking)
        x = F.pad(x, (lacking - at_end, at_end))
        before, after = before - (lacking - at_end), after - at_end
    return F.pad(x, (before, after), mode="reflect")
