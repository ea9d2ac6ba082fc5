import numpy as np
import pytest
import torch

from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import registry
from unweave.errors import UsageError
from unweave.separators.rpca import robust_pca, shrink_singular_values


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave))[None]
        return registry.load("rpca", **options)(mix, RATE_HZ)[0].numpy()


def test_masks_are_those_of_the_two_parts() -> None:
    values = torch.rand(40, 60, generator=torch.Generator().manual_seed(4)) ** 3
    low, sparse = robust_pca(values, 0.5 / 60**0.5, tolerance=1e-5, iterations=100)
    low, sparse = low.abs() * 1.5, sparse.abs()
    options = {"sparsity": 0.5, "gain": 1.5, "tolerance": 1e-5}
    soft = registry.load("rpca", **options).mask_of(values)
    torch.testing.assert_close(soft, sparse**2 / (sparse**2 + low**2), atol=1e-6, rtol=0)
    binary = registry.load("rpca", mask="binary", **options).mask_of(values)
    torch.testing.assert_close(binary, (sparse > low).float())
    assert 0.1 < binary.mean() < 0.9


@pytest.mark.parametrize("mask", ["soft", "binary"])
def test_a_voice_over_a_loop_is_found(mask: str) -> None:
    sung, played = voice(8), accompaniment(8)
    vocals, music = separate(sung + played, mask=mask)[:, 0]
    assert sdr_db(sung, vocals) > 8
    assert sdr_db(played, music) > 8
    np.testing.assert_allclose(vocals + music, sung + played, atol=1e-6)


def test_channels_are_independent() -> None:
    left, right = voice(3) + accompaniment(3), voice(3, 5) + accompaniment(3, seed=5)
    both = separate(np.stack([left, right]))
    np.testing.assert_array_equal(both[:, 0], separate(left)[:, 0])
    np.testing.assert_array_equal(both[:, 1], separate(right)[:, 0])


def test_more_sparsity_leaves_less_for_the_voice() -> None:
    mix = voice(4) + accompaniment(4)
    powers = [np.sum(separate(mix, sparsity=s)[0] ** 2) for s in (0.7, 1.0, 2.0)]
    assert powers[0] > powers[1] > powers[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 0}, "rpca: sparsity must be a number, above 0"),
        ({"gain": -1}, "rpca: gain must be a number, above 0"),
        ({"mask": "hard"}, "rpca: mask must be one of soft, binary"),
        ({"tolerance": 1e-9}, "rpca: tolerance must be a number, at least 1e-06, at most 0.1"),
        ({"iterations": 0}, "rpca: iterations must be a whole number, at least 1"),
        ({"iterations": 10.5}, "rpca: iterations must be a whole number"),
        ({"high_pass_hz": float("nan")}, "rpca: high_pass_hz must be a number"),
        ({"overlap": 6}, "rpca: overlap must be one of 2, 4, 8, 16"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        registry.load("rpca", **options)
    assert "\n" not in str(caught.value)


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
