from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.evaluation.metrics.bss_eval import assignment


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 6), seed=st.integers(0, 10_000), ties=st.booleans())
def test_the_sum_is_the_largest_there_is(size: int, seed: int, ties: bool) -> None:
    scores = np.random.default_rng(seed).normal(0, 20, (size, size))
    if ties:
        scores = scores.round(-1)
    found = assignment(scores)
    assert sorted(found) == list(range(size))
    every = max(sum(scores[n, p] for n, p in enumerate(order)) for order in permutations(range(size)))  # fmt: skip  # noqa: E501
    np.testing.assert_allclose(scores[np.arange(size), found].sum(), every)


def test_infinite_is_best_and_nan_is_worst() -> None:
    assert assignment([[1.0, np.inf], [5.0, 9.0]]).tolist() == [1, 0]
    assert assignment([[np.nan, 1.0], [1.0, 90.0]]).tolist() == [1, 0]
