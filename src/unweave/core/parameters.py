"""Parameters of a technique: a default, a line of meaning and limits, all in one place.

A technique is a frozen dataclass whose fields are made by `parameter`. From those fields come the
checks, the options of the command line, and the tables of the documentation.

    @dataclass(frozen=True, kw_only=True)
    class Hpss:
        window_s: float = parameter(0.093, "length of a frame", above=0)
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from unweave.core.errors import UsageError
from unweave.core.types import Audio, Spec

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a technique, as the documentation shows it."""

    name: str
    types: tuple[type, ...]  # what a value may be; NoneType among them where None is one
    default: object
    meaning: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """The limits in words; empty where there are none."""
        words = [
            f"above {self.above:g}" if self.above is not None else "",
            f"at least {self.at_least:g}" if self.at_least is not None else "",
            f"at most {self.at_most:g}" if self.at_most is not None else "",
            f"one of {', '.join(self.choices)}" if self.choices else "",
        ]
        return ", ".join(word for word in words if word)

    def check(self, value: object, owner: str) -> Any:
        """`value` in the parameter's type. Raises UsageError, one line, if it may not be."""
        allowed = self.types
        if isinstance(value, int) and not isinstance(value, bool) and int not in allowed:
            value = float(value) if float in allowed else value
        wrong = not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)
        if not wrong and isinstance(value, (int, float)) and not isinstance(value, bool):
            wrong = (
                not math.isfinite(value)
                or (self.above is not None and value <= self.above)
                or (self.at_least is not None and value < self.at_least)
                or (self.at_most is not None and value > self.at_most)
            )
        if not wrong and self.choices and value is not None:
            wrong = value not in self.choices
        if wrong:
            kinds = " or ".join(_WORDS.get(kind, kind.__name__) for kind in allowed)
            wanted = self.limits if self.choices else ", ".join(filter(None, (kinds, self.limits)))
            raise UsageError(f"{owner}: {self.name} must be {wanted}; got {value!r}")
        return value


_WORDS: dict[type, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a word",
    types.NoneType: "none",
}


def parameter(
    default: T,
    meaning: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """A field of a technique. The limits hold for numbers; NaN and infinity never pass."""
    limits = {"above": above, "at_least": at_least, "at_most": at_most, "choices": choices}
    field: T = dataclasses.field(default=default, metadata={"meaning": meaning, **limits})
    return field


def parameters(technique: type | object) -> tuple[Parameter, ...]:
    """The parameters of a technique, class or instance, in the order they are written down."""
    kind = technique if isinstance(technique, type) else type(technique)
    hints = typing.get_type_hints(kind)
    return tuple(
        Parameter(name=f.name, types=_types(hints[f.name]), default=f.default, **f.metadata)
        for f in dataclasses.fields(kind)
        if "meaning" in f.metadata
    )


def _types(annotation: object) -> tuple[type, ...]:
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else ()
    return members or (annotation,)


def check(technique: object) -> None:
    """Check every parameter, for `__post_init__`. Raises UsageError for the first that is wrong."""
    for item in parameters(technique):
        value = item.check(getattr(technique, item.name), name_of(technique))
        object.__setattr__(technique, item.name, value)  # an integer given for a float


def given(technique: object) -> dict[str, object]:
    """The parameters that differ from their defaults: `Spec.options`. Sound is its source."""
    values = {item.name: (getattr(technique, item.name), item.default)
              for item in parameters(technique)}  # fmt: skip
    return {
        name: _source(value) if isinstance(value, Audio) else value
        for name, (value, default) in values.items()
        if value is not default and value != default
    }


def _source(sound: Audio) -> str:
    """Where sound came from; of what was never a file, what tells it from other sound."""
    return (
        sound.source or f"in memory, SHA-256 {hashlib.sha256(sound.samples.tobytes()).hexdigest()}"
    )


def spec(technique: object, **facts: Any) -> Spec:
    """A technique's `Spec` from its own facts: name, options and licence are alike for all."""
    return Spec(name=name_of(technique), options=given(technique), licence="none needed", **facts)


def name_of(technique: type | object) -> str:
    """A technique's name is its file's: `separators/repet_sim.py` is `repet-sim`."""
    kind = technique if isinstance(technique, type) else type(technique)
    return kind.__module__.rpartition(".")[2].replace("_", "-")


def build(technique: type[T], options: Mapping[str, object]) -> T:
    """A technique with `options` for parameters. Raises UsageError for one it does not have."""
    known = [item.name for item in parameters(technique)]
    for name in options:
        if name not in known:
            raise UsageError(
                f"{name_of(technique)} has no option {name!r}; it takes {', '.join(known)}"
            )
    return technique(**options)


def parse(pairs: Iterable[str]) -> dict[str, object]:
    """`["window_s=0.1", "rule=wiener"]` as values. Raises UsageError for other words."""
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes key=value, as in --set window_s=0.1; got {pair!r}")
        options[key.strip().replace("-", "_")] = _value(text.strip())
    return options


def _value(text: str) -> object:
    """Numbers and true or false as TOML writes them, `none`; anything else is a word."""
    if text.lower() == "none":
        return None
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, (bool, int, float, str)) else text
