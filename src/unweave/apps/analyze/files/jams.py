"""JAMS, the format of annotations for research in music (E. Humphrey and others, JAMS: a JSON
annotated music specification for reproducible MIR research, ISMIR 2014), version 0.3.

Each lane is an annotation in one of the format's namespaces. It is written as plain JSON, piece by
piece: a contour has sixty values a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from unweave.apps.align.voice import VOICED
from unweave.apps.analyze.analysis import METHODS, Analysis
from unweave.apps.analyze.events import Event, Lane
from unweave.apps.analyze.pitch import Contour

VERSION = "0.3.4"
DIGITS = 6
AT_ONCE = 4096  # values that are text in memory at once
NAMESPACES = {
    "beats": "beat",
    "downbeats": "beat",
    "key": "key_mode",
    "chords": "chord",
    "form": "segment_open",
    "melody": "note_midi",
    "bass": "note_midi",
    "notes": "note_midi",
}
OTHER = "tag_open"  # lanes that JAMS has no namespace for


def document(found: Analysis, tags: Mapping[str, str], title: str) -> Iterator[str]:
    """The text of the file in pieces. Times count from the beginning of the recording."""
    annotations = [_lane(lane, found) for lane in found.lanes]
    if (tempo := found.whole.get("tempo")) is not None:
        whole = _record(found.start_s, found.duration_s, tempo.value, tempo.confidence)
        facts = _facts("tempo", found, METHODS["beats"], tempo.source, "tempo")
        annotations.append({**facts, "data": [whole]})
    metadata = {
        "title": tags.get("title", title),
        "artist": tags.get("artist", ""),
        "release": tags.get("album", ""),
        "duration": round(found.start_s + found.duration_s, DIGITS),
        "identifiers": {},
        "jams_version": VERSION,
    }
    yield f'{{"file_metadata":{_text(metadata)},"sandbox":{{}},"annotations":['
    yield ",".join(_text(annotation) for annotation in annotations)
    for name, contour in found.contours.items():
        lane = found.lane(name)
        facts = _facts("pitch_contour", found, METHODS[name], lane.source if lane else "", name)
        yield f',{_text(facts)[:-1]},"data":{{'
        yield from _dense(contour, found.start_s)
        yield "}}"
    yield "]}\n"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _lane(lane: Lane, found: Analysis) -> dict[str, Any]:
    records = [
        _record(event.start_s, event.end_s - event.start_s, _value(lane.name, event),
                event.confidence)
        for event in lane.events
    ]  # fmt: skip
    namespace = NAMESPACES.get(lane.name, OTHER)
    facts = _facts(namespace, found, lane.method, lane.source, lane.name, lane)
    return {**facts, "data": records}


def _value(lane: str, event: Event) -> Any:
    if lane == "beats":
        return event.value or None
    if lane == "key":
        return str(event.value).replace(" ", ":")
    return event.value


def _record(time_s: float, duration_s: float, value: Any, confidence: float) -> dict[str, Any]:
    return {
        "time": round(time_s, DIGITS),
        "duration": round(duration_s, DIGITS),
        "value": value,
        "confidence": round(confidence, 4),
    }


def _dense(contour: Contour, start_s: float) -> Iterator[str]:
    """The lists of a dense namespace, side by side."""
    hz, sure = contour.hz, contour.confidence
    columns: dict[str, Callable[[int], Any]] = {
        "time": lambda n: round(start_s + n * contour.frame_s, DIGITS),
        "duration": lambda n: 0.0,
        "value": lambda n: {
            "index": 0,
            "frequency": round(float(hz[n]), 2),
            "voiced": bool(sure[n] >= VOICED),
        },
        "confidence": lambda n: round(float(sure[n]), 4),
    }
    for place, (name, at) in enumerate(columns.items()):
        yield f'{"," if place else ""}"{name}":['
        for first in range(0, len(hz), AT_ONCE):
            some = _text([at(n) for n in range(first, min(first + AT_ONCE, len(hz)))])
            yield f"{',' if first else ''}{some[1:-1]}"
        yield "]"


def _facts(
    namespace: str,
    found: Analysis,
    method: str,
    source: str,
    lane_name: str,
    lane: Lane | None = None,
) -> dict[str, Any]:
    from unweave import __version__

    sandbox: dict[str, Any] = {"lane": lane_name, "source": source}
    if lane is not None:
        sandbox |= {"least_confidence": lane.least, "left_out": lane.left_out}
    return {
        "namespace": namespace,
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "version": __version__,
            "corpus": "",
            "annotation_tools": f"unweave analyze: {method}",
            "annotation_rules": "",
            "validation": "",
            "data_source": "program",
        },
        "sandbox": sandbox,
        "time": round(found.start_s, DIGITS),
        "duration": round(found.duration_s, DIGITS),
    }
