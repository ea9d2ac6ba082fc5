"""Marks for production programs: label tracks of Audacity, and a project of REAPER."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from unweave.apps._shared.material import Material
from unweave.apps.analyze.analysis import Analysis
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.names import note_name
from unweave.exports.labels import label_track
from unweave.exports.reaper import project as reaper
from unweave.exports.session import Marker, Session, Tempo, track_of

COLOUR = "#4477AA"
OF_NOTES = ("melody", "notes", "bass")


def labels(found: Analysis, lane: str) -> Iterator[str]:
    """A label track of one lane, stretches with their ends, in pieces; none where it is empty."""
    for event in found.events(lane):
        yield label_track([_marker(lane, event)])


def _marker(lane: str, event: Event) -> Marker:
    name = note_name(int(event.value)) if lane in OF_NOTES else str(event.value)
    return Marker(event.start_s, name, end_s=event.end_s)


def project(found: Analysis, sound: Material, title: str) -> str:
    """The recording on a track, with a marker for each part of the form and the tempo of each bar.

    It names the recording by its whole path. Raises UsageError for a kind of file that REAPER does
    not read, InputError where the file does not say how long it is.
    """
    source = sound.source.absolute()
    markers = [Marker(event.start_s, str(event.value), COLOUR) for event in found.events("form")]
    session = Session(
        title,
        [track_of(source, title)],
        tempos(found),
        markers,
        {name: sound.info.tags[name] for name in ("artist",) if name in sound.info.tags},
    )
    return reaper(session, [source.as_posix()])


def tempos(found: Analysis) -> Sequence[Tempo]:
    """The tempo of each bar; of the whole where bars are not known; none without a tempo."""
    whole, metre = found.whole.get("tempo"), found.whole.get("metre")
    if whole is None:
        return ()
    bpm, downs = float(whole.value), found.events("downbeats")
    if metre is None or len(downs) < 2:
        return (Tempo(0.0, bpm),)
    beats = int(metre.value)
    starts = [event.start_s for event in downs]
    rows = [Tempo(0.0, bpm, beats)] if starts[0] > 0 else []
    for start_s, end_s in pairwise(starts):
        # A bar that was left out counts as several.
        bars = max(1, round((end_s - start_s) * bpm / 60 / beats))
        rows.append(Tempo(start_s, bars * beats * 60 / (end_s - start_s), beats))
    return rows
