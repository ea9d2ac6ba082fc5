from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from unweave.separators.nmf import starts, updates

RECORDED = Path(__file__).parents[2] / "data" / "nmf" / "scikit-learn.npz"
DIVERGENCES = pytest.mark.parametrize("divergence", list(updates.BETAS))


def planted(rows: int, columns: int, components: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sparse spectra and activations, doubles: with such, a factorisation is unique."""
    rng = np.random.default_rng(seed)
    bases = rng.gamma(2, 1, (rows, components)) * (rng.random((rows, components)) < 0.3)
    activations = rng.gamma(2, 1, (components, columns)) * (rng.random((components, columns)) < 0.3)
    return torch.from_numpy(bases), torch.from_numpy(activations)


def values(rows: int = 40, columns: int = 200, seed: int = 0) -> Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)).double() + 0.01


def divergence_of(v: Tensor, m: Tensor, divergence: str) -> float:
    """As it is written down."""
    parts = {
        "euclid": (v - m) ** 2 / 2,
        "kl": v * (v / m).log() - v + m,
        "itakura-saito": v / m - (v / m).log() - 1,
    }
    return float(parts[divergence].sum())


def one_round(v: Tensor, w: Tensor, h: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """The slow, obvious update: bases, then activations."""
    power = 0.5 if beta == 0 else 1.0
    m = w @ h
    w = w * (((v * m ** (beta - 2)) @ h.T) / (m ** (beta - 1) @ h.T)) ** power
    m = w @ h
    return w, h * ((w.T @ (v * m ** (beta - 2))) / (w.T @ m ** (beta - 1))) ** power


@DIVERGENCES
def test_the_same_start_ends_where_scikit_learn_ends(divergence: str) -> None:
    recorded = np.load(RECORDED)
    given = {name: torch.from_numpy(recorded[name]) for name in ("values", "bases", "activations")}
    beta, rounds = updates.BETAS[divergence], int(recorded["rounds"])
    found = updates.fit(**given, beta=beta, iterations=rounds)
    theirs = [torch.from_numpy(recorded[f"{divergence} {x}"]) for x in ("bases", "activations")]
    expected = divergence_of(given["values"], theirs[0] @ theirs[1], divergence)
    assert found.loss == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(found.bases @ found.activations, theirs[0] @ theirs[1])


@DIVERGENCES
def test_tiles_and_groups_make_no_difference(divergence: str) -> None:
    v = values(
        30, 2 * updates.GROUPS * updates.TILE + 7
    )  # several tiles in a group, the last one short
    w, h = starts.random(v, 4, 0)
    found = updates.fit(v, w, h, beta=updates.BETAS[divergence], iterations=3)
    for _ in range(3):
        w, h = one_round(v, w, h, updates.BETAS[divergence])
    torch.testing.assert_close(found.bases, w)
    torch.testing.assert_close(found.activations, h)
    assert found.loss == pytest.approx(divergence_of(v, w @ h, divergence))


@DIVERGENCES
@pytest.mark.parametrize("fixed", [0, 3])
def test_no_round_raises_the_loss(divergence: str, fixed: int) -> None:
    v = values()
    w, h = starts.random(v, 5, 1)
    beta, seen = updates.BETAS[divergence], []
    for _ in range(60):
        found = updates.fit(v, w, h, beta=beta, iterations=1, fixed=fixed)
        w, h = found.bases, found.activations
        seen.append(found.loss)
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(seen))
    assert seen[-1] < 0.95 * seen[0]


@DIVERGENCES
def test_planted_factors_are_found(divergence: str) -> None:
    bases, activations = planted(40, 100, 5)
    if divergence == "itakura-saito":  # which has no measure for silence
        bases, activations = bases + 1e-3, activations + 1e-3
    v = bases @ activations
    v = v / v.mean()
    found = min(
        (
            updates.fit(
                v, *starts.random(v, 5, seed), beta=updates.BETAS[divergence], iterations=600
            )
            for seed in range(4)
        ),
        key=lambda fit: fit.loss,
    )
    for true, got in ((bases.T, found.bases.T), (activations, found.activations)):
        likeness = torch.corrcoef(torch.cat([true, got]))[:5, 5:]
        best = likeness.amax(1)
        assert best.min() > 0.99
        assert sorted(likeness.argmax(1).tolist()) == list(range(5))


def test_the_loss_decides_when_to_end() -> None:
    v = values()
    start = starts.random(v, 5, 0)
    early = updates.fit(v, *start, beta=1.0, iterations=500, tolerance=1e-3)
    late = updates.fit(v, *start, beta=1.0, iterations=500)
    assert late.loss < early.loss < late.loss * 1.2
    twice = updates.fit(v, early.bases, early.activations, beta=1.0, iterations=updates.CHECK)
    assert early.loss - twice.loss < 1e-3 * updates.loss(v, *start, beta=1.0)


@DIVERGENCES
def test_fixed_bases_stay_and_free_ones_move(divergence: str) -> None:
    v = values()
    w, h = starts.random(v, 5, 0)
    found = updates.fit(v, w, h, beta=updates.BETAS[divergence], iterations=5, fixed=2)
    assert torch.equal(found.bases[:, :2], w[:, :2])
    assert (found.bases[:, 2:] - w[:, 2:]).abs().amax(0).min() > 1e-3


@DIVERGENCES
def test_known_bases_give_the_activations(divergence: str) -> None:
    v, (w, _) = values(), starts.random(values(), 5, 0)
    beta = updates.BETAS[divergence]
    got = updates.activate(v, w, beta=beta, iterations=20)
    h = v.mean(0) / w.mean(0).sum() * torch.ones(5, 1)
    power = 0.5 if beta == 0 else 1.0
    for _ in range(20):
        m = w @ h
        h = h * ((w.T @ (v * m ** (beta - 2))) / (w.T @ m ** (beta - 1))) ** power
    torch.testing.assert_close(got, h)
    alone = updates.activate(v[:, 70:71], w, beta=beta, iterations=20)
    torch.testing.assert_close(got[:, 70:71], alone)  # every frame is on its own


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_does_not_show(threads: int) -> None:
    v = values(20, 1000)
    start = starts.random(v, 3, 0)
    expected = updates.fit(v, *start, beta=1.0, iterations=4)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = updates.fit(v, *start, beta=1.0, iterations=4)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found.bases, expected.bases)
    assert torch.equal(found.activations, expected.activations)


@DIVERGENCES
def test_silence_is_no_error(divergence: str) -> None:
    v = values()
    v[:, 50:60] = 0.0
    found = updates.fit(v, *starts.random(v, 4, 0), beta=updates.BETAS[divergence], iterations=50)
    assert torch.isfinite(found.bases).all()
    assert torch.isfinite(found.activations).all()
    assert np.isfinite(found.loss)


@DIVERGENCES
def test_zeros_to_begin_with_are_no_error(divergence: str) -> None:
    """A row that no base has, a component that is nowhere, a column without activations."""
    v = values().float()
    bases, activations = (x.float() for x in starts.random(v, 4, 0))
    bases[7], bases[:, 2], activations[:, 11] = 0.0, 0.0, 0.0
    for fixed in (0, 4):
        found = updates.fit(
            v, bases, activations, beta=updates.BETAS[divergence], iterations=50, fixed=fixed
        )
        assert torch.isfinite(found.bases).all()
        assert torch.isfinite(found.activations).all()
        assert np.isfinite(found.loss)


def test_nndsvd_is_that_of_scikit_learn() -> None:
    recorded = np.load(RECORDED)
    v = torch.from_numpy(recorded["values"])
    for matrix, flip in ((v, False), (v.mT, True)):
        bases, activations = starts.nndsvd(matrix, 5)
        if flip:
            bases, activations = activations.mT, bases.mT
        for got, name in ((bases, "nndsvd bases"), (activations, "nndsvd activations")):
            torch.testing.assert_close(got, torch.from_numpy(recorded[name]), rtol=1e-4, atol=1e-6)


def test_nndsvd_gives_a_head_start() -> None:
    bases, activations = planted(80, 150, 5)
    v = bases @ activations
    begun = [starts.nndsvd(v, 5)] + [starts.random(v, 5, seed) for seed in range(5)]
    head, *chance = (updates.fit(v, *start, beta=1.0, iterations=20).loss for start in begun)
    assert head < 0.9 * np.median(chance)
