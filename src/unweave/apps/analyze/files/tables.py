"""Tables as CSV: all events, the pitch of melody and bass, and what is measured of the stems."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain

from unweave.apps.analyze.analysis import Analysis
from unweave.apps.analyze.measures import OCTAVES_HZ
from unweave.engine.measure import decibels


def events(found: Analysis) -> Iterator[str]:
    """A row for each event of each lane."""
    rows = (
        (lane.name, lane.source, f"{event.start_s:.4f}", f"{event.end_s:.4f}", event.value,
         f"{event.confidence:.3f}")
        for lane in found.lanes
        for event in lane.events
    )  # fmt: skip
    return _table(("lane", "source", "start_s", "end_s", "value", "confidence"), rows)


def pitch(found: Analysis) -> Iterator[str]:
    """A row for each frame of each contour; nothing without any."""
    if not found.contours:
        return iter(())
    rows = (
        (name, f"{found.start_s + n * contour.frame_s:.4f}", f"{hz:.2f}", f"{sure:.3f}")
        for name, contour in found.contours.items()
        for n, (hz, sure) in enumerate(zip(contour.hz, contour.confidence, strict=True))
    )
    return _table(("lane", "time_s", "hz", "confidence"), rows)


def stems(found: Analysis) -> Iterator[str]:
    """A row for the mix and each stem."""
    octaves = [f"{hz:g}_hz_db" for hz in OCTAVES_HZ]
    rows = []
    for name, track in found.tracks.items():
        image = track.image
        stereo = (image.balance_db, image.width, image.correlation) if image else (None,) * 3
        bands = [*track.bands_db.tolist(), *[None] * (len(octaves) - len(track.bands_db))]
        loudness = (decibels(track.peak**2), track.lufs, track.range_lu)
        rows.append((name, *map(_number, (*loudness, *stereo, *bands))))
    head = ("stem", "peak_dbfs", "loudness_lufs", "range_lu", "balance_db", "width", "correlation")
    return _table((*head, *octaves), rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in chain([head], rows):
        writer.writerow(row)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
