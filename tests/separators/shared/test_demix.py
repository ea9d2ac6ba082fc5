from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import eigh

from unweave.separators._shared import demix


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.complex128, generator=generator)


def weighted_sums(products: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """`(source, frequency, channel^2)`: products averaged with the weights `(source, frame)`."""
    return torch.einsum("fqt,st->sfq", products, weights).double() / products.shape[-1]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_whitening_whitens_and_its_inverse_undoes_it(channels: int) -> None:
    mix = noise(7, channels, 50)
    covariance = mix @ mix.mH / 50
    whitener, inverse = demix.whitening(covariance)
    unit = torch.eye(channels, dtype=torch.complex128).expand(7, -1, -1)
    torch.testing.assert_close(whitener @ covariance @ whitener.mH, unit)
    torch.testing.assert_close(inverse @ whitener, unit)
    strength = torch.linalg.vector_norm(inverse, dim=-2)
    assert (strength.diff(dim=-1) <= 0).all()
    first = inverse[:, 0]
    assert first.imag.abs().max() < 1e-12
    assert (first.real >= 0).all()


def test_whitening_does_not_make_a_dead_direction_loud() -> None:
    whitener, inverse = demix.whitening(torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double())
    assert whitener.abs().max() < 2 / demix.FLOOR**0.5
    whitener, inverse = demix.whitening(torch.zeros(2, 2).double())
    torch.testing.assert_close(inverse @ whitener, torch.eye(2).double())


@pytest.mark.parametrize("channels", [2, 3])
def test_products_give_powers_and_covariances(channels: int) -> None:
    mix = noise(channels, 70, 40)
    products, whitener, _ = demix.products(mix.to(torch.complex64))
    white = whitener @ mix.transpose(0, 1)  # (frequency, channel, frame)
    rows, weights = noise(2, 70, channels, seed=1), torch.rand(2, 40)
    power = torch.einsum("sfq,fqt->sft", demix.power_weights(rows), products.double())
    want = torch.einsum("sfc,fct->sft", rows, white).abs().square()
    torch.testing.assert_close(power, want, rtol=1e-4, atol=1e-4)
    got = demix.covariances(weighted_sums(products, weights))
    want = torch.einsum("fct,fdt,st->sfcd", white, white.conj(), weights.to(white.dtype)) / 40
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def covariance_sums(count: int, bins: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random covariances as sums of products, and as matrices `(source, frequency, c, c)`."""
    products, _, _ = demix.products(noise(channels, bins, 12, seed=4).to(torch.complex64))
    weights = torch.rand(count, 12, generator=torch.Generator().manual_seed(5)) ** 3
    sums = weighted_sums(products, weights)
    return sums, demix.covariances(sums)


@pytest.mark.parametrize(("sources", "channels"), [(2, 2), (3, 3), (4, 4)])
def test_each_row_is_projected_in_turn(sources: int, channels: int) -> None:
    """Ono's rule as it is written, frequency by frequency."""
    sums, matrices = covariance_sums(sources, 9, channels)
    rows = noise(sources, 9, channels, seed=6)
    got = demix.project(rows, sums).numpy()
    for f in range(9):
        whole = rows[:, f].numpy().copy()
        for s in range(sources):
            weighted = matrices[s, f].numpy()
            w = np.linalg.inv(whole @ weighted)[:, s]
            whole[s] = (w / np.sqrt((w.conj() @ weighted @ w).real)).conj()
        turn = np.exp(1j * (np.angle(got[:, f, :1]) - np.angle(whole[:, :1])))
        np.testing.assert_allclose(got[:, f], whole * turn, rtol=1e-3, atol=1e-4)


def test_a_pair_is_two_generalised_eigenvectors() -> None:
    sums, matrices = covariance_sums(2, 9, 2)
    got = demix.project_pairs(noise(2, 9, 2), sums).numpy()
    for f in range(9):
        first, second = matrices[:, f].numpy()
        _, vectors = eigh(first, second)  # the smallest ratio first
        for row, vector, own in zip(got[:, f], vectors.T, (first, second), strict=True):
            vector = vector / np.sqrt((vector.conj() @ own @ vector).real)
            assert abs(abs(row @ own @ vector) - 1) < 1e-4
            assert abs((row @ own @ row.conj()).real - 1) < 1e-4


def loss(rows: torch.Tensor, matrices: torch.Tensor) -> float:
    """`sum_s w_s V_s w_s^H - log |det W|^2`, all frequencies together."""
    energy = torch.einsum("sfc,sfcd,sfd->", rows, matrices, rows.conj()).real
    return float(energy - 2 * torch.linalg.slogdet(rows.transpose(0, 1))[1].sum())


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("step", [demix.project, demix.project_pairs])
def test_no_round_makes_it_worse(step, channels: int) -> None:
    sums, matrices = covariance_sums(channels, 20, channels)
    rows, seen = noise(channels, 20, channels, seed=7), []
    for _ in range(12):
        rows = step(rows, sums)
        seen.append(loss(rows, matrices))
    assert all(b <= a + 1e-4 for a, b in pairwise(seen))
    assert seen[-1] < seen[0] - 0.01 or channels == 2  # two on two are found at once, in pairs


@pytest.mark.parametrize("step", [demix.project, demix.project_pairs])
def test_with_more_channels_the_background_is_left_out(step) -> None:
    sums, matrices = covariance_sums(2, 20, 4)
    rows = step(noise(2, 20, 4, seed=8), sums)
    own = torch.einsum("sfc,sfcd,sfd->sf", rows, matrices, rows.conj()).real
    torch.testing.assert_close(own, torch.ones_like(own), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("sources", "channels"), [(2, 2), (3, 3), (2, 3)])
def test_projections_share_out_the_mix(sources: int, channels: int) -> None:
    mix = noise(channels, 20, 30)
    _, whitener, inverse = demix.products(mix.to(torch.complex64))
    rows = noise(sources, 20, channels, seed=9)
    parts = demix.projections(rows, whitener, inverse)
    assert parts.shape == (sources, 20, channels, channels)
    total = parts.sum(0)
    torch.testing.assert_close(total @ total, total)  # a projection, onto as many dimensions
    torch.testing.assert_close(torch.linalg.matrix_rank(total), torch.full((20,), sources))
    torch.testing.assert_close(parts[0] @ parts[0], parts[0])
    torch.testing.assert_close(parts[0] @ parts[1], torch.zeros_like(total), atol=1e-9, rtol=0)
    torch.testing.assert_close(demix.projections(rows * 1e-6, whitener, inverse), parts)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("step", [demix.project, demix.project_pairs])
def test_silence_and_single_frames_stay_finite(step, channels: int) -> None:
    for frames in (1, 2):
        mix = noise(channels, 6, frames)
        mix[:, :3] = 0
        products, whitener, inverse = demix.products(mix.to(torch.complex64))
        rows = inverse[:, :2].transpose(0, 1)
        for _ in range(5):
            rows = step(rows, weighted_sums(products, torch.ones(2, frames)))
        assert torch.isfinite(torch.view_as_real(demix.projections(rows, whitener, inverse))).all()
