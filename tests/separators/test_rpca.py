import numpy as np
import pytest
import torch

from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import catalog
from unweave.core.errors import UsageError
from unweave.dsp.robust_pca import robust_pca


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave))[None]
        return catalog.load("rpca", **options)(mix, RATE_HZ)[0].numpy()


def test_masks_are_those_of_the_two_parts() -> None:
    values = torch.rand(40, 60, generator=torch.Generator().manual_seed(4)) ** 3
    low, sparse = robust_pca(values, 0.5 / 60**0.5, tolerance=1e-5, iterations=100)
    low, sparse = low.abs() * 1.5, sparse.abs()
    options = {"sparsity": 0.5, "gain": 1.5, "tolerance": 1e-5}
    soft = catalog.load("rpca", **options).mask_of(values)
    torch.testing.assert_close(soft, sparse**2 / (sparse**2 + low**2), atol=1e-6, rtol=0)
    binary = catalog.load("rpca", mask="binary", **options).mask_of(values)
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
        ({"overlap": 6}, "rpca: overlap must be a power of two"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        catalog.load("rpca", **options)
    assert "\n" not in str(caught.value)
