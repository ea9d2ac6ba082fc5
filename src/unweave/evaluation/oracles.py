"""Oracles: separations that know the true stems, and so bound what a kind of method can do.

`mixture` is the lower bound: every stem is its share of the mix, unchanged. `ibm1`, `ibm2` (binary
masks: a stem takes what has at least half of the mix's magnitude or power), `irm1`, `irm2` (ratio
masks of magnitudes or powers) and `mwf-sisec` (multichannel Wiener filter of the local Gaussian
model, one spatial covariance per frequency) are those of the SiSEC 2018 campaign: 2048-sample Hann
window, half overlap, each channel by itself except in `mwf-sisec`. The campaign's script has a bug,
which `mwf-sisec` copies so that scores compare; `mwf` is the filter as defined. `ibm` is the binary
mask of the MIR-1K papers: the loudest stem takes all. `psm` is the phase-sensitive mask, limited to
[0, 1]. For the MIR-1K protocol the transform is that of Huang et al.: 1024-sample sine window, half
overlap.

Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018. Wiener filter:
Duong, Vincent, Gribonval, "Under-determined reverberant audio source separation using a full-rank
spatial covariance model", IEEE TASLP 18(7), 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from unweave.errors import UsageError
from unweave.evaluation.names import ORACLES
from unweave.evaluation.scores import MIR_1K
from unweave.types import Wave

if TYPE_CHECKING:
    from torch import Tensor

Stems = Mapping[str, Wave]
Estimates = dict[str, Wave]

_LOADING = 1e-10  # of the mean of a covariance's diagonal, added to it
_SMALLEST = 1e-60  # where all is silent
_BINS_AT_ONCE = 64  # of the Wiener filter, so that its covariances stay small


def oracle(name: str, mix: Wave, references: Stems, protocol: str) -> Estimates:
    """The estimates of an oracle, one per reference, float32 `(channel, time)` like the mix.

    references: the true stems, which should add up to about the mix. Raises UsageError for an
    unknown name.
    """
    if name not in ORACLES:
        raise UsageError(f"unknown oracle {name!r}; there are {', '.join(ORACLES)}")
    if name == "mixture":
        return _mixture(mix, references)
    stft = Stft(protocol)
    if name in ("mwf-sisec", "mwf"):
        return _wiener(mix, references, stft, exact=name == "mwf")
    return _masked(mix, references, stft, _MASKS[name])


class Stft:
    """The transform that a protocol prescribes, in double precision."""

    def __init__(self, protocol: str) -> None:
        import torch

        if protocol == MIR_1K:
            size = 1024
            at = torch.arange(size, dtype=torch.float64)
            self.window = torch.sin(torch.pi * (at + 0.5) / size)
        else:
            size = 2048
            self.window = torch.hann_window(size, periodic=True, dtype=torch.float64)
        self.hop = size // 2

    def __call__(self, channel: Wave) -> Tensor:
        """Spectrum `(frequency, frame)` of one channel `(time,)`."""
        import torch

        from unweave.evaluation import masks

        return masks.transform(torch.from_numpy(channel).double(), self.window, self.hop)

    def whole(self, wave: Wave) -> Tensor:
        """Spectrum `(channel, frequency, frame)`."""
        import torch

        return torch.stack([self(channel) for channel in wave])

    def back(self, spectrum: Tensor, length: int) -> Wave:
        from unweave.evaluation import masks

        wave: Wave = masks.inverse(spectrum, self.window, self.hop, length).float().numpy()
        return wave


def _mixture(mix: Wave, references: Stems) -> Estimates:
    share = np.float32(1.0 / len(references))
    return {stem: share * mix for stem in references}  # noqa: C420 - waves of their own


Masks = Iterator["Tensor"]
"""One `(frequency, frame)` for each stem, made when it is asked for."""


def _masked(
    mix: Wave, references: Stems, stft: Stft, masks_of: Callable[[Tensor, list[Wave], Stft], Masks]
) -> Estimates:
    """The mix through a mask for each stem. Channel by channel, so that memory stays small."""
    found = {stem: np.empty_like(mix) for stem in references}
    for n, channel in enumerate(mix):
        mixed = stft(channel)
        own = [wave[n] for wave in references.values()]
        for wave, mask in zip(found.values(), masks_of(mixed, own, stft), strict=True):
            wave[n] = stft.back(mixed * mask, mix.shape[-1])
    return found


def _binary(exponent: float, mixed: Tensor, stems: list[Wave], stft: Stft) -> Masks:
    from unweave.evaluation import masks

    return (masks.binary(stft(stem), mixed, exponent) for stem in stems)


def _loudest(mixed: Tensor, stems: list[Wave], stft: Stft) -> Masks:
    import torch

    owner = torch.stack([stft(stem).abs() for stem in stems]).argmax(0)
    return (owner == n for n in range(len(stems)))


def _ratio(exponent: float, mixed: Tensor, stems: list[Wave], stft: Stft) -> Masks:
    from unweave.evaluation import masks

    shares = [stft(stem).abs() ** exponent for stem in stems]
    total = reduce(add, shares)
    return (masks.ratio(share, total) for share in shares)


def _phase_sensitive(mixed: Tensor, stems: list[Wave], stft: Stft) -> Masks:
    from unweave.evaluation import masks

    return (masks.phase_sensitive(stft(stem), mixed) for stem in stems)


def _wiener(mix: Wave, references: Stems, stft: Stft, *, exact: bool) -> Estimates:
    """Each source is `power (frequency, frame)` times `spatial (frequency, channel, channel)`."""
    import torch

    mixed = stft.whole(mix)
    models = [_gaussian(stft.whole(wave), exact) for wave in references.values()]
    for some in _bins(mixed):  # whitened where it lies
        covariances = (
            torch.einsum("ft,fij->ftij", power[some].to(spatial.dtype), spatial[some])
            for power, spatial in models
        )
        inverse = _inverse(reduce(add, covariances), exact)
        mixed[:, some] = torch.einsum("ftij,jft->ift", inverse, mixed[:, some])
    found = {}
    for stem, (power, spatial) in zip(references, models, strict=True):
        rows = (torch.einsum("fj,jft->ft", row, mixed) * power for row in spatial.unbind(1))
        found[stem] = np.stack([stft.back(row, mix.shape[-1]) for row in rows])
    return found


def _gaussian(source: Tensor, exact: bool) -> tuple[Tensor, Tensor]:
    """Power and spatial covariance of a source image `(channel, frequency, frame)`.

    As the campaign estimated them: the spatial covariance is the mean over frames of the outer
    products over the channels' mean power, with its trace set to the number of channels; the power
    is then that of the image whitened by it.

    Not `exact`, the campaign's bug is copied: its `np.trace` names no axes and so takes the first
    two, frequency and channel, instead of both channels. Column j of every covariance is divided by
    the sum over i of element (i, j) at frequency i: of the lowest two in stereo.
    """
    import torch

    from unweave.evaluation.masks import EPSILON

    channels = source.shape[0]
    campaign = torch.einsum("iij->j", _spatial(source[:, :channels]))[None, None]
    found = []
    for some in _bins(source):
        image = source[:, some]
        spatial = _spatial(image)
        trace = torch.einsum("fii->f", spatial)[:, None, None] if exact else campaign
        spatial = spatial * (channels / (EPSILON + trace))
        if not exact:
            spatial = spatial + EPSILON * torch.eye(channels)
        white = torch.einsum("fij,jft->ift", _inverse(spatial, exact), image)
        found.append(((white * image.conj()).real.sum(0) / channels, spatial))
    powers, spatials = zip(*found, strict=True)
    return torch.cat(powers), torch.cat(spatials)


def _spatial(image: Tensor) -> Tensor:
    """The mean over frames of an image's outer products, each over the channels' mean power."""
    import torch

    from unweave.evaluation.masks import EPSILON

    weighted = image / (EPSILON + image.abs().square().mean(0))
    return torch.einsum("ift,jft->fij", weighted, image.conj()) / image.shape[-1]


def _bins(spectrum: Tensor) -> Iterator[slice]:
    """The frequencies of `(channel, frequency, frame)`, a few at a time: they are independent."""
    for first in range(0, spectrum.shape[1], _BINS_AT_ONCE):
        yield slice(first, first + _BINS_AT_ONCE)


def _inverse(matrix: Tensor, exact: bool) -> Tensor:
    """The inverse of `(..., channel, channel)`, kept from being singular.

    The campaign added 2^-52 to the determinant whatever the level, which filters quiet bins out
    and leaves a stem in the very centre, whose covariance is singular, to rounding. What is added
    to be exact is a part of the matrix's own diagonal.
    """
    import torch

    from unweave.evaluation.masks import EPSILON

    channels = matrix.shape[-1]
    unit = torch.eye(channels, dtype=matrix.dtype)
    if exact:
        trace = torch.einsum("...ii->...", matrix).real / channels
        matrix = matrix + (_LOADING * trace + _SMALLEST)[..., None, None] * unit
    if channels != 2:
        return torch.linalg.inv(matrix if exact else matrix + EPSILON * unit)
    a, b, c, d = (matrix[..., i, j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    adjugate = torch.stack([d, -b, -c, a], dim=-1).reshape(matrix.shape)
    determinant = a * d - b * c
    return adjugate / (determinant if exact else EPSILON + determinant)[..., None, None]


_MASKS: dict[str, Callable[[Tensor, list[Wave], Stft], Masks]] = {
    "ibm": _loudest,
    "ibm1": partial(_binary, 1.0),
    "ibm2": partial(_binary, 2.0),
    "irm1": partial(_ratio, 1.0),
    "irm2": partial(_ratio, 2.0),
    "psm": _phase_sensitive,
}
