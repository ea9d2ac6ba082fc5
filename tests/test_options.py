from dataclasses import dataclass, fields
from typing import get_type_hints

import numpy as np
import pytest

from unweave.errors import UsageError
from unweave.options import (
    Facts,
    Option,
    build,
    changed,
    check,
    in_force,
    option,
    options_of,
    parse,
)
from unweave.types import Spec


@dataclass(frozen=True, kw_only=True)
class Thing:
    window_s: float = option(0.1, "length of a frame", above=0)
    power: float | None = option(None, "exponent", at_least=1, at_most=4)
    count: int = option(2, "how many", at_least=1, at_most=9999)
    rule: str = option("hard", "which mask", choices=("hard", "soft"))
    smooth: bool = option(False, "smooth it")

    def __post_init__(self) -> None:
        check(self)


def test_a_technique_may_state_every_fact_that_is_its_own() -> None:
    alike = {"name", "options", "licence"}
    hints, of_spec = get_type_hints(Facts), get_type_hints(Spec)
    assert hints == {f.name: of_spec[f.name] for f in fields(Spec) if f.name not in alike}


def test_all_values_are_in_force_and_only_some_changed() -> None:
    values = in_force(Thing(count=3))
    assert values == {"window_s": 0.1, "power": None, "count": 3, "rule": "hard", "smooth": False}
    assert changed(options_of(Thing), values) == {"count": 3}


def test_an_integer_serves_as_a_number() -> None:
    thing = build(Thing, {"window_s": 1, "power": 2})
    assert isinstance(thing.window_s, float)
    assert isinstance(thing.power, float)


def test_numbers_of_numpy_are_numbers() -> None:
    thing = build(Thing, {"window_s": np.float32(0.5), "count": np.int64(3)})
    assert (type(thing.window_s), type(thing.count)) == (float, int)


def test_a_parameter_says_its_type_and_unit() -> None:
    found = {item.name: item for item in options_of(Thing)}
    assert (found["window_s"].kind, found["window_s"].unit) == ("a number", "s")
    assert (found["power"].kind, found["power"].unit) == ("a number or none", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_s": 0}, "window_s must be a number, above 0; got 0"),
        ({"window_s": -1.0}, "above 0"),
        ({"window_s": float("nan")}, "got nan"),
        ({"window_s": float("inf")}, "got inf"),
        ({"window_s": "long"}, "got 'long'"),
        ({"window_s": True}, "got True"),
        ({"window_s": 10**400}, "window_s must be a number, above 0"),
        ({"count": np.float64("nan")}, "count must be a whole number"),
        ({"count": 10**400}, "at most 9999; got 1000"),
        ({"power": 5}, "power must be a number or none, at least 1, at most 4; got 5"),
        ({"count": 1.5}, "count must be a whole number, at least 1, at most 9999; got 1.5"),
        ({"count": 0}, "got 0"),
        ({"rule": "other"}, "rule must be one of hard, soft; got 'other'"),
        ({"smooth": 1}, "smooth must be true or false; got 1"),
        ({"colour": 1}, "has no option 'colour'; it takes window_s, power, count, rule, smooth"),
    ],
)
def test_what_may_not_be_is_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(Thing, options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("key=1", 1),
        ("key=0.5", 0.5),
        ("key=-3", -3),
        ("key=true", True),
        ("key=none", None),
        ("key=log-mmse", "log-mmse"),
        ("key=a=b", "a=b"),
        ('key="7"', "7"),
        ("key=", ""),
        ("key=2026-01-01", "2026-01-01"),  # to TOML a date, to us a word
    ],
)
def test_values_are_what_they_look_like(word: str, value: object) -> None:
    parsed = parse([word])
    assert parsed == {"key": value}
    assert type(parsed["key"]) is type(value)


def test_dashes_are_underscores() -> None:
    assert parse(["window-s=1", "hop_s=2"]) == {"window_s": 1, "hop_s": 2}


@pytest.mark.parametrize("word", ["window_s", "=1", ""])
def test_what_is_no_setting_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--set takes key=value"):
        parse([word])


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 5000, "[" * 20000])
def test_what_cannot_be_read_as_a_value_is_a_word(text: str) -> None:
    with pytest.raises(UsageError, match=r"power must be .*; got '") as caught:
        build(Thing, parse([f"power={text}"]))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["power", "count", "rule"])
def test_a_number_that_python_does_not_write_out_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be .*; got a number of thousands of digits"):
        build(Thing, {name: 10**5000})


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("2, 1", "2,1"),
        ([2, 0.1], "2,0.1"),
        ((1.5,), "1.5"),
        (3, "3"),
        (None, None),
        ("1e3", "1000"),
    ],
)
def test_numbers_are_one_word_however_they_are_written(given: object, word: object) -> None:
    item = NUMBERS
    assert item.check(given, "x") == word
    assert item.check(word, "x") == word


@pytest.mark.parametrize("given", ["2;1", "", "a,b", [None], {"a": 1}, "nan", [float("inf")], 1j])
def test_what_is_no_numbers_is_one_line(given: object) -> None:
    with pytest.raises(UsageError, match="must be numbers joined by commas or none; got") as caught:
        NUMBERS.check(given, "x")
    assert "\n" not in str(caught.value)


NUMBERS = Option(
    name="weights", types=(str, type(None)), default=None, meaning="weights", numbers=True
)
