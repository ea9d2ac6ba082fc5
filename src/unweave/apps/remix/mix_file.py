"""A mix as a TOML file: read with the line of whatever is wrong, written so that it reads back.

sensitivity = 0.8

[stems.vocals]
gain = [[0, 0], [30, 0], [31, -6]]    # seconds and dB

[stems.drums]
mute = true
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unweave.apps.remix.mix import MIX_FIELDS, STRIP_FIELDS, Mix, Strip, checked
from unweave.core.files import atomic_write, content, readable, shown
from unweave.core.stem_names import canonical
from unweave.core.toml import dumps
from unweave.errors import UsageError, quoted


def read(path: Path) -> Mix:
    """The mix in a file; paths in it are relative to its folder.

    Raises InputError where it cannot be read, UsageError with the line of what is wrong.
    """
    with readable(path):
        data = content(path)
    try:
        text = data.decode()
        facts = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, too
        raise UsageError(f"{shown(path)}: is not TOML: {error}") from error
    return _Reading(Path(path), text).mix(facts)


def write(path: Path, mix: Mix) -> None:
    """The mix as a file, whole or not at all; paths in it are absolute. Raises OutputError."""
    atomic_write(path, text_of(mix))


def text_of(mix: Mix) -> bytes:
    """What is written, in UTF-8."""
    return dumps(mix.facts())


class _Reading:
    """One file on its way to a mix."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def mix(self, facts: Mapping[str, Any]) -> Mix:
        values = {}
        for name, raw in facts.items():
            self._check_name((name,), MIX_FIELDS)
            if name != "stems":
                values[name] = self._value((name,), raw)
        strips: dict[str, Strip] = {}
        for stem, table in self._table(("stems",), facts.get("stems", {})).items():
            place = ("stems", stem)
            if canonical(stem) in strips:
                raise self._wrong(place, f"{quoted(stem)} is a stem that is there already")
            strip = {}
            for name, raw in self._table(place, table).items():
                self._check_name((*place, name), STRIP_FIELDS)
                strip[name] = self._value((*place, name), raw)
            strips[canonical(stem)] = Strip(**strip)
        return Mix(stems=strips, **values)

    def _table(self, place: Sequence[str], value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(place, f"{'.'.join(place)} must be a table, as [stems.vocals] is")
        return value

    def _check_name(self, place: Sequence[str], known: Sequence[str]) -> None:
        if place[-1] not in known:
            near = difflib.get_close_matches(place[-1], known, n=1)
            guess = f"perhaps you mean {near[0]}" if near else f"there are {', '.join(known)}"
            raise self._wrong(place, f"unknown key {quoted(place[-1])}; {guess}")

    def _value(self, place: Sequence[str], raw: Any) -> Any:
        if place[-1] == "match" and isinstance(raw, str) and raw:
            raw = os.path.join(self.path.absolute().parent, raw)
        try:
            return checked(place[-1], raw)
        except ValueError as error:
            raise self._wrong(place, f"{'.'.join(place)} {error}") from error

    def _wrong(self, place: Sequence[str], what: str) -> UsageError:
        return UsageError(f"{shown(self.path)}, line {line_of(self.text, place)}: {shown(what)}")


def line_of(text: str, place: Sequence[str]) -> int:
    """The line on which the key at `place`, such as `("stems", "vocals", "gain")`, begins.

    The reader of TOML knows no lines, but every whole statement ends with one, and can be read by
    itself: the key is in the first that has it, behind the header of its table.
    """
    whole = 0  # lines before the statement that is being looked at
    header = statement = ""
    for count, line in enumerate(text.splitlines(keepends=True), 1):
        statement += line
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            header = ""
        facts: Any = tomllib.loads(header + statement)
        for key in place:
            facts = facts.get(key) if isinstance(facts, dict) else None
        if facts is not None:
            return whole + 1
        if statement.lstrip().startswith("["):
            header = statement
        whole, statement = count, ""
    return max(1, whole)
