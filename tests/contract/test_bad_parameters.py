"""Whatever a separator cannot do is one line that names the option, before any work starts."""

import math

import numpy as np
import pytest
import torch

from tests import CPU, at_hand
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.models import store
from unweave.options import Option
from unweave.types import Audio

OPTIONS = [
    pytest.param(name, item, id=f"{name}-{item.name}")
    for name in at_hand()
    for item in registry.declared(name)
]


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading weights fails: what is wrong has to be known before."""

    def read(card: object) -> None:
        raise AssertionError("the weights were read")

    monkeypatch.setattr(store, "weights", read)


def wrong_values(name: str, item: Option) -> list[object]:
    """What no option of that kind may be."""
    if bool in item.types:
        return [1, "maybe", float("nan")]
    if str in item.types:
        return [3, True, *(["nonsense"] if item.choices else [])]
    if Audio in item.types:
        return [3, float("nan")]
    found: list[object] = [float("nan"), float("inf"), -float("inf"), "many", True, 1e30]
    if float not in item.types:
        found += [2.5]
    if item.choices:
        return found
    assert item.above is not None or item.at_least is not None, (
        f"{name}: {item.name} has no lower limit: declare one, above=0 where 0 makes no sense"
    )
    least = item.above if item.above is not None else item.at_least
    below = least - 1 if float not in item.types else math.nextafter(least, -math.inf)
    return [*found, below, *([least] if item.above is not None else [])]


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(("name", "item"), OPTIONS)
def test_a_value_that_may_not_be(name: str, item: Option) -> None:
    for value in wrong_values(name, item):
        if value == 1e30 and item.at_most is None and float in item.types:
            continue  # a weight or a period may be as large as anybody likes
        for refuse in (registry.load, lambda name, **given: registry.resolve(name, given)):
            try:
                refuse(name, **{item.name: value})
            except UsageError as error:
                message = str(error)
            else:
                pytest.fail(f"{name} takes {item.name}={value!r}: give the option limits")
            assert message.startswith(f"{name}: {item.name} "), (value, message)
            assert "\n" not in message


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("name", at_hand())
def test_an_option_that_does_not_exist(name: str) -> None:
    takes = ", ".join(item.name for item in registry.declared(name)) or "none"
    with pytest.raises(UsageError, match=f"^{name} has no option 'colour'; it takes {takes}$"):
        registry.load(name, colour=1)


@pytest.mark.parametrize("name", [name for name in at_hand() if registry.declared(name)])
def test_an_option_that_is_not_the_default_is_said_too(name: str) -> None:
    said = registry.load(name, wiener=2).spec.options
    assert said == registry.resolve(name, {"wiener": 2})[0].options
    assert said == {**registry.load(name).spec.options, "wiener": 2}


def noise(channels: int, seconds: float = 1.0, rate_hz: int = 8000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.1 * rng.normal(size=(channels, round(seconds * rate_hz)))).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "options", "channels", "expected"),
    [
        *(
            (name, {"sources": 3}, 2, rf"^{name} needs at least 3 channels, .* 2: .*projet")
            for name in ("fastica", "auxiva", "ilrma")
        ),
        ("projet", {}, 1, "^projet needs at least 2 channels, .* 1: .*mono"),
        *(
            (
                "spectral-subtraction",
                interval,
                1,
                r"^spectral-subtraction: .* outside the recording",
            )
            for interval in (
                {"noise_start_s": 2.0},
                {"noise_end_s": 1.5},
                {"noise_start_s": 0.5, "noise_end_s": 3.0},
            )
        ),
        (
            "spectral-subtraction",
            {"noise_start_s": 0.8, "noise_end_s": 0.2},
            1,
            "^spectral-subtraction: noise_end_s must be above noise_start_s; got 0.8, 0.2",
        ),
        (
            "spectral-subtraction",
            {"noise_start_s": 0.1, "noise_end_s": 0.101},
            1,
            "^spectral-subtraction: .* shorter than a frame",
        ),
        (
            "ilrma",
            {"components": 500, "window_s": 0.064},
            2,
            r"^ilrma: components 500 is above the 257 frequencies of a frame",
        ),
    ],
)
def test_what_does_not_go_with_the_recording(
    name: str, options: dict, channels: int, expected: str
) -> None:
    def separate() -> None:
        separator = registry.load(name, **options)
        separate_array(separator, noise(channels), 8000, execution=CPU, warn=pytest.fail)

    with pytest.raises(UsageError, match=expected) as caught:
        separate()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", registry.techniques())
def test_a_mix_of_the_wrong_rank_is_no_mix(name: str) -> None:
    for shape in ((100,), (2, 100), (1, 1, 2, 100)):
        with pytest.raises(ValueError, match=r"\(batch, channel, time\)"):
            registry.load(name)(torch.zeros(shape), 8000)
