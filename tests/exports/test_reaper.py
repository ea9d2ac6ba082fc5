"""A project of REAPER, read by a reader that is not ours; labels of Audacity; the ZIP of it all."""

import io
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from unweave.errors import InputError, UsageError
from unweave.exports.archive import write_zip
from unweave.exports.bundle import write_bundle
from unweave.exports.labels import write_labels
from unweave.exports.reaper import project, write_reaper
from unweave.exports.session import Session


def parsed(text: str):
    import rpp

    return rpp.loads(text)


def test_tracks_items_and_sources(session, twice):
    found = parsed(twice("a.rpp", lambda path: write_reaper(path, session)).decode())
    assert found.tag == "REAPER_PROJECT"
    assert found.find("TITLE")[1] == "Söng"
    assert found.find("AUTHOR")[1] == "A & B"
    for track, stem in zip(found.findall("TRACK"), session.tracks, strict=True):
        assert track.find("NAME")[1] == stem.name
        item = track.find("ITEM")
        assert [item.find(key)[1] for key in ("POSITION", "LENGTH")] == ["0", "0.5"]
        source = item.find("SOURCE")
        assert source.attrib == ["WAVE"]
        assert source.find("FILE")[1] == f"the stems/{stem.file.name}"
    colours = [int(track.find("PEAKCOL")[1]) for track in found.findall("TRACK")]
    assert colours == [0x1E9B456, 0x1739E00]  # the flag, then blue, green, red
    ids = [track.attrib[0] for track in found.findall("TRACK")]
    assert len(set(ids)) == 2


def test_tempo_map_and_markers(session):
    found = parsed(project(session, ["a.wav", "b.wav"]))
    assert found.find("TEMPO") == ["TEMPO", "120", "4", "4"]
    points = [each[1:5] for each in found.find("TEMPOENVEX").findall("PT")]
    assert points == [
        ["0", "120", "1", str(4 << 16 | 4)],
        ["0.25", "90.5", "1", str(8 << 16 | 6)],
    ]
    markers = [each[1:6] for each in found.findall("MARKER")]
    assert markers == [
        ["1", "0.4", "Chorus", "0", str(0x10080FF)],
        ["2", "0", "It's \"in'tro\"", "0", "0"],
    ]
    assert parsed(project(Session("a", session.tracks[:1]), ["a.wav"])).find("TEMPO") is None


def test_levels(session):
    loud = replace(session.tracks[0], gain_db=-20, pan=0.5, mute=True, solo=True)
    found = parsed(project(Session("a", [loud]), ["a.flac"]))
    assert found.find("TRACK/VOLPAN")[1:3] == ["0.1", "0.5"]
    assert found.find("TRACK/MUTESOLO")[1:3] == ["1", "1"]
    assert found.find("TRACK/ITEM/SOURCE").attrib == ["FLAC"]


def test_files_that_no_project_can_name(session):
    one = Session("a", session.tracks[:1])
    with pytest.raises(UsageError, match=r"a\.xyz: a REAPER project takes \.wav"):
        project(one, ["a.xyz"])
    for name in ("a\nb.wav", "a\"'`.wav", "a\udc80.wav"):
        with pytest.raises(UsageError, match="rename the file"):
            project(one, [name])


def test_labels(session, twice):
    text = twice("a.txt", lambda path: write_labels(path, session.markers)).decode()
    assert text == '0.000000\t0.000000\tIt\'s "in`tro"\n0.400000\t0.400000\tChorus\n'


def test_the_bundle_opens_where_it_is_unpacked(session, twice, tmp_path):
    more = {"loudness.json": b"{}"}
    content = twice("a.zip", lambda path: write_bundle(path, session, more))
    with ZipFile(io.BytesIO(content)) as made:
        assert made.testzip() is None
        made.extractall(tmp_path / "unpacked")
        names = set(made.namelist())
    assert {"Söng.rpp", "Söng markers.txt", "loudness.json"} <= names
    found = parsed((tmp_path / "unpacked" / "Söng.rpp").read_text("utf-8"))
    for track, stem in zip(found.findall("TRACK"), session.tracks, strict=True):
        file = tmp_path / "unpacked" / track.find("ITEM/SOURCE").find("FILE")[1]
        assert file.read_bytes() == stem.file.read_bytes()


@pytest.mark.parametrize("name", ["/a", "../a", "a/../../b", "c:a", "a\\b", ""])
def test_names_that_lead_out_of_a_zip_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no name of a file in a ZIP"):
        write_zip(tmp_path / "a.zip", {name: b""})


def test_two_files_of_one_name_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match="two files in it are called 'A'"):
        write_zip(tmp_path / "a.zip", {"a": b"", "A": b""})
    with pytest.raises(InputError, match="gone: cannot be read"):
        write_zip(tmp_path / "a.zip", {"a": Path("gone")})
    assert list(tmp_path.iterdir()) == []
