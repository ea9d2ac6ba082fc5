"""`--overwrite` with other files asked for: what the last run of a use made goes, and no more."""

from pathlib import Path

import pytest

import unweave
from tests.apps.remix.sounds import MidSide, noise, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "song.wav", noise(0.6))
    return tmp_path / "out" / "song"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def remix(folder: Path, **asked: object) -> dict:
    song = folder.parents[1] / "song.wav"
    return unweave.remix(song, folder.parent, model=MidSide(), overwrite=True, **asked)


def test_files_that_are_not_asked_for_again_go(folder: Path) -> None:
    remix(folder, stems=True, export="zip")
    assert len(names(folder)) > 3
    (folder / "notes.txt").write_text("mine")
    remix(folder, format="flac")
    assert names(folder) == ["notes.txt", "remix.flac", "remix.json"]


def test_a_file_that_somebody_changed_stays(folder: Path) -> None:
    remix(folder)
    (folder / "remix.wav").write_bytes(b"mine")
    remix(folder, format="flac")
    assert names(folder) == ["remix.flac", "remix.json", "remix.wav"]


def test_a_file_that_is_read_stays(folder: Path) -> None:
    remix(folder, stems=True)
    stem = folder / "01 vocals.wav"
    remix(folder, match={"band": str(stem)})
    assert names(folder) == ["01 vocals.wav", "remix.json", "remix.wav"]


def test_a_run_that_fails_takes_nothing(folder: Path) -> None:
    before = remix(folder, stems=True)
    with pytest.raises(unweave.UnweaveError):
        remix(folder, format="mp3", gain={"nobody": 1})
    there = {item["path"] for item in before["stems"]} | {"remix.json"}
    assert set(names(folder)) == there


def test_without_the_earlier_report_everything_stays(folder: Path) -> None:
    remix(folder)
    (folder / "remix.json").unlink()
    remix(folder, format="flac")
    assert names(folder) == ["remix.flac", "remix.json", "remix.wav"]
