"""Open-Unmix's Wiener filter: magnitudes of the sources and the mix's phase to their images.

Stöter, Uhlich, Liutkus and Mitsufuji, "Open-Unmix - a reference implementation for music source
separation", JOSS 4(41), 1667, 2019, after Nugraha, Liutkus and Vincent, IEEE/ACM TASLP 24(9),
2016, section IV. As in `wiener.py` each source is Gaussian, with a power per bin and one spatial
covariance per frequency. Here the first images are the magnitudes themselves with the mix's phase,
no ratio masks, so that they need not sum to the mix, and a bin that is quieter than the guard of
the covariance is let go.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-10  # the original's guard of weights; its root is that of the mix's covariance
BINS_AT_ONCE = 128  # frequencies are independent: what is done to some of them stays in the cache


def images(
    magnitudes: Tensor, mix: Tensor, iterations: int = 1, *, residual: bool = False
) -> Tensor:
    """Images of the sources, by rounds of expectation-maximisation.

    magnitudes: `(batch, source, channel, frame, frequency)`; mix: complex
    `(batch, channel, frame, frequency)` of one channel or two. Spatial covariances are taken over
    the frames given. residual: what the magnitudes leave of the mix counts as one source more.
    Returns complex images, shaped as the magnitudes; without iterations they have the mix's phase,
    and none where the mix is 0.
    """
    if not iterations:
        return magnitudes * mix.sgn()[:, None]
    scale = mix.abs().amax(dim=(1, 2, 3), keepdim=True).div_(10).clamp_(min=1.0)
    found = torch.empty(magnitudes.shape, dtype=mix.dtype, device=mix.device)
    for first in range(0, mix.shape[-1], BINS_AT_ONCE):
        part = slice(first, first + BINS_AT_ONCE)
        mixed, levels = mix[..., part] / scale, magnitudes[..., part] / scale[:, None]
        if residual:  # its magnitude may be negative, which turns its phase
            left = mixed.abs()[:, None] - levels.sum(1, keepdim=True)
            levels = torch.cat([levels, left], dim=1)
        parts = _filtered(levels, mixed, iterations)
        torch.mul(parts[:, : magnitudes.shape[1]], scale[:, None], out=found[..., part])
    return found


def _filtered(levels: Tensor, mix: Tensor, iterations: int) -> Tensor:
    """The images of some frequencies, scaled; `levels` are magnitudes with a sign."""
    squares = levels.square()  # (batch, source, channel, frame, frequency)
    cross = None
    if mix.shape[1] == 2:
        phase = mix.sgn()
        cross = levels.prod(2) * (phase[:, 0] * phase[:, 1].conj())[:, None]
    for n in range(iterations):
        if n:
            squares = parts.abs().square_()
            cross = parts[:, :, 0] * parts[:, :, 1].conj() if cross is not None else None
        parts = _posterior(squares, cross, mix)
    return parts


def _posterior(squares: Tensor, cross: Tensor | None, mix: Tensor) -> Tensor:
    """Posterior means `power * spatial @ (sum of power * spatial)^-1 @ mix` of the sources.

    squares: the powers of their images, `(batch, source, channel, frame, frequency)`. cross: of two
    channels, the first times the conjugate of the second, `(batch, source, frame, frequency)`.
    """
    power = squares.mean(2)  # (batch, source, frame, frequency)
    total = power.sum(2, keepdim=True) + EPSILON
    own = squares.sum(3, keepdim=True) / total[:, :, None]  # (batch, source, channel, 1, frequency)
    model = (power[:, :, None] * own).sum(1) + EPSILON**0.5  # (batch, channel, frame, frequency)
    parts = torch.empty(squares.shape, dtype=mix.dtype, device=mix.device)
    if cross is None:
        torch.mul(power[:, :, None] * own, (mix / model)[:, None], out=parts)
        return parts
    slant = cross.sum(2, keepdim=True) / total  # (batch, source, 1, frequency)
    both = (power * slant).sum(1)  # (batch, frame, frequency)
    (a, d), (x, y) = model.unbind(1), mix.unbind(1)
    determinant = a * d - both.real.square() - both.imag.square()
    x, y = (d * x - both * y) / determinant, (a * y - both.conj() * x) / determinant
    x, y = x[:, None], y[:, None]
    torch.mul(power, own[:, :, 0] * x + slant * y, out=parts[:, :, 0])
    torch.mul(power, slant.conj() * x + own[:, :, 1] * y, out=parts[:, :, 1])
    return parts
