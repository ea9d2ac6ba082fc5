"""What every separator of the registry promises (docs/architecture.md), checked on each of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from tests import LONG, at_hand
from tests.contract import trials
from unweave import registry
from unweave.errors import UsageError
from unweave.testing import CHECKS, check_separator
from unweave.testing.separators import check_options, separate, song
from unweave.types import Separator, Spec

FURTHER = trials.further()


@cache
def loaded(name: str) -> Separator:
    if name in trials.names():
        return trials.load(name).to("cpu")
    load = trials.with_random_weights if name in trials.elsewhere() else registry.load
    return load(name).to("cpu")


# All checks of one after the other, so that one process loads it.
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "name",
    [
        *at_hand(),
        *trials.names(),
        *(
            pytest.param(name, marks=LONG) if name in FURTHER else name
            for name in trials.elsewhere()
        ),
    ],
)
def test_contract(name: str, check: Callable[[Separator], None]) -> None:
    check(loaded(name))


@pytest.mark.parametrize("name", at_hand())
def test_options(name: str) -> None:
    check_options(name)


def test_random_weights_stand_in_for_those_that_are_not_here() -> None:
    small, whole = trials.with_random_weights("spleeter-2stems"), loaded("spleeter-2stems")
    assert (small.spec.stems, small.spec.options) == (whole.spec.stems, whole.spec.options)
    wave = song(whole, 60000)
    assert np.abs(separate(small.to("cpu"), wave) - separate(whole, wave)).max() > 0.01


class Half:
    """Half of the mix is one stem, half the other."""

    spec = Spec(
        name="half", stems=("a", "b"), complement="b", additive=True, paper="none", licence="MIT"
    )
    share = 0.5

    def to(self, device: str) -> "Half":
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        stem = self.share * mix
        return torch.stack([stem, mix - stem], dim=1)


class Hums(Half):
    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        hum = torch.tensor([1e-3, -1e-3])[:, None, None]
        return super().__call__(mix, sample_rate_hz) + hum


class Remembers(Half):
    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        self.share *= 0.9
        return super().__call__(mix, sample_rate_hz)


class MixesABatch(Half):
    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        stem = self.share * mix.mean(0, keepdim=True).expand_as(mix)
        return torch.stack([stem, mix - stem], dim=1)


class ChangesTheMix(Half):
    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        stems = super().__call__(mix, sample_rate_hz)
        mix *= 0.5
        return stems


class Squares(Half):
    spec = replace(Half.spec, scale_equivariant=True)

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        return torch.stack([mix * mix.abs(), mix - mix * mix.abs()], dim=1)


@pytest.mark.parametrize(
    ("separator", "promise"),
    [
        (Hums(), "Silence gives silence"),
        (Remembers(), "A call leaves its input as it is, remembers nothing"),
        (MixesABatch(), "A call leaves its input as it is, remembers nothing"),
        (ChangesTheMix(), "A call leaves its input as it is, remembers nothing"),
        (Squares(), "Where the spec says so, half the mix gives half the stems"),
    ],
)
def test_a_broken_promise_is_named(separator: Half, promise: str) -> None:
    with pytest.raises(AssertionError, match=f"half: {promise}"):
        check_separator(separator)


def test_who_keeps_all_promises_passes() -> None:
    check_separator(Half())


@pytest.mark.parametrize("options", [{"bandwidth": "model"}, {"wiener": 1}, {"mask_exponent": 1.0}])
def test_nothing_is_lost_with_other_options(options: dict) -> None:
    separator = registry.load("spleeter-2stems", **options).to("cpu")
    wave = song(separator, 60000)
    stems = separate(separator, wave)
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)
    usual = separate(loaded("spleeter-2stems"), wave)
    assert np.abs(stems[0] - usual[0]).max() > 0.01 * np.abs(usual[0]).max()


@LONG
@pytest.mark.parametrize("name", [name for name in at_hand() if registry.declared(name)])
def test_a_wiener_filter_goes_behind_any_of_them(name: str) -> None:
    filtered = registry.load(name, wiener=1).to("cpu")
    wave = song(filtered, 30011)
    stems = separate(filtered, wave)
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)
    assert filtered.spec.options["wiener"] == 1
    plain = separate(loaded(name), wave)
    if np.abs(plain[0]).max() > 0:  # 0.7 s are too short for repet: all is background
        assert np.abs(stems - plain).max() > 1e-4
    assert registry.load(name, wiener=0).spec.options.get("wiener", 0) == 0
    with pytest.raises(UsageError, match=r"wiener.*got -1") as caught:
        registry.load(name, wiener=-1)
    assert "\n" not in str(caught.value)
