"""The tests of the report against their definitions, spelt out."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from unweave.evaluation import statistics
from unweave.evaluation.statistics import compare, holm, signed_rank, typical

small = st.lists(st.floats(-20, 20), min_size=1, max_size=9).map(np.array)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


def exact_p(differences):
    """Of all ways to choose signs, the share whose rank sum is as far out as the one found."""
    ranks = rankdata(np.abs(differences))
    middle = ranks.sum() / 2
    found = abs(ranks[differences > 0].sum() - middle)
    signs = itertools.product([False, True], repeat=len(ranks))
    sums = np.array([ranks[list(sign)].sum() for sign in signs])
    return np.mean(np.abs(sums - middle) >= found - 1e-9)


@pytest.mark.parametrize("decimals", [0, 6])  # 0: many of equal size
@pytest.mark.parametrize("seed", range(6))
def test_p_is_the_share_of_sign_patterns_as_far_out(seed, decimals):
    differences = np.random.default_rng(seed).normal(0.4 * seed, 2.0, 11).round(decimals)
    differences = differences[differences != 0]
    assert signed_rank(differences) == pytest.approx(exact_p(differences), abs=1e-12)


@pytest.mark.parametrize("tracks", [1, 6, 50, 100, 200])
def test_exact_as_scipy_has_it(tracks):
    differences = np.random.default_rng(tracks).normal(0.1, 1.0, tracks)
    wanted = wilcoxon(differences, method="exact").pvalue
    assert signed_rank(differences) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("decimals", [1, 9])
def test_approximate_as_scipy_has_it(decimals):
    differences = np.random.default_rng(0).normal(0.05, 1.0, 825).round(decimals)
    wanted = wilcoxon(differences, method="approx").pvalue
    assert signed_rank(differences) == pytest.approx(wanted, rel=1e-9)


def test_exact_and_approximate_meet(monkeypatch):
    rng = np.random.default_rng(5)
    waves = [rng.normal(shift, 1.0, 200) for shift in (0.05, 0.1, 0.15, 0.2)]
    exact = [signed_rank(wave) for wave in waves]
    monkeypatch.setattr(statistics, "_EXACT", 0)
    assert exact == pytest.approx([signed_rank(wave) for wave in waves], abs=0.002)


def test_zeros_are_left_out_and_only_zeros_show_nothing():
    differences = np.random.default_rng(3).normal(1.0, 1.0, 10)
    with_zeros = np.concatenate([[0.0, 0.0], differences, [0.0]])
    assert signed_rank(with_zeros) == signed_rank(differences)
    assert signed_rank(np.zeros(5)) == 1.0
    assert np.isnan(signed_rank(np.array([])))


@given(small)
def test_typical_is_the_median_of_all_pairs_means(values):
    pairs = [(a + b) / 2 for n, a in enumerate(values) for b in values[n:]]
    assert typical(values) == pytest.approx(np.median(pairs), abs=1e-9)


@given(p_values)
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    for level in (0.01, 0.05, 0.3):
        rejected = np.zeros(len(p), bool)
        for step, place in enumerate(np.argsort(p, kind="stable")):
            if p[place] * (len(p) - step) >= level:
                break
            rejected[place] = True
        assert ((holm(p) < level) == rejected).all()


def test_holm_by_hand_and_nan_is_no_comparison():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    found = holm(np.array([0.01, np.nan, 0.04]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])


def test_compare_uses_the_tracks_that_both_have():
    rng = np.random.default_rng(1)
    base = rng.normal(5.0, 3.0, 30)
    scores = {"a": base + 1 + rng.normal(0, 0.1, 30), "b": base.copy(), "c": base.copy()}
    scores["a"][:4] = np.nan
    scores["b"][4] = np.inf
    first, second = compare(scores, [("a", "b"), ("c", "b")])
    assert (first.tracks, second.tracks) == (25, 29)
    assert first.difference == pytest.approx(1.0, abs=0.1)
    assert first.significant
    assert first.p_holm == pytest.approx(2 * first.p)
    assert (second.difference, second.p, second.significant) == (0.0, 1.0, False)


def test_turned_round_only_the_sign_changes():
    rng = np.random.default_rng(2)
    scores = {"a": rng.normal(1, 1, 20), "b": rng.normal(0, 1, 20)}
    one, other = compare(scores, [("a", "b")]) + compare(scores, [("b", "a")])
    assert one.difference == pytest.approx(-other.difference)
    assert one.p == pytest.approx(other.p)


def test_nothing_in_common_is_not_significant():
    nothing = np.full(5, np.nan)
    (found,) = compare({"a": nothing, "b": np.ones(5)}, [("a", "b")])
    assert found.tracks == 0
    assert np.isnan([found.difference, found.p, found.p_holm]).all()
    assert not found.significant
