"""What a mix says of each stem, checked: gain, mute, solo, pan, width, tilt, match.

A value is a number, or points `(seconds, number)` in order of time: what lies between two points is
interpolated, what lies before the first or after the last is as there. Gains are in dB, so they
are linear in dB between points. Seconds count from the beginning of the recording.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias

from unweave.core.stem_names import RESIDUAL, canonical
from unweave.errors import OptionName, UsageError, quoted

Points: TypeAlias = tuple[tuple[float, float], ...]
Value: TypeAlias = float | Points

LOUDEST_DB = 60.0
LATEST_S = 1e6  # eleven days
AUTOMATED = ("gain", "pan", "width")
_LIMITS = {
    "gain": (-LOUDEST_DB, LOUDEST_DB, " dB"),
    "pan": (-1.0, 1.0, ""),
    "width": (0.0, 2.0, ""),
    "tilt": (-6.0, 6.0, " dB for each octave"),
    "sensitivity": (0.0, 1.0, ""),
    "loudness": (-60.0, 0.0, " LUFS"),
    "tempo": (1.0, 960.0, " quarter notes a minute"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """What is done to one stem, in this order: match and tilt, gain, width, pan.

    gain: dB. pan: -1 left, 1 right. width: 0 mono, 1 as it is, 2 twice as wide. tilt: dB for each
    octave, around 1 kHz. match: the path of a recording whose loudness and spectrum the stem gets.
    """

    gain: Value = 0.0
    mute: bool = False
    solo: bool = False
    pan: Value = 0.0
    width: Value = 1.0
    tilt: float = 0.0
    match: str | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes the sound of its stem."""
        return replace(self, solo=False) != Strip()

    @property
    def places(self) -> bool:
        """Whether it moves sound between left and right."""
        return (self.pan, self.width) != (0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The strips of the stems that have one, by their customary names, and what all share.

    sensitivity: see `desk.weighted`. loudness: of the remix, in LUFS; None: whatever comes out.
    tempo: quarter notes a minute, holding until the next point; markers: seconds and names. Both
    are for projects.
    """

    stems: Mapping[str, Strip] = field(default_factory=dict)
    sensitivity: float = 1.0
    loudness: float | None = None
    tempo: Value | None = None
    markers: tuple[tuple[float, str], ...] = ()

    def strips(self, names: Sequence[str], owner: str) -> dict[str, Strip]:
        """The strip of each of the stems `names` and of what they leave of the mix.

        Solo has become mute of the others. Raises UsageError for a stem that there is not.
        """
        there = {canonical(name): name for name in (*names, RESIDUAL)}
        for name in self.stems:
            if name not in there:
                near = difflib.get_close_matches(name, there, n=1)
                guess = f"; perhaps you mean {there[near[0]]}" if near else ""
                raise UsageError(
                    f"{owner} has no stem {quoted(name)}; it has {', '.join(there.values())}{guess}"
                )
        found = {stem: self.stems.get(name, Strip()) for name, stem in there.items()}
        if any(strip.solo for strip in found.values()):
            found = {
                stem: strip if strip.solo else replace(strip, mute=True)
                for stem, strip in found.items()
            }
        return found

    def facts(self) -> dict[str, Any]:
        """What of it is not as usual, as plain data."""
        usual = Mix()
        facts = {
            name: _plain(getattr(self, name))
            for name in ("sensitivity", "loudness", "tempo", "markers")
            if getattr(self, name) != getattr(usual, name)
        }
        strips = {stem: _of_strip(strip) for stem, strip in self.stems.items()}
        strips = {stem: strip for stem, strip in strips.items() if strip}
        return {**facts, **({"stems": strips} if strips else {})}


STRIP_FIELDS = tuple(item.name for item in dataclasses.fields(Strip))
MIX_FIELDS = tuple(item.name for item in dataclasses.fields(Mix))


def merged(mix: Mix, changes: Mapping[str, Mapping[str, Any]], **shared: Any) -> Mix:
    """`mix` with other values.

    changes: field of a strip -> stem -> value; shared: fields of the mix, those that are None left
    as they are. Raises UsageError for a wrong value.
    """
    strips = dict(mix.stems)
    for name, of_stems in changes.items():
        for stem, raw in of_stems.items():
            key = canonical(stem)
            try:
                value = checked(name, raw)
            except ValueError as error:
                raise UsageError(OptionName(name), f" of {stem}: {error}") from error
            strips[key] = replace(strips.get(key, Strip()), **{name: value})
    values = {}
    for name, raw in shared.items():
        if raw is not None:
            try:
                values[name] = checked(name, raw)
            except ValueError as error:
                raise UsageError(OptionName(name), f": {error}") from error
    return replace(mix, stems=strips, **values)


def checked(name: str, raw: Any) -> Any:
    """The value of a field, from what people write. Raises ValueError, one line."""
    if name in ("mute", "solo"):
        if not isinstance(raw, bool):
            raise ValueError(f"must be true or false; got {quoted(raw)}")
        return raw
    if name == "match":
        if not isinstance(raw, (str, os.PathLike)) or not os.fspath(raw):
            raise ValueError(f"must be the path of a recording; got {quoted(raw)}")
        return os.path.abspath(os.fspath(raw))
    if name == "markers":
        return _markers(raw)
    if name in (*AUTOMATED, "tempo") and isinstance(raw, Iterable) and not isinstance(raw, str):
        return _points(name, list(raw))
    return _number(raw, *_LIMITS[name])


def _number(raw: Any, least: float, most: float, unit: str) -> float:
    number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    if not number or not least <= raw <= most:
        raise ValueError(f"must be a number from {least:g} to {most:g}{unit}; got {quoted(raw)}")
    return float(raw)


def _points(name: str, raw: Sequence[Any]) -> Points:
    wanted = "points are pairs of seconds and a number, as in [[0, 0], [10, -6]]"
    found = []
    for point in raw:
        if not isinstance(point, (list, tuple)) or len(point) != 2:
            raise ValueError(f"{wanted}; got {quoted(point)}")
        found.append((_number(point[0], 0.0, LATEST_S, " s"), _number(point[1], *_LIMITS[name])))
    if not found:
        raise ValueError(f"{wanted}; there are none")
    for (earlier, _), (later, _) in pairwise(found):
        if later <= earlier:
            raise ValueError(f"points are in order of time; {later:g} s comes after {earlier:g} s")
    if name == "tempo" and found[0][0] != 0:
        raise ValueError(f"the first tempo is that at 0 s; got {found[0][0]:g} s")
    return tuple(found)


def _markers(raw: Any) -> tuple[tuple[float, str], ...]:
    wanted = 'markers are pairs of seconds and a name, as in [[0, "Intro"]]'
    if not isinstance(raw, (list, tuple)):
        raise ValueError(f"{wanted}; got {quoted(raw)}")
    found = []
    for marker in raw:
        pair = isinstance(marker, (list, tuple)) and len(marker) == 2
        if not pair or not isinstance(marker[1], str):
            raise ValueError(f"{wanted}; got {quoted(marker)}")
        found.append((_number(marker[0], 0.0, LATEST_S, " s"), marker[1]))
    return tuple(found)


def _of_strip(strip: Strip) -> dict[str, Any]:
    usual = Strip()
    return {
        name: _plain(getattr(strip, name))
        for name in STRIP_FIELDS
        if getattr(strip, name) != getattr(usual, name)
    }


def _plain(value: Any) -> Any:
    return [list(point) for point in value] if isinstance(value, tuple) else value
