"""LRC: `[mm:ss.xx]text`, and enhanced LRC: `[mm:ss.xx]<mm:ss.xx>word <mm:ss.xx>word`.

Wikipedia, "LRC (file format)", which describes the simple format, the enhanced one and Walaoke's
marks of singers. Nothing more official exists. What is taken:

- stamps `mm:ss.xx`, with one to six digits or none, `mm:ss:xx`, `hh:mm:ss.xx`; several before a
  text that is sung several times; between words in `<>`, or in `[]` as some programs write them;
- a stamp without text after it ends what was before it;
- tags `[ti:...]`; all are kept. `[offset:+500]` makes everything 500 ms earlier: that is its
  meaning there and in most players, though some have it the other way;
- `M:`, `F:`, `D:` before a text are singers 1, 2 and both until the next such mark, in a file that
  has `M:` as well as `F:`.

Times are written in hundredths of a second. A bracket in the text that could be a stamp gets a word
joiner (U+2060) behind it, which no player shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from unweave.errors import quoted
from unweave.lyrics.change import next_start, one_after_another
from unweave.lyrics.holds import Holds, Written, lost
from unweave.lyrics.model import BOTH, Line, Lyrics, Syllable, check_time, cleaned, in_order, spaced
from unweave.lyrics.rows import BadRow, Budget, checked, rows, seconds, short

SUFFIXES = (".lrc",)
TAGS = {
    "ti": "title",
    "ar": "artist",
    "al": "album",
    "la": "language",
    "au": "author",
    "by": "creator",
    "re": "tool",
    "ve": "tool version",
}
_SHORT = {name: tag for tag, name in TAGS.items()}
_LINE = re.compile(r"\s*\[\s*(\d[^\]\[]*)\]")
_BETWEEN = re.compile(r"<\s*(\d+:[^<>]*)>|\[\s*(\d+:\d+[.:]\d+)\s*\]")
_TAG = re.compile(r"\[\s*([^\W\d][^:\]]*|#)\s*:(.*)\]")
_SINGER = re.compile(r"([MFD]):\s*")
_SINGERS = {"M": 1, "F": 2, "D": BOTH}
_GUARDED = re.compile(r"([<\[])(?=\s*\d)|([<\[])$")
_JOINER = "\u2060"


def recognises(text: str) -> bool:
    return bool(re.search(r"^[ \t]*\[\d+:\d\d", text[:65536], re.MULTILINE))


def read(text: str) -> Lyrics:
    tags: dict[str, str] = {}
    lines: list[Line] = []
    clears: list[float] = []
    offset_s, budget = 0.0, Budget()
    for number, row in rows(text):
        row = cleaned(row).strip(" ")
        stamps, rest = _leading(number, row)
        if not stamps:
            if not row or row.startswith("[:]"):
                continue
            name, value = _tag(number, row)
            if name == "offset":
                offset_s = _offset_s(number, value)
            elif value:
                tags[TAGS.get(name, name)] = value
            continue
        parts = _parts(number, stamps[0], rest)
        budget.take(number, len(stamps) * (len(parts) + 1))
        for stamp_s in stamps:
            later = tuple(_later(number, part, stamp_s - stamps[0]) for part in parts)
            if later:
                lines.append(Line(later))
            else:
                clears.append(stamp_s)
    lines = _with_singers(_with_ends(in_order(lines), clears))
    found, warnings = _offset(lines, offset_s)
    return Lyrics(found, tags, warnings=warnings)


def _leading(number: int, row: str) -> tuple[list[float], str]:
    """The stamps that a line begins with, and the rest of it."""
    stamps: list[float] = []
    at = 0
    while found := _LINE.match(row, at):
        if stamps and not re.match(r"\d+:\d", found[1]):
            break  # a text that begins with a bracket
        stamps.append(seconds(number, found[1], minutes=True))
        at = found.end()
    return stamps, row[at:]


def _tag(number: int, row: str) -> tuple[str, str]:
    found = _TAG.fullmatch(row)
    if found is None:
        raise BadRow(
            number,
            f"{short(row)} has no time; begin it with one such as [01:23.45], or remove it",
        )
    return found[1].strip().lower(), found[2].strip()


def _offset_s(number: int, value: str) -> float:
    if not re.fullmatch(r"[+-]?\d{1,9}", value):
        raise BadRow(number, f"offset {quoted(value)} is no whole number of milliseconds; mend it")
    return int(value) / 1000


def _parts(number: int, start_s: float, rest: str) -> list[Syllable]:
    """The syllables of a line; the last has no end unless a stamp follows it."""
    starts_s, texts = [start_s], [""]
    at = 0
    for found in _BETWEEN.finditer(rest):
        texts[-1] += rest[at : found.start()]
        starts_s.append(seconds(number, found[1] or found[2], minutes=True))
        texts.append("")
        at = found.end()
    texts[-1] += rest[at:]
    if not texts[0].strip(" "):
        starts_s, texts = starts_s[1:], texts[1:]
    for one, other in pairwise(starts_s):
        if other < one:
            raise BadRow(number, f"a word at {_stamp(other)} follows one at {_stamp(one)}; mend it")
    ends_s = [*starts_s[1:], None][: len(starts_s)]
    return [
        Syllable(_plain(text), start_s, end_s)
        for text, start_s, end_s in zip(spaced(texts), starts_s, ends_s, strict=True)
        if text.strip(" ")
    ]


def _later(number: int, part: Syllable, by_s: float) -> Syllable:
    """A syllable of a line that is sung again."""
    assert part.start_s is not None
    end_s = None if part.end_s is None else checked(number, part.end_s + by_s)
    return replace(part, start_s=checked(number, part.start_s + by_s), end_s=end_s)


def _with_ends(lines: Sequence[Line], clears: Sequence[float]) -> list[Line]:
    """A line that has no end goes on to the next stamp."""
    starts = sorted([*clears, *(line.start_s for line in lines if line.start_s is not None)])
    found = []
    for line in lines:
        last = line.syllables[-1]
        if last.end_s is None and last.start_s is not None:
            last = replace(last, end_s=next_start(last.start_s, starts))
        found.append(replace(line, syllables=(*line.syllables[:-1], last)))
    return found


def _with_singers(lines: list[Line]) -> list[Line]:
    marks = [_SINGER.match(line.text) for line in lines]
    if not {"M", "F"} <= {mark[1] for mark in marks if mark}:
        return lines
    singer, found = 1, []
    for line, mark in zip(lines, marks, strict=True):
        first = line.syllables[0]
        if mark:
            singer = _SINGERS[mark[1]]
            first = replace(first, text=first.text.removeprefix(mark[1] + ":").lstrip(" "))
        found.append(replace(line, syllables=(first, *line.syllables[1:]), singer=singer))
    return found


def _offset(lines: Sequence[Line], offset_s: float) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Everything earlier by the offset, and a warning of what then lay before the recording."""
    early = 0

    def moved(at_s: float | None) -> float | None:
        nonlocal early
        if at_s is None:
            return None
        early += at_s < offset_s
        return check_time(max(0.0, at_s - offset_s))

    found = tuple(
        replace(
            line,
            syllables=tuple(
                replace(each, start_s=moved(each.start_s), end_s=moved(each.end_s))
                for each in line.syllables
            ),
        )
        for line in lines
    )
    said = f"the offset moves {early} times to before the recording; they are at its beginning"
    return found, (said,) if early else ()


def write(lyrics: Lyrics) -> Written:
    if not lyrics.timed:
        raise ValueError("LRC needs a time for every line")
    lines = [one_after_another(line) for line in lyrics.lines]
    lines = [line for line in lines if line.text]
    enhanced = any(len(line.syllables) > 1 for line in lines)
    losses = list(lost(lyrics, {Holds.TIMES, Holds.WORDS, Holds.TAGS}))
    if not enhanced:
        losses += _endless(lines)
    text = "".join(_tags(lyrics, losses))
    text += "".join(map(_words, lines) if enhanced else _lines(lines))
    return Written(text, tuple(losses))


def _endless(lines: Sequence[Line]) -> Iterator[str]:
    ends = [line.end_s for line in lines]
    starts = [line.start_s for line in lines]
    if any(end and start and end > start for end, start in zip(ends, starts[1:], strict=False)):
        yield "no place for the end of a line that overlaps the next"


def _tags(lyrics: Lyrics, losses: list[str]) -> Iterator[str]:
    for name, value in lyrics.tags.items():
        tag = _SHORT.get(name, name)
        row = f"[{tag}:{cleaned(value).strip(' ')}]"
        if tag != "offset" and (found := _TAG.fullmatch(row)) and found[1] == tag == tag.lower():
            yield row + "\n"
        else:
            losses.append(f"no place for a tag called {quoted(name)}")


def _words(line: Line) -> str:
    """A line of enhanced LRC; a stamp without text where a pause follows, and at its end."""
    row = f"[{_stamp(line.start_s)}]"
    for one, other in zip(line.syllables, [*line.syllables[1:], None], strict=True):
        row += f"<{_stamp(one.start_s)}>{_guarded(one.text)}"
        if one.end_s is not None and (other is None or _stamp(one.end_s) != _stamp(other.start_s)):
            row += f"<{_stamp(one.end_s)}>"
    return row + "\n"


def _lines(lines: Sequence[Line]) -> Iterator[str]:
    """Simple LRC; an empty line where a pause follows."""
    for line, other in zip(lines, [*lines[1:], None], strict=True):
        yield f"[{_stamp(line.start_s)}]{_guarded(line.text)}\n"
        end_s = line.end_s
        if end_s is not None and (other is None or _hundredths(end_s) < _hundredths(other.start_s)):
            yield f"[{_stamp(end_s)}]\n"


def _hundredths(at_s: float | None) -> int:
    assert at_s is not None
    return round(at_s * 100)


def _stamp(at_s: float | None) -> str:
    minutes, rest = divmod(_hundredths(at_s), 6000)
    return f"{minutes:02}:{rest // 100:02}.{rest % 100:02}"


def _guarded(text: str) -> str:
    return _GUARDED.sub(lambda found: found[0] + _JOINER, text)


def _plain(text: str) -> str:
    return re.sub(rf"([<\[]){_JOINER}", r"\1", text)
