"""Names, facts, guesses, and what every dataset has in common."""

import subprocess
import sys

import pytest

from unweave import datasets
from unweave.errors import InputError, UsageError

NAMES = ["dsd100", "folder", "ikala", "medleydb", "mir-1k", "musdb18", "musdb18-hq", "synthetic"]


@pytest.fixture(scope="module")
def roots(stem_mp4, write, songs, tmp_path_factory):
    """A small copy of each dataset that lies in a folder."""
    folder = tmp_path_factory.mktemp("roots")
    found = {name: folder / name for name in NAMES if name != "synthetic"}
    stem_mp4(found["musdb18"] / "train" / "A - B.stem.mp4")
    songs(found["musdb18-hq"] / "test" / "A - B")
    songs(found["folder"] / "a song", ("vocals", "guitar"))
    for stem in ("vocals", "drums", "bass", "other"):
        write(found["dsd100"] / "Sources" / "Dev" / "1 - A" / f"{stem}.wav")
    write(found["dsd100"] / "Mixtures" / "Dev" / "1 - A" / "mixture.wav")
    write(found["ikala"] / "Wavfile" / "10161_chorus.wav")
    write(found["mir-1k"] / "Wavfile" / "abjones_1_01.wav")
    medley = found["medleydb"] / "Audio" / "A_B"
    write(medley / "A_B_MIX.wav")
    write(medley / "A_B_STEMS" / "A_B_STEM_01.wav")
    (medley / "A_B_METADATA.yaml").write_text(
        "stems:\n  S01:\n    filename: A_B_STEM_01.wav\n    instrument: male singer\n"
    )
    return found


def test_names():
    assert set(NAMES) <= set(datasets.names())


@pytest.mark.parametrize("name", datasets.names())
def test_every_dataset_states_its_facts(name):
    found = datasets.describe(name)
    assert found.title
    about = found.about
    assert about.layout
    assert about.licence
    assert about.obtain
    assert about.protocol in ("bss-eval-v4", "mir-1k")
    assert {"vocals", "accompaniment"} & set(about.stems) or name == "folder"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "synthetic"])
def test_a_dataset_is_told_by_its_folder_and_loads(roots, name):
    assert datasets.guess(roots[name]) == name
    tracks = datasets.load(name, roots[name])
    assert len(tracks) == 1
    track = tracks[0]
    assert track.protocol == datasets.describe(name).about.protocol
    assert track.mix().shape == (track.channels, track.samples)
    for stem in track.stem_names:
        assert track.stem(stem).shape == (track.channels, track.samples)
    assert all(file.is_file() for file in track.files)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "synthetic"])
def test_another_folder_says_what_was_expected(roots, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: does not hold .+; check the folder"):
        datasets.load(name, tmp_path / "empty")
    with pytest.raises(InputError, match="gone: no such folder"):
        datasets.load(name, tmp_path / "gone")
    with pytest.raises(UsageError, match="needs its folder"):
        datasets.load(name)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_split_is_a_usage_error(roots, name):
    with pytest.raises(UsageError, match="has no split 'tset'"):
        datasets.load(name, roots.get(name), "tset")


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(UsageError, match="unknown dataset 'musdb'; perhaps you mean musdb18"):
        datasets.load("musdb")
    with pytest.raises(UsageError, match="unknown dataset 'track'"):
        datasets.describe("track")


def test_a_folder_that_may_be_several_is_not_guessed(write, songs, tmp_path):
    write(tmp_path / "Wavfile" / "amy_1_01.wav")
    songs(tmp_path / "train" / "song")
    with pytest.raises(UsageError, match="may be mir-1k or musdb18-hq; choose one with --dataset"):
        datasets.guess(tmp_path)


def test_a_folder_of_songs_is_not_taken_for_stems(write, tmp_path):
    write(tmp_path / "one song.wav")
    write(tmp_path / "another song.wav")
    with pytest.raises(InputError, match="the layout of no known dataset"):
        datasets.guess(tmp_path)


def test_shortfalls_count_tracks_by_split(roots):
    tracks = datasets.load("dsd100", roots["dsd100"])
    assert datasets.shortfalls("dsd100", tracks) == ["train has 1 tracks, a complete copy has 50"]
    assert datasets.shortfalls("folder", datasets.load("folder", roots["folder"])) == []
    assert datasets.shortfalls("synthetic", datasets.load("synthetic")) == []


def test_names_and_listing_import_no_torch():
    code = (
        "import sys; from unweave import datasets; datasets.names(); datasets.load('synthetic');"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("name", "split", "whose"),
    [
        ("musdb18", "train", "musdb18:train"),
        ("musdb18", "validation", "musdb18:train"),
        ("musdb18-hq", "train-without-validation", "musdb18:train"),
        ("dsd100", "test", "musdb18:test"),
        ("mir-1k", "train:not-amy", "mir-1k:train"),
        ("mir-1k", "test-public", "mir-1k:test"),
        ("mine", "all", "mine:all"),
    ],
)
def test_editions_of_a_dataset_have_the_same_songs(name, split, whose):
    assert datasets.songs(name, split) == whose
