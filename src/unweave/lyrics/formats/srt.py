"""SubRip: numbered cues of `hh:mm:ss,mmm --> hh:mm:ss,mmm` and text, an empty line between them.

The format has no specification; Matroska's, "SRT Subtitles", describes it. A line whose words have
times is a row of cues with the same text, in which the word that is sung is underlined, as several
programs of speech recognition write it; `<b>` and `<font>` are taken for the same. A cue of two
rows is one line. Times are in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from unweave.lyrics.change import one_after_another, with_ends
from unweave.lyrics.holds import Holds, Written, invented, lost
from unweave.lyrics.model import Line, Lyrics, Syllable, cleaned, in_order, spaced
from unweave.lyrics.rows import BadRow, Budget, rows, seconds, short

SUFFIXES = (".srt",)
_TIMES = re.compile(r"\s*([\d:.,]+)\s*-->\s*([\d:.,]+)(\s.*)?")
_MARK = re.compile(r"<(u|b|font)(?:\s[^<>]*)?>((?:[^<]|<(?=\u2060))*)</\1>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:u|b|i|s|font|c)(?:[\s.][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_GUARDED = re.compile(r"<|\{(?=\\)|\{$|--(?=>)|--$")
_JOINER = "\u2060"
_TOUCH_S = 0.0015  # cues closer than this follow each other


@dataclass(frozen=True, slots=True)
class _Cue:
    """`before`, `sung` and `after` make up the text; nothing is sung where no word is marked."""

    start_s: float
    end_s: float
    before: str
    sung: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        return self.before + self.sung + self.after


def recognises(text: str) -> bool:
    head = [row for row in text[:4096].split("\n") if row.strip()][:3]
    return any("-->" in row for row in head)


def read(text: str) -> Lyrics:
    groups: list[list[_Cue]] = []
    for cue in _cues(text):
        if groups and _goes_on(groups[-1], cue):
            groups[-1].append(cue)
        else:
            groups.append([cue])
    return Lyrics(in_order(_line(group) for group in groups if group[0].text))


def _cues(text: str) -> Iterator[_Cue]:
    times: tuple[float, float] | None = None
    parts: list[str] = []
    budget = Budget()
    numbered = False
    for number, row in rows(text + "\n\n"):
        found = _TIMES.fullmatch(row)
        if times is None:
            if found:
                times, numbered = _times(number, found[1], found[2]), False
            elif re.fullmatch(r"\s*\d+\s*", row) and not numbered:
                numbered = True
            elif row.strip():
                raise BadRow(
                    number,
                    f"{short(row)} is neither the number nor the times of a cue; write "
                    "them as 00:01:02,345 --> 00:01:06,789",
                )
        elif found:
            raise BadRow(number, "times stand among a cue's text; put an empty line before them")
        elif row.strip():
            parts.append(row)
        else:
            budget.take(number, 1)
            yield _cue(times, " ".join(parts))
            times, parts = None, []


def _times(number: int, start: str, end: str) -> tuple[float, float]:
    start_s, end_s = seconds(number, start), seconds(number, end)
    if end_s < start_s:
        raise BadRow(number, "the cue ends before it begins; mend its times")
    return start_s, end_s


def _cue(times: tuple[float, float], text: str) -> _Cue:
    text = cleaned(text).strip(" ")
    marks = list(_MARK.finditer(text))
    if len(marks) != 1 or not marks[0][2].strip():
        return _Cue(*times, _plain(text))
    parts = (text[: marks[0].start()], marks[0][2], text[marks[0].end() :])
    return _Cue(*times, *map(_plain, parts))


def _plain(text: str) -> str:
    return re.sub(rf"(<|\{{|--){_JOINER}", r"\1", _TAG.sub("", text))


def _goes_on(group: Sequence[_Cue], cue: _Cue) -> bool:
    """Whether a cue shows the line of the cues before it, with a later word, or a pause."""
    marked = [each for each in group if each.sung]
    if cue.text != group[-1].text or abs(cue.start_s - group[-1].end_s) > _TOUCH_S:
        return False
    if not cue.sung:
        return bool(group[-1].sung) and bool(cue.text)
    return not marked or len(cue.before) > len(marked[-1].before)


def _line(group: Sequence[_Cue]) -> Line:
    marked = [each for each in group if each.sung]
    if not marked:
        text = spaced([group[0].text])[0]
        return Line((Syllable(text, group[0].start_s, group[-1].end_s),))
    ends = [0, *(len(each.before) for each in marked[1:]), len(group[0].text)]
    texts = spaced(group[0].text[a:b] for a, b in pairwise(ends))
    return Line(
        tuple(
            Syllable(text, each.start_s, each.end_s)
            for text, each in zip(texts, marked, strict=True)
        ),
        show_s=None if group[0].sung else group[0].start_s,
        hide_s=None if group[-1].sung else group[-1].end_s,
    )


def write(lyrics: Lyrics) -> Written:
    if not lyrics.timed:
        raise ValueError("SubRip needs a time for every line")
    lines = [one_after_another(line) for line in with_ends(lyrics).lines]
    marked = any(len(line.syllables) > 1 for line in lines)
    cues = [cue for line in lines if line.text for cue in _cues_of(line, marked)]
    text = "".join(
        f"{number}\n{_stamp(cue.start_s)} --> {_stamp(cue.end_s)}\n{_marked(cue)}\n\n"
        for number, cue in enumerate(cues, 1)
    )
    return Written(text, (*lost(lyrics, {Holds.TIMES, Holds.WORDS}), *invented(lyrics)))


def _cues_of(line: Line, marked: bool) -> Iterator[_Cue]:
    """A cue for each syllable, which is marked, and for each pause between two; or one for all."""
    if not marked and line.start_s is not None and line.end_s is not None:
        yield _Cue(line.start_s, line.end_s, line.text)
        return
    before = ""
    after = "".join(syllable.text for syllable in line.syllables)
    end_s: float | None = None
    for syllable in line.syllables:
        assert syllable.start_s is not None
        assert syllable.end_s is not None
        if end_s is not None and _milliseconds(end_s) < _milliseconds(syllable.start_s):
            yield _Cue(end_s, syllable.start_s, before + after)
        after = after[len(syllable.text) :]
        sung = syllable.text.rstrip(" ")
        space = syllable.text[len(sung) :]
        yield _Cue(syllable.start_s, syllable.end_s, before, sung, space + after)
        before += syllable.text
        end_s = syllable.end_s


def _marked(cue: _Cue) -> str:
    guarded = (_guarded(part) for part in (cue.before, cue.sung, cue.after))
    return "{}<u>{}</u>{}".format(*guarded).rstrip(" ") if cue.sung else _guarded(cue.before)


def _guarded(text: str) -> str:
    return _GUARDED.sub(lambda found: found[0] + _JOINER, text)


def _milliseconds(at_s: float) -> int:
    return round(at_s * 1000)


def _stamp(at_s: float) -> str:
    minutes, rest = divmod(_milliseconds(at_s), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
