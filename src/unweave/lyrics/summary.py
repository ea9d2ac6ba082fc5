"""Facts of lyrics as plain data."""

from __future__ import annotations

from collections import Counter

from unweave.lyrics.model import Lyrics, words


def summary(lyrics: Lyrics) -> dict[str, object]:
    """Counts, times, singers, notes and tags; None for what is not known.

    Syllables are counted where the lyrics divide their lines.
    """
    times = _times(lyrics)
    syllables = list(lyrics.syllables())
    notes = [each.note for each in syllables if each.note is not None]
    starts = [each.start_s for each in syllables if each.start_s is not None]
    ends = [each.end_s for each in syllables if each.end_s is not None]
    return {
        "lines": sum(bool(line.text) for line in lyrics.lines),
        "words": sum(len(word.text.split()) for line in lyrics.lines for word in words(line)),
        "syllables": len(syllables) if times in ("words", "syllables") else None,
        "times": times,
        "start_s": round(min(starts), 3) if starts else None,
        "end_s": round(max([*starts, *ends]), 3) if starts else None,
        "singers": list(lyrics.singers),
        "notes": dict(Counter(str(note.kind) for note in notes)),
        "pitches": [min(n.pitch for n in notes), max(n.pitch for n in notes)] if notes else None,
        "bpm": lyrics.grid.bpm if lyrics.grid else None,
        "gap_s": lyrics.grid.gap_s if lyrics.grid else None,
        "tags": dict(lyrics.tags),
        "warnings": list(lyrics.warnings),
    }


def _times(lyrics: Lyrics) -> str:
    if not lyrics.timed:
        return "none"
    if all(len(line.syllables) < 2 for line in lyrics.lines):
        return "lines"
    parts = sum(1 for _ in lyrics.syllables())
    return "syllables" if parts > sum(len(words(line)) for line in lyrics.lines) else "words"
