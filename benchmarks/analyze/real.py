"""Half a minute of UltraStar songs: real recordings, with the notes and the tempo of their text.

The text is the truth to a singer's precision: a note is within a semitone and some hundredths of a
second of what is sung, in any octave. `#BPM` is the grid that the text is written on, which is not
always the song's: the tempo is the one, up to a power of two, on whose sixteenths the beginnings of
the notes lie best.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
import soundfile
from benchmarks.analyze import scores
from benchmarks.analyze.scores import Told

from unweave.audio.reader import Reader
from unweave.jobs.inputs import AUDIO_EXTENSIONS
from unweave.lyrics import Kind, read

START_S, END_S = 30.0, 60.0
ONSET_S = 0.15
FRAME_S = 0.01
PITCHED = (Kind.NORMAL, Kind.GOLDEN)
SLOWEST_BPM, FASTEST_BPM, STEP_BPM = 60.0, 120.0, 0.05
ROWS = ("tempo by a power of two, within 4 %", "sung pitch class", "sung notes, F")


@dataclass(frozen=True)
class RealSong:
    """notes: start and end from the start of `mix`, and MIDI number, `(note, 3)`."""

    name: str
    mix: Path
    bpm: float
    notes: np.ndarray


def songs(ultrastar: Path, folder: Path) -> list[RealSong]:
    """Cut them into WAV files, or take those that are there."""
    found = []
    for text in sorted(ultrastar.glob("*/song.txt")):
        name = text.parent.name.partition(" - ")[2]
        mix = folder / name / f"{name}.wav"
        if not mix.exists():
            recording = next(p for p in text.parent.iterdir() if p.suffix in AUDIO_EXTENSIONS)
            mix.parent.mkdir(parents=True, exist_ok=True)
            with Reader(recording) as reader:
                rate_hz = reader.info.sample_rate_hz
                wave = np.concatenate(list(reader.blocks(rate_hz)), axis=1)
            part = wave[:, round(START_S * rate_hz) : round(END_S * rate_hz)]
            soundfile.write(mix, part.T, rate_hz, subtype="FLOAT")
        lyrics = read(text)
        sung = [each for each in lyrics.syllables() if each.note and each.note.kind in PITCHED]
        notes = np.array([
            (each.start_s - START_S, each.end_s - START_S, each.note.pitch)
            for each in sung
            if START_S <= each.start_s < END_S
        ])  # fmt: skip
        bpm = _tempo(np.array([each.start_s for each in sung]))
        found.append(RealSong(name, mix, bpm, notes))
    return found


def _tempo(starts_s: np.ndarray) -> float:
    """The tempo of one octave on whose sixteenths these times lie best."""
    bpm = np.arange(SLOWEST_BPM, FASTEST_BPM, STEP_BPM)
    turns = starts_s[:, None] * bpm / 60 * 4
    return float(bpm[np.abs(np.exp(2j * np.pi * turns).mean(0)).argmax()])


def scored(song: RealSong, found: Told, notes: np.ndarray) -> list[float]:
    """One for each of ROWS. notes: of the melody, start, end and MIDI number, `(note, 3)`."""
    times = np.arange(0, END_S - START_S, FRAME_S)
    hz = np.full(len(times), np.nan)
    for start, end, midi in song.notes:
        hz[(times >= start) & (times < end)] = mir_eval.util.midi_to_hz(midi)
    folded = [_one_octave(each) for each in (song.notes, notes)]
    tempo = found.tempo
    return [
        float(tempo is not None and scores.near(tempo, by_octave(song.bpm, tempo))),
        scores.chroma(np.stack([times, hz]), found.melody),
        scores.note_f(*folded, within_s=ONSET_S),
    ]


def by_octave(bpm: float, found: float) -> float:
    """The power of two times `bpm` that is the nearest to what was found."""
    return float(bpm * 2.0 ** np.round(np.log2(found / bpm)))


def _one_octave(notes: np.ndarray) -> np.ndarray:
    folded = notes.copy()
    folded[:, 2] = 60 + np.round(notes[:, 2]) % 12
    return folded
