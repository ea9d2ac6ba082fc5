"""Options of a separator: a type, a default, a unit, limits and a line of meaning, in one place.

A classical technique is a frozen dataclass whose fields are made by `option`; a network declares
its options in `models/NETWORK/options.py`. From the declarations come the checks, the options of
the command line, the values in a report, and the tables of the documentation.

    @dataclass(frozen=True, kw_only=True)
    class Hpss(Classical):
        window_s: float = option(0.093, "length of a frame", above=0)
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import numbers
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Required, Self, TypedDict, TypeVar, Unpack

from unweave.core.plan import Segmentation
from unweave.core.region import seconds
from unweave.errors import OptionName, UsageError, quoted
from unweave.types import Audio, Spec

T = TypeVar("T")

LARGEST_SEED = 2**32 - 1  # what every generator of random numbers takes
UNITS = {"_s": "s", "_hz": "Hz", "_db": "dB", "_mb": "MB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option, as the documentation shows it."""

    name: str
    types: tuple[type, ...]  # what a value may be; NoneType among them where None is one
    default: object
    meaning: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str | int, ...] = ()
    file: bool = False  # a word that names a file, whose content decides what comes out
    time: bool = False  # seconds, also as a clock time, as in "1:30"
    numbers: bool = False  # a word of numbers, as "2,1"; also given as a list of them
    unset: str = ""  # what the default means, in words, for the help

    @property
    def kind(self) -> str:
        """What a value is, in words: `a number or none`."""
        special = "a file" if self.file else "numbers joined by commas" if self.numbers else ""
        words = _WORDS | {str: special} if special else _WORDS
        return " or ".join(words.get(kind, kind.__name__) for kind in self.types)

    @property
    def unit(self) -> str:
        """The unit that the name ends in; empty where it says none."""
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "")

    @property
    def names_a_file(self) -> bool:
        """Whether a word for it is a path: of a recording, or of another file."""
        return self.file or Audio in self.types

    @property
    def limits(self) -> str:
        """The limits in words; empty where there are none."""
        words = [
            f"above {_plain(self.above)}" if self.above is not None else "",
            f"at least {_plain(self.at_least)}" if self.at_least is not None else "",
            f"at most {_plain(self.at_most)}" if self.at_most is not None else "",
            f"one of {', '.join(map(str, self.choices))}" if self.choices else "",
        ]
        return ", ".join(word for word in words if word)

    def check(self, value: object, owner: str) -> Any:
        """`value` in the option's type. Raises UsageError, one line, if it may not be."""
        if self.file and str in self.types and isinstance(value, os.PathLike):
            value = os.fspath(value)
        if self.time and value is not None:
            value = seconds(value, self.name)
        found = _joined(value) if self.numbers else _as_number(value, self.types)
        wrong = not isinstance(found, self.types) or (
            isinstance(found, bool) and bool not in self.types
        )
        if not wrong and isinstance(found, (int, float)) and not isinstance(found, bool):
            wrong = (
                (isinstance(found, float) and not math.isfinite(found))
                or (self.above is not None and found <= self.above)
                or (self.at_least is not None and found < self.at_least)
                or (self.at_most is not None and found > self.at_most)
            )
        if not wrong and self.choices and found is not None:
            wrong = found not in self.choices
        if wrong:
            wanted = ", ".join(filter(None, ("" if self.choices else self.kind, self.limits)))
            place = f"{owner}: {self.name}" if owner else OptionName(self.name)
            raise UsageError(place, f" must be {wanted}; got {quoted(value)}")
        return found


def _joined(value: object) -> object:
    """Numbers as a word, `2,1` for "2, 1" and for [2, 1.0]; of no type where they are none."""
    if value is None:
        return None
    words = value.split(",") if isinstance(value, str) else value
    try:
        found = [float(word) for word in (words if isinstance(words, Iterable) else [words])]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return ...
    if not all(map(math.isfinite, found)):
        return ...
    return ",".join(short if float(short := f"{each:g}") == each else repr(each) for each in found)


_WORDS: dict[type, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a word",
    Audio: "a recording",
    types.NoneType: "none",
}


def _plain(limit: float) -> str:
    """A limit without decimals that say nothing, and never rounded."""
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def _as_number(value: object, allowed: Sequence[type]) -> object:
    """Numbers of numpy as Python's, and whole numbers as floats where only those are wanted."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    if isinstance(value, numbers.Integral):
        whole = int(value)
        if int in allowed or float not in allowed:
            return whole
        try:
            return float(whole)
        except OverflowError:
            return math.inf
    return float(value)


def option(
    default: T,
    meaning: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: tuple[str | int, ...] = (),
    file: bool = False,
    time: bool = False,
    numbers: bool = False,
    unset: str = "",
) -> T:
    """A field of a dataclass of options; its annotation says what a value may be.

    default, meaning: the value where none is given, and what it does, in a few words. above,
    at_least, at_most: limits of a number; NaN and infinity never pass. choices: the only values
    there are. file: the word names a file; a request pins its content by a hash. time: a number
    of seconds, which people may also write as a clock time, "1:30". numbers: several in a word,
    joined by commas, or a list of them. unset: what the default means where it does not say so
    itself, as "free memory" for None.

    The technique's `__post_init__` (see `check`) raises UsageError for a wrong value.
    """
    limits = {"above": above, "at_least": at_least, "at_most": at_most, "choices": choices}
    kinds = {"file": file, "time": time, "numbers": numbers}
    metadata = {"meaning": meaning, "unset": unset, **kinds, **limits}
    field: T = dataclasses.field(default=default, metadata=metadata)
    return field


SEED = Option(
    name="seed",
    types=(int,),
    default=0,
    meaning="random seed",
    at_least=0,
    at_most=LARGEST_SEED,
)
"""The option of separators that use random numbers."""

WIENER = Option(
    name="wiener",
    types=(int,),
    default=0,
    meaning="iterations of a multichannel Wiener filter over the stems; 0: none",
    at_least=0,
    at_most=100,
)
"""The option of every technique and model: `engine/adapters/wiener.py`, or a network's own filter.

A preset has no options: its file names the adapter `wiener` where it wants the filter.
"""


def options_of(owner: type | object) -> tuple[Option, ...]:
    """The options that a dataclass declares, class or instance, in the order of its fields."""
    kind = owner if isinstance(owner, type) else type(owner)
    hints = typing.get_type_hints(kind)
    return tuple(
        Option(name=f.name, types=_types(hints[f.name]), default=f.default, **f.metadata)
        for f in dataclasses.fields(kind)
        if "meaning" in f.metadata
    )


def _types(annotation: object) -> tuple[type, ...]:
    members = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else ()
    return members or (annotation,)


def check(technique: object, owner: str | None = None) -> None:
    """Check every option, for `__post_init__`. Raises UsageError for the first that is wrong.

    owner: the name to say in the error; None: the technique's.
    """
    owner = name_of(technique) if owner is None else owner
    for item in options_of(technique):
        value = item.check(getattr(technique, item.name), owner)
        object.__setattr__(technique, item.name, value)  # an integer given for a float


class Classical:
    """What classical techniques share: options that are checked, and no state on any device."""

    def __post_init__(self) -> None:
        check(self)

    def to(self, device: str) -> Self:
        """Itself: what it computes with is made where the mix is."""
        return self


def in_force(owner: object) -> dict[str, object]:
    """Every option of a dataclass with its value, as JSON has them: sound is its source."""
    values = {item.name: getattr(owner, item.name) for item in options_of(owner)}
    return {
        name: _source(value) if isinstance(value, Audio) else value
        for name, value in values.items()
    }


def changed(declared: Iterable[Option], options: Mapping[str, object]) -> dict[str, object]:
    """Those of `options` that are not defaults, for labels and captions."""
    defaults = {item.name: item.default for item in declared}
    return {
        name: value
        for name, value in options.items()
        if name not in defaults or value != defaults[name]
    }


def _source(sound: Audio) -> str:
    """Where audio came from; for audio that was never a file, a hash that identifies it."""
    return (
        sound.source or f"in memory, SHA-256 {hashlib.sha256(sound.samples.tobytes()).hexdigest()}"
    )


class Facts(TypedDict, total=False):
    """What a technique says of itself: the fields of `Spec` that are not alike for all."""

    stems: Required[tuple[str, ...]]
    sample_rate_hz: int | None
    channels: int | None
    min_channels: int
    instead: str
    segmentation: Segmentation | None
    bytes_per_sample: float
    complement: str | None
    additive: bool
    scale_equivariant: bool
    mixed_precision: bool
    needs_track_stats: bool
    paper: str
    weights_sha256: str | None


def spec(technique: object, **facts: Unpack[Facts]) -> Spec:
    """A technique's `Spec` from its own facts: name, options and licence are alike for all."""
    options = {**in_force(technique), WIENER.name: WIENER.default}
    return Spec(name=name_of(technique), options=options, licence="none needed", **facts)


def shown(spec: Spec) -> str:
    """A separator in one line: its name, its stems, and its options."""
    options = ", ".join(f"{name}={value!r}" for name, value in spec.options.items())
    return f"<{spec.name} ({', '.join(spec.stems)}): {options or 'no options'}>"


def name_of(technique: type | object) -> str:
    """A technique's name is its file's: `separators/repet_sim.py` is `repet-sim`.

    That of a plug-in is its entry's (`registry/techniques.py`).
    """
    kind = technique if isinstance(technique, type) else type(technique)
    entry: str | None = getattr(kind, "_entry", None)
    if entry is not None:
        return entry
    return kind.__module__.rpartition(".")[2].replace("_", "-")


def checked(
    declared: Iterable[Option], options: Mapping[str, object], owner: str
) -> dict[str, Any]:
    """`options` in their types. Raises UsageError, one line, for an unknown name or wrong value."""
    known = {item.name: item for item in declared}
    for name in options:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise UsageError(f"{owner} has no option {name!r}; it takes {takes}")
    return {name: known[name].check(value, owner) for name, value in options.items()}


def build(technique: type[T], options: Mapping[str, object]) -> T:
    """A technique with `options`. Raises UsageError for one it does not have, or a wrong value."""
    return technique(**checked(options_of(technique), options, name_of(technique)))


def parse(pairs: Iterable[str]) -> dict[str, object]:
    """`["window_s=0.1", "rule=wiener"]` as values. Raises UsageError for other words."""
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes key=value, as in --set window_s=0.1; got {pair!r}")
        options[key.strip().replace("-", "_")] = _value(text.strip())
    return options


def names(words: str | Iterable[str] | None) -> list[str]:
    """Names, each by itself or several joined by commas."""
    given = [words] if isinstance(words, str) else words or ()
    return [name.strip() for word in given for name in word.split(",") if name.strip()]


def _value(text: str) -> object:
    """Numbers and true or false as TOML writes them, `none`; anything else is a word."""
    if text.lower() == "none":
        return None
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # also a number of more digits than Python converts
        return text
    return value if isinstance(value, (bool, int, float, str)) else text
