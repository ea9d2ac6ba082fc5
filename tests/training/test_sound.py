"""Data that cannot be trained on is one line before the first step; pieces are what was drawn."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave.core.errors import UnweaveError
from unweave.training import sound
from unweave.training.draws import Effects, Piece
from unweave.training.recipe import Data

RATE_HZ = 8000


def data(root: Path, **changes) -> Data:
    usual = {"root": str(root), "sample_rate_hz": RATE_HZ, "channels": 1, "held_out": ("c",)}
    return Data(**{**usual, **changes})


@pytest.fixture
def copy(stems_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stems_folder, tmp_path / "copy"))


def test_held_out_tracks_are_not_trained_on(stems_folder: Path) -> None:
    split = sound.split(data(stems_folder))
    assert [track.name for track in split.train] == ["a", "b"]
    assert [track.name for track in split.validation] == ["c"]


def test_a_missing_stem(copy: Path) -> None:
    (copy / "b" / "vocals.wav").unlink()
    with pytest.raises(UnweaveError, match=r"b: .*vocals"):
        sound.split(data(copy))


def test_mixed_rates(copy: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        soundfile.write(copy / "b" / f"{stem}.wav", np.zeros(16000, np.float32), 16000)
    with pytest.raises(UnweaveError, match=r"b: has 16000 Hz, the recipe says 8000"):
        sound.split(data(copy))


def test_too_many_channels(stems_folder: Path, copy: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        soundfile.write(copy / "a" / f"{stem}.wav", np.zeros((8000, 2), np.float32), RATE_HZ)
    with pytest.raises(UnweaveError, match="a: has 2 channels, the recipe says 1"):
        sound.split(data(copy))
    assert sound.split(data(stems_folder, channels=2)).train


def test_folders_without_tracks(tmp_path: Path, stems_folder: Path) -> None:
    with pytest.raises(UnweaveError, match="no such folder"):
        sound.split(data(tmp_path / "none"))
    with pytest.raises(UnweaveError, match="is empty"):
        sound.split(data(tmp_path))
    with pytest.raises(UnweaveError, match="no track to train on"):
        sound.split(data(stems_folder, held_out=("a", "b", "c")))
    with pytest.raises(UnweaveError, match="nothing chooses the weights"):
        sound.split(data(stems_folder, held_out=()))


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_piece_is_where_it_was_drawn(stems_folder: Path, memory_mb: int) -> None:
    tracks = sound.split(data(stems_folder)).train
    store = sound.Sound(tracks, data(stems_folder, memory_mb=memory_mb))
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
    store = sound.Sound(sound.split(both).train, both)
    found = store.piece(
        Piece(track=0, start=0.5, circular=False, effects=Effects()), "vocals", 20000
    )
    assert found.shape == (2, 20000)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[:, 15000:16000].any()
    assert not found[:, 16000:].any()


def test_groups_are_heard_as_often_as_one_another(stems_folder: Path) -> None:
    one, two, *_ = found = sound.split(data(stems_folder, held_out=("c",))).train
    assert sound.chances(found) == [one.duration_s, two.duration_s]
    three = [one, two, two]
    chances = sound.chances(three, even=("a", "b"))
    assert chances[0] == pytest.approx(chances[1] + chances[2])
    assert sum(chances) == pytest.approx(one.duration_s + 2 * two.duration_s)
    with pytest.raises(UnweaveError, match=r"data.even: no name .* begins with 'z'"):
        sound.chances(found, even=("a", "z"))
