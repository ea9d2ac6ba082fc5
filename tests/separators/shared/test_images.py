import pytest
import torch

from unweave.errors import UsageError
from unweave.separators._shared import images


def test_too_few_channels_get_one_line_with_advice() -> None:
    images.check_channels("fastica", 2, torch.zeros(1, 2, 5))
    with pytest.raises(UsageError, match=r"fastica needs a channel for each of 3 .*projet") as seen:
        images.check_channels("fastica", 3, torch.zeros(1, 2, 5))
    assert "\n" not in str(seen.value)
    with pytest.raises(ValueError, match="batch, channel, time"):
        images.check_channels("fastica", 2, torch.zeros(2, 5))


def test_the_loudest_comes_first() -> None:
    stems = torch.tensor([1.0, -3.0, 2.0])[:, None, None].expand(3, 2, 4)
    assert images.by_energy(stems)[:, 0, 0].tolist() == [-3.0, 2.0, 1.0]


def test_each_item_computes_alone_and_threads_get_their_cores_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = images.map_batch(lambda one: one * torch.get_num_threads(), torch.ones(1, 2, 3))
        assert (found == 1).all()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("sources", [2, 3])
def test_rows_that_pick_channels_give_the_channels(sources: int) -> None:
    mix = torch.randn(3, 3000, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [[3.0], [2.0], [1.0]]
    )
    stems = images.separate(mix, sources, 256, 64, lambda products, start: start)
    for n in range(sources):
        want = torch.zeros_like(mix)
        want[n] = mix[n]
        kept = stems[n] if sources == 3 else stems[n] * (torch.arange(3) == n)[:, None]
        torch.testing.assert_close(kept, want, atol=1e-4, rtol=0)
