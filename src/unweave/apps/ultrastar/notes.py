"""Syllables on the notes of a voice.

Text that has a time, a word or a line, is split into syllables, and these are laid over the voice's
notes within that time (`apps.align.laying`), each note cut into slices, so that several syllables
may share one and one may go on over several. The pitch of a note is the median of the voice's in
it, in semitones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.align.laying import lay
from unweave.apps.align.passages import MAYBE_VOICED, TAIL, sung
from unweave.apps.align.pieces import cut
from unweave.apps.align.syllables import english, syllables
from unweave.apps.align.voice import FRAME_S
from unweave.lyrics import Kind, Line, Lyrics, Note, Syllable
from unweave.lyrics.change import with_ends

if TYPE_CHECKING:
    from unweave.apps.align.voice import Track, Values
    from unweave.lyrics.grid import Grid

MIDDLE_C_HZ = 440.0 * 2 ** (-9 / 12)
SLICE_S = 0.1
SPLIT = -3.0  # nats for a syllable that begins within a note
SHORTEST_S = 0.06  # of what goes on with a syllable at another pitch

Sung = list[tuple[float, float, int | None]]
"""Start, end and pitch of the notes of one syllable; None: no pitch."""


def noted(lyrics: Lyrics, track: Track) -> list[Line]:
    """The lines of timed lyrics with a note for each syllable."""
    lines = [line for line in with_ends(lyrics).lines if line.text]
    passages = sung(track, TAIL)
    pieces, track = cut(passages, track.notes), _within(track, passages)
    rule = english(" ".join(line.text for line in lines))
    return [
        replace(line, syllables=tuple(_syllables(line, _end_s(lines[n:]), track, pieces, rule)))
        for n, line in enumerate(lines)
    ]


def _within(track: Track, passages: Sequence[tuple[float, float]]) -> Track:
    """The voice with nothing voiced outside of passages."""
    inside = np.zeros(len(track.voicing), bool)
    for start_s, end_s in passages:
        inside[round(start_s / FRAME_S) : round(end_s / FRAME_S)] = True
    return replace(track, voicing=np.where(inside, track.voicing, 0.0))


def _end_s(lines: Sequence[Line]) -> float:
    """The end of the first line: no later than where its singer's next begins."""
    first, *others = lines
    ends = [line.start_s for line in others if line.singer == first.singer and line.start_s]
    return min([first.end_s or 0.0, *ends])


def _syllables(
    line: Line, end_s: float, track: Track, pieces: Values, english: bool
) -> list[Syllable]:
    found: list[Syllable] = []
    for timed in line.syllables:
        parts = _parts(timed.text, english)
        if not parts or timed.start_s is None or timed.end_s is None:
            continue
        last_s = max(timed.start_s, min(timed.end_s, end_s))
        for part, notes in zip(
            parts, over(len(parts), timed.start_s, last_s, track, pieces), strict=True
        ):
            found += _noted(part, notes)
    return found


def _parts(text: str, english: bool) -> list[str]:
    """The syllables of all words, a space at the end of a word but the last."""
    words = [syllables(word, english=english) for word in text.split()]
    parts = [[*word[:-1], f"{word[-1]} "] for word in words]
    flat = [part for word in parts for part in word]
    return [*flat[:-1], flat[-1].rstrip(" ") + " " * text.endswith(" ")] if flat else []


def _noted(text: str, notes: Sung) -> list[Syllable]:
    """A syllable's notes: the first has the text, the others go on with it."""
    body, space = text.rstrip(" "), " " * text.endswith(" ")
    found = []
    for n, (start_s, end_s, pitch) in enumerate(notes):
        kind = Kind.FREESTYLE if pitch is None else Kind.NORMAL
        said = (body if n == 0 else "") + (space if n == len(notes) - 1 else "")
        found.append(Syllable(said, start_s, end_s, Note(pitch or 0, kind, tied=n > 0)))
    return found


def over(count: int, start_s: float, end_s: float, track: Track, pieces: Values) -> list[Sung]:
    """The notes of `count` syllables that are sung from one time to another, in order.

    pieces: of all singing, `(piece, 2)`, in seconds.
    """
    notes = np.clip(pieces, start_s, end_s)
    notes = notes[notes[:, 1] - notes[:, 0] >= SHORTEST_S]
    cuts = [np.linspace(a, b, max(1, round((b - a) / SLICE_S)) + 1) for a, b in notes]
    of_note = np.array([n for n, cut in enumerate(cuts) for _ in cut[1:]], int)
    if len(of_note) < count:
        edges = np.linspace(start_s, end_s, count + 1)
        return [[_at(a, b, track)] for a, b in pairwise(edges.tolist())]
    start = np.concatenate([cut[:-1] for cut in cuts])
    end = np.concatenate([cut[1:] for cut in cuts])
    begins = np.where(np.diff(of_note, prepend=-1) > 0, 0.0, SPLIT)
    of_all = np.broadcast_to(begins, (count, len(begins)))
    laid = lay(np.ones(count), of_all, begins, end - start)
    found = []
    for first, after in zip(laid.first.tolist(), laid.end.tolist(), strict=True):
        changes = np.flatnonzero(np.diff(of_note[first:after])) + 1
        runs = np.split(np.arange(first, after), changes)
        found.append(_joined([_at(start[run[0]], end[run[-1]], track) for run in runs]))
    return found


def _at(start_s: float, end_s: float, track: Track) -> tuple[float, float, int | None]:
    """A note from one time to another, at the median pitch of its voiced frames."""
    frames = slice(
        round(start_s / FRAME_S), max(round(start_s / FRAME_S) + 1, round(end_s / FRAME_S))
    )
    pitch_hz = track.pitch_hz[frames][track.voicing[frames] >= MAYBE_VOICED]
    if not len(pitch_hz):
        return float(start_s), float(end_s), None
    pitch = round(12 * float(np.log2(np.median(pitch_hz) / MIDDLE_C_HZ)))
    return float(start_s), float(end_s), pitch


def _joined(notes: Sung) -> Sung:
    """Notes of one syllable, those at the pitch of the one before them as one with it."""
    found = notes[:1]
    for start_s, end_s, pitch in notes[1:]:
        if pitch in (found[-1][2], None) or end_s - start_s < SHORTEST_S:
            found[-1] = (found[-1][0], end_s, found[-1][2])
        else:
            found.append((start_s, end_s, pitch))
    return found


def on_grid(line: Line, grid: Grid) -> Line:
    """A line whose syllables begin and end on beats, each a beat long or more, none before the end
    of the one before it."""
    found: list[Syllable] = []
    free = 0
    for each in line.syllables:
        assert each.start_s is not None
        assert each.end_s is not None
        start = max(free, round(grid.beat(each.start_s)))
        free = max(start + 1, round(grid.beat(each.end_s)))
        found.append(replace(each, start_s=grid.time_s(start), end_s=grid.time_s(free)))
    return replace(line, syllables=tuple(found), show_s=None, hide_s=None)
