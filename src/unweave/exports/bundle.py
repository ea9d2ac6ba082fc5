"""Everything of a song in one ZIP: the stems, a project of REAPER, the markers, and more files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unweave.exports.archive import write_zip
from unweave.exports.labels import label_track
from unweave.exports.names import file_name, plain
from unweave.exports.reaper import project
from unweave.exports.session import Session


def write_bundle(
    path: Path, session: Session, more: Mapping[str, bytes | Path] | None = None
) -> None:
    """Write the ZIP, whole or not at all. The project in it opens where it is unpacked.

    more: further entries by their names, such as a stem file, a DAWproject, loudness as JSON.
    Raises UsageError, InputError, OutputError.
    """
    stems = [
        f"stems/{file_name(place, track.name, track.file.suffix)}"
        for place, track in enumerate(session.tracks, 1)
    ]
    title = plain(session.title)
    entries: dict[str, bytes | Path] = {f"{title}.rpp": project(session, stems).encode()}
    if session.markers:
        entries[f"{title} markers.txt"] = label_track(session.markers).encode()
    entries |= {stem: track.file for stem, track in zip(stems, session.tracks, strict=True)}
    write_zip(path, {**entries, **(more or {})})
