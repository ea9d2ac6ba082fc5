import pytest

from unweave.apps.options import parse, resolve, settle
from unweave.core.errors import UsageError


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


def test_a_card_keeps_its_options_as_given() -> None:
    options = {"mask_exponent": 2.0}
    assert resolve("spleeter-2stems", options) == options
    assert settle("spleeter-2stems", options, seed=3) == (options, ("vocals", "accompaniment"))


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UsageError, match="no model is called 'spleter'"):
        settle("spleter", {})
