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
from unweave.signal.threads import with_idle


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

    def synthesise(self, parts: Tensor, length: int, mean: Tensor, deviation: Tensor) -> Tensor:
        """`(batch, 2 * any, bin, frame)` to `(batch, any, length)`, of `parts * deviation + mean`.

        One wave after another: memory for the spectra of all at once would not fit into a CPU's
        cache, and costs more to get than to fill.
        """
        window, hop = self.window(parts), self.hop
        # Windows add up as if two empty frames lay on either side.
        start = self.start if self.mirror else 0
        ones = window.square().expand(parts.shape[-1] + 4, -1)
        total = add_frames(ones, hop)[2 * hop + start :][:length]

        def wave(pair: Tensor) -> Tensor:
            pair = bins_last(torch.addcmul(mean, pair, deviation))  # (batch, 2, frame, bin)
            spectrum = torch.complex(*pair.unbind(1))  # the top bin is zero
            frames = torch.fft.irfft(spectrum, n=self.size, norm="ortho")
            return add_frames(frames * window, hop)[..., start : start + length] / total

        pairs = parts.transpose(1, 2).split(2, dim=2)  # (batch, bin, 2, frame)
        return torch.stack(with_idle(wave, pairs), dim=1)


def bins_last(x: Tensor) -> Tensor:
    """`(batch, bin, 2, frame)` to `(batch, 2, frame, bin)`, contiguous.

    Of each a matrix is transposed: torch does that in blocks, and other permutations much slower.
    """
    turned = [part.flatten(1).t().contiguous() for part in x.contiguous()]
    return torch.stack(turned).unflatten(1, (2, -1))


def mirrored(x: Tensor, before: int, after: int) -> Tensor:
    """`x` with mirrored ends; one too short to mirror is first made longer by silence."""
    lacking = max(before, after) - x.shape[-1] + 1
    if lacking > 0:
        at_end = min(after, lacking)
        x = F.pad(x, (lacking - at_end, at_end))
        before, after = before - (lacking - at_end), after - at_end
    return F.pad(x, (before, after), mode="reflect")
