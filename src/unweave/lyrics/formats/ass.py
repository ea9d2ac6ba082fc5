r"""Advanced SubStation Alpha: events with styles, and karaoke tags in hundredths of a second.

"Sub Station Alpha v4.00+ Script Format" and Aegisub's manual, "ASS Tags". `{\k50}text` is a
syllable of 0.5 s that begins where the one before it ends; `\kf`, `\K` and `\ko` differ in how it
lights up, and `\kt` sets the time from the event's start. A tag without text is a pause. `\N` and
`\n` are spaces here, `\h` is a no-break space, `\{` and `\}` are braces; what is drawn (`\p1`) is
no text.

An event's singer is its name or style where that is P1 to P9 or Both. Styles and effects are not
kept. In a script with karaoke effects, the comments that they are made of are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from unweave.lyrics.change import one_after_another, with_ends
from unweave.lyrics.holds import Holds, Written, invented, lost
from unweave.lyrics.model import BOTH, Line, Lyrics, Syllable, cleaned, in_order, spaced
from unweave.lyrics.rows import BadRow, Budget, checked, rows, seconds, short

SUFFIXES = (".ass", ".ssa")
_HOLDS = {Holds.TIMES, Holds.WORDS, Holds.SINGERS, Holds.TAGS, Holds.SCREEN}
_FIELDS = "layer start end style name marginl marginr marginv effect text".split()
_TOKEN = re.compile(r"\\[{}Nnh]|\\\u2060|\{[^{}]*\}|[^\\{]+|.")
_KARAOKE = re.compile(r"\\(kt|kf|ko|k|K)\s*(\d{1,9})(?!\d)|\\p(\d+)")
_CHARACTERS = {r"\N": " ", r"\n": " ", r"\h": "\u00a0", r"\{": "{", r"\}": "}"}
_LAYOUT = {
    *("scripttype", "playresx", "playresy", "layoutresx", "layoutresy", "playdepth", "wrapstyle"),
    *("scaledborderandshadow", "ycbcr matrix", "timer", "collisions", "last style storage"),
    *("kerning", "synch point", "update details", "script updated by"),
}
_NAMES = {"original script": "creator"}
_SECTION = re.compile(r"\s*\[(.+)\]\s*")
_STYLES = {"P1": "&H0000D7FF", "P2": "&H00FFBF00", "Both": "&H0080FF80"}  # blue, green, red
_HEAD = """[Script Info]
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080
"""
_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, "
    "Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, "
    "Alignment, MarginL, MarginR, MarginV, Encoding"
)
_STYLE = "Arial,84,{},&H00FFFFFF,&H00000000,&H80000000,-1,0,0,0,100,100,0,0,1,4,2,{},96,96,{},1"
_EVENT_FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    comment: bool
    fields: Mapping[str, str]

    @property
    def effect(self) -> str:
        return self.fields.get("effect", "").strip().lower()


def recognises(text: str) -> bool:
    return bool(
        re.search(r"^[ \t]*\[(script info|events)\][ \t]*$", text[:65536], re.I | re.MULTILINE)
    )


def read(text: str) -> Lyrics:
    tags: dict[str, str] = {}
    events: list[_Event] = []
    section, fields = "", _FIELDS
    for number, row in rows(text):
        if found := _SECTION.fullmatch(row):
            section = found[1].strip().lower()
            continue
        name, colon, value = row.partition(":")
        name = name.strip().lower()
        if not colon or row.lstrip().startswith((";", "!:")):
            if section == "events" and row.strip() and not row.lstrip().startswith(";"):
                raise BadRow(number, f"{short(row)} is no event; it begins with 'Dialogue:'")
        elif section == "script info" and value.strip() and name not in _LAYOUT:
            tags[_NAMES.get(name, name)] = cleaned(value).strip(" ")
        elif section == "events" and name == "format":
            fields = _columns(number, value)
        elif section == "events" and name in ("dialogue", "comment"):
            events.append(_Event(number, name == "comment", _values(number, fields, value)))
    budget = Budget()
    lines = [line for event in _sung(events) if (line := _line(event, budget)).text]
    return Lyrics(in_order(lines), tags)


def _columns(number: int, value: str) -> list[str]:
    fields = [field.strip().lower() for field in value.split(",")]
    if fields[-1] != "text" or not {"start", "end"} <= set(fields):
        raise BadRow(number, "the format of events needs Start, End and, as the last, Text")
    return fields


def _values(number: int, fields: list[str], value: str) -> dict[str, str]:
    values = value.lstrip(" ").split(",", len(fields) - 1)
    if len(values) < len(fields):
        raise BadRow(
            number, f"the event has {len(values)} of {len(fields)} fields; write them all, {_order}"
        )
    return dict(zip(fields, values, strict=True))


_order = "as the section's 'Format:' lists them"


def _sung(events: list[_Event]) -> Iterator[_Event]:
    """Those that are lyrics: an effect's events are made of comments that say 'karaoke'."""
    for event in events:
        if event.effect == "karaoke" if event.comment else event.effect != "fx":
            yield event


def _line(event: _Event, budget: Budget) -> Line:
    number, fields = event.number, event.fields
    start_s, end_s = seconds(number, fields["start"]), seconds(number, fields["end"])
    if end_s < start_s:
        raise BadRow(number, "the event ends before it begins; mend its times")
    pieces = [
        (cleaned(text), checked(number, a), checked(number, b))
        for text, a, b in _pieces(fields["text"], start_s, end_s)
    ]
    texts = spaced(text for text, _, _ in pieces)
    found = tuple(
        Syllable(text, a, b) for text, (_, a, b) in zip(texts, pieces, strict=True) if text
    )
    budget.take(number, len(found) + 1)
    for one, other in pairwise(found):
        if (one.start_s or 0) > (other.start_s or 0):
            raise BadRow(number, r"a \kt goes back in time; mend it")
    singer = _singer(fields)
    if not found:
        return Line((), singer)
    return Line(
        found,
        singer,
        show_s=start_s if start_s != found[0].start_s else None,
        hide_s=end_s if end_s != found[-1].end_s else None,
    )


def _pieces(text: str, start_s: float, end_s: float) -> list[tuple[str, float, float]]:
    """Each syllable's text, start and end; all of the text where no karaoke tag stands in it."""
    found: list[list[str]] = [[]]
    times: list[tuple[float, float]] = [(start_s, start_s)]
    at = 0  # hundredths since the event's start
    drawing = False
    for token in _TOKEN.findall(text):
        if not token.startswith("{") or token == "{":  # noqa: S105 - one that nothing closes is text
            if not drawing:
                found[-1].append(_CHARACTERS.get(token, "\\" if token[:1] == "\\" else token))
            continue
        for kind, value, drawn in _KARAOKE.findall(token):
            if drawn:
                drawing = int(drawn) > 0
            elif kind == "kt":
                at = int(value)
            else:
                if found[-1] or len(found) == 1:
                    found.append([])
                    times.append((0.0, 0.0))
                times[-1] = (start_s + at / 100, start_s + (at + int(value)) / 100)
                at += int(value)
    if len(found) == 1:
        return [("".join(found[0]), start_s, end_s)]
    found[1][:0] = found[0]
    return [("".join(texts), *time) for texts, time in zip(found[1:], times[1:], strict=True)]


def _singer(fields: Mapping[str, str]) -> int:
    for name in (fields.get("name", ""), fields.get("actor", ""), fields.get("style", "")):
        if re.fullmatch(r"P[1-9]", name.strip(), re.IGNORECASE):
            return int(name.strip()[1])
        if name.strip().lower() == "both":
            return BOTH
    return 1


def write(lyrics: Lyrics) -> Written:
    if not lyrics.timed:
        raise ValueError("ASS needs a time for every line")
    losses = [*lost(lyrics, _HOLDS), *invented(lyrics)]
    text = _HEAD + "".join(_tags(lyrics, losses))
    text += f"\n[V4+ Styles]\nFormat: {_STYLE_FIELDS}\n"
    for n, (name, colour) in enumerate(_STYLES.items()):  # above each other at the bottom
        text += f"Style: {name},{_STYLE.format(colour, 2, 60 + 180 * (n == 1))}\n"
    text += f"\n[Events]\nFormat: {_EVENT_FIELDS}\n"
    lines = (one_after_another(line) for line in with_ends(lyrics).lines)
    text += "".join(_event(line) for line in lines if line.text)
    return Written(text, tuple(losses))


def _tags(lyrics: Lyrics, losses: list[str]) -> Iterator[str]:
    names = {name: key for key, name in _NAMES.items()}
    for name, value in lyrics.tags.items():
        key = names.get(name, name)
        if key != key.strip().title().lower() or key in _LAYOUT or re.match(r"[;!\[]|.*:", key):
            losses.append(f"no place for a tag called {short(name)}")
        else:
            yield f"{key.title()}: {cleaned(value).strip(' ')}\n"


def _event(line: Line) -> str:
    first, last = line.syllables[0], line.syllables[-1]
    assert first.start_s is not None
    assert last.end_s is not None
    start = _hundredths(min(first.start_s, first.start_s if line.show_s is None else line.show_s))
    end = _hundredths(max(last.end_s, last.end_s if line.hide_s is None else line.hide_s))
    name = "Both" if line.singer == BOTH else f"P{line.singer}"
    style = name if name in _STYLES else "P2"
    text = _karaoke(line, start, end)
    return f"Dialogue: 0,{_stamp(start)},{_stamp(end)},{style},{name},0,0,0,,{text}\n"


def _karaoke(line: Line, start: int, end: int) -> str:
    """The text, with tags where they say more than the event's times. Hundredths."""
    one = line.syllables[0]
    if len(line.syllables) == 1 and (start, end) == _times(one):
        return _escaped(one.text)
    found, at = "", start
    for syllable in line.syllables:
        begins, ends = _times(syllable)
        found += f"{{\\k{begins - at}}}" if begins > at else ""
        found += f"{{\\kf{ends - begins}}}{_escaped(syllable.text)}"
        at = ends
    return found


def _times(syllable: Syllable) -> tuple[int, int]:
    assert syllable.start_s is not None
    assert syllable.end_s is not None
    return _hundredths(syllable.start_s), _hundredths(syllable.end_s)


def _escaped(text: str) -> str:
    """Backslashes get a word joiner (U+2060) behind them, which is no part of an escape."""
    text = text.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
    return text.replace("\u00a0", r"\h")


def _hundredths(at_s: float) -> int:
    return round(at_s * 100)


def _stamp(hundredths: int) -> str:
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"
