"""Lyrics as rows of a screen: the times of each part of a text, lines that are too long broken."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from unweave.apps.karaoke.screen.fonts import clusters
from unweave.errors import InputError
from unweave.lyrics.change import next_start, one_after_another
from unweave.lyrics.model import Line, Lyrics

# How long a word and a line last that have no end, if nothing begins sooner.
WORD_S = 1.5
LINE_S = 6.0
LONGEST = 100  # letters in one word
SMALLEST = 0.75  # of the usual size; a line that is too long even so is broken


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `[start, end)` of a row light up from `from_s` to `to_s`."""

    start: int
    end: int
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """at_once: a span lights up when it begins, as nothing is known of the words in it."""

    text: str
    spans: tuple[Span, ...]
    singer: int
    at_once: bool = False

    @property
    def start_s(self) -> float:
        return min(span.from_s for span in self.spans)

    @property
    def end_s(self) -> float:
        return max(span.to_s for span in self.spans)


def rows(lyrics: Lyrics) -> list[Row]:
    """A row for each line with text, in the order of their times.

    Raises InputError where lines have no times.
    """
    lines = [line for line in lyrics.lines if line.text]
    if not lines:
        raise InputError("the lyrics have no words; give others")
    if lacking := sum(line.start_s is None for line in lines):
        raise InputError(
            f"{lacking} of the {len(lines)} lines of the lyrics have no times; give lyrics with "
            "times, such as LRC or UltraStar"
        )
    _check_words(lines)
    starts = sorted(each.start_s for each in lyrics.syllables() if each.start_s is not None)
    return sorted((_row(line, starts) for line in lines), key=lambda row: row.start_s)


def _check_words(lines: Iterable[Line]) -> None:
    """Raises InputError for a word that no screen has room for, even in the smallest letters."""
    for line in lines:
        for word in line.text.split():
            if len(word) > LONGEST and not any(map(_is_wide, word)):
                raise InputError(
                    f"the word {word[:20]!r}... has {len(word)} letters, for which no screen has "
                    "room; divide it"
                )


def _row(line: Line, starts: Sequence[float]) -> Row:
    syllables = one_after_another(line).syllables
    text = "".join(each.text for each in syllables).rstrip(" ")
    alone = len(syllables) == 1 and all(each.note is None for each in line.syllables)
    at_once = alone and (" " in text or syllables[0].end_s is None)
    spans: list[Span] = []
    at = 0
    for each in syllables:
        end = min(at + len(each.text), len(text))
        if each.start_s is not None:
            rest_s = each.start_s + (LINE_S if at_once else WORD_S)
            end_s = each.end_s
            if end_s is None:
                end_s = min(next_start(each.start_s, starts) or rest_s, rest_s)
            spans.append(Span(at, end, each.start_s, end_s))
        elif spans:
            spans[-1] = replace(spans[-1], end=end)
        else:
            spans.append(Span(at, end, line.start_s or 0.0, line.start_s or 0.0))
        at = end
    return Row(text, tuple(spans), line.singer, at_once)


def late(words: Sequence[Row], length_s: float) -> list[str]:
    """A line that says how many rows begin too late to be seen. Raises InputError if all do."""
    count = sum(row.start_s >= length_s for row in words)
    if count == len(words):
        raise InputError(
            f"all lines of the lyrics begin after the end of the sound ({length_s:.2f} s); give "
            "the lyrics of this recording"
        )
    said = f"{count} line(s) of the lyrics begin after the end of the sound ({length_s:.2f} s)"
    return [f"{said} and are left out"] if count else []


def fitted(every: Iterable[Row], width: Callable[[str], float], limit: float) -> list[Row]:
    """The rows, those broken that are wider than `limit` at `SMALLEST` of the usual size.

    width: of a text at the usual size, in the unit of `limit`.
    """
    return [part for row in every for part in _broken(row, width, limit)]


def cut_into_lines(text: str, width: Callable[[str], float], limit: float) -> list[str]:
    """`text` in as many lines as it takes, of about one length."""
    cuts = _cuts(text, width, limit)
    return [text[a:b].strip(" ") for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _broken(row: Row, width: Callable[[str], float], limit: float) -> list[Row]:
    cuts = _cuts(row.text, width, limit)
    ends = zip([0, *cuts], [*cuts, len(row.text)], strict=True)
    return [_part(row, start, end) for start, end in ends]


def _cuts(text: str, width: Callable[[str], float], limit: float) -> list[int]:
    """Where to break: nowhere if it fits, else so that all parts fit and are of about one width."""
    places = {place: width(text[:place]) for place in _places(text)}
    total = width(text)
    cuts: list[int] = []
    while max(_widths(text, cuts, width)) * SMALLEST > limit and len(cuts) < len(places):
        aims = [n * total / (len(cuts) + 2) for n in range(1, len(cuts) + 2)]
        cuts = sorted({_nearest(aim, places) for aim in aims})
        if len(cuts) < len(aims):  # two parts of a place: there is no finer division
            break
    return cuts


def _nearest(aim: float, places: Mapping[int, float]) -> int:
    return min(places, key=lambda place: abs(places[place] - aim))


def _widths(text: str, cuts: Sequence[int], width: Callable[[str], float]) -> list[float]:
    ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
    return [width(text[start:end].strip(" ")) for start, end in ends]


def _places(text: str) -> list[int]:
    """Where a line may be broken."""
    letters = clusters(text)
    ends = list(accumulate(map(len, letters)))
    return [
        end
        for end, (before, after) in zip(ends, pairwise(letters), strict=False)
        if _breaks(before, after)
    ]


def _breaks(before: str, after: str) -> bool:
    """Behind spaces, and beside letters of scripts without spaces."""
    if before == " ":
        return after != " "
    return (_is_wide(before) or _is_wide(after)) and not _closes(after)


def _is_wide(cluster: str) -> bool:
    return unicodedata.east_asian_width(cluster[0]) in ("W", "F")


def _closes(cluster: str) -> bool:
    """Whether no line begins with it: a mark of punctuation, a long vowel, a space."""
    return unicodedata.category(cluster[0]) in ("Pe", "Pf", "Po", "Lm", "Zs")


def _part(row: Row, start: int, end: int) -> Row:
    """The characters `[start, end)` of a row as a row; a span that is cut divides its time."""
    text = row.text[start:end]
    start += len(text) - len(text.lstrip(" "))
    text = text.strip(" ")
    end = start + len(text)
    spans = []
    for span in row.spans:
        first, last = max(span.start, start), min(span.end, end)
        if first < last:
            step_s = (span.to_s - span.from_s) / (span.end - span.start)
            from_s, to_s = span.from_s, span.to_s
            if row.text[span.start : first].strip(" "):
                from_s += (first - span.start) * step_s
            if row.text[last : span.end].strip(" "):
                to_s = span.from_s + (last - span.start) * step_s
            spans.append(Span(first - start, last - start, from_s, to_s))
    return replace(row, text=text, spans=tuple(spans))
