"""What every track does, shown on tracks of files."""

import pickle

import numpy as np
import pytest

from unweave import datasets
from unweave.datasets import _audio
from unweave.datasets.track import IncompleteError
from unweave.errors import InputError, UsageError


@pytest.fixture
def song(songs, tmp_path):
    """A track and the waves it was made of."""
    waves = songs(tmp_path / "song")
    return datasets.load("folder", tmp_path)[0], waves


def test_mix_and_stems_are_what_was_written(song):
    track, waves = song
    assert (track.sample_rate_hz, track.channels, track.samples) == (8000, 2, 1601)
    assert track.duration_s == 1601 / 8000
    assert np.array_equal(track.mix(), waves["mixture"])
    for name in ("vocals", "drums", "bass", "other"):
        stem = track.stem(name)
        assert stem.dtype == np.float32
        assert np.array_equal(stem, waves[name])


def test_the_accompaniment_is_the_sum_of_all_but_the_vocals(song):
    track, waves = song
    assert "accompaniment" not in track.stems
    assert track.stem_names == (*track.stems, "accompaniment")
    wanted = waves["drums"] + waves["bass"] + waves["other"]
    assert np.array_equal(track.stem("accompaniment"), wanted)


@pytest.mark.parametrize("name", ["mix", "vocals", "accompaniment"])
def test_a_stretch_is_that_stretch_of_the_whole(song, name):
    track, _ = song
    read = track.mix if name == "mix" else lambda *given: track.stem(name, *given)
    for start, length in [(0, 1601), (0, 1), (700, 123), (1600, 1), (5, None), (1601, None)]:
        end = None if length is None else start + length
        assert np.array_equal(read(start, length), read()[:, start:end])


@pytest.mark.parametrize(
    ("start", "length"), [(-1, 5), (0, 1602), (1601, 1), (0, -1), (1602, None)]
)
def test_samples_outside_the_track_are_refused(song, start, length):
    with pytest.raises(ValueError, match="are not within 0 to 1601"):
        song[0].mix(start, length)


def test_an_unknown_stem_is_named_with_the_known_ones(song):
    with pytest.raises(UsageError, match=r"song: has no stem 'voice'; it has bass, drums, other"):
        song[0].stem("voice")


def test_each_read_is_the_callers_own(song):
    track, _ = song
    for read in (track.mix, lambda: track.stem("vocals"), lambda: track.stem("accompaniment")):
        first = read()
        first[:] = 0
        assert np.any(read())


def test_a_bit_of_any_file_changes_the_checksum(song):
    track, _ = song
    digest = track.checksum()
    assert track.checksum() == digest
    data = bytearray(track.files[-1].read_bytes())
    data[-1] ^= 1
    track.files[-1].write_bytes(data)
    assert track.checksum() != digest


def test_a_file_that_goes_away_is_named(song):
    track, _ = song
    track.files[0].unlink()
    for call in (track.mix, track.checksum):
        with pytest.raises(InputError, match=r"mixture\.wav: cannot be read"):
            call()


def test_a_track_can_be_sent_to_another_process_and_be_a_key(song):
    track, waves = song
    sent = pickle.loads(pickle.dumps(track))
    assert sent == track
    assert {track: 1}[sent] == 1
    assert np.array_equal(sent.stem("bass"), waves["bass"])


@pytest.mark.parametrize("name", ["musdb18", "mir-1k", "folder"])
def test_listing_decodes_nothing(name, stem_mp4, write, songs, tmp_path, monkeypatch):
    stem_mp4(tmp_path / "musdb18" / "test" / "A - B.stem.mp4")
    write(tmp_path / "mir-1k" / "Wavfile" / "amy_1_01.wav")
    songs(tmp_path / "folder" / "song")

    def refuse(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(_audio, "read", refuse)
    monkeypatch.setattr(_audio.Reader, "blocks", refuse)
    track = datasets.load(name, tmp_path / name)[0]
    assert track.samples > 1000
    with pytest.raises(AssertionError, match="decoded"):
        track.mix()


def test_one_error_names_the_first_errors_and_counts_them(songs, tmp_path):
    for number in range(7):
        songs(tmp_path / "train" / f"song {number}")
        (tmp_path / "train" / f"song {number}" / "bass.wav").unlink()
    songs(tmp_path / "test" / "whole")
    with pytest.raises(IncompleteError) as caught:
        datasets.load("musdb18-hq", tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert "7 errors: train/song 0/bass.wav is missing; train/song 1" in text
    assert text.endswith("; and 2 more; get a complete copy")
    assert len(caught.value.errors) == 7
    assert len(datasets.load("musdb18-hq", tmp_path, "test")) == 1
