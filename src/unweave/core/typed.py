"""Dataclasses from the values of a TOML file: every name known, every value of its field's type."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from unweave.errors import quoted

T = TypeVar("T")

_WORDS = {
    str: "a word",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    types.NoneType: "none",
}


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """`kind(**values)`, where lists become tuples and whole numbers floats as fields want them.

    Raises ValueError, one line, for a value that the dataclass has no field for, that lacks, or
    that is of another type.
    """
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            guess = f"perhaps you mean {near[0]}" if near else f"it takes {', '.join(fields)}"
            raise ValueError(f"there is no {name!r}; {guess}")
    for name, field in fields.items():
        needed = field.default is dataclasses.MISSING
        if name not in values and needed and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"it lacks {name!r}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _value(name, hints[name], value) for name, value in values.items()})


def _value(name: str, hint: Any, value: Any) -> Any:
    found = _fits(hint, value)
    if found is _NO:
        raise ValueError(f"{name} must be {_words(hint)}; got {quoted(value)}")
    return found


_NO = object()


def _fits(hint: Any, value: Any) -> Any:
    """`value` in the type of `hint`, `_NO` where it is of another type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (types.UnionType, typing.Union):
        return next((found for each in arguments if (found := _fits(each, value)) is not _NO), _NO)
    if origin is typing.Literal:
        return value if value in arguments else _NO
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return _NO
        found = tuple(_fits(arguments[0], each) for each in value)
        return _NO if _NO in found else found
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            return _NO
        table = {key: _fits(arguments[1], each) for key, each in value.items()}
        return _NO if _NO in table.values() else table
    if hint is float and type(value) is int:
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        return _NO
    return _NO if isinstance(value, float) and not math.isfinite(value) else value


def _words(hint: Any) -> str:
    """A type in words, as in `a list, each a whole number`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_words, arguments))
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        return f"a list, each {_words(arguments[0])}"
    if origin is not None:
        return "a table"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
