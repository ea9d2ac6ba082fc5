"""A DAWproject: valid by its schema where that is at hand, and of the right structure always."""

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest

from unweave.errors import InputError, OutputError
from unweave.exports.dawproject import write_dawproject
from unweave.exports.session import Session, Track

SCHEMAS = Path(__file__).parents[3] / "shared" / "reference" / "dawproject"


@pytest.fixture
def made(session, twice) -> ZipFile:
    content = twice("a.dawproject", lambda path: write_dawproject(path, session))
    return ZipFile(io.BytesIO(content))


def tree(made: ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(made.read(name))


def test_the_zip_has_the_documents_and_the_sound(made, session):
    sound = ["audio/01 Lead _A_ & _B_.wav", "audio/02 Drums.wav"]
    assert made.namelist() == ["metadata.xml", "project.xml", *sound]
    assert made.testzip() is None
    for name, track in zip(sound, session.tracks, strict=True):
        assert made.read(name) == track.file.read_bytes()


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the published schema is not part of the project")
@pytest.mark.parametrize("bare", [False, True])
def test_it_is_valid_by_the_published_schema(session, made, tmp_path, bare):
    import xmlschema

    if bare:
        write_dawproject(tmp_path / "bare.dawproject", Session("a", session.tracks))
        made = ZipFile(tmp_path / "bare.dawproject")
    for schema, document in (("Project.xsd", "project.xml"), ("MetaData.xsd", "metadata.xml")):
        xmlschema.XMLSchema10(str(SCHEMAS / schema)).validate(io.BytesIO(made.read(document)))


def test_every_track_has_a_clip_that_plays_its_file(made, session):
    project = tree(made, "project.xml")
    assert project.get("version") == "1.0"
    *tracks, master = project.findall("Structure/Track")
    assert [track.get("name") for track in tracks] == [track.name for track in session.tracks]
    assert [track.get("color") for track in tracks] == ["#56b4e9", "#009e73"]
    channel = master.find("Channel")
    assert channel.get("role") == "master"
    assert {track.find("Channel").get("destination") for track in tracks} == {channel.get("id")}
    lanes = project.find("Arrangement/Lanes")
    assert lanes.get("timeUnit") == "seconds"
    for lane, track, stem in zip(lanes.findall("Lanes"), tracks, session.tracks, strict=True):
        assert lane.get("track") == track.get("id")
        [clip] = lane.findall("Clips/Clip")
        assert (clip.get("time"), clip.get("duration")) == ("0", "0.5")
        audio = clip.find("Audio")
        assert audio.get("channels") == str(stem.channels)
        assert (audio.get("sampleRate"), audio.get("duration")) == ("8000", "0.5")
        assert audio.find("File").get("path") in made.namelist()


def test_references_lead_to_something_and_identities_are_unique(made):
    elements = list(tree(made, "project.xml").iter())
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in elements:
        for name in ("track", "destination", "parameter"):
            assert element.get(name, ids[0]) in ids


def test_tempo_map_and_markers(made):
    project = tree(made, "project.xml")
    assert project.find("Transport/Tempo").get("value") == "120"
    arrangement = project.find("Arrangement")
    points = arrangement.findall("TempoAutomation/RealPoint")
    assert [(each.get("time"), each.get("value")) for each in points] == [
        *(("0", "120"), ("0.5", "90.5")),
    ]
    signatures = arrangement.findall("TimeSignatureAutomation/TimeSignaturePoint")
    assert [each.get("numerator") + "/" + each.get("denominator") for each in signatures] == [
        *("4/4", "6/8"),
    ]
    markers = arrangement.find("Markers")
    assert markers.get("timeUnit") == "seconds"
    assert [(each.get("time"), each.get("name"), each.get("color")) for each in markers] == [
        *(("0.4", "Chorus", "#ff8000"), ("0", 'It\'s "in`tro"', None)),
    ]


def test_gain_pan_mute_and_solo(session, tmp_path):
    loud = replace(session.tracks[0], gain_db=20, pan=-0.5, mute=True, solo=True)
    write_dawproject(tmp_path / "a.dawproject", Session("a", [loud]))
    project = tree(ZipFile(tmp_path / "a.dawproject"), "project.xml")
    channel = project.find("Structure/Track/Channel")
    assert channel.get("solo") == channel.find("Mute").get("value") == "true"
    assert (channel.find("Volume").get("value"), channel.find("Pan").get("value")) == ("10", "0.25")
    assert channel.find("Volume").get("max") == "10"
    assert project.find("Transport") is None


def test_metadata(made):
    found = {each.tag: each.text for each in tree(made, "metadata.xml")}
    assert found == {"Title": "Söng", "Artist": "A & B", "Year": "1999-01-02", "Genre": "Pop"}


def test_a_missing_stem_and_a_missing_place_are_one_line(tmp_path, session):
    gone = Session("a", [*session.tracks, Track("x", tmp_path / "gone.wav", 8000, 1, 9)])
    with pytest.raises(InputError, match=r"gone\.wav: cannot be read: no such file"):
        write_dawproject(tmp_path / "a.dawproject", gone)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.dawproject: cannot be written: a part of the path"):
        write_dawproject(tmp_path / "file" / "a.dawproject", session)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "the stems"]
