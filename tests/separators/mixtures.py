"""Mixtures whose making is known, and how far from it a separation is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.signal import fftconvolve, stft

from tests.separators.voices import talker
from unweave.separators._shared import demix

RECORDED = Path(__file__).parents[1] / "data" / "ica"  # written by benchmarks/ica/record.py
RATE_HZ = 16000


def amari(product: np.ndarray) -> np.ndarray:
    """How far unmixing times mixing, `(..., n, n)`, is from one entry in each row and column.

    Amari's distance: 0 where each row has one entry and each column too, 1 where all are alike.
    """
    size = np.abs(product)
    n = size.shape[-1]
    rows = (size.sum(-1) / size.max(-1) - 1).sum(-1)
    columns = (size.sum(-2) / size.max(-2) - 1).sum(-1)
    return (rows + columns) / (2 * n * (n - 1))


def talkers(count: int, seconds: float, seed: int = 0) -> np.ndarray:
    """`(talker, time)` float32 at RATE_HZ, equally loud."""
    return np.stack([talker(int(seconds * RATE_HZ), RATE_HZ, 17 * seed + n) for n in range(count)])


def in_a_room(sources: np.ndarray) -> np.ndarray:
    """Two sources `(source, time)` as two microphones hear them: `(source, microphone, time)`.

    The room is simulated: 6 x 5 x 3 m, echoes of 0.12 s, microphones 6 cm apart.
    """
    responses = np.load(RECORDED / "room.npz")["responses"].transpose(1, 0, 2)
    images = fftconvolve(sources[:, None], responses, axes=-1)
    return images[..., : sources.shape[1]].astype(np.float32)


def mixed_in_each_frequency(sources: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spectra of sources `(source, time)`, mixed by a known random matrix in each frequency.

    Returns the mix, complex64 `(channel, frequency, frame)`, and the mixing matrices
    `(frequency, channel, source)`. Frames are 64 ms long, a quarter of that apart.
    """
    spectra = stft(sources, nperseg=1024, noverlap=768)[2]  # (source, frequency, frame)
    rng = np.random.default_rng(seed)
    count, bins, _ = spectra.shape
    shape = (bins, count, count)
    mixing = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.einsum("fcs,sft->cft", mixing, spectra).astype(np.complex64), mixing


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Energy of the reference over that of the difference; real or complex."""
    wrong = np.sum(np.abs(reference - estimate) ** 2)
    return float(10 * np.log10(np.sum(np.abs(reference) ** 2) / wrong))


def improvement_db(images: np.ndarray, stems: np.ndarray) -> list[float]:
    """By how much each stem is nearer to a source's image than the mix is, in the better order.

    images, stems: `(source, channel, time)`, two of each.
    """
    mix = images.sum(0)
    before = [sdr_db(image, mix) for image in images]
    orders = [
        [sdr_db(image, stem) - was for image, stem, was in zip(images, order, before, strict=True)]
        for order in (stems, stems[::-1])
    ]
    return max(orders, key=sum)


def tensor(wave: np.ndarray) -> torch.Tensor:
    """`(channel, time)` as a batch of one."""
    return torch.from_numpy(wave.astype(np.float32))[None]


def white_start(mix: np.ndarray, sources: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Products of spectra `(channel, frequency, frame)`, the whitening, rows of the unit matrix.

    So a technique starts where its peers start, who take the unit matrix of the mix itself.
    """
    products, whitener, inverse = demix.products(torch.from_numpy(mix))
    return products, whitener, inverse[:, :sources].transpose(0, 1)


def demixed(rows: torch.Tensor, whitener: torch.Tensor, mix: np.ndarray) -> np.ndarray:
    """Spectra of the sources, `(source, frequency, frame)`, at whatever scale."""
    matrices = (rows.transpose(0, 1) @ whitener).numpy()
    return np.einsum("fsc,cft->sft", matrices, mix)


def projected_back(spectra: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Each source's bins scaled to come nearest to the reference `(frequency, frame)`.

    This is how pyroomacoustics scales what it returns.
    """
    power = np.sum(np.abs(spectra) ** 2, axis=-1, keepdims=True)
    return spectra * np.sum(spectra.conj() * reference, axis=-1, keepdims=True) / power
