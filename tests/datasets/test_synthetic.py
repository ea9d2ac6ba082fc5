"""The synthetic dataset: seeded, additive, and different where it should be."""

import hashlib

import numpy as np
import pytest

from unweave import datasets
from unweave.datasets import synthetic


def test_splits_and_shapes():
    tracks = datasets.load("synthetic")
    assert [track.split for track in tracks] == ["train"] * 4 + ["test"] * 2
    assert len({track.samples for track in tracks}) > 1
    for track in tracks[-2:]:
        assert (track.sample_rate_hz, track.channels, track.files) == (44100, 2, ())
        assert track.mix().shape == (2, track.samples)


def test_stems_add_up_to_the_mix_exactly_and_none_is_silent():
    for track in datasets.load("synthetic", split="train"):
        stems = [track.stem(name) for name in track.stems]
        assert np.array_equal(track.mix(), sum(stems))
        assert np.array_equal(sum(stems[1:]), track.stem("accompaniment"))
        assert np.abs(track.mix()).max() <= 1.0
        energies = [float(np.sum(stem**2)) for stem in stems]
        assert max(energies) < 100 * min(energies)
        assert {stem.dtype for stem in stems} == {np.dtype(np.float32)}
        in_the_middle = [np.array_equal(*stem) for stem in stems]
        assert in_the_middle == [True, False, False, False]


def test_all_tracks_and_stems_differ():
    waves = [
        track.stem(name)[0, :100_000].tobytes()
        for track in datasets.load("synthetic")
        for name in track.stems
    ]
    assert len({hashlib.sha256(wave).digest() for wave in waves}) == len(waves) == 24


def test_the_same_seed_gives_the_same_samples_and_another_gives_others():
    first, again, other = (synthetic.make(2, duration_s=0.5, seed=seed) for seed in (3, 3, 4))
    for one, two, three in zip(first, again, other, strict=True):
        assert one.checksum() == two.checksum() != three.checksum()
        assert np.array_equal(one.mix(), two.mix())


def test_a_stretch_is_that_stretch_of_the_whole():
    track = synthetic.make(1, duration_s=0.3)[0]
    for name in track.stem_names:
        assert np.array_equal(track.stem(name, 1000, 77), track.stem(name)[:, 1000:1077])


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_any_width_and_rate(channels, rate_hz):
    track = synthetic.make(1, duration_s=0.2, channels=channels, sample_rate_hz=rate_hz)[0]
    assert track.mix().shape == (channels, rate_hz // 5)


@pytest.mark.parametrize("samples", [1, 2, 100])
def test_very_short_ones(samples):
    track = synthetic.make(1, duration_s=samples / 8000, sample_rate_hz=8000)[0]
    assert track.mix().shape == (2, samples)
    assert np.isfinite(track.mix()).all()
