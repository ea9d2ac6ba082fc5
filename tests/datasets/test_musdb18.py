"""MUSDB18 and MUSDB18-HQ."""

import os

import numpy as np
import pytest

from unweave import datasets
from unweave.audio.reader import Reader
from unweave.datasets.musdb18 import VALIDATION
from unweave.errors import InputError

HELD_OUT = "Leaf - Summerghost"


@pytest.fixture(scope="module")
def root(stem_mp4, tmp_path_factory):
    folder = tmp_path_factory.mktemp("musdb18")
    for number, name in enumerate(
        ("train/B - B", f"train/{HELD_OUT}", "train/A - É", "test/C - C")
    ):
        stem_mp4(folder / f"{name}.stem.mp4", seed=10 * number)
    (folder / "train" / "readme.txt").write_text("not a track")
    (folder / "train" / "._B - B.stem.mp4").write_text("what a Mac leaves behind")
    return folder


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (None, ["A - É", "B - B", HELD_OUT, "C - C"]),
        ("train", ["A - É", "B - B", HELD_OUT]),
        ("test", ["C - C"]),
        ("validation", [HELD_OUT]),
        ("train-without-validation", ["A - É", "B - B"]),
    ],
)
def test_splits(root, split, names):
    tracks = datasets.load("musdb18", root, split)
    assert [track.name for track in tracks] == names
    assert {track.split for track in tracks} == ({split} if split else {"train", "test"})


def test_stems_are_the_streams_in_native_instruments_order(root):
    track = datasets.load("musdb18", root, "test")[0]
    names = ["mixture", "drums", "bass", "other", "vocals"]
    for stream, name in enumerate(names):
        with Reader(track.files[0], stream) as reader:
            wanted = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
        wave = track.mix() if name == "mixture" else track.stem(name)
        assert np.array_equal(wave, wanted)
    assert not np.array_equal(track.stem("vocals"), track.stem("drums"))


def test_the_mix_is_its_own_stream_and_not_the_sum(root):
    track = datasets.load("musdb18", root, "test")[0]
    rest = track.mix() - track.stem("vocals") - track.stem("accompaniment")
    assert 0 < np.sum(rest**2) < 0.1 * np.sum(track.mix() ** 2)


def test_a_stretch_of_an_mp4(root):
    track = datasets.load("musdb18", root, "test")[0]
    for start, length in ((0, 100), (12_345, 6789), (track.samples - 7, 7)):
        part = track.stem("bass", start, length)
        assert np.array_equal(part, track.stem("bass")[:, start : start + length])


def test_a_file_with_other_streams_is_named(root, stem_mp4, tmp_path):
    stem_mp4(tmp_path / "test" / "two.stem.mp4", streams=2)
    (tmp_path / "test" / "words.stem.mp4").write_text("words")
    wanted = (
        r"2 errors: test/two\.stem\.mp4 has 2 streams of sound, not 5; "
        r"test/words\.stem\.mp4 cannot be read as sound"
    )
    with pytest.raises(InputError, match=wanted):
        datasets.load("musdb18", tmp_path)


def test_a_split_that_is_not_there_is_an_error(stem_mp4, tmp_path):
    stem_mp4(tmp_path / "train" / "A.stem.mp4")
    with pytest.raises(InputError, match=r"test holds no NAME\.stem\.mp4"):
        datasets.load("musdb18", tmp_path, "test")
    assert len(datasets.load("musdb18", tmp_path)) == 1


def test_a_complete_copy_of_a_split(stem_mp4, tmp_path):
    source = stem_mp4(tmp_path / "one.stem.mp4", frames=3000)
    folder = tmp_path / "root" / "train"
    folder.mkdir(parents=True)
    for name in (*VALIDATION, *(f"Song {number:02}" for number in range(86))):
        os.link(source, folder / f"{name}.stem.mp4")
    assert datasets.guess(tmp_path / "root") == "musdb18"
    tracks = datasets.load("musdb18", tmp_path / "root")
    assert {(t.sample_rate_hz, t.channels, t.samples) for t in tracks} == {(44100, 2, 3000)}
    assert datasets.shortfalls("musdb18", tracks) == []
    assert datasets.shortfalls("musdb18", tracks[1:]) == [
        "train has 99 tracks, a complete copy has 100 or 94"
    ]
    assert len(datasets.load("musdb18", tmp_path / "root", "validation")) == 14


def test_hq_has_the_same_splits_in_folders_of_wav(songs, tmp_path):
    waves = {}
    for number, name in enumerate(("train/B - B", f"train/{HELD_OUT}", "test/C - C")):
        waves[name] = songs(tmp_path / name, seed=number)
    names = {
        split: [track.name for track in datasets.load("musdb18-hq", tmp_path, split)]
        for split in (None, "train", "test", "validation", "train-without-validation")
    }
    assert names == {
        None: ["B - B", HELD_OUT, "C - C"],
        "train": ["B - B", HELD_OUT],
        "test": ["C - C"],
        "validation": [HELD_OUT],
        "train-without-validation": ["B - B"],
    }
    track = datasets.load("musdb18-hq", tmp_path, "test")[0]
    assert np.array_equal(track.mix(), waves["test/C - C"]["mixture"])
    assert track.stems == ("vocals", "drums", "bass", "other")
    assert np.array_equal(track.stem("other"), waves["test/C - C"]["other"])


def test_hq_stems_of_another_length_rate_or_width_are_named(songs, write, tmp_path):
    for name in ("a", "b", "c"):
        songs(tmp_path / "train" / name)
    write(tmp_path / "train" / "a" / "bass.wav", frames=1600)
    write(tmp_path / "train" / "b" / "drums.wav", rate_hz=11025)
    write(tmp_path / "train" / "c" / "other.wav", channels=1)
    wanted = (
        r"3 errors: train/a/bass\.wav has 1600 samples, mixture\.wav has 1601; "
        r"train/b/drums\.wav has 11025 Hz, mixture\.wav has 8000; "
        r"train/c/other\.wav has 1 channel\(s\), mixture\.wav has 2"
    )
    with pytest.raises(InputError, match=wanted):
        datasets.load("musdb18-hq", tmp_path)
