"""Any folder of stems."""

import numpy as np
import pytest

from unweave import datasets
from unweave.errors import InputError, UsageError


def load(root, split=None):
    return datasets.load("folder", root, split)


def test_without_a_mix_it_is_the_sum(write, tmp_path):
    guitar = write(tmp_path / "song" / "Guitar.flac", 1)
    voice = write(tmp_path / "song" / "vocals.wav", 2)
    (tmp_path / "song" / "cover.png").write_bytes(b"no sound")
    track = load(tmp_path)[0]
    assert track.stems == ("guitar", "vocals")
    assert np.array_equal(track.mix(), guitar + voice)
    assert np.array_equal(track.stem("accompaniment"), guitar)


@pytest.mark.parametrize("name", ["mix", "mixture", "MIXTURE"])
def test_a_mix_is_used_as_it_is(write, tmp_path, name):
    for number, stem in enumerate(("a", "b")):
        write(tmp_path / "song" / f"{stem}.wav", number)
    mix = write(tmp_path / "song" / f"{name}.wav", 7)
    track = load(tmp_path)[0]
    assert track.stems == ("a", "b")
    assert track.stem_names == ("a", "b")  # no vocals, so no accompaniment
    assert np.array_equal(track.mix(), mix)


def test_splits_are_folders_of_folders(songs, tmp_path):
    for place in ("train/one", "train/two", "valid/three"):
        songs(tmp_path / place)
    assert [(t.split, t.name) for t in load(tmp_path)] == [
        ("train", "one"), ("train", "two"), ("valid", "three"),
    ]  # fmt: skip
    assert [t.name for t in load(tmp_path, "valid")] == ["three"]
    with pytest.raises(UsageError, match="has no split 'test'; it has train, valid"):
        load(tmp_path, "test")


def test_a_folder_of_stems_is_one_track(songs, tmp_path):
    songs(tmp_path / "song")
    (track,) = load(tmp_path / "song")
    assert (track.name, track.split) == ("song", "all")
    with pytest.raises(UsageError, match="has no split 'train'; it has none; leave --split out"):
        load(tmp_path / "song", "train")


def test_an_accompaniment_beside_other_stems_is_not_added_to_the_mix(write, tmp_path):
    waves = {
        name: write(tmp_path / "song" / f"{name}.wav", number)
        for number, name in enumerate(("vocals", "drums", "bass", "accompaniment"))
    }
    track = load(tmp_path)[0]
    assert set(track.stems) == {"vocals", "drums", "bass"}
    assert np.array_equal(track.mix(), waves["bass"] + waves["drums"] + waves["vocals"])
    assert np.array_equal(track.stem("accompaniment"), waves["accompaniment"])  # its own file
    assert track.stem_names.count("accompaniment") == 1


def test_vocals_and_accompaniment_make_the_mix(write, tmp_path):
    waves = [write(tmp_path / "s" / f"{name}.wav") for name in ("vocals", "accompaniment")]
    track = load(tmp_path)[0]
    assert set(track.stems) == {"vocals", "accompaniment"}
    assert np.array_equal(track.mix(), sum(waves))


def test_formats_may_differ_where_lengths_agree(ffmpeg_file, write, make_wave, tmp_path):
    write(tmp_path / "song" / "a.wav", frames=48_000, rate_hz=48_000)
    ffmpeg_file(
        tmp_path / "song" / "b.opus", "ogg", "libopus", 48_000, make_wave(2, 48_000, 48_000)
    )
    track = load(tmp_path)[0]
    assert track.samples == 48_000
    assert track.mix().shape == (2, 48_000)
    assert np.array_equal(track.mix(30_000, 999), track.mix()[:, 30_000:30_999])


def test_files_that_do_not_fit_together_are_named(songs, write, tmp_path):
    songs(tmp_path / "song")
    write(tmp_path / "song" / "vocals.wav", frames=1500)
    with pytest.raises(
        InputError, match=r"song/vocals\.wav has 1500 samples, mixture\.wav has 1601"
    ):
        load(tmp_path)


def test_one_stem_in_two_files_is_refused(write, tmp_path):
    write(tmp_path / "song" / "vocals.wav")
    write(tmp_path / "song" / "Vocals.flac")
    with pytest.raises(InputError, match=r"is the same stem as Vocals\.flac; keep one of them"):
        load(tmp_path)


def test_two_mixes_are_refused(write, tmp_path):
    for name in ("mix", "mixture", "vocals"):
        write(tmp_path / "song" / f"{name}.wav")
    with pytest.raises(InputError, match=r"mixture\.wav: is the same stem as mix\.wav"):
        load(tmp_path)


def test_a_mix_alone_has_no_stems(write, tmp_path):
    write(tmp_path / "song" / "mix.wav")
    with pytest.raises(InputError, match=r"song/mix\.wav is a mix without stems"):
        load(tmp_path)
