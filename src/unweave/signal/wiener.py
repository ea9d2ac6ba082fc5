"""Multichannel Wiener filter: estimated magnitudes and the mix's phase to images of the sources.

Nugraha, Liutkus and Vincent, "Multichannel audio source separation with deep neural networks",
IEEE/ACM TASLP 24(9), 2016, section IV, in the simplified form of the `norbert` package: each source
is Gaussian with a power per bin and one spatial covariance per frequency; both are re-estimated
from the images, and the images are the posterior means, which sum to the mix.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float32).eps  # norbert's guard for single-precision spectra
BINS_AT_ONCE = 128  # frequencies are independent, so that memory need not grow with them


def multichannel_wiener(estimates: Tensor, mix: Tensor, iterations: int = 1) -> Tensor:
    """Images of the sources, filtered from the mix.

    estimates: magnitudes `(batch, source, channel, frame, frequency)`; mix: complex
    `(batch, channel, frame, frequency)`. Spatial covariances are taken over the frames given.
    Returns complex images, shaped as the estimates. Works in double precision inside.
    """
    scale = mix.abs().amax(dim=(1, 2, 3), keepdim=True).double().div_(10).clamp_(min=1.0)
    images = torch.empty(estimates.shape, dtype=mix.dtype, device=mix.device)
    for first in range(0, mix.shape[-1], BINS_AT_ONCE):
        part = slice(first, first + BINS_AT_ONCE)
        weights = estimates[..., part].double()
        mixed = mix[..., part].to(torch.complex128)
        image = mixed[:, None] * (weights / (weights.sum(1, keepdim=True) + EPSILON))
        image, mixed = image / scale[:, None], mixed / scale
        for _ in range(iterations):
            image = _refine(image, mixed)
        images[..., part] = image * scale[:, None]
    return images


def _refine(images: Tensor, mix: Tensor) -> Tensor:
    """One step of expectation-maximisation on scaled images (with a source axis) and mix."""
    power = images.abs().square().mean(2)  # (batch, source, frame, frequency)
    outer = torch.einsum("bsctf,bsdtf->bscdf", images, images.conj())
    spatial = outer / (power.sum(2) + EPSILON)[:, :, None, None]  # (batch, source, c, d, frequency)
    model = torch.einsum("bstf,bscdf->bcdtf", power.to(spatial.dtype), spatial)
    for channel in range(mix.shape[1]):
        model[:, channel, channel] += EPSILON**0.5
    whitened = _solve(model, mix)
    return torch.einsum("bscdf,bdtf->bsctf", spatial, whitened) * power[:, :, None]


def _solve(matrix: Tensor, vector: Tensor) -> Tensor:
    """`matrix^-1 vector`: `(batch, c, d, frame, frequency)`, `(batch, c, frame, frequency)`."""
    if vector.shape[1] != 2:
        solved = torch.linalg.solve(matrix.movedim((1, 2), (-2, -1)), vector.movedim(1, -1))
        return solved.movedim(-1, 1)
    (a, b), (c, d) = matrix[:, 0].unbind(1), matrix[:, 1].unbind(1)
    x, y = vector.unbind(1)
    return torch.stack([d * x - b * y, a * y - c * x], dim=1) / (a * d - b * c)[:, None]
