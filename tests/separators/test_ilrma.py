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
from tests.separators.voices import melody
from unweave import registry
from unweave.errors import UsageError
from unweave.separators import ilrma
from unweave.separators._shared import demix, iva
from unweave.separators.ilrma import Ilrma

ROUNDS = 30  # as recorded


def test_the_same_start_ends_where_pyroomacoustics_ends() -> None:
    given = np.load(RECORDED / "convolutive-2.npz")
    mix = given["mix"]
    products, whitener, start = white_start(mix, 2)
    spectra, activations = (torch.from_numpy(given[key]) for key in ("spectra", "activations"))
    rows = ilrma.rows(products, start, spectra, activations, iterations=ROUNDS, step="single")
    got = projected_back(demixed(rows, whitener, mix), mix[0])
    assert sdr_db(given["pyroomacoustics ilrma"], got) >= 52


def test_the_factors_follow_the_multiplicative_updates() -> None:
    """Itakura-Saito NMF as it is written, by the square root, one factor after the other."""
    power, (spectra, activations) = torch.rand(2, 300, 40), ilrma.factors(2, 300, 40, 3, 0)
    got, gains = spectra.clone(), activations.clone()
    ilrma.refine(power, got, gains)
    p, t, v = (x.double() for x in (power, spectra, activations))
    model = t @ v
    t = t * ((p / model**2) @ v.mT / ((1 / model) @ v.mT)).sqrt()
    model = t @ v
    v = v * (t.mT @ (p / model**2) / (t.mT @ (1 / model))).sqrt()
    torch.testing.assert_close(got.double(), t, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gains.double(), v, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("step", ["single", "pair"])
@pytest.mark.parametrize("sources", [2, 3])
def test_no_round_makes_the_likelihood_smaller(sources: int, step: str) -> None:
    waves = talkers(sources, 3)
    waves = waves + 0.003 * np.random.default_rng(1).normal(size=waves.shape)  # none ever silent
    mix, _ = mixed_in_each_frequency(waves)
    products, _, rows = white_start(mix, sources)
    bins, _, frames = products.shape
    spectra, activations = ilrma.factors(sources, bins, frames, 4, 0)
    seen = []
    for _ in range(8):
        # One round scales every source to a mean power of one; the factors go with it.
        level = ilrma.powers(products, rows).mean((1, 2), keepdim=True)
        spectra /= level
        rows = ilrma.rows(products, rows, spectra, activations, iterations=1, step=step)
        power, model = ilrma.powers(products, rows), ilrma.variances(spectra, activations)
        own = (power / model + model.log()).double().sum() / frames
        scale = torch.linalg.slogdet(rows.transpose(0, 1))[1].sum()
        seen.append(float(own - 2 * scale))
    assert all(b <= a + 1e-4 * bins for a, b in pairwise(seen))
    assert seen[-1] < seen[0] - 0.1 * bins


@pytest.mark.parametrize("seed", [0, 1])
def test_ten_seconds_of_talkers_are_found_in_each_frequency(seed: int) -> None:
    mix, mixing = mixed_in_each_frequency(talkers(2, 10, seed), seed)
    products, whitener, start = white_start(mix, 2)
    rows = Ilrma(iterations=30)._rows(products, start)
    assert amari((rows.transpose(0, 1) @ whitener).numpy() @ mixing).mean() < 0.02


def test_two_talkers_in_a_room() -> None:
    images = in_a_room(talkers(2, 10))
    stems = Ilrma(iterations=30)(tensor(images.sum(0)), RATE_HZ)[0].numpy()
    assert min(improvement_db(images, stems)) >= 31
    np.testing.assert_allclose(stems.sum(0), images.sum(0), atol=1e-6)
    energy = np.square(stems).sum((1, 2))
    assert energy[0] >= energy[1]


def test_a_voice_and_an_instrument_in_a_room() -> None:
    length = 10 * RATE_HZ
    images = in_a_room(np.stack([talkers(1, 10)[0], melody(length, RATE_HZ, 0)]))
    stems = Ilrma(iterations=50)(tensor(images.sum(0)), RATE_HZ)[0].numpy()
    assert min(improvement_db(images, stems)) >= 14


def test_more_channels_than_sources() -> None:
    images = in_a_room(talkers(2, 5))
    third = 0.5 * images[:, :1] + 0.25 * np.roll(images[:, 1:], 3, axis=-1)
    noise = 0.001 * np.random.default_rng(0).normal(size=(3, images.shape[-1]))
    mix = np.concatenate([images, third], axis=1).sum(0) + noise
    stems = Ilrma(iterations=30)(tensor(mix), RATE_HZ)[0].numpy()
    assert min(improvement_db(images, stems[:, :2])) >= 10


def test_the_seed_is_the_only_chance() -> None:
    mix = tensor(in_a_room(talkers(2, 2)).sum(0))
    first = Ilrma(iterations=5)(mix, RATE_HZ)
    torch.manual_seed(5)
    assert torch.equal(Ilrma(iterations=5)(mix, RATE_HZ), first)
    assert not torch.equal(Ilrma(iterations=5, seed=1)(mix, RATE_HZ), first)


def test_warming_up_is_auxiva() -> None:
    products, _, start = white_start(mixed_in_each_frequency(talkers(2, 2))[0], 2)
    warm = iva.rows(products, start, iterations=7)
    spectra, activations = ilrma.factors(2, products.shape[0], products.shape[2], 4, 3)
    want = ilrma.rows(products, warm, spectra, activations, iterations=2, step="single")
    got = Ilrma(warm_up=7, iterations=2, components=4, seed=3)._rows(products, start)
    assert torch.equal(got, want)
    assert demix.power_weights(got).isfinite().all()


def test_too_few_channels_name_what_to_use_instead() -> None:
    with pytest.raises(UsageError, match=r"ilrma needs a channel for each of 2 sources.*projet"):
        registry.load("ilrma")(torch.zeros(1, 1, 100), RATE_HZ)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("sources", 1, "ilrma: sources must be a whole number, at least 2"),
        ("components", 0, "at least 1"),
        ("window_s", 0.0, "above 0"),
        ("overlap", 6, "one of 2, 4, 8, 16"),
        ("warm_up", -1, "at least 0"),
        ("iterations", 1.5, "a whole number"),
        ("step", "both", "one of single, pair"),
        ("seed", -3, "at least 0"),
    ],
)
def test_a_bad_parameter_gets_one_line(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as seen:
        registry.load("ilrma", **{option: value})
    assert "\n" not in str(seen.value)
