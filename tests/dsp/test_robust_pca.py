"""The decomposition against the published algorithm written out with a whole SVD."""

import numpy as np
import pytest
import torch

from unweave.dsp.robust_pca import robust_pca, shrink_singular_values


def obvious(
    matrix: np.ndarray, weight: float, tolerance: float, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lin, Chen, Ma 2010, algorithm 5."""
    largest = np.linalg.norm(matrix, 2)
    multiplier = matrix / max(largest, np.abs(matrix).max() / weight)
    penalty, sparse = 1.25 / largest, np.zeros_like(matrix)
    for _ in range(iterations):
        u, s, v = np.linalg.svd(matrix - sparse + multiplier / penalty, full_matrices=False)
        low = u * np.maximum(s - 1 / penalty, 0) @ v
        target = matrix - low + multiplier / penalty
        sparse = np.sign(target) * np.maximum(np.abs(target) - weight / penalty, 0)
        rest = matrix - low - sparse
        multiplier = multiplier + penalty * rest
        penalty = min(1.5 * penalty, 1.25e7 / largest)
        if np.linalg.norm(rest) < tolerance * np.linalg.norm(matrix):
            break
    return low, sparse


def planted(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    low = rng.standard_normal((rows, 4)) @ rng.standard_normal((4, columns))
    sparse = np.where(rng.random((rows, columns)) < 0.05, rng.normal(0, 10, (rows, columns)), 0)
    return low, sparse


@pytest.mark.parametrize(("rows", "columns"), [(60, 90), (90, 60), (50, 50)])
def test_each_step_is_the_published_one(rows: int, columns: int) -> None:
    matrix, weight = sum(planted(rows, columns)), 1 / max(rows, columns) ** 0.5
    for iterations in (1, 5, 100):
        want = obvious(matrix, weight, 1e-7, iterations)
        got = robust_pca(torch.from_numpy(matrix), weight, tolerance=1e-7, iterations=iterations)
        for w, g in zip(want, got, strict=True):
            np.testing.assert_allclose(g.numpy(), w, atol=1e-7 * np.abs(matrix).max())


def test_planted_parts_are_found_in_single_precision() -> None:
    low, sparse = planted(80, 120)
    got = robust_pca(
        torch.from_numpy(low + sparse).float(), 1 / 120**0.5, tolerance=1e-5, iterations=100
    )
    assert np.linalg.norm(got[0].numpy() - low) < 1e-3 * np.linalg.norm(low)
    assert np.linalg.norm(got[1].numpy() - sparse) < 1e-3 * np.linalg.norm(sparse)


def test_nothing_comes_of_nothing() -> None:
    low, sparse = robust_pca(torch.zeros(5, 3), 0.5, tolerance=1e-4, iterations=9)
    assert not low.any()
    assert not sparse.any()
    one, rest = robust_pca(torch.ones(1, 1), 1.0, tolerance=1e-4, iterations=50)
    torch.testing.assert_close(one + rest, torch.ones(1, 1), atol=1e-3, rtol=0)


def test_singular_values_are_less_the_threshold() -> None:
    matrix = torch.randn(20, 50, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(matrix)
    threshold = float(values[7])
    found = torch.linalg.svdvals(shrink_singular_values(matrix, threshold * 1.0001))
    torch.testing.assert_close(found, (values - threshold * 1.0001).clamp(min=0), atol=1e-4, rtol=0)
