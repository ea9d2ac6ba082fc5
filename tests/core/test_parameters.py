from dataclasses import dataclass

import pytest

from unweave.core import parameters
from unweave.core.errors import UsageError
from unweave.core.parameters import parameter


@dataclass(frozen=True, kw_only=True)
class Thing:
    window_s: float = parameter(0.1, "length of a frame", above=0)
    power: float | None = parameter(None, "exponent", at_least=1, at_most=4)
    count: int = parameter(2, "how many", at_least=1)
    rule: str = parameter("hard", "which mask", choices=("hard", "soft"))
    smooth: bool = parameter(False, "smooth it")

    def __post_init__(self) -> None:
        parameters.check(self)


def test_defaults_pass_and_count_as_not_given() -> None:
    assert parameters.given(Thing()) == {}


def test_an_integer_serves_as_a_number() -> None:
    thing = parameters.build(Thing, {"window_s": 1, "power": 2})
    assert isinstance(thing.window_s, float)
    assert parameters.given(thing) == {"window_s": 1.0, "power": 2.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_s": 0}, "window_s must be a number, above 0; got 0"),
        ({"window_s": -1.0}, "above 0"),
        ({"window_s": float("nan")}, "got nan"),
        ({"window_s": float("inf")}, "got inf"),
        ({"window_s": "long"}, "got 'long'"),
        ({"window_s": True}, "got True"),
        ({"power": 5}, "power must be a number or none, at least 1, at most 4; got 5"),
        ({"count": 1.5}, "count must be a whole number, at least 1; got 1.5"),
        ({"count": 0}, "got 0"),
        ({"rule": "other"}, "rule must be one of hard, soft; got 'other'"),
        ({"smooth": 1}, "smooth must be true or false; got 1"),
        ({"colour": 1}, "has no option 'colour'; it takes window_s, power, count, rule, smooth"),
    ],
)
def test_what_may_not_be_is_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters.build(Thing, options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
