"""`--overwrite` with other files asked for: what the last run of a use made goes, and no more."""

import hashlib
import json
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


def test_a_report_that_names_a_file_elsewhere_takes_nothing_there(folder: Path) -> None:
    remix(folder)
    mine = folder.parents[1] / "mine.txt"
    mine.write_text("mine")
    document = json.loads((folder / "remix.json").read_text())
    digest = hashlib.sha256(b"mine").hexdigest()
    for path in ("../../mine.txt", str(mine)):
        document["exports"].append({"kind": "text", "path": path, "sha256": digest})
    (folder / "remix.json").write_text(json.dumps(document))
    remix(folder, format="flac")
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("stems", [None, [1], [{"path": "remix.wav"}], [{"path": 1, "sha256": 2}]])
def test_a_report_that_makes_no_sense_is_no_report(folder: Path, stems: object) -> None:
    remix(folder)
    document = json.loads((folder / "remix.json").read_text())
    (folder / "remix.json").write_text(json.dumps({**document, "stems": stems}))
    remix(folder, format="flac")
    assert names(folder) == ["remix.flac", "remix.json", "remix.wav"]


def test_a_folder_in_the_way_is_found_before_anything_changes(folder: Path) -> None:
    remix(folder)
    before = names(folder)
    (folder / "remix.flac").mkdir()
    with pytest.raises(unweave.UnweaveError, match=r"remix\.flac"):
        remix(folder, format="flac")
    assert names(folder) == sorted([*before, "remix.flac"])


def test_a_journal_of_another_song_in_the_folder_takes_nothing(folder: Path) -> None:
    song = folder.parents[1] / "song.wav"
    folder.mkdir(parents=True)
    mine = folder / "mine.wav"
    mine.write_bytes(b"mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    text = json.dumps({"sha256": {"mine.wav": digest, "x.json": "0"}, "report": "x.json"})
    (folder / ".unweave-0123456789abcdef.journal").write_text(text)
    unweave.remix(song, folder.parent, model=MidSide())
    assert mine.exists()
