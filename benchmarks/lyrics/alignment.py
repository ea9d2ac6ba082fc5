"""Passages, lines and notes that `unweave lyrics align` and `notes` find, against UltraStar songs.

    .venv/bin/python -m benchmarks.lyrics.alignment FOLDER [--model NAME]

FOLDER has a folder for each song, with the recording and a `song.txt` for singing games. Its notes
are the truth, to a singer's precision. Prints four tables:

- sung passages in the voice's stem and in the mix, by frames of 10 ms, against the union of notes;
- how far from the truth lines begin that are laid along the singing by their words alone;
- the same by the confidence of the lines, of all songs;
- the pitch of exported notes, modulo octaves, in frames of 10 ms that have a note in both. Lines
  have the text's times, or those of the draft. Freestyle and rap have no pitch and do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scripts.technique_pages import line

from unweave.apps.align import Draft, laid
from unweave.apps.align.passages import sung
from unweave.apps.align.text import of_lines
from unweave.apps.align.voice import followed, read, voice_of
from unweave.apps.ultrastar.notes import noted
from unweave.jobs.inputs import AUDIO_EXTENSIONS
from unweave.lyrics import Kind, Lyrics, by_lines
from unweave.lyrics import read as lyrics_of

FRAME_S = 0.01
BINS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
PITCHED = (Kind.NORMAL, Kind.GOLDEN)
Spans = Iterable[tuple[float, float]]


@dataclass(frozen=True)
class Found:
    """One song. passages: precision, recall and F of the stem, then of the mix. errors_s: of each
    line; pitch: shares of frames, with the text's lines, then with the draft's."""

    name: str
    passages: tuple[float, ...]
    draft: Draft
    errors_s: np.ndarray
    pitch: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="spleeter-2stems", help="that finds the voice")
    given = parser.parse_args(arguments)
    found = [measured(song.parent, given.model) for song in sorted(given.folder.glob("*/song.txt"))]
    print("\n\n".join([passages(found), lines(found), by_confidence(found), notes(found)]))


def measured(folder: Path, model: str) -> Found:
    """All that is compared of one song."""
    truth = lyrics_of(folder / "song.txt")
    recording = next(path for path in folder.iterdir() if path.suffix in AUDIO_EXTENSIONS)
    voice, mix = voice_of(recording, model), followed(read(recording))
    spans = [(each.start_s, each.end_s) for each in truth.syllables()]
    rates = [score(sung(track), spans) for track in (voice, mix)]
    sung_lines = [line for line in truth.lines if line.text]
    draft = laid(of_lines([line.text for line in sung_lines]), voice)
    starts = [
        (one.start_s, other.start_s)
        for one, other in zip(draft.lyrics.lines, sung_lines, strict=True)
    ]
    errors_s = np.array([one - other for one, other in starts])
    pitch = [
        pitches(Lyrics(tuple(noted(each, voice))), truth)
        for each in (by_lines(truth), draft.lyrics)
    ]
    name = folder.name.partition(" - ")[2]
    return Found(name, (*rates[0], *rates[1]), draft, errors_s, (*pitch[0], *pitch[1]))


def score(found: Spans, truth: Spans) -> tuple[float, float, float]:
    """Precision, recall and F-measure of frames."""
    one, other = mask(found), mask(truth)
    size = max(len(one), len(other))
    one, other = (np.pad(each, (0, size - len(each))) for each in (one, other))
    both = float((one & other).sum())
    precision, recall = both / max(1, one.sum()), both / max(1, other.sum())
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def mask(spans: Spans) -> np.ndarray:
    """Whether each frame lies in a span."""
    frames = [(round(start / FRAME_S), round(end / FRAME_S)) for start, end in spans]
    found = np.zeros(max((end for _, end in frames), default=0), bool)
    for start, end in frames:
        found[start:end] = True
    return found


def pitches(found: Lyrics, truth: Lyrics) -> tuple[float, float, float]:
    """Of the text's pitched frames the share with a note; of these, modulo octaves, the share of
    the same semitone, and of that or the next."""
    one, other = contour(found), contour(truth)
    size = max(len(one), len(other))
    one, other = (
        np.pad(each, (0, size - len(each)), constant_values=np.nan) for each in (one, other)
    )
    both = ~np.isnan(one) & ~np.isnan(other)
    apart = np.abs((one[both] - other[both] + 6) % 12 - 6)
    return (
        float(both.sum() / (~np.isnan(other)).sum()),
        float((apart <= 0.5).mean()),
        float((apart <= 1).mean()),
    )


def contour(lyrics: Lyrics) -> np.ndarray:
    """The pitch of each frame in semitones; NaN where there is none."""
    notes = [
        (round(each.start_s / FRAME_S), round(each.end_s / FRAME_S), each.note.pitch)
        for each in lyrics.syllables()
        if each.note and each.note.kind in PITCHED
    ]
    found = np.full(max((end for _, end, _ in notes), default=0), np.nan)
    for start, end, pitch in notes:
        found[start:end] = pitch
    return found


def passages(found: Sequence[Found]) -> str:
    rows = [[each.name, *each.passages] for each in found]
    heads = [
        "song",
        *(f"{where}, {what}" for where in ("stem", "mix") for what in ("precision", "recall", "F")),
    ]
    return "**Sung passages**\n\n" + table(heads, [*rows, mean(rows)])


def lines(found: Sequence[Found]) -> str:
    rows = [[each.name, *errors(each.errors_s)] for each in found]
    together = np.concatenate([each.errors_s for each in found])
    return "**Lines**\n\n" + table(["song", *_ERRORS], [*rows, ["all", *errors(together)]])


_ERRORS = ["lines", "median error, s", "within 0.5 s", "within 1 s"]


def by_confidence(found: Sequence[Found]) -> str:
    sure = np.concatenate([each.draft.confidence for each in found])
    errors_s = np.concatenate([each.errors_s for each in found])
    rows = []
    for n, (low, high) in enumerate(pairwise(BINS)):
        inside = (sure >= low) & ((sure < high) | (n == len(BINS) - 2))
        rows.append([f"{low:g} to {high:g}", *errors(errors_s[inside])])
    return "**Lines by confidence**\n\n" + table(["confidence", *_ERRORS], rows)


def errors(errors_s: np.ndarray) -> list[object]:
    if not len(errors_s):
        return [0, "–", "–", "–"]
    size = np.abs(errors_s)
    return [
        len(size),
        float(np.median(size)),
        float((size <= 0.5).mean()),
        float((size <= 1).mean()),
    ]


def notes(found: Sequence[Found]) -> str:
    rows = [[each.name, *each.pitch] for each in found]
    what = ("with a note", "same semitone", "within one")
    heads = [
        "song",
        *(f"{of}: {each}" for of in ("text's lines", "draft's lines") for each in what),
    ]
    return "**Pitch of notes**\n\n" + table(heads, [*rows, mean(rows)])


def mean(rows: Sequence[Sequence[object]]) -> list[object]:
    return ["mean", *np.mean([row[1:] for row in rows], axis=0)]


def table(heads: list[str], rows: Iterable[Sequence[object]]) -> str:
    texts = [
        [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]
    return "\n".join(map(line, [heads, ["---"] * len(heads), *texts]))


if __name__ == "__main__":
    main()
