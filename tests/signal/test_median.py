"""Medians against the slow, obvious version."""

import numpy as np
import pytest
import torch

from unweave.signal import median
from unweave.signal.selection import running, tile_of


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def obvious(values: np.ndarray, width: int, axis: int) -> np.ndarray:
    rows = np.moveaxis(values, axis, -1)
    index = np.arange(-(width // 2), rows.shape[-1] + width // 2) % (2 * rows.shape[-1])
    mirrored = rows[..., np.minimum(index, 2 * rows.shape[-1] - 1 - index)]
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, width, -1)
    return np.moveaxis(np.median(windows, axis=-1), -1, axis)


@pytest.mark.parametrize("width", [1, 3, 5, 7, 9, 15, 17, 21, 31, 33, 47, 63, 65, 101])
def test_a_running_median_is_the_definition(width: int) -> None:
    for length in (1, 2, 5, 40, 130):
        values = noise(3, length, 17)
        for axis, turned in ((-2, values), (-1, values.mT), (1, values)):
            got = median.running_median(turned, width, axis)
            np.testing.assert_array_equal(got.numpy(), obvious(turned.numpy(), width, axis))


def test_many_lanes_and_few_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise(70, 300)
    want = median.running_median(values, 21)
    monkeypatch.setattr(median, "LANES_AT_ONCE", 64)
    monkeypatch.setattr(median, "VALUES_AT_ONCE", 64)
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            assert torch.equal(median.running_median(values, 21), want)
        finally:
            torch.set_num_threads(before)


def test_ties_and_a_lone_axis() -> None:
    values = torch.tensor([3.0, 3.0, 1.0, 1.0, 2.0, 2.0, 2.0, 9.0, 0.0])
    got = median.running_median(values, 5).numpy()
    np.testing.assert_array_equal(got, obvious(values.numpy(), 5, 0))
    assert median.running_median(torch.empty(3, 0), 5).shape == (3, 0)


@pytest.mark.parametrize("width", [0, -3, 4])
def test_an_even_width_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="odd width"):
        median.running_median(noise(5, 5), width)


def test_other_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="last two axes"):
        median.running_median(noise(5, 5, 5), 3, 0)


def test_windows_share_their_work() -> None:
    """Steps for each median: a sort of each window by itself would take hundreds."""
    assert len(running(31).steps) / tile_of(31) < 27
    assert len(running(101).steps) / tile_of(101) < 60


@pytest.mark.parametrize("count", [1, 2, 3, 10, 99, 100])
def test_a_median_of_a_set_is_numpys(count: int) -> None:
    values = noise(4, 30, count)
    want = np.median(values.numpy(), axis=-1)
    np.testing.assert_allclose(median.median_(values).numpy(), want, atol=1e-6)


def test_medians_of_gathered_places(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise(2, 9, 50)
    places = torch.randint(0, 50, (13, 6), generator=torch.Generator().manual_seed(1))
    want = np.median(values.numpy()[..., places.numpy()], axis=-1)
    for at_once in (median.GATHERED_AT_ONCE, 50):
        monkeypatch.setattr(median, "GATHERED_AT_ONCE", at_once)
        got = median.gathered_median(values, places)
        np.testing.assert_allclose(got.numpy(), want, atol=1e-6)
