"""MIR-1K: the split of Huang et al., splits by singer, mixing at 0 dB."""

import os

import numpy as np
import pytest
import soundfile

from unweave import datasets
from unweave.datasets.mir_1k import DEV
from unweave.errors import InputError, UsageError

CLIPS = ["abjones_1_01", "abjones_5_08", "amy_9_09", "amy_9_07", "Ani_1_01", "leon_3_02"]


@pytest.fixture
def original(write, tmp_path):
    """The layout as published."""
    for seed, clip in enumerate(CLIPS):
        write(tmp_path / "mir" / "Wavfile" / f"{clip}.wav", seed)
    (tmp_path / "mir" / "Wavfile" / "notes_1_01.wav").write_text("no singer of this name")
    return tmp_path / "mir"


@pytest.fixture
def folders(write, tmp_path):
    """The layout with a folder for each split."""
    for split, clip in [("train", "amy_1_01"), ("dev", "amy_9_08"), ("test-public", "bug_5_03")]:
        write(tmp_path / split / f"{clip}.flac")
    return tmp_path


def names(root, split=None):
    return [track.name for track in datasets.load("mir-1k", root, split)]


def test_names_decide_the_split_in_the_original_layout(original):
    assert names(original, "train") == ["abjones_1_01", "amy_9_07"]
    assert names(original, "dev") == ["abjones_5_08", "amy_9_09"]
    assert names(original, "test") == ["Ani_1_01", "leon_3_02"]
    assert sorted(names(original)) == sorted(CLIPS)
    assert names(original / "Wavfile", "dev") == names(original, "dev")
    labels = {track.name: track.split for track in datasets.load("mir-1k", original)}
    assert labels["amy_9_09"] == "dev"
    assert labels["leon_3_02"] == "test"


def test_folders_are_splits_in_the_other_layout(folders, write):
    assert names(folders) == ["amy_1_01", "amy_9_08", "bug_5_03"]
    assert names(folders, "test-public") == ["bug_5_03"]
    with pytest.raises(InputError, match="holds no clip of the split test"):
        names(folders, "test")
    write(folders / "test" / "bug_5_03.flac")
    write(folders / "test" / "bug_5_04.flac")
    assert names(folders) == ["amy_1_01", "amy_9_08", "bug_5_03", "bug_5_04"]  # each clip once


def test_a_split_can_be_narrowed_to_a_singer(original):
    assert names(original, "train:amy") == ["amy_9_07"]
    assert names(original, "train:not-amy") == ["abjones_1_01"]
    assert names(original, "test:leon") == ["leon_3_02"]
    assert datasets.load("mir-1k", original, "train:amy")[0].split == "train:amy"
    with pytest.raises(UsageError, match="mir-1k has no singer 'bob'; it has abjones, amy, Ani"):
        names(original, "train:bob")
    with pytest.raises(UsageError, match="has no split 'singer'"):
        names(original, "singer:amy")
    with pytest.raises(InputError, match="holds no clip of the split train:leon"):
        names(original, "train:leon")


def test_voice_as_recorded_and_music_at_the_same_norm(write, tmp_path):
    path = tmp_path / "Wavfile" / "amy_1_01.wav"
    music, voice = write(path, gain=1.0)[0], write(path, seed=5, gain=0.3)[1]
    soundfile.write(path, np.stack([music, voice], axis=1), 16000, subtype="PCM_16")
    track = datasets.load("mir-1k", tmp_path)[0]
    assert (track.channels, track.sample_rate_hz, track.protocol) == (1, 16000, "mir-1k")
    assert track.stems == track.stem_names == ("vocals", "accompaniment")
    assert np.array_equal(track.stem("vocals"), voice[None])
    ours = {name: track.stem(name).astype(np.float64)[0] for name in track.stems}
    assert np.linalg.norm(ours["accompaniment"]) == pytest.approx(np.linalg.norm(voice), rel=1e-6)
    # Huang et al.: each channel over its own norm. Ours is that, times the norm of the voice.
    theirs = voice / np.linalg.norm(voice) + music / np.linalg.norm(music)
    np.testing.assert_allclose(track.mix()[0], np.linalg.norm(voice) * theirs, atol=1e-6)
    assert np.array_equal(track.mix(), track.stem("vocals") + track.stem("accompaniment"))
    assert np.array_equal(track.mix(700, 50), track.mix()[:, 700:750])


@pytest.mark.parametrize("silent", [0, 1])
def test_a_silent_channel_leaves_the_other_as_it_is(write, tmp_path, silent):
    path = tmp_path / "Wavfile" / "amy_1_01.wav"
    wave = write(path)
    wave[silent] = 0
    soundfile.write(path, wave.T, 16000, subtype="PCM_16")
    track = datasets.load("mir-1k", tmp_path)[0]
    assert np.array_equal(track.stem("accompaniment")[0], wave[0])
    assert np.array_equal(track.mix()[0], wave[0] + wave[1])


def test_a_clip_of_one_channel_is_named(original, write):
    write(original / "Wavfile" / "amy_1_02.wav", channels=1)
    with pytest.raises(InputError, match=r"Wavfile/amy_1_02\.wav has 1 channel\(s\), not music"):
        names(original)


def test_a_complete_copy(write, tmp_path):
    """As many clips as the splits of the literature have, in the layout with folders."""
    write(tmp_path / "one.flac", rate_hz=16000)
    wanted = {
        "train": [f"amy_1_{n:02}" for n in range(130)] + [f"abjones_1_{n:02}" for n in range(41)],
        "dev": sorted(DEV),
        "test-public": [f"bug_1_{n:02}" for n in range(100)],
    }
    root = tmp_path / "mir-1k"
    for folder, clips in wanted.items():
        (root / folder).mkdir(parents=True)
        for clip in clips:
            os.link(tmp_path / "one.flac", root / folder / f"{clip}.flac")
    assert datasets.guess(root) == "mir-1k"
    tracks = datasets.load("mir-1k", root)
    assert len({track.name for track in tracks}) == 275
    assert {track.sample_rate_hz for track in tracks} == {16000}
    assert datasets.shortfalls("mir-1k", tracks) == []
    assert len(datasets.load("mir-1k", root, "train:amy")) == 130
    assert len(datasets.load("mir-1k", root, "train:not-amy")) == 41
