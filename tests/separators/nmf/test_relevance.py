from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from unweave.separators.nmf import relevance, starts, updates
from unweave.separators.nmf.relevance import Relevance


def notes(count: int, seed: int, scatter: float = 0.2) -> Tensor:
    """Magnitudes `(frequency, frame)`, mean 1, of `count` notes that come and go, and noise."""
    rng = np.random.default_rng(seed)
    bins = np.arange(129)
    bases = np.zeros((129, count))
    for note, semitones in enumerate(rng.choice(12, count, replace=False) * 2):
        first = 4 * 2 ** (semitones / 12)
        for n in range(1, int(129 / first)):
            shape = np.exp(-(((bins - n * first) / 0.8) ** 2) / 2)
            bases[:, note] += rng.uniform(0.2, 1) / n**0.7 * shape
    sounds = np.zeros((count, 200), bool)
    for note in range(count):
        for onset in rng.integers(0, 188, 4):
            sounds[note, onset : onset + 12] = True
    values = bases @ (rng.gamma(2, 1, sounds.shape) * sounds)
    values = values * rng.gamma(1 / scatter**2, scatter**2, values.shape)
    values += 1e-3 * rng.gamma(1, values.mean(), values.shape)
    return torch.from_numpy(values / values.mean()).float()


def found_in(values: Tensor, beta: float = 1.0) -> int:
    start = starts.random(values, 24, 0)
    return relevance.determine(values, *start, beta=beta, iterations=300).bases.shape[1]


@pytest.mark.parametrize("count", [2, 5, 8, 12])
def test_the_number_of_notes_is_found(count: int) -> None:
    """Of 50 cases in benchmarks/nmf/relevance.py nine in ten must be right; these must all be."""
    assert found_in(notes(count, seed=count)) == count


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_no_round_raises_loss_and_price(beta: float) -> None:
    values = notes(4, 0).double()
    w, h = starts.random(values, 8, 0)
    prior = Relevance(weight=20.0, least=3.0)
    seen = []
    for _ in range(60):
        found = updates.fit(values, w, h, beta=beta, iterations=1, penalty=prior.penalty)
        # One round takes the price of the factors at its beginning: bases, then activations.
        w, h = found.bases, found.activations
        seen.append(found.loss + prior.cost(w, h))
    assert all(b <= a + 1e-9 * abs(a) for a, b in pairwise(seen))
    assert seen[-1] < seen[0]


def test_scatter_is_measured() -> None:
    rng = np.random.default_rng(0)
    w, h = rng.gamma(2, 1, (100, 3)), rng.gamma(2, 1, (3, 400))
    m = w @ h
    values = torch.from_numpy(0.3 * rng.poisson(m / 0.3))  # variance 0.3 times the mean
    start = torch.from_numpy(w), torch.from_numpy(h)
    found = updates.fit(values, *start, beta=1.0, iterations=50)
    assert relevance.scatter(values, found, 1.0) == pytest.approx(0.3, rel=0.05)


def test_one_note_in_two_halves_is_put_together() -> None:
    values = notes(3, 1)
    found = updates.fit(values, *starts.random(values, 3, 0), beta=1.0, iterations=200)
    early = torch.arange(200) < 100
    halves = updates.Fit(
        torch.cat([found.bases, found.bases[:, :1]], 1),
        torch.cat([found.activations, found.activations[:1] * ~early]),
        found.loss,
    )
    halves.activations[0] *= early
    prior = Relevance(weight=60.0, least=2.0)
    merged = relevance.merged(values, halves, prior, 1.0)
    assert merged.bases.shape[1] == 3
    torch.testing.assert_close(merged.loss, found.loss, rtol=0.05, atol=0)


def test_what_is_apart_stays_apart() -> None:
    values = notes(6, 2)
    found = updates.fit(values, *starts.random(values, 6, 0), beta=1.0, iterations=200)
    merged = relevance.merged(values, found, Relevance(weight=60.0, least=2.0), 1.0)
    assert merged.bases.shape[1] == 6
