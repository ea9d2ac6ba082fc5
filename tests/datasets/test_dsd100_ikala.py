"""DSD100 in two trees, iKala in two channels."""

import numpy as np
import pytest

from unweave import datasets
from unweave.errors import InputError

STEMS = ("vocals", "drums", "bass", "other")


@pytest.fixture
def dsd100(write, tmp_path):
    """A root and its waves by file."""
    waves = {}
    for folder, song in (("Dev", "051 - A - B"), ("Dev", "052 - C - D"), ("Test", "001 - E - F")):
        for number, stem in enumerate(STEMS):
            path = f"Sources/{folder}/{song}/{stem}.wav"
            waves[path] = write(tmp_path / path, number, gain=0.25)
        path = f"Mixtures/{folder}/{song}/mixture.wav"
        waves[path] = write(tmp_path / path, 9)
    return tmp_path, waves


def test_dsd100_dev_is_train(dsd100):
    root, waves = dsd100
    names = {s: [t.name for t in datasets.load("dsd100", root, s)] for s in (None, "train", "test")}
    train, test = ["051 - A - B", "052 - C - D"], ["001 - E - F"]
    assert names == {None: train + test, "train": train, "test": test}
    track = datasets.load("dsd100", root, "test")[0]
    assert np.array_equal(track.mix(), waves["Mixtures/Test/001 - E - F/mixture.wav"])
    for stem in STEMS:
        assert np.array_equal(track.stem(stem), waves[f"Sources/Test/001 - E - F/{stem}.wav"])


def test_dsd100_sources_without_a_mixture_are_named(dsd100):
    root, _ = dsd100
    (root / "Mixtures/Dev/052 - C - D/mixture.wav").unlink()
    (root / "Mixtures/Dev/052 - C - D").rmdir()
    (root / "Sources/Test/001 - E - F/bass.wav").unlink()
    wanted = (
        r"2 errors: Mixtures/Dev/052 - C - D/mixture\.wav is missing; "
        r"Sources/Test/001 - E - F/bass\.wav is missing"
    )
    with pytest.raises(InputError, match=wanted):
        datasets.load("dsd100", root)


def test_ikala_left_is_music_right_is_voice(write, tmp_path):
    wave = write(tmp_path / "Wavfile" / "10161_chorus.wav")
    write(tmp_path / "Wavfile" / "10161_verse.wav", 1)
    write(tmp_path / "Wavfile" / "something else.wav")
    tracks = datasets.load("ikala", tmp_path)
    assert [(t.name, t.split) for t in tracks] == [("10161_chorus", "all"), ("10161_verse", "all")]
    track = tracks[0]
    assert (track.channels, track.protocol) == (1, "mir-1k")
    assert np.array_equal(track.stem("accompaniment"), wave[:1])
    assert np.array_equal(track.stem("vocals"), wave[1:])
    assert np.array_equal(track.mix(), wave[:1] + wave[1:])
    assert np.array_equal(track.mix(100, 50), track.mix()[:, 100:150])


def test_ikala_mono_clips_are_named(write, tmp_path):
    write(tmp_path / "Wavfile" / "10161_chorus.wav", channels=1)
    with pytest.raises(InputError, match=r"10161_chorus\.wav has 1 channel\(s\), not music"):
        datasets.load("ikala", tmp_path)
