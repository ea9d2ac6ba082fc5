"""The names of notes."""

from __future__ import annotations

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def note_name(midi: int) -> str:
    """A MIDI number as `A4`, which is 69."""
    return f"{NOTES[midi % 12]}{midi // 12 - 1}"
