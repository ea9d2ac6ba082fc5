import pytest
import torch
from torch import Tensor

from unweave.separators.nmf import grouping


def spectra(tilt: float, count: int, seed: int) -> Tensor:
    """Harmonic spectra `(1, frequency, component)` of other pitches and one timbre."""
    generator = torch.Generator().manual_seed(seed)
    bins = torch.arange(513.0)
    columns = []
    for n in range(count):
        first = 8 + 3 * n + torch.rand(1, generator=generator)
        comb = (torch.cos(2 * torch.pi * bins / first) + 1) ** 4
        columns.append(comb * torch.exp(-((torch.log2(bins + 1) - tilt) ** 2)))
    return torch.stack(columns, 1)[None]


def rhythm(period: int, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    on = (torch.arange(300) % period < 4).float()
    return on * (0.5 + torch.rand(count, 300, generator=generator)) + 0.01


@pytest.mark.parametrize("timing", [0.0, 0.3, 1.0])
def test_two_instruments_are_told_apart(timing: float) -> None:
    bases = torch.cat([spectra(4.0, 5, 0), spectra(7.5, 4, 1)], dim=2)
    activations = torch.cat([rhythm(20, 5, 2), rhythm(27, 4, 3)])
    activations[:5] *= 10  # the first instrument has more energy, and comes first
    labels = grouping.groups(bases, activations, 2, timing=timing, seed=0)
    assert labels.tolist() == [0] * 5 + [1] * 4


def test_place_tells_what_sounds_alike() -> None:
    one = spectra(5.0, 6, 0)[0]
    left = torch.tensor([1.0, 1, 1, 0.1, 0.1, 0.1])
    bases = torch.stack([one * left, one * (1.1 - left)])
    activations = torch.rand(6, 300, generator=torch.Generator().manual_seed(0)) + 0.1
    labels = grouping.groups(bases, activations, 2, timing=0.0, seed=0).tolist()
    assert labels[0] == labels[1] == labels[2] != labels[3] == labels[4] == labels[5]


def test_fewer_components_than_groups_have_one_each() -> None:
    labels = grouping.groups(spectra(5.0, 2, 0), rhythm(9, 2, 0), 4, timing=0.3, seed=0)
    assert sorted(labels.tolist()) == [0, 1]


def test_points_have_the_products_they_were_made_of() -> None:
    made = torch.rand(7, 3, generator=torch.Generator().manual_seed(0)).double()
    found = grouping.points(made @ made.mT)
    torch.testing.assert_close(found @ found.mT, made @ made.mT)
