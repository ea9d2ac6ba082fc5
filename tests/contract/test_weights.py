"""Every network uses every array of its weights, and says in one line what does not fit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.contract import trials
from unweave import registry
from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, cards, store
from unweave.models.adapter import NeuralSeparator

Arrays = dict[str, np.ndarray]
Parts = tuple[cards.Card, Arrays]


def tiny(name: str) -> Parts:
    separator = trials.load(name)
    arrays = {key: value.numpy() for key, value in separator.network.state_dict().items()}
    return separator.card, arrays


@pytest.fixture(params=[*trials.names(), "spleeter-2stems"])
def parts(request: pytest.FixtureRequest) -> Parts:
    if request.param in trials.names():
        return tiny(request.param)
    card = cards.card(request.param)
    return card, store.weights(card)


def without_one(arrays: Arrays) -> str:
    name = sorted(arrays)[0]
    del arrays[name]
    return f"the weights lack 1 arrays, as '{name}'"


def with_one_more(arrays: Arrays) -> str:
    arrays["spy"] = np.zeros(3, np.float32)
    return "the weights hold 1 unknown arrays, as 'spy'"


def of_another_shape(arrays: Arrays) -> str:
    name = sorted(arrays)[-1]
    arrays[name] = np.zeros((3, 1, 4, 1, 5), np.float32)
    return rf"'{name}' has shape \(3, 1, 4, 1, 5\)"


def without_numbers(arrays: Arrays) -> str:
    name = sorted(arrays)[-1]
    arrays[name] = arrays[name].astype(bool)
    return f"'{name}' holds bool, not numbers"


@pytest.mark.parametrize("change", [without_one, with_one_more, of_another_shape, without_numbers])
def test_weights_that_do_not_fit(parts: Parts, change: Callable[[Arrays], str]) -> None:
    card, arrays = parts
    changed = dict(arrays)
    message = change(changed)
    with pytest.raises(WeightsError, match=message) as caught:
        NeuralSeparator(card, {}, changed)
    assert str(caught.value).startswith(f"{store.path(card)}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config", [{"colour": 1}, {"frame_size": "long"}, {"filters": [4.5]}, {"width": -3}, {"hop": 0}]
)
@pytest.mark.parametrize("name", trials.names())
def test_settings_that_make_no_network(name: str, config: dict[str, object]) -> None:
    card, arrays = tiny(name)
    changed = replace(card, config={**card.config, **config})
    with pytest.raises(UsageError) as caught:
        NeuralSeparator(changed, {}, arrays)
    assert str(caught.value).startswith(f"{card.name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", cards.names())
def test_a_card_names_an_architecture_that_there_is(name: str) -> None:
    for card in registry.with_weights(name):
        assert card.architecture in architectures.names()
    assert registry.declared(name)
