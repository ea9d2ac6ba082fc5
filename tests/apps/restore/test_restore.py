"""Files in, files out: what changes, what stays, and what the report says."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import unweave
from tests.apps.remix.sounds import MidSide
from tests.apps.restore.sounds import RATE_HZ, decibels, notes, read, white, write
from unweave.errors import InputError, UsageError
from unweave.types import Spec

LENGTH_S = 2
HALF = Spec(name="half", stems=("dry", "reverb"), complement="reverb", additive=True)
NOISY = notes(LENGTH_S, 2) + white(LENGTH_S, 0.01, 2)


@pytest.fixture
def song(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write("song.wav", NOISY)


def result() -> np.ndarray:
    return read("restored/song/restored.wav")


def test_what_is_restored_and_what_is_removed_are_the_recording(song) -> None:
    report = unweave.restore(song, tools="denoise", noise=(0, 0.9), removed=True)
    found, gone = result(), read("restored/song/removed.wav")
    np.testing.assert_allclose(found + gone, NOISY, atol=1e-7)
    assert decibels(found[:, :12000], NOISY[:, :12000]) < -9
    assert report["after"]["noise_floor_dbfs"] < report["before"]["noise_floor_dbfs"] - 6
    assert report["removed_db"] == pytest.approx(decibels(gone, NOISY), abs=0.01)
    assert [step["tool"] for step in report["tools"]] == ["denoise"]
    assert unweave.restore(song, tools="denoise", noise=(0, 0.9), removed=True) == report


def test_strength_zero_gives_the_recording_bit_for_bit(song) -> None:
    report = unweave.restore(song, strength=0, noise=(0, 0.9))
    np.testing.assert_array_equal(result(), read(song))
    assert (report["removed_db"], report["changed_samples"]) == (-300.0, 0)
    report = unweave.restore(
        song, "stems", strength=0, by_stem=True, model=MidSide(), voice="vocals"
    )
    np.testing.assert_array_equal(read("stems/song/restored.wav"), read(song))


def test_clean_music_keeps_its_bits(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    clean = write("song.wav", notes(LENGTH_S))
    for preset in ("vinyl", "podcast"):
        unweave.restore(clean, preset=preset, overwrite=True)
        assert decibels(result() - read(clean), read(clean)) < -50


def test_only_a_marked_place_changes(song) -> None:
    unweave.restore(song, tools="denoise", noise="0-0.9", region=(1.2, 1.7), band="500-4000")
    changed = np.flatnonzero((result() != NOISY).any(axis=0)) / RATE_HZ
    assert 1.2 <= changed[0] < 1.21
    assert 1.69 < changed[-1] < 1.7
    report = unweave.restore(song, "filled", region="1.5-1.6", fill=True)
    assert report["filled"]
    assert any("made anew" in line for line in report["warnings"])
    changed = np.flatnonzero((read("filled/song/restored.wav") != NOISY).any(axis=0)) / RATE_HZ
    assert 1.5 <= changed[0] < changed[-1] < 1.6


def test_a_noise_may_be_a_recording_of_another_rate(song) -> None:
    write("hiss.wav", white(2, 0.01, seed=9))
    unweave.restore(song, tools=["denoise"], noise_from="hiss.wav")
    assert decibels(result()[:, :12000], NOISY[:, :12000]) < -9


def test_voice_and_rest_have_tools_of_their_own(song) -> None:
    mid, side = notes(LENGTH_S), white(LENGTH_S, 0.01)
    mix = write("song.wav", np.concatenate([mid + side, mid - side]))
    report = unweave.restore(
        mix, tools="denoise", noise=(0, 0.9), strength=1, by_stem=True, model=MidSide()
    )
    found = result()
    assert decibels(found[0] - found[1], 2 * side) < -15  # the noise is in what differs
    np.testing.assert_allclose(found.mean(0), mid[0], atol=0.003)
    assert [step["of"] for step in report["tools"]] == ["voice", "rest"]


@dataclass(frozen=True)
class Dry:
    """The dry sound is half of the wet one."""

    spec: Spec = HALF

    def to(self, device: str) -> "Dry":
        return self

    def __call__(self, mix, sample_rate_hz):
        import torch

        return torch.stack([mix / 2, mix / 2], dim=1)


def test_reverberation_is_taken_by_a_model_that_offers_it(song) -> None:
    unweave.restore(song, tools="dereverb", strength=1, dereverb_model=Dry())
    np.testing.assert_allclose(result(), NOISY / 2, atol=1e-6)
    unweave.restore(song, "half", tools="dereverb", dereverb_model=Dry())
    np.testing.assert_allclose(read("half/song/restored.wav"), 0.75 * NOISY, atol=1e-6)
    with pytest.raises(UsageError, match="no model that takes reverberation away is installed"):
        unweave.restore(song, "none", tools="dereverb")
    with pytest.raises(UsageError, match="mid-side has no stem without reverberation"):
        unweave.restore(song, "none", tools="dereverb", dereverb_model=MidSide())


def test_integers_that_would_clip_share_a_gain(song) -> None:
    wave = np.clip(3 * notes(LENGTH_S)[:, 16000:28000], -0.3, 0.3) / 0.301
    report = unweave.restore(write("song.wav", wave), tools="declip", removed=True, format="flac")
    assert report["gain_db"] < -0.5
    assert any("above full scale" in line for line in report["warnings"])
    found, gone = (read(f"restored/song/{name}.flac") for name in ("restored", "removed"))
    assert np.abs(found).max() == pytest.approx(1, abs=1e-3)
    gain = 10 ** (report["gain_db"] / 20)
    np.testing.assert_allclose(found + gone, gain * wave, atol=2e-5)  # a rounded figure


def test_a_place_that_is_not_in_the_recording_is_refused_by_its_name(song) -> None:
    with pytest.raises(InputError, match=r"song.wav: the region from 9 to 9\.5 s is not within it"):
        unweave.restore(song, region=(9, 9.5))
    with pytest.raises(InputError, match=r"song.wav: the noise lasts less than"):
        unweave.restore(song, noise=(1, 1.001))
    assert not Path("restored").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tools": "denois"}, "there is no tool 'denois'.*perhaps you mean denoise"),
        ({"preset": "cassette"}, "there is no preset 'cassette'"),
        ({"strength": 1.5}, "strength must be a number, at least 0, at most 1; got 1.5"),
        ({"noise": "5"}, "noise must be two times, as in .*; got '5'"),
        ({"noise": (3, 2)}, "the end, 2, is not after the start"),
        ({"noise": "0-1", "noise_from": "x.wav"}, "contradict each other"),
        ({"tools": "dehum", "noise": "0-1"}, "add denoise to tools"),
        ({"band": "200-4000"}, "band takes a place in time"),
        ({"band": "4000-200", "region": "0-1"}, "two frequencies in Hz, the lower first"),
        ({"fill": True}, "fill takes a place in time"),
        ({"fill": True, "region": "0-5"}, "fill makes up to 2 s anew"),
        ({"fill": True, "region": "0-1", "tools": "dehum"}, "uses no tools"),
        ({"region": "0-500"}, "a region lasts up to 120 s"),
        ({"by_stem": True, "region": "0-1"}, "restored in the mix"),
        ({"by_stem": True, "model": "hpss"}, "hpss has no stem 'vocals'; it has harmonic"),
        ({"colour": 1}, "'colour' is an option of a separator"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(song, options, message) -> None:
    with pytest.raises(UsageError, match=message):
        unweave.restore(song, **options)
    assert not Path("restored").exists()
