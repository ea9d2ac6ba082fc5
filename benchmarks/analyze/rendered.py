"""Songs whose truth is known: MIDI files that are written here and rendered by FluidSynth.

It takes the program `fluidsynth` and the soundfont FluidR3 (Debian: fluidsynth,
fluid-soundfont-gm).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
TICKS = 960  # of a second: a quarter note lasts one
DRUM_CHANNEL = 9


@dataclass(frozen=True)
class Hit:
    """One note of a MIDI channel; start and length in seconds."""

    start_s: float
    length_s: float
    number: int
    velocity: int = 100
    channel: int = 0


def render(notes: Sequence[Hit], programs: dict[int, int], path: Path) -> Path:
    """A WAV file at `path` with the notes. programs: the instrument or kit of each channel."""
    if shutil.which("fluidsynth") is None or not SOUNDFONT.exists():
        raise SystemExit(
            "error: songs are rendered by FluidSynth with the soundfont FluidR3; install them "
            "(Debian: apt-get install fluidsynth fluid-soundfont-gm)"
        )
    song = path.with_suffix(".mid")
    song.write_bytes(midi(notes, programs))
    command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", "44100"]
    subprocess.run([*command, "-F", path, SOUNDFONT, song], check=True, capture_output=True)
    return path


def midi(notes: Sequence[Hit], programs: dict[int, int]) -> bytes:
    """A MIDI file of one track; a quarter note is a second."""
    events = [(0.0, bytes([0xC0 | channel, number])) for channel, number in programs.items()]
    for note in notes:
        events.append((note.start_s, bytes([0x90 | note.channel, note.number, note.velocity])))
        end_s = note.start_s + note.length_s
        events.append((end_s, bytes([0x80 | note.channel, note.number, 0])))
    track, before = b"\0\xff\x51\x03" + (1_000_000).to_bytes(3, "big"), 0
    # Of a note that ends where the next begins, the end comes first.
    for at_s, event in sorted(events, key=lambda each: (each[0], each[1][0] & 0xF0 == 0x90)):
        tick = round(at_s * TICKS)
        track += _number(tick - before) + event
        before = tick
    track += _number(TICKS) + b"\xff\x2f\x00"
    head = b"MThd" + (6).to_bytes(4, "big") + b"\0\0\0\1" + TICKS.to_bytes(2, "big")
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


def _number(value: int) -> bytes:
    """A number of MIDI's variable length."""
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))
