"""SiSEC 2018's oracles a second time, with numpy and scipy and nothing of ours.

Written from the definitions of the campaign's public oracle scripts (github.com/sigsep,
sigsep-mus-oracle): `scipy.signal.stft` of 2048 samples with its defaults (Hann window, half
overlap), masks for each channel, and for the Wiener filter a spatial covariance for each frequency.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.signal import istft, stft

Wave = npt.NDArray[np.floating]
Complex = npt.NDArray[np.complex128]

EPSILON = np.finfo(float).eps
NAMES = ("ibm1", "ibm2", "irm1", "irm2", "mwf-sisec")


def estimates(name: str, mix: Wave, stems: Mapping[str, Wave]) -> dict[str, Wave]:
    """The estimate of each stem and of the accompaniment, float64 `(channel, time)`.

    name: one of NAMES.
    """
    mixed = _spectrum(mix)
    true = {stem: _spectrum(wave) for stem, wave in stems.items()}
    if name == "mwf-sisec":
        found = _wiener(mixed, true)
    else:
        kind, exponent = name[:3], int(name[3])
        shares = {stem: np.abs(own) ** exponent for stem, own in true.items()}
        if kind == "ibm":
            whole = EPSILON + np.abs(mixed) ** exponent
            found = {stem: mixed * (share / whole >= 0.5) for stem, share in shares.items()}
        else:
            whole = EPSILON + sum(shares.values())
            found = {stem: mixed * share / whole for stem, share in shares.items()}
    waves = {stem: istft(image)[1][:, : mix.shape[1]] for stem, image in found.items()}
    waves["accompaniment"] = sum(wave for stem, wave in waves.items() if stem != "vocals")
    return waves


def _spectrum(wave: Wave) -> Complex:
    """`(channel, frequency, frame)`."""
    found: Complex = stft(wave.astype(np.float64), nperseg=2048)[-1]
    return found


def _wiener(mixed: Complex, true: Mapping[str, Complex]) -> dict[str, Complex]:
    models = {stem: _model(image) for stem, image in true.items()}
    whole = sum(power[..., None, None] * spatial[:, None] for power, spatial in models.values())
    white = np.einsum("ftij,jft->ift", _inverse(whole), mixed)
    return {
        stem: np.einsum("fij,jft->ift", spatial, white) * power
        for stem, (power, spatial) in models.items()
    }


def _model(image: Complex) -> tuple[Wave, Complex]:
    """Power `(frequency, frame)` and spatial covariance `(frequency, channel, channel)`."""
    channels = len(image)
    outer = np.einsum("ift,jft->ftij", image, image.conj())
    level = np.mean(np.abs(image) ** 2, axis=0)
    spatial = np.mean(outer / (EPSILON + level[..., None, None]), axis=1)
    # Without names of axes the trace runs along frequency and channel: see `evaluation.oracles`.
    spatial = spatial * channels / np.trace(spatial) + EPSILON * np.eye(channels)
    power = np.einsum("fij,ftji->ft", _inverse(spatial), outer).real / channels
    return power, spatial


def _inverse(matrix: Complex) -> Complex:
    """Of `(..., 2, 2)`, with the campaign's constant in the determinant."""
    a, b, c, d = (matrix[..., i, j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    adjugate = np.stack([d, -b, -c, a], axis=-1).reshape(matrix.shape)
    return adjugate / (EPSILON + a * d - b * c)[..., None, None]
