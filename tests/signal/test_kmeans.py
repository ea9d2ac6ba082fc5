"""Weighted k-means: finds what lies apart, and what is silent does not move it."""

from itertools import pairwise

import pytest
import torch

from unweave.signal.kmeans import distances, draw, kmeans, lloyd, spread


def heaps(*middles: tuple[float, float], each: int = 100) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.cat(
        [torch.tensor(m) + 0.1 * torch.randn(each, 2, generator=generator) for m in middles]
    )


def test_heaps_that_lie_apart_are_found() -> None:
    points = heaps((0, 0), (3, 0), (0, 3))
    centres, labels = kmeans(points, torch.ones(300), 3, seed=0)
    for heap in labels.split(100):
        assert (heap == heap[0]).all()
    assert labels.unique().numel() == 3
    torch.testing.assert_close(centres[labels[0]], points[:100].mean(0))


def test_one_seed_repeats() -> None:
    points, weights = torch.randn(500, 3), torch.rand(500)
    first, again = (kmeans(points, weights, 4, seed=5) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def test_points_without_weight_pull_no_centre_and_get_a_label() -> None:
    points = heaps((0, 0), (3, 0), (3.5, 9))
    weights = torch.cat([torch.ones(200), torch.zeros(100)])
    centres, labels = kmeans(points, weights, 2, seed=0)
    found = centres[centres[:, 0].argsort()]
    torch.testing.assert_close(found, torch.stack([points[:100].mean(0), points[100:200].mean(0)]))
    assert (labels[200:] == labels[100]).all()


def test_a_weight_is_as_many_points() -> None:
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(2))
    weights = torch.arange(40) % 3
    start = points[:3]
    one = lloyd(points, weights.float(), start, 50)
    many = lloyd(points.repeat_interleave(weights, 0), torch.ones(int(weights.sum())), start, 50)
    torch.testing.assert_close(one[0], many[0])
    assert one[1] == pytest.approx(many[1], rel=1e-5)


def test_a_step_never_makes_it_worse() -> None:
    generator = torch.Generator().manual_seed(3)
    points, weights = torch.randn(300, 4, generator=generator), torch.rand(300, generator=generator)
    start = spread(points, weights, 5, generator)
    costs = [lloyd(points, weights, start, steps)[1] for steps in range(12)]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(costs))
    assert costs[-1] < costs[0]


def test_draws_follow_the_weights() -> None:
    generator = torch.Generator().manual_seed(4)
    drawn = [draw(torch.tensor([1.0, 0.0, 3.0]), generator) for _ in range(2000)]
    assert drawn.count(1) == 0
    assert drawn.count(2) / 2000 == pytest.approx(0.75, abs=0.04)


def test_silence_and_equal_points() -> None:
    centres, labels = kmeans(torch.ones(10, 2), torch.zeros(10), 2, seed=0)
    assert centres.isfinite().all()
    assert labels.shape == (10,)


def test_distances_by_their_definition() -> None:
    points, centres = torch.randn(7, 3), torch.randn(2, 3)
    want = torch.cdist(points.double(), centres.double()).square().float()
    torch.testing.assert_close(distances(points, centres), want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("points", "count", "starts"), [(0, 2, 1), (5, 0, 1), (5, 2, 0)])
def test_nothing_to_cluster_is_refused(points: int, count: int, starts: int) -> None:
    with pytest.raises(ValueError, match="at least 1 each"):
        kmeans(torch.ones(points, 2), torch.ones(points), count, seed=0, starts=starts)
