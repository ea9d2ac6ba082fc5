from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unweave.exports.session import Marker, Session, Tempo, track_of


@pytest.fixture
def session(tmp_path, make_wave, ffmpeg_file) -> Session:
    """Two stems of a song with a change of tempo, and names that need care."""
    stems = tmp_path / "the stems"
    stems.mkdir()
    files = [
        ffmpeg_file(stems / f"{n}  {name}.wav", "wav", "pcm_s16le", 8000, make_wave(n, 4000))
        for n, name in ((1, "lead"), (2, "drums"))
    ]
    lead = track_of(files[0], 'Lead "A" & <B>', "#56B4E9")
    drums = track_of(files[1], "Drums", "#009E73")
    return Session(
        "Söng",
        [lead, drums],
        [Tempo(0, 120), Tempo(0.25, 90.5, 6, 8)],
        [Marker(0.4, "Chorus", "#FF8000"), Marker(0, 'It\'s "in`tro"')],
        {"artist": "A & B", "date": "1999-01-02", "genre": "Pop"},
    )


@pytest.fixture
def twice(tmp_path) -> Callable[[str, Callable[[Path], None]], bytes]:
    """twice(name, write): the bytes of a file that is written two times, equal both times."""

    def made(name: str, write: Callable[[Path], None]) -> bytes:
        first, second = tmp_path / name, tmp_path / f"again {name}"
        write(first)
        write(second)
        assert first.read_bytes() == second.read_bytes()
        return first.read_bytes()

    return made
