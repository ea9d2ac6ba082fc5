"""Losses: zero or least at the truth, equal to their slow definitions, blind to order with PIT."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unweave.errors import UsageError
from unweave.models.layers.masks import Transform
from unweave.training.losses import DISCRIMINATION, TERMS, Outcome, loss

WAVES = ("wave_l1", "wave_l2", "si_sdr", "sdr", "multi_resolution")
MAGNITUDES = ("magnitude_l1", "magnitude_l2", "root_magnitude_l1", "discriminative")


class Given(nn.Module):
    """Gives whatever it was told, and vectors for bins."""

    def __init__(self, stems: Tensor, vectors: Tensor | None = None) -> None:
        super().__init__()
        self.transform = Transform(64, 32)
        self.stems, self.vectors = stems, vectors

    def estimate_and_embed(self, spectrum: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.transform.analyse(self.stems), self.vectors


def stems(seed: int = 0, count: int = 2) -> Tensor:
    return torch.randn(3, count, 1, 4096, generator=torch.Generator().manual_seed(seed)) * 0.3


@pytest.mark.parametrize("name", [*WAVES, *MAGNITUDES])
def test_least_at_the_truth(name: str) -> None:
    true = stems()
    right, near, far = (
        TERMS[name](Outcome(Given(true + much * stems(1)), true)) for much in (0.0, 0.1, 0.8)
    )
    assert right.shape == (3,)
    assert (right < near).all()
    assert (near < far).all()


@pytest.mark.parametrize("name", [*WAVES, *MAGNITUDES])
def test_silence_and_truth_have_a_gradient_that_is_a_number(name: str) -> None:
    for true in (stems(), torch.zeros(3, 2, 1, 4096)):
        estimate = (true * 1.0).requires_grad_()
        TERMS[name](Outcome(Given(estimate), true)).sum().backward()
        assert estimate.grad.isfinite().all()


def test_si_sdr_is_what_it_says() -> None:
    true, estimate = stems(), stems(1) * 0.2 + stems() * 3
    found = TERMS["si_sdr"](Outcome(Given(estimate), true))
    expected = []
    for s, e in zip(true.flatten(0, 2).numpy(), estimate.flatten(0, 2).numpy(), strict=True):
        target = (e @ s) / (s @ s) * s
        expected.append(10 * np.log10(np.sum((e - target) ** 2) / np.sum(target**2)))
    np.testing.assert_allclose(found, np.reshape(expected, (3, 2)).mean(1), rtol=1e-3)


def test_discriminative_is_the_papers() -> None:
    true, estimate = stems(), stems(1)
    network = Given(estimate)
    e, s = network.transform.analyse(estimate).abs(), network.transform.analyse(true).abs()
    expected = 0.5 * (
        ((e - s) ** 2).mean((1, 2, 3, 4))
        - DISCRIMINATION * ((e - s.flip(1)) ** 2).mean((1, 2, 3, 4))
    )
    torch.testing.assert_close(TERMS["discriminative"](Outcome(network, true)), expected)


def test_deep_clustering_is_the_dense_definition() -> None:
    true = stems()
    frames, bins = 4096 // 32 + 1, 33
    raw = torch.randn(3, 1, frames, bins, 5, generator=torch.Generator().manual_seed(2))
    vectors = torch.nn.functional.normalize(raw, dim=-1)
    outcome = Outcome(Given(true, vectors), true)
    found = TERMS["deep_clustering"](outcome)
    owner = outcome.true_spectra.abs().argmax(1).flatten(1)
    weight = outcome.mix_spectrum.abs().flatten(1)
    for n in range(3):
        v = vectors[n].flatten(0, 2)
        together = (owner[n][:, None] == owner[n][None]).float()
        w = weight[n] / weight[n].sum()
        dense = (w[:, None] * w[None] * (v @ v.T - together) ** 2).sum()
        assert float(found[n]) == pytest.approx(float(dense), rel=1e-3)


def test_without_names_the_order_does_not_matter() -> None:
    true = stems(count=3)
    shuffled = true[:, [2, 0, 1]] + 0.01 * stems(1, 3)
    weights = {"wave_l1": 1.0, "magnitude_l1": 0.5}
    named, _ = loss(Outcome(Given(shuffled), true), weights, pit=False)
    pit, terms = loss(Outcome(Given(shuffled), true), weights, pit=True)
    right, _ = loss(Outcome(Given(shuffled), true[:, [2, 0, 1]]), weights, pit=False)
    assert float(pit) == pytest.approx(float(right), rel=1e-5)
    assert float(pit) < 0.1 * float(named)
    assert float(pit) == pytest.approx(float(terms["wave_l1"] + 0.5 * terms["magnitude_l1"]))


def test_each_example_has_its_own_best_order() -> None:
    true = stems()
    mixed = torch.stack([true[0], true[1].flip(0), true[2]])
    found, _ = loss(Outcome(Given(mixed), true), {"wave_l1": 1.0}, pit=True)
    assert float(found) < 1e-6


def test_terms_that_a_network_cannot_have() -> None:
    with pytest.raises(UsageError, match="no embeddings"):
        TERMS["deep_clustering"](Outcome(Given(stems()), stems()))
    with pytest.raises(UsageError, match="no spectra"):
        TERMS["magnitude_l1"](Outcome(torch.nn.Identity(), stems()))
