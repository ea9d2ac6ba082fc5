"""The order in which parts of a text stand on a screen: the Unicode Bidirectional Algorithm.

Unicode Standard Annex #9, for one line without explicit embeddings and without paired brackets (its
rules X1 to X10 and N0): songs have neither. The direction of a line is that of its first letter.
Renderers order a text themselves, but do not say where its parts went, which a sweep has to know.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby

_LETTERS = {"L": "L", "R": "R", "AL": "R"}
_NUMBERS = ("EN", "AN")


@dataclass(frozen=True, slots=True)
class Part:
    """`text[start:end]`, all of it in one direction."""

    start: int
    end: int
    rtl: bool


def is_rtl(text: str) -> bool:
    """Whether the first letter of `text` is of a script that runs from right to left (P2, P3)."""
    kinds = (unicodedata.bidirectional(c) for c in text)
    return next((_LETTERS[kind] == "R" for kind in kinds if kind in _LETTERS), False)


def visual(text: str) -> list[Part]:
    """The parts of a line from left to right."""
    levels = _levels(text)
    parts = []
    start = 0
    for level, group in groupby(levels):
        end = start + len(list(group))
        parts.append((level, Part(start, end, level % 2 == 1)))
        start = end
    for lowest in range(max(levels, default=0), 0, -1):  # L2
        for at, end in _stretches([level >= lowest for level, _ in parts]):
            parts[at:end] = reversed(parts[at:end])
    return [part for _, part in parts]


def _levels(text: str) -> list[int]:
    base = int(is_rtl(text))
    kinds = _resolved([unicodedata.bidirectional(c) for c in text], "R" if base else "L")
    return [_level(kind, base) for kind in kinds]


def _level(kind: str, base: int) -> int:
    """I1 and I2."""
    if kind in _NUMBERS:
        return 2
    return 1 if kind == "R" else 2 * base


def _resolved(kinds: list[str], base: str) -> list[str]:
    """Each character as L, R, EN or AN."""
    kinds = list(kinds)
    for n, kind in enumerate(kinds):  # W1
        if kind == "NSM":
            kinds[n] = kinds[n - 1] if n else base
    strong = base
    for n, kind in enumerate(kinds):  # W2, W3
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[n] = "AN"
    kinds = [_LETTERS.get(kind, kind) for kind in kinds]
    for n in range(1, len(kinds) - 1):  # W4
        before, after = kinds[n - 1], kinds[n + 1]
        if before == after and (
            (kinds[n] == "CS" and before in _NUMBERS) or (kinds[n] == "ES" and before == "EN")
        ):
            kinds[n] = before
    for at, end in _stretches([kind == "ET" for kind in kinds]):  # W5
        if "EN" in (kinds[at - 1 : at] + kinds[end : end + 1]):
            kinds[at:end] = ["EN"] * (end - at)
    strong = base
    for n, kind in enumerate(kinds):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[n] = "L"
    settled = ("L", "R", *_NUMBERS)
    for at, end in _stretches([kind not in settled for kind in kinds]):  # N1, N2
        before = _direction(kinds[at - 1]) if at else base
        after = _direction(kinds[end]) if end < len(kinds) else base
        kinds[at:end] = [before if before == after else base] * (end - at)
    return kinds


def _direction(kind: str) -> str:
    """Numbers count as right to left next to what has no direction."""
    return "L" if kind == "L" else "R"


def _stretches(marks: list[bool]) -> list[tuple[int, int]]:
    """Where `marks` are True without a break: starts and ends."""
    found, start = [], 0
    for mark, group in groupby(marks):
        end = start + len(list(group))
        if mark:
            found.append((start, end))
        start = end
    return found
