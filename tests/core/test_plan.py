"""The grid of segments: every sample in as many as the window needs, weights that sum to one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave.core.plan import EDGES, WINDOWS, Plan, Segmentation
from unweave.types import Spec


@st.composite
def cross_fades(draw: st.DrawFn) -> Plan:
    fade, context = draw(st.integers(0, 12)), draw(st.integers(0, 9))
    body = draw(st.integers(1, 40))
    before = context + fade + draw(st.integers(0, body - 1))
    edge = draw(st.sampled_from(["zeros", "inside"]))
    length = 2 * context + 2 * fade + body
    return Plan(length=length, fade=fade, context=context, before=before, edge=edge)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan that is possible."""
    edge = draw(st.sampled_from(EDGES))
    window = draw(st.sampled_from([*set(WINDOWS) - {"own"}]))
    context = 0 if edge in ("padded", "reflect", "anchored") else draw(st.integers(0, 5))
    kept = draw(st.integers(2, 40))
    hop, fade = draw(st.integers(1, kept)), draw(st.integers(0, kept // 2))
    leads = edge in ("zeros", "padded", "inside", "short")
    before = draw(st.integers(0, kept + context - 1)) if leads else 0
    power = draw(st.sampled_from([0.5, 1.0, 2.0]))
    step, margin = 1, 0
    if edge == "fitted":
        step, margin = draw(st.integers(1, 20)), draw(st.integers(0, 2 * context))
    if edge == "padded":
        step, margin = draw(st.integers(1, 50)), draw(st.integers(0, kept))
    return Plan(
        length=kept + 2 * context,
        hop=hop,
        window=window,
        fade=fade,
        power=power,
        context=context,
        before=before,
        step=step,
        margin=margin,
        edge=edge,
    )


@given(cross_fades(), st.integers(1, 300))
def test_a_cross_fade_sums_to_one_at_every_sample(grid: Plan, length: int) -> None:
    assert grid.sums_to_one
    weights = grid.weights()
    if weights is None:
        weights = np.ones(grid.kept, np.float32)
    total = np.zeros(length + 4 * grid.length)
    for index in range(grid.count(length)):
        first = grid.start(index) + grid.context + 2 * grid.length
        total[first : first + grid.kept] += weights
    np.testing.assert_allclose(total[2 * grid.length :][:length], 1.0, atol=1e-6)


@given(plans(), st.integers(1, 300))
def test_every_sample_is_kept_of_a_segment_that_contains_it(grid: Plan, length: int) -> None:
    """And its weights there have a sum that can be divided by."""
    total = np.zeros(length)
    for index in range(grid.count(length)):
        start, stop, kept = grid.contents(index, length)
        span = grid.weighed(index, length)
        assert span == grid.kept or grid.edge == "padded"
        weights = grid.weights(span)
        if weights is None:
            weights = np.ones(grid.kept, np.float32)
        assert (weights >= 0).all()
        assert stop - start <= grid.length
        for sample in range(max(kept, start, 0), min(kept + grid.kept, stop, length)):
            total[sample] += weights[sample - kept]
    assert (total > 0).all()
    if grid.sums_to_one:
        np.testing.assert_allclose(total, 1.0, atol=1e-6)


@given(cross_fades(), st.integers(1, 300))
def test_one_segment_fewer_would_not_do(grid: Plan, length: int) -> None:
    count = grid.count(length)
    ends = grid.start(count - 1) + grid.context + grid.hop
    assert ends >= length
    assert count == 1 or ends - grid.hop < length


def test_the_grid_of_spleeter_is_the_original_one() -> None:
    rate = 44100
    plan = Plan(length=527360, hop=524288, before=4096, window="own")
    spec = Spec(name="s", stems=("a",), segmentation=plan.in_seconds(rate))
    grid = spec.plan(rate)
    assert grid == plan
    assert (grid.length, grid.hop, grid.start(0)) == (512 * 1024 + 3072, 512 * 1024, -4096)
    for length in (1, 520192, 520193, 5864815):
        frames = -(-(length + 4096) // 1024)  # TensorFlow: a frame of zeros before, padded end
        assert grid.count(length) == -(-frames // 512)


@given(plans(), st.sampled_from([8000, 44100, 48000]))
def test_samples_survive_seconds(grid: Plan, rate: int) -> None:
    scaled = dataclasses.replace(
        grid, **{name: 997 * getattr(grid, name) for name in ("length", "hop", "fade", "context")}
    )
    assert scaled.in_seconds(rate).at(rate) == scaled


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"length": 10, "context": 5}, "hop must be above 0 and at most 0"),
        ({"length": 10, "hop": 11}, "hop must be above 0 and at most 10"),
        ({"length": 10, "hop": -1}, "hop must be above 0"),
        ({"length": 10, "fade": 6}, "fade must be at most 5"),
        ({"length": 10, "fade": -1}, "must not be negative"),
        ({"length": 10, "before": 10}, "before must be below 10"),
        ({"length": 10, "window": "kaiser"}, "window must be one of cross-fade, .* got 'kaiser'"),
        ({"length": 10, "edge": "wrap"}, "edge must be one of zeros, .* got 'wrap'"),
        ({"length": 10, "window": "own", "edge": "inside"}, "in whole segments only"),
        ({"length": 10, "context": 1, "edge": "reflect"}, "context does not go with edge reflect"),
        ({"length": 10, "context": 1, "edge": "padded"}, "context does not go with edge padded"),
        ({"length": 10, "edge": "padded", "margin": 11}, "margin at most 10"),
        ({"length": 10, "before": 1, "edge": "centred"}, "before does not go with edge centred"),
    ],
)
def test_a_grid_that_would_lose_samples_is_refused(facts: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**facts)


def test_no_segment_no_plan() -> None:
    assert Spec(name="whole", stems=("a",)).plan(44100) is None
    with pytest.raises(ValueError, match="hop"):
        Segmentation(length_s=1, context_s=0.5).at(44100)
