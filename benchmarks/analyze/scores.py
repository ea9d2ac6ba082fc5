"""Scores of one analysis against the truth of one composed song, by mir_eval.

`told` takes what was found out of a report; `scores` gives one number for each of ROWS, NaN where
the song or the program has no such thing; `rated` gives each estimate with its confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mir_eval
import numpy as np
from benchmarks.analyze.songs import DRUMS, Song

from unweave.apps.analyze.analysis import LEAST

BEAT_S, HIT_S = 0.07, 0.05
TEMPO = 0.04
OCTAVES = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
CENTS = 50
ROWS = (
    "beats, F", "downbeats, F", "tempo within 4 %", "the same, or a half, third, double, triple",
    "key, weighted", "chords, root", "chords, major and minor", "melody, raw pitch",
    "melody, overall", "bass, overall", "notes, F", *(f"{drum}, F" for drum in DRUMS),
)  # fmt: skip

Spans = Sequence[tuple[float, float, str]]
Rated = tuple[float, bool, float]
"""Confidence, whether it is right, and how much it counts."""


@dataclass(frozen=True)
class Told:
    """What a program found. None for what it does not look for. keys, chords: start, end, name.
    melody, bass: `(2, frame)`, time and Hz, 0 where it is silent. notes: start, end, MIDI number,
    `(note, 3)`. hits: seconds, of each drum."""

    tempo: float | None
    beats_s: np.ndarray
    keys: Spans
    chords: Spans
    melody: np.ndarray
    downbeats_s: np.ndarray | None = None
    bass: np.ndarray | None = None
    notes: np.ndarray | None = None
    hits: Mapping[str, np.ndarray] | None = None


def told(report: Mapping[str, Any], pitch: Mapping[str, np.ndarray]) -> Told:
    """Of an analysis. pitch: of melody and bass, `(frame, 3)`: time, Hz, confidence."""
    tempo = report["tempo"]
    hits = events(report, "drums")
    return Told(
        tempo=tempo and tempo["value"],
        beats_s=np.array([each[0] for each in events(report, "beats")]),
        keys=[(start, end, key) for start, end, key, _ in events(report, "key")],
        chords=[(start, end, name) for start, end, name, _ in events(report, "chords")],
        melody=voiced(pitch["melody"], LEAST["melody"]),
        downbeats_s=np.array([each[0] for each in events(report, "downbeats")]),
        bass=voiced(pitch["bass"], LEAST["bass"]),
        notes=np.array([each[:3] for each in events(report, "notes")], float).reshape(-1, 3),
        hits={drum: np.array([e[0] for e in hits if e[2] == drum]) for drum in DRUMS},
    )


def told_by_librosa(found: Mapping[str, Any]) -> Told:
    return Told(
        tempo=found["tempo"],
        beats_s=np.array(found["beats"]),
        keys=[(0.0, 1e9, found["key"])],
        chords=[tuple(each) for each in found["chords"]],
        melody=np.array(found["melody"]),
    )


def events(report: Mapping[str, Any], lane: str) -> list[list[Any]]:
    """Start, end, value and confidence of each."""
    found = [each["events"] for each in report["lanes"] if each["lane"] == lane]
    return found[0] if found else []


def voiced(pitch: np.ndarray, least: float) -> np.ndarray:
    return np.stack([pitch[:, 0], np.where(pitch[:, 2] >= least, pitch[:, 1], 0.0)])


def scores(song: Song, melody: np.ndarray, found: Told) -> list[float]:
    """One for each of ROWS. melody: the reference, `(2, frame)`, with NaN where it says nothing."""
    chords = _chord_scores(song.chords, found.chords)
    sung = _melody_scores(melody, found.melody)
    return [
        f_measure(song.beats_s, found.beats_s, BEAT_S),
        f_measure(song.downbeats_s, found.downbeats_s, BEAT_S),
        float(found.tempo is not None and near(found.tempo, song.bpm)),
        float(any(found.tempo is not None and near(found.tempo, n * song.bpm) for n in OCTAVES)),
        sum(_shared(song.keys, found.keys, mir_eval.key.weighted_score)) / _length(song.keys),
        chords["root"],
        chords["majmin"],
        sung["raw pitch"],
        sung["overall"],
        np.nan if found.bass is None else _melody_scores(_line(song.bass), found.bass)["overall"],
        np.nan if found.notes is None else note_f(song.notes, found.notes),
        *(f_measure(song.hits[drum], found.hits and found.hits[drum], HIT_S) for drum in DRUMS),
    ]


def near(tempo: float, truth: float) -> bool:
    return abs(tempo / truth - 1) <= TEMPO


def f_measure(truth: np.ndarray, found: np.ndarray | None, within_s: float) -> float:
    if found is None or not len(truth):
        return np.nan
    return float(mir_eval.onset.f_measure(truth, np.sort(found), window=within_s)[0])


def note_f(truth: np.ndarray, found: np.ndarray, within_s: float = HIT_S) -> float:
    """By onset and pitch; when a note ends does not count."""
    if not len(found):
        return 0.0
    pairs = [(rows[:, :2], mir_eval.util.midi_to_hz(rows[:, 2])) for rows in (truth, found)]
    return float(
        mir_eval.transcription.precision_recall_f1_overlap(
            *pairs[0], *pairs[1], onset_tolerance=within_s, offset_ratio=None
        )[2]
    )


def _chord_scores(truth: Spans, found: Spans) -> Mapping[str, float]:
    if not found:
        return {"root": 0.0, "majmin": 0.0}
    one, other = (
        (np.array([each[:2] for each in spans]), [each[2] for each in spans])
        for spans in (truth, found)
    )
    scored: Mapping[str, float] = mir_eval.chord.evaluate(*one, *other)
    return scored


def _melody_scores(truth: np.ndarray, found: np.ndarray) -> Mapping[str, float]:
    """truth, found: `(2, frame)`; frames where the truth is NaN are left out."""
    known = ~np.isnan(truth[1])
    times, hz = truth[0], nearest(found, truth[0])
    parts = [mir_eval.melody.freq_to_voicing(each) for each in (np.nan_to_num(truth[1]), hz)]
    arrays = []
    for frequency, voicing in parts:
        cents = mir_eval.melody.hz2cents(frequency)
        arrays += [voicing[known], cents[known]]
    assert len(times) == len(hz)
    return {
        "raw pitch": float(mir_eval.melody.raw_pitch_accuracy(*arrays, cent_tolerance=CENTS)),
        "overall": float(mir_eval.melody.overall_accuracy(*arrays, cent_tolerance=CENTS)),
        "raw chroma": float(mir_eval.melody.raw_chroma_accuracy(*arrays, cent_tolerance=2 * CENTS)),
    }


def chroma(truth: np.ndarray, found: np.ndarray) -> float:
    """The share of the truth's sung frames with that pitch class, to a semitone."""
    return _melody_scores(truth, found)["raw chroma"]


def nearest(contour: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """The pitch of a contour `(2, frame)` at other times: that of the nearest frame."""
    if not contour.shape[1]:
        return np.zeros(len(times_s))
    edges = (contour[0, 1:] + contour[0, :-1]) / 2
    return contour[1, np.searchsorted(edges, times_s)]


def _line(notes: np.ndarray, frame_s: float = 0.016) -> np.ndarray:
    """The contour `(2, frame)` of notes that follow each other."""
    times = np.arange(0, notes[-1, 1] + 0.1, frame_s)
    hz = np.zeros(len(times))
    for start, end, midi in notes:
        hz[(times >= start) & (times < end)] = mir_eval.util.midi_to_hz(midi)
    return np.stack([times, hz])


def _length(spans: Spans) -> float:
    return sum(end - start for start, end, _ in spans)


def _shared(truth: Spans, found: Spans, score: Any) -> list[float]:
    """Score times seconds of each stretch that a true span and a found one share."""
    return [
        float(score(name, other)) * max(0.0, min(end, until) - max(start, since))
        for start, end, name in truth
        for since, until, other in found
        if min(end, until) > max(start, since)
    ]


def rated(
    song: Song, melody: np.ndarray, report: Mapping[str, Any], pitch: Mapping[str, np.ndarray]
) -> dict[str, list[Rated]]:
    """Each estimate with its confidence. Keys and chords count by the seconds that they last."""
    found: dict[str, list[Rated]] = {}
    for name, right in (
        ("tempo", lambda value: near(value, song.bpm)),
        ("metre", lambda value: value == song.metre),
    ):
        if (whole := report[name]) is not None:
            found[name] = [(whole["confidence"], right(whole["value"]), 1.0)]
    for lane, truth in (("beats", song.beats_s), ("downbeats", song.downbeats_s)):
        found[lane] = [
            (sure, bool(np.abs(truth - start).min() <= BEAT_S), 1.0)
            for start, _, _, sure in events(report, lane)
        ]
    for lane, truth, right in (
        ("key", song.keys, lambda one, other: one == other),
        ("chords", song.chords, lambda one, other: mir_eval.chord.majmin([one], [other])[0] == 1),
    ):
        found[lane] = [
            (sure, bool(right(name, value)), min(end, until) - max(start, since))
            for since, until, value, sure in events(report, lane)
            for start, end, name in truth
            if min(end, until) > max(start, since)
        ]
    found["notes"] = _matched(
        [(start, str(midi)) for start, _, midi in song.notes.astype(object)],
        [(start, str(float(midi)), sure) for start, _, midi, sure in events(report, "notes")],
    )
    found["drum hits"] = _matched(
        [(at, drum) for drum, times in song.hits.items() for at in times],
        [(at, drum, sure) for at, _, drum, sure in events(report, "drums")],
    )
    found["melody"] = _frames(melody, pitch["melody"])
    found["bass"] = _frames(_line(song.bass), pitch["bass"])
    return found


def _matched(
    truth: Sequence[tuple[float, str]], found: Sequence[tuple[float, str, float]]
) -> list[Rated]:
    """Whether each has one of its kind near it in time that no other one has."""
    rows: list[Rated] = []
    for kind in {each[1] for each in found}:
        left = sorted(at for at, what in truth if what == kind)
        for at, what, sure in sorted(found):
            if what != kind:
                continue
            close = [each for each in left if abs(each - at) <= HIT_S]
            if close:
                left.remove(min(close, key=lambda each: abs(each - at)))
            rows.append((sure, bool(close), 1.0))
    return rows


def _frames(truth: np.ndarray, pitch: np.ndarray) -> list[Rated]:
    """Frames in which the truth says something: right where it sounds within CENTS."""
    sounding = pitch[:, 1] > 0
    times, hz, sure = pitch[sounding].T
    wanted = nearest(truth, times)
    known = ~np.isnan(wanted)
    with np.errstate(divide="ignore"):
        cents = 1200 * np.abs(np.log2(hz / np.where(known, wanted, 1.0)))
    right = known & (cents <= CENTS)
    return [(float(s), bool(r), 1.0) for s, r in zip(sure[known], right[known], strict=True)]
