"""MedleyDB: annotations, groups of instruments, stems that do not fit the mix."""

import numpy as np
import pytest

from unweave import datasets
from unweave.datasets import medleydb
from unweave.datasets.medleydb import group_of
from unweave.errors import InputError

METADATA = """\
album: ''
artist: It's us
composer:
- A: first
has_bleed: 'no'
title: A long title that goes on
  on the next line
stems:
  S01:
    component: bass
    filename: A_B_STEM_01.wav
    instrument: electric bass
    raw:
      R01:
        filename: A_B_RAW_01_01.wav
        instrument: male singer
  S02:
    component: ''
    filename: "A_B_STEM_02.wav"
    instrument: Male Singer
  S03:
    filename: A_B_STEM_03.wav
    instrument:
      - tambourine
      - drum set
  S04:
    filename: A_B_STEM_04.wav
    instrument: vocalists
  S05:
    filename: A_B_STEM_05.wav
    instrument:
    - electric bass
    - mandolin
version: 1.2
website:
- www.example.org
"""


def test_the_yaml_of_annotations():
    found = medleydb._parse(METADATA)
    assert found["album"] == ""
    assert found["artist"] == "It's us"
    assert found["has_bleed"] == "no"
    assert found["version"] == "1.2"
    assert found["website"] == ["www.example.org"]
    assert list(found["stems"]) == ["S01", "S02", "S03", "S04", "S05"]
    assert found["stems"]["S01"]["raw"] == {
        "R01": {"filename": "A_B_RAW_01_01.wav", "instrument": "male singer"}
    }
    assert found["stems"]["S02"]["filename"] == "A_B_STEM_02.wav"
    assert found["stems"]["S03"]["instrument"] == ["tambourine", "drum set"]
    assert found["stems"]["S05"]["instrument"] == ["electric bass", "mandolin"]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing", "- a\n- b", "just words", "\x00: [", "a:\n b\n- c", "[" * 5000, "a: *b"],
)
def test_yaml_that_is_something_else_is_no_error(text):
    assert isinstance(medleydb._parse(text), dict)


@pytest.mark.parametrize(
    ("instruments", "group"),
    [
        ("female singer", "vocals"),
        ("Drum Set", "drums"),
        ("double bass", "bass"),
        ("bass clarinet", "other"),
        ("bass drum", "drums"),
        ("Main System", "other"),
        ("", "other"),
        (["toms", "snare drum"], "drums"),
        (["drum set", "electric bass"], "other"),
        ([], "other"),
    ],
)
def test_groups(instruments, group):
    assert group_of(instruments) == group


@pytest.fixture
def root(write, tmp_path):
    """A root with one track, and its waves by number."""
    folder = tmp_path / "Audio" / "A_B"
    waves = [write(folder / "A_B_MIX.wav", 20)]
    for number in range(1, 6):
        path = folder / "A_B_STEMS" / f"A_B_STEM_0{number}.wav"
        waves.append(write(path, number, gain=0.2))
    (folder / "A_B_METADATA.yaml").write_text(METADATA)
    return tmp_path, waves


def test_stems_are_added_up_by_group(root):
    folder, waves = root
    (track,) = datasets.load("medleydb", folder)
    assert (track.name, track.split) == ("A_B", "all")
    assert track.stems == ("vocals", "drums", "bass", "other")
    assert np.array_equal(track.mix(), waves[0])
    assert np.array_equal(track.stem("vocals"), waves[2] + waves[4])
    assert np.array_equal(track.stem("drums"), waves[3])
    assert np.array_equal(track.stem("bass"), waves[1])
    assert np.array_equal(track.stem("other"), waves[5])
    assert np.array_equal(track.stem("accompaniment"), waves[3] + waves[1] + waves[5])
    assert len(track.files) == 6


def test_a_group_without_instruments_is_not_there(root):
    folder, _ = root
    path = folder / "Audio" / "A_B" / "A_B_METADATA.yaml"
    path.write_text(path.read_text().replace("tambourine", "oboe").replace("drum set", "oboe"))
    (track,) = datasets.load("medleydb", folder)
    assert track.stems == ("vocals", "bass", "other")


def test_metadata_may_lie_in_a_folder_of_its_own(root):
    folder, _ = root
    path = folder / "Audio" / "A_B" / "A_B_METADATA.yaml"
    (folder / "Metadata").mkdir()
    path.rename(folder / "Metadata" / path.name)
    assert len(datasets.load("medleydb", folder)) == 1
    (folder / "Metadata" / path.name).unlink()
    with pytest.raises(InputError, match=r"Audio/A_B/A_B_METADATA\.yaml is missing"):
        datasets.load("medleydb", folder)


def test_the_mix_decides_the_length(root, write):
    folder, _ = root
    stems = folder / "Audio" / "A_B" / "A_B_STEMS"
    long = write(stems / "A_B_STEM_01.wav", 1, frames=1700)
    short = write(stems / "A_B_STEM_03.wav", 3, frames=1500)
    (track,) = datasets.load("medleydb", folder)
    assert track.samples == 1601
    assert np.array_equal(track.stem("bass"), long[:, :1601])
    drums = track.stem("drums")
    assert np.array_equal(drums[:, :1500], short)
    assert drums.shape == (2, 1601)
    assert not drums[:, 1500:].any()
    assert np.array_equal(track.stem("drums", 1400, 150), drums[:, 1400:1550])
    assert np.array_equal(track.stem("drums", 1550, 10), drums[:, 1550:1560])


def test_bleed_can_be_left_out(root):
    folder, _ = root
    assert len(datasets.load("medleydb", folder, "no-bleed")) == 1
    path = folder / "Audio" / "A_B" / "A_B_METADATA.yaml"
    path.write_text(path.read_text().replace("has_bleed: 'no'", "has_bleed: 'yes'"))
    assert datasets.load("medleydb", folder, "no-bleed") == []


def test_missing_stems_and_empty_annotations_are_named(root):
    folder, _ = root
    (folder / "Audio" / "A_B" / "A_B_STEMS" / "A_B_STEM_04.wav").unlink()
    with pytest.raises(InputError, match=r"A_B_STEMS/A_B_STEM_04\.wav is missing"):
        datasets.load("medleydb", folder)
    (folder / "Audio" / "A_B" / "A_B_METADATA.yaml").write_text("title: x\n")
    with pytest.raises(InputError, match="Audio/A_B has annotations that name no stems"):
        datasets.load("medleydb", folder)
