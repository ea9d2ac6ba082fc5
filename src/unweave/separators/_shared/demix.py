"""One demixing matrix for each frequency: what AuxIVA and ILRMA have in common.

In a room the short-time spectra of the sources are mixed by a matrix for each frequency, `x = A s`,
and rows `w` of a demixing matrix bring them back, `y = w x`. Given how loud each source is where
(its variance in each frame), the best rows are found by iterative projection (Ono 2011) from the
covariances of the mix weighted with the inverse variances.

Of the mix, those covariances and the powers `|y|^2` hold nothing but products of two channels, and
both are linear in them. So the products are formed once, real and side by side, and one step of a
technique is a product of real matrices where others run through the complex spectra several times.
The mix is whitened first, which changes no result in exact arithmetic and lets float32 do.

Rows are `(source, frequency, channel)`; sums and products hold, in this order, `|x_i|^2` for each
channel and the real and imaginary part of `x_i conj(x_j)` for each pair `i < j`.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

BINS_AT_ONCE = 64  # whitened frequencies that stay in the cache until their products are formed
FLOOR = 1e-10  # of the largest eigenvalue: weaker directions of the mix are not made louder
LOADING = 1e-6  # of a covariance's mean variance, some roundings of float32: keeps it invertible
NOTHING = 1e-30  # the same for silence; what is divided by it fits into float32

Entries = tuple[Tensor, Tensor, Tensor]


def fine(device: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """The real and the complex type for small matrices: double precision where there is one."""
    if device.type == "mps":
        return torch.float32, torch.complex64
    return torch.float64, torch.complex128


def whitening(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """`(..., n, n)` Hermitian: a matrix that whitens, `Q C Q^H = I`, and its inverse.

    The rows of Q belong to the eigenvalues, the largest first; the first entry of each is real and
    not negative. Directions weaker than FLOOR of the strongest are scaled as if they had that.
    """
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(-1), vectors.flip(-1)
    first = vectors[..., :1, :]
    vectors = vectors * torch.where(first == 0, 1, first.conj() / first.abs().clamp(min=1e-300))
    scale = values.clamp(min=0).maximum(values[..., :1] * FLOOR).sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    return (vectors / scale[..., None, :]).mH, vectors * scale[..., None, :]


def products(spectrum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Products of the channels of a whitened mix.

    spectrum: complex `(channel, frequency, frame)`. Returns the products, real
    `(frequency, channel^2, frame)`, and for each frequency the whitening matrix and its inverse.
    """
    channels, bins, frames = spectrum.shape
    _, fine_complex = fine(spectrum.device)
    out = torch.empty(bins, channels**2, frames, device=spectrum.device)
    whiteners, inverses = [], []
    for first in range(0, bins, BINS_AT_ONCE):
        mix = spectrum[:, first : first + BINS_AT_ONCE].transpose(0, 1).contiguous()
        covariance = (mix @ mix.mH).to(fine_complex) / frames
        whitener, inverse = whitening(covariance)
        white = torch.view_as_real(whitener.to(mix.dtype) @ mix)
        part = out[first : first + BINS_AT_ONCE]
        part[:, :channels] = white.square().sum(-1)
        for n, (i, j) in enumerate(combinations(range(channels), 2)):
            (a, b), (c, d) = white[:, i].unbind(-1), white[:, j].unbind(-1)
            part[:, channels + 2 * n] = a * c + b * d
            part[:, channels + 2 * n + 1] = b * c - a * d
        whiteners.append(whitener)
        inverses.append(inverse)
    return out, torch.cat(whiteners), torch.cat(inverses)


def power_weights(rows: Tensor) -> Tensor:
    """What the products are to be multiplied by and summed to give `|row x|^2`.

    Returns real `(source, frequency, channel^2)`.
    """
    channels = rows.shape[-1]
    parts = list(torch.view_as_real(rows).square().sum(-1).unbind(-1))
    for i, j in combinations(range(channels), 2):
        cross = 2 * rows[..., i] * rows[..., j].conj()
        parts += [cross.real, -cross.imag]
    return torch.stack(parts, dim=-1)


def covariances(sums: Tensor) -> Tensor:
    """Weighted sums of products, `(..., channel^2)`, as Hermitian matrices `(..., n, n)`."""
    channels = round(sums.shape[-1] ** 0.5)
    out = torch.diag_embed(sums[..., :channels]).to(fine(sums.device)[1])
    for n, (i, j) in enumerate(combinations(range(channels), 2)):
        pair = torch.complex(*sums[..., channels + 2 * n : channels + 2 * n + 2].unbind(-1))
        out[..., i, j], out[..., j, i] = pair, pair.conj()
    return out


def project(rows: Tensor, sums: Tensor) -> Tensor:
    """One round of iterative projection: each row in turn, given the others (Ono 2011).

    rows: complex `(source, frequency, channel)`, no more sources than channels; sums: products
    averaged over frames with each source's weights, real `(source, frequency, channel^2)`.
    Row `s` minimises `w V_s w^H - log |det W|^2`, so that the others, weighted with `V_s`, are
    blind to it, and `w V_s w^H = 1`. Where channels are more than sources, the rows that are
    missing span what is uncorrelated with the sources in a white mix (Scheibler and Ono 2019).
    """
    rows, sums = rows.clone(), _loaded(sums)
    sources, _, channels = rows.shape
    if sources == channels == 2:
        for source in range(2):
            rows[source] = _only_one_blind_to(rows[1 - source], sums[source])
        return rows
    for source in range(sources):
        line, power = _plane(_apart(rows, source), sums[source])
        rows[source] = (line / power.real.sqrt()).squeeze(-1).conj()
    return rows


def project_pairs(rows: Tensor, sums: Tensor) -> Tensor:
    """As `project`, two rows at a time, which are found together (Ono 2012).

    Takes as long and needs fewer rounds; two sources on two channels need no other rows at all.
    """
    rows, sums = rows.clone(), _loaded(sums)
    sources, _, channels = rows.shape
    if sources == channels == 2:
        first, second = _two_that_differ(*map(_entries, sums))
        return torch.stack([first.conj(), second.conj()])
    for pair in _pairs(sources):
        apart = _apart(rows, *pair)
        planes, inside = zip(*(_plane(apart, sums[source]) for source in pair), strict=True)
        entries = [(m[:, 0, 0].real, m[:, 1, 1].real, m[:, 0, 1]) for m in inside]
        # What is inside is the inverse of a covariance, so that the roles are exchanged.
        vectors = reversed(_two_that_differ(*entries))
        for source, plane, own, vector in zip(pair, planes, inside, vectors, strict=True):
            scale = (vector.conj()[:, None] @ own @ vector[..., None]).real.sqrt()
            rows[source] = (plane @ vector[..., None] / scale).squeeze(-1).conj()
    return rows


def _apart(rows: Tensor, *chosen: int) -> Tensor:
    """Orthonormal columns to which all rows but the chosen are blind: `(frequency, channel, k)`.

    Where channels are more than sources, so is the background, which is what all rows are blind to.
    """
    order = [n for n in range(len(rows)) if n not in chosen] + list(chosen)
    basis, _ = torch.linalg.qr(rows[order].permute(1, 2, 0).conj())
    return basis[..., len(rows) - len(chosen) :]


def _plane(apart: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """Where a conjugated row may lie, `V^-1 U`, and the covariance in there, `U^H V^-1 U`."""
    plane = torch.linalg.solve(covariances(sums), apart)
    return plane, apart.mH @ plane


def _loaded(sums: Tensor) -> Tensor:
    """Sums as if a trace of white noise were in the mix, so that no covariance is singular."""
    channels = round(sums.shape[-1] ** 0.5)
    sums, power = sums.clone(), sums[..., :channels].mean(-1, keepdim=True)
    sums[..., :channels] += LOADING * power + NOTHING
    return sums


def _pairs(sources: int) -> list[tuple[int, int]]:
    """Neighbours, and the last with the first where the number is odd."""
    pairs = [(n, n + 1) for n in range(0, sources - 1, 2)]
    return pairs if sources % 2 == 0 else [*pairs, (sources - 1, 0)]


def _only_one_blind_to(other: Tensor, sums: Tensor) -> Tensor:
    """`project` for two channels: the row `w` with `other V w^H = 0` and `w V w^H = 1`."""
    x, y, cross = _entries(sums)
    a, b = other.unbind(-1)
    u, v = b * y + a * cross, -(a * x + b * cross.conj())  # the row, conjugated
    power = _square(u) * x + _square(v) * y + 2 * (u.conj() * v * cross).real
    return torch.stack([u.conj(), v.conj()], dim=-1) / power.sqrt()[:, None]


def _two_that_differ(first: Entries, second: Entries) -> tuple[Tensor, Tensor]:
    """Generalised eigenvectors of two Hermitian 2 x 2 matrices, A and B, in closed form.

    Returns `u` and `v`, `(frequency, 2)`, of which `u` makes A small beside B and `v` the contrary:
    `u^H A v = u^H B v = 0`, `u^H A u = 1`, `v^H B v = 1`.
    """
    (x, y, cross), (p, q, r) = first, second
    # B = L L^H with L = [[k, 0], [m, n]]; then C = L^-1 A L^-H is Hermitian.
    k = p.sqrt()
    m = r.conj() / k
    n = (q - _square(m)).maximum(q * torch.finfo(q.dtype).eps).sqrt()
    c11 = x / p
    t = cross / k - m.conj() * c11
    c12 = t / n
    c22 = (y - 2 * (m * cross / k).real + _square(m) * c11) / n.square()
    half = (c11 - c22) / 2
    radius = (half.square() + _square(c12)).sqrt()
    # The eigenvector (alpha, beta) of C's larger value, by the formula that does not cancel.
    alpha = torch.where(half >= 0, (half + radius).to(c12.dtype), c12)
    beta = torch.where(half >= 0, c12.conj(), (radius - half).to(c12.dtype))
    length = (_square(alpha) + _square(beta)).sqrt()
    round_ = length == 0  # all directions are alike: take the axes
    alpha = torch.where(round_, torch.ones_like(alpha), alpha / length)
    beta = torch.where(round_, torch.zeros_like(beta), beta / length)
    larger = (c11 + c22) / 2 + radius
    smaller = (c11 * c22 - _square(c12)) / larger
    smaller = smaller.maximum(larger * torch.finfo(p.dtype).eps)
    v2 = beta / n
    v = torch.stack([(alpha - m.conj() * v2) / k, v2], dim=-1)
    u2 = alpha.conj() / n
    u = torch.stack([(-beta.conj() - m.conj() * u2) / k, u2], dim=-1)
    return u / smaller.sqrt()[..., None], v


def _entries(sums: Tensor) -> Entries:
    """A Hermitian 2 x 2 matrix as its two diagonal entries and the upper one beside them."""
    x, y, real, imaginary = sums.unbind(-1)
    return x, y, torch.complex(real, imaginary)


def _square(values: Tensor) -> Tensor:
    return values.real.square() + values.imag.square()


def projections(rows: Tensor, whitener: Tensor, inverse: Tensor) -> Tensor:
    """What turns the mix into the image of each source: `(source, frequency, channel, channel)`.

    An image is a source as the channels recorded it, so that neither scale nor sign are open (the
    minimal distortion principle). With as many sources as channels the matrices sum to one.
    """
    rows = rows.transpose(0, 1)  # (frequency, source, channel), of the white mix
    rows = rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True)  # no scale matters
    steering = inverse @ rows.mH @ torch.linalg.inv(rows @ rows.mH)
    return steering.mT.transpose(0, 1)[..., None] * (rows @ whitener).transpose(0, 1)[:, :, None]
