from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.separators.mixtures import (
    RATE_HZ,
    RECORDED,
    amari,
    demixed,
    improvement_db,
    in_a_room,
    mixed_in_each_frequency,
    projected_back,
    sdr_db,
    talkers,
    tensor,
    white_start,
)
from unweave import registry
from unweave.errors import UsageError
from unweave.separators._shared import demix, iva
from unweave.separators.auxiva import AuxIva

ROUNDS = 30  # as recorded


@pytest.mark.parametrize(
    ("channels", "model", "agreement_db"),
    [(2, "laplace", 119), (2, "gauss", 119), (3, "laplace", 52), (3, "gauss", 62)],
)
def test_the_same_start_ends_where_pyroomacoustics_ends(
    channels: int, model: str, agreement_db: float
) -> None:
    given = np.load(RECORDED / f"convolutive-{channels}.npz")
    mix = given["mix"]
    products, whitener, start = white_start(mix, 2)
    rows = iva.rows(products, start, iterations=ROUNDS, model=model, step="single")
    got = projected_back(demixed(rows, whitener, mix), mix[0])
    assert sdr_db(given[f"pyroomacoustics {model}"], got) >= agreement_db


def test_pairs_end_where_ssspy_ends() -> None:
    given = np.load(RECORDED / "convolutive-2.npz")
    mix = given["mix"]
    products, whitener, start = white_start(mix, 2)
    rows = iva.rows(products, start, iterations=ROUNDS, model="laplace", step="pair")
    mixing = np.linalg.inv((rows.transpose(0, 1) @ whitener).numpy())
    got = demixed(rows, whitener, mix) * mixing[:, 0].T[..., None]  # images at the first channel
    assert sdr_db(given["ssspy laplace pair"], got) >= 132


def loss(rows: torch.Tensor, products: torch.Tensor, model: str) -> float:
    """What the updates make smaller, by its definition, at the scale that suits the rows best."""
    bins = products.shape[0]
    power = torch.einsum("sfq,fqt->st", demix.power_weights(rows), products.double())
    if model == "gauss":  # bins log(power / bins), where scale does not matter
        own = bins * (power / bins).log().mean(1).sum()
    else:  # 2 sqrt(power); scaled by c, 2 c a - 2 bins log c is least at c = bins / a
        amplitude = power.sqrt().mean(1)
        own = (2 * bins - 2 * bins * (bins / amplitude).log()).sum()
    return float(own - 2 * torch.linalg.slogdet(rows.transpose(0, 1))[1].sum())


@pytest.mark.parametrize("model", ["laplace", "gauss"])
@pytest.mark.parametrize("step", ["single", "pair"])
@pytest.mark.parametrize("sources", [2, 3])
def test_no_round_makes_the_likelihood_smaller(sources: int, step: str, model: str) -> None:
    waves = talkers(sources, 3)
    waves = waves + 0.003 * np.random.default_rng(1).normal(size=waves.shape)  # none ever silent
    mix, _ = mixed_in_each_frequency(waves)
    products, _, rows = white_start(mix, sources)
    seen = []
    for _ in range(10):
        rows = iva.rows(products, rows, iterations=1, model=model, step=step)
        seen.append(loss(rows, products, model))
    bins = products.shape[0]
    assert all(b <= a + 1e-4 * bins for a, b in pairwise(seen))
    assert seen[-1] < seen[0] - 0.1 * bins


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("sources", [2, 3])
def test_ten_seconds_of_talkers_are_found_in_each_frequency(sources: int, seed: int) -> None:
    mix, mixing = mixed_in_each_frequency(talkers(sources, 10, seed), seed)
    products, whitener, start = white_start(mix, sources)
    rows = iva.rows(products, start, iterations=30 if sources == 2 else 60)
    product = (rows.transpose(0, 1) @ whitener).numpy() @ mixing
    assert amari(product).mean() < 0.02
    # ... and each source in the same place in all of them
    order = np.abs(product).argmax(-1)
    assert (order == order[10]).all(-1).mean() > 0.98


def test_two_talkers_in_a_room() -> None:
    images = in_a_room(talkers(2, 10))
    stems = AuxIva()(tensor(images.sum(0)), RATE_HZ)[0].numpy()
    assert min(improvement_db(images, stems)) >= 25
    np.testing.assert_allclose(stems.sum(0), images.sum(0), atol=1e-6)
    energy = np.square(stems).sum((1, 2))
    assert energy[0] >= energy[1]


def test_pairs_need_fewer_rounds() -> None:
    images = in_a_room(talkers(2, 10))
    single, pair = (
        AuxIva(step=step, iterations=3)(tensor(images.sum(0)), RATE_HZ)[0].numpy()
        for step in ("single", "pair")
    )
    assert sum(improvement_db(images, pair)) > sum(improvement_db(images, single)) + 20


def test_a_third_microphone() -> None:
    images = in_a_room(talkers(2, 10))
    third = 0.5 * images[:, :1] + 0.25 * np.roll(images[:, 1:], 3, axis=-1)
    noise = 0.001 * np.random.default_rng(0).normal(size=(3, images.shape[-1]))
    mix = np.concatenate([images, third], axis=1).sum(0) + noise
    stems = AuxIva()(tensor(mix), RATE_HZ)[0].numpy()
    assert stems.shape == (2, 3, images.shape[-1])
    assert min(improvement_db(images, stems[:, :2])) >= 10


def test_too_few_channels_name_what_to_use_instead() -> None:
    separator = registry.load("auxiva", sources=3)
    assert separator.spec.min_channels == 3
    with pytest.raises(UsageError, match=r"auxiva needs a channel for each of 3 sources.*projet"):
        separator(torch.zeros(1, 2, 100), RATE_HZ)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("sources", 0, "auxiva: sources must be a whole number, at least 2"),
        ("window_s", -0.1, "above 0"),
        ("window_s", float("nan"), "a number"),
        ("overlap", 3, "one of 2, 4, 8, 16"),
        ("iterations", 0, "at least 1"),
        ("model", "cauchy", "one of gauss, laplace"),
        ("step", "all", "one of single, pair"),
    ],
)
def test_a_bad_parameter_gets_one_line(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as seen:
        registry.load("auxiva", **{option: value})
    assert "\n" not in str(seen.value)
