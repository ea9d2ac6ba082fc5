"""Lyrics made of others: later or earlier, a line at once, one syllable after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from unweave.lyrics.model import Line, Lyrics, Syllable, check_time

REST_S = 4.0
"""How long a syllable lasts that has no end and no other after it."""


def shifted(lyrics: Lyrics, by_s: float) -> Lyrics:
    """Everything `by_s` later. Raises ValueError for a time before 0 or too late."""
    grid = lyrics.grid.shifted(by_s) if lyrics.grid else None
    lines = tuple(_line_shifted(line, by_s) for line in lyrics.lines)
    return replace(lyrics, lines=lines, grid=grid)


def _line_shifted(line: Line, by_s: float) -> Line:
    return replace(
        line,
        syllables=tuple(
            replace(each, start_s=_sum(each.start_s, by_s), end_s=_sum(each.end_s, by_s))
            for each in line.syllables
        ),
        show_s=_shown(line.show_s, by_s),
        hide_s=_shown(line.hide_s, by_s),
    )


def _sum(at_s: float | None, by_s: float) -> float | None:
    return None if at_s is None else check_time(at_s + by_s)


def _shown(at_s: float | None, by_s: float) -> float | None:
    """A line may appear as early as the recording begins."""
    return None if at_s is None else check_time(max(0.0, at_s + by_s))


def by_lines(lyrics: Lyrics) -> Lyrics:
    """Each line as one syllable without notes."""
    return replace(lyrics, lines=tuple(_one(line) for line in lyrics.lines))


def _one(line: Line) -> Line:
    ends = [each.end_s for each in line.syllables if each.end_s is not None]
    end_s = max(ends) if ends and line.end_s is not None else None
    return replace(line, syllables=(Syllable(line.text, line.start_s, end_s),))


def one_after_another(line: Line) -> Line:
    """Without notes, for formats that know text only.

    A syllable without text is part of the one before it; none ends after the next has begun.
    """
    found: list[Syllable] = []
    for each in line.syllables:
        if each.text.strip(" "):
            found.append(replace(each, note=None))
        elif found:
            found[-1] = replace(
                found[-1], text=_joined(found[-1].text, each.text), end_s=each.end_s
            )
    for n, (one, other) in enumerate(pairwise(found)):
        if one.end_s is not None and other.start_s is not None and one.end_s > other.start_s:
            found[n] = replace(one, end_s=other.start_s)
    return replace(line, syllables=tuple(found))


def _joined(text: str, space: str) -> str:
    return text if text.endswith(" ") else text + space


def with_ends(lyrics: Lyrics) -> Lyrics:
    """Every syllable has an end: if none is known, the next start of any, else `REST_S` later."""
    starts = sorted(each.start_s for each in lyrics.syllables() if each.start_s is not None)
    lines = tuple(
        replace(line, syllables=tuple(_ended(each, starts) for each in line.syllables))
        for line in lyrics.lines
    )
    return replace(lyrics, lines=lines)


def _ended(syllable: Syllable, starts: Sequence[float]) -> Syllable:
    if syllable.start_s is None or syllable.end_s is not None:
        return syllable
    return replace(
        syllable, end_s=next_start(syllable.start_s, starts) or syllable.start_s + REST_S
    )


def next_start(at_s: float, starts: Sequence[float]) -> float | None:
    """The first of the sorted `starts` after `at_s`."""
    n = bisect_right(starts, at_s)
    return starts[n] if n < len(starts) else None
