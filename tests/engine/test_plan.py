"""The grid of segments: every sample covered once, weights that sum to one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave.core.types import Spec
from unweave.engine.plan import Plan, plan


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    overlap, margin = draw(st.integers(0, 12)), draw(st.integers(0, 9))
    body = draw(st.integers(1, 40))
    lead = margin + overlap + draw(st.integers(0, body - 1))
    return Plan(2 * margin + 2 * overlap + body, overlap, margin, lead, windowed=False)


@given(plans(), st.integers(1, 300))
def test_weights_of_all_segments_sum_to_one_at_every_sample(grid: Plan, length: int) -> None:
    weights = grid.weights()
    assert weights is not None
    total = np.zeros(length + 4 * grid.segment)
    for index in range(grid.count(length)):
        start = grid.start(index) + 2 * grid.segment
        total[max(0, start) : start + grid.segment] += weights[max(0, -start) :]
    np.testing.assert_allclose(total[2 * grid.segment :][:length], 1.0, atol=1e-6)


@given(plans(), st.integers(1, 300))
def test_one_segment_fewer_would_not_do(grid: Plan, length: int) -> None:
    count = grid.count(length)
    ends = grid.start(count - 1) + grid.margin + grid.hop
    assert ends >= length
    assert count == 1 or ends - grid.hop < length


def test_the_grid_of_spleeter_is_the_original_one() -> None:
    rate = 44100
    spec = Spec(
        name="s",
        stems=("a",),
        segment_s=527360 / rate,
        overlap_s=3072 / rate,
        lead_s=4096 / rate,
        windowed=True,
    )
    grid = plan(spec, rate)
    assert grid is not None
    assert (grid.segment, grid.hop, grid.start(0)) == (512 * 1024 + 3072, 512 * 1024, -4096)
    for length in (1, 520192, 520193, 5864815):
        frames = -(-(length + 4096) // 1024)  # TensorFlow: a frame of zeros before, padded end
        assert grid.count(length) == -(-frames // 512)


@pytest.mark.parametrize(
    "bad", [(10, 0, 5, 5), (10, 6, 0, 6), (10, 2, 1, 1), (10, -1, 0, 0), (10, 2, 0, 8)]
)
def test_a_grid_that_would_lose_samples_is_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"segments|fade|negative|silence"):
        Plan(*bad, windowed=False)


def test_what_fades_by_itself_takes_whole_segments() -> None:
    with pytest.raises(ValueError, match="only whole segments"):
        Plan(10, 2, 0, 2, windowed=True, padded=False)


def test_no_segment_no_plan() -> None:
    assert plan(Spec(name="whole", stems=("a",)), 44100) is None
