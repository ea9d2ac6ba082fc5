"""What the recognisers of checkpoints share: the settings that stand in a file, and those assumed.

The module `recognise` of an architecture has `recognise(arrays, settings)`: what a card has to say
of a checkpoint of that network, or None. Shapes give nearly all of it, the file's own settings or
the user's YAML the rest. What neither gives is taken as published, and the card's notes say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from unweave.errors import WeightsError, quoted

Arrays = Mapping[str, np.ndarray]
Settings = Mapping[str, object]
T = TypeVar("T")
NUMBER = "a number"
KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    ((int, float, Fraction), NUMBER),
    (str, "a word"),
)
LARGEST = 10**12  # number that a setting may be; a Fraction of `1e999999999` would take an hour
RATES_HZ = 1, 10_000_000  # as a card has them


class Told:
    """The settings of a checkpoint, by the names that its authors give them.

    They stand in `args` and `kwargs` (Demucs), in `model_args` (asteroid), and in a YAML file in
    the table of the network and in `training` (MSST); a later one of these counts. What a file with
    the arguments of its class leaves out has that class's default, so that nothing is assumed.
    """

    def __init__(self, settings: Settings, network: str) -> None:
        tables = ("kwargs", "model_args", network, "training")
        arguments = settings.get("args")
        self.values: dict[str, Any] = {}
        if isinstance(arguments, list) and arguments:  # the first one of all classes of Demucs
            self.values["sources"] = arguments[0]
        for name in tables:
            self.values |= table(settings, name)
        if "instruments" in self.values:
            self.values["sources"] = self.values["instruments"]
        self.audio = table(settings, "audio")  # of MSST: chunks and rate of what it is run on
        self.klass = str(settings.get("klass", ""))
        self.complete = bool(self.klass)
        self.assumed: list[str] = []
        self.otherwise: list[str] = []  # what is stated, and the arrays have otherwise

    def get(
        self,
        key: str,
        default: T,
        words: str = "",
        within: tuple[float, float] = (-LARGEST, LARGEST),
    ) -> T:
        """What is stated under `key`, else `default`. words: how to say what is assumed then.
        within: the least and the most that a number may be.

        Raises WeightsError for what is not of the default's kind: a file may state anything, and a
        text times a number would be a long one.
        """
        found = self.values.get(key)
        if found is not None:
            for kinds, what in KINDS:
                if isinstance(default, kinds):
                    number = what == NUMBER
                    if not isinstance(found, kinds) or (number and _is_no_number(found)):
                        raise WeightsError(
                            f"its setting {key!r} must be {what}; got {quoted(found)}"
                        )
                    if number and not within[0] <= found <= within[1]:
                        raise WeightsError(
                            f"its setting {key!r} must be a number from {within[0]:g} to "
                            f"{within[1]:g}; got {quoted(found)}"
                        )
                    break
            return found
        self.assume(words)
        return default

    def assume(self, words: str) -> None:
        """Something that neither the shapes nor the settings say."""
        if words and not self.complete:
            self.assumed.append(words)

    def compare(self, **arrays: object) -> None:
        """Note what is stated under these names, and is not what the arrays have, which counts."""
        for key, counted in arrays.items():
            stated = self.values.get(key)
            if stated is not None and stated != counted:
                self.otherwise.append(f"{key} {quoted(stated)} where the arrays have {counted}")

    def names(self) -> list[str]:
        """The names of stems that are stated, none where nobody states them.

        Raises WeightsError for what are no names, and for one that stands there twice.
        """
        found = self.values.get("sources")
        if found is None:
            return []
        if not isinstance(found, (list, tuple)) or not all(isinstance(n, str) for n in found):
            raise WeightsError(f"its stems must be a list of names; got {quoted(found)}")
        names = [each.lower() for each in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise WeightsError(f"its settings name the stem {quoted(twice)} twice")
        return names

    def stems(self, count: int, published: Sequence[str] = ()) -> list[str]:
        """The names of `count` stems, those of the published networks where none are stated.

        Raises WeightsError where there is another count of them.
        """
        found = self.names()
        if found:
            if len(found) != count:
                raise WeightsError(
                    f"its settings name {len(found)} stems, and its arrays are for {count}"
                )
            return found
        alike = len(published) == count
        names = list(published) if alike else [f"stem-{n + 1}" for n in range(count)]
        self.assumed.append(f"stems called {', '.join(names)}")
        return names

    def sample_rate_hz(self, key: str = "samplerate", published: int = 44100) -> int:
        if self.values.get(key) is None:
            self.values[key] = self.audio.get("sample_rate")
        return int(self.get(key, published, f"{published} Hz", RATES_HZ))

    def samples(self, rate_hz: int, published_s: Fraction | int) -> int:
        """The length of a segment, which the original cuts a recording into."""
        if self.values.get("segment") is None and self.values.get("segment_length") is not None:
            return int(self.get("segment_length", 0))
        if self.values.get("segment") is None and self.audio.get("chunk_size") is not None:
            self.values["chunk_size"] = self.audio["chunk_size"]
            return int(self.get("chunk_size", 0, within=(1, LARGEST)))
        if re.fullmatch(r"\d{1,9}( ?/ ?[1-9]\d{0,8})?", str(self.values.get("segment"))[:30]):
            self.values["segment"] = Fraction(str(self.values["segment"]).replace(" ", ""))
        words = f"segments of {float(published_s):g} s"
        return int(Fraction(self.get("segment", published_s, words)) * rate_hz)

    def notes(self) -> str:
        """What had to be assumed and what contradicts, for the card's notes; empty for neither."""
        found = []
        if self.otherwise:
            found.append(
                f"its settings say {', '.join(self.otherwise)}: are they those of this checkpoint?"
            )
        if self.assumed:
            found.append(
                f"assumed, as neither the arrays nor the file's settings say: "
                f"{'; '.join(self.assumed)}; add it with --config where it is otherwise"
            )
        return " ".join(found)


def _is_no_number(number: Any) -> bool:
    """Whether it is yes or no, or no number at all by its own account."""
    return isinstance(number, bool) or number != number


def table(settings: Settings, key: str) -> dict[str, Any]:
    """The table under `key`, an empty one where there is none."""
    found = settings.get(key)
    return found if isinstance(found, dict) else {}


def numbers(arrays: Arrays, pattern: str) -> set[int]:
    """The numbers that the first group of `pattern` has among the beginnings of the names."""
    found = (re.match(pattern, name) for name in arrays)
    return {int(match[1]) for match in found if match}


def count(arrays: Arrays, pattern: str) -> int:
    """How many of them there are, from 0 on."""
    return 1 + max(numbers(arrays, pattern), default=-1)


def first(arrays: Arrays, pattern: str, never: int = 999) -> int:
    """The lowest of them, `never` where there is none."""
    return min(numbers(arrays, pattern), default=never)
