"""Data that cannot be trained on is one line before the first step; pieces are what was drawn."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave import datasets
from unweave.errors import InputError, UnweaveError, UsageError
from unweave.training import audio, examples
from unweave.training.draws import Effects, Piece
from unweave.training.recipe import Data, read

RATE_HZ = 8000


def data(root: Path, **changes) -> Data:
    usual = {
        "root": str(root),
        "sample_rate_hz": RATE_HZ,
        "channels": 1,
        "validation_tracks": ("c",),
    }
    return Data(**{**usual, **changes})


@pytest.fixture
def copy(stems_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stems_folder, tmp_path / "copy"))


def test_validation_tracks_are_not_trained_on(stems_folder: Path) -> None:
    split = audio.split(data(stems_folder))
    assert [track.name for track in split.train] == ["a", "b"]
    assert [track.name for track in split.validation] == ["c"]


def test_a_missing_stem(copy: Path) -> None:
    (copy / "b" / "vocals.wav").unlink()
    with pytest.raises(UnweaveError, match=r"b: .*vocals"):
        audio.split(data(copy))


def test_mixed_rates(copy: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        soundfile.write(copy / "b" / f"{stem}.wav", np.zeros(16000, np.float32), 16000)
    with pytest.raises(UnweaveError, match=r"b: has 16000 Hz, the recipe says 8000"):
        audio.split(data(copy))


def test_too_many_channels(stems_folder: Path, copy: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        soundfile.write(copy / "a" / f"{stem}.wav", np.zeros((8000, 2), np.float32), RATE_HZ)
    with pytest.raises(UnweaveError, match="a: has 2 channels, the recipe says 1"):
        audio.split(data(copy))
    assert audio.split(data(stems_folder, channels=2)).train


def test_folders_without_tracks(tmp_path: Path, stems_folder: Path) -> None:
    with pytest.raises(UnweaveError, match="no such folder"):
        audio.split(data(tmp_path / "none"))
    with pytest.raises(UnweaveError, match="is empty"):
        audio.split(data(tmp_path))
    with pytest.raises(UnweaveError, match="all tracks are validation tracks"):
        audio.split(data(stems_folder, validation_tracks=("a", "b", "c")))
    with pytest.raises(UnweaveError, match="no validation tracks"):
        audio.split(data(stems_folder, validation_tracks=()))


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_piece_is_where_it_was_drawn(stems_folder: Path, memory_mb: int) -> None:
    tracks = audio.split(data(stems_folder)).train
    store = audio.AudioStore(tracks, data(stems_folder, memory_mb=memory_mb))
    whole = tracks[1].stem("vocals")
    plain = Piece(track=1, start=0.25, circular=False, effects=Effects())
    found = store.piece(plain, "vocals", 1000)
    start = int(0.25 * (16000 - 1000 + 1))
    np.testing.assert_array_equal(found, whole[:, start : start + 1000])
    late = store.piece(
        Piece(track=1, start=0.9999, circular=True, effects=Effects()), "vocals", 20000
    )
    start = int(0.9999 * 16000)
    np.testing.assert_array_equal(late, np.resize(np.roll(whole, -start, 1), (1, 20000)))


def test_a_short_track_ends_in_silence_and_mono_fills_both_channels(stems_folder: Path) -> None:
    both = data(stems_folder, channels=2)
    store = audio.AudioStore(audio.split(both).train, both)
    found = store.piece(
        Piece(track=0, start=0.5, circular=False, effects=Effects()), "vocals", 20000
    )
    assert found.shape == (2, 20000)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[:, 15000:16000].any()
    assert not found[:, 16000:].any()


def test_groups_are_heard_as_often_as_one_another(stems_folder: Path) -> None:
    one, two, *_ = found = audio.split(data(stems_folder, validation_tracks=("c",))).train
    assert audio.chances(found) == [one.duration_s, two.duration_s]
    three = [one, two, two]
    chances = audio.chances(three, balanced_groups=("a", "b"))
    assert chances[0] == pytest.approx(chances[1] + chances[2])
    assert sum(chances) == pytest.approx(one.duration_s + 2 * two.duration_s)
    with pytest.raises(
        UnweaveError, match=r"data.balanced_groups: no training track's name begins with 'z'"
    ):
        audio.chances(found, balanced_groups=("a", "z"))


def test_a_track_is_not_trained_on_and_validated(copy: Path) -> None:
    for split in ("one", "two"):
        (copy / split).mkdir()
    for track, split in (("a", "one"), ("b", "one"), ("c", "two")):
        (copy / track).rename(copy / split / track)
    apart = audio.split(data(copy, split="one", validation_split="two", validation_tracks=()))
    assert [track.name for track in apart.validation] == ["c"]
    for split, name in (("two", "c"), ("", "c")):
        with pytest.raises(
            UsageError, match=f"{name}: is a validation track and a training track;"
        ) as caught:
            audio.split(data(copy, split=split, validation_split="two", validation_tracks=()))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["copy", "symbolic link", "hard link"])
def test_another_name_makes_no_other_track(copy: Path, how: str) -> None:
    if how == "symbolic link":
        (copy / "d").symlink_to(copy / "c", target_is_directory=True)
    else:
        link = os.link if how == "hard link" else shutil.copy2
        shutil.copytree(copy / "c", copy / "d", copy_function=link)
    with pytest.raises(UsageError, match="d: is a validation track and a training track as c"):
        audio.split(data(copy, validation_tracks=("d",)))


def test_a_synthetic_track_is_not_trained_on_and_validated() -> None:
    """Tracks without files are told by what they are."""
    how = {"dataset": "synthetic", "root": "", "validation_tracks": (), "channels": 2}
    tracks = datasets.load("synthetic")
    stems, rate_hz = tracks[0].stem_names[:2], tracks[0].sample_rate_hz
    with pytest.raises(UsageError, match="is a validation track and a training track"):
        audio.split(Data(**how, stems=stems, sample_rate_hz=rate_hz,
                         validation_split=tracks[0].split))  # fmt: skip


def test_a_typo_in_validation_tracks_names_the_tracks(stems_folder: Path) -> None:
    with pytest.raises(
        UsageError, match="no track's name begins with 'Zzz'; the tracks are a, b, c"
    ):
        audio.split(data(stems_folder, validation_tracks=("Zzz", "c")))


@pytest.mark.parametrize("where", ["a", "."])
def test_what_unweave_separated_is_not_trained_on(copy: Path, where: str) -> None:
    other = copy / where / "report.json"
    other.write_text('{"my": "own"}')
    assert audio.split(data(copy)).train
    other.write_text('{"schema_version": 1, "stems": {}}')
    with pytest.raises(InputError, match="stems that unweave has separated"):
        audio.split(data(copy))


def test_memory_is_that_of_the_whole_training(stems_folder: Path) -> None:
    """Eight stores of two tracks of two seconds, two stems, four bytes a sample: 2.05 MB."""
    tracks = audio.split(data(stems_folder)).train
    for memory_mb, stores, keep in ((1, 1, True), (1, 3, True), (1, 8, False), (3, 8, True)):
        assert (
            audio.AudioStore(tracks, data(stems_folder, memory_mb=memory_mb), stores).keep is keep
        )


@pytest.mark.parametrize(("workers", "processes", "stores"), [(0, 1, 1), (3, 1, 3), (2, 4, 8)])
def test_each_worker_of_each_process_has_its_part(
    recipe_file: Path, stems_folder: Path, monkeypatch: pytest.MonkeyPatch, workers: int,
    processes: int, stores: int,
) -> None:  # fmt: skip
    found = read(recipe_file, [f"data.workers={workers}"])
    tracks, asked = audio.split(found.data).train, []
    monkeypatch.setattr(examples, "DataLoader", lambda *_, **__: None)
    monkeypatch.setattr(examples, "AudioStore", lambda *given: asked.append(given[2]))
    examples.loader(found, tracks, examples.Batches(found, processes=processes))
    assert asked == [stores]
