"""Markers as a label track of Audacity: a line for each, start, end and name between tabs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unweave.core.files import atomic_write
from unweave.exports.session import Marker, line


def label_track(markers: Sequence[Marker]) -> str:
    """The text of the file, in order of time; a marker without an end is a label without length."""
    ordered = sorted(markers, key=lambda marker: marker.time_s)
    return "".join(
        f"{marker.time_s:.6f}\t{_end_s(marker):.6f}\t{line(marker.name)}\n" for marker in ordered
    )


def _end_s(marker: Marker) -> float:
    return marker.time_s if marker.end_s is None else marker.end_s


def write_labels(path: Path, markers: Sequence[Marker]) -> None:
    """Write the file, whole or not at all. Raises OutputError."""
    atomic_write(path, label_track(markers).encode())
