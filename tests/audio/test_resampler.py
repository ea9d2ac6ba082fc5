"""Exact length, no delay, and the same samples however the stream is cut."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.audio.resampler import Resampler, resampled_length

RATES_HZ = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000]
rates = st.sampled_from(RATES_HZ)


def resampled(wave, from_hz, to_hz, cuts=()):
    resampler = Resampler(from_hz, to_hz, wave.shape[0])
    parts = [resampler.push(part) for part in np.split(wave, cuts, axis=1)]
    return np.concatenate([*parts, resampler.flush()], axis=1)


@given(st.integers(0, 10**10), rates, rates)
def test_length_is_the_nearest(length, from_hz, to_hz):
    exact = Fraction(length * to_hz, from_hz)
    assert abs(resampled_length(length, from_hz, to_hz) - exact) <= Fraction(1, 2)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 3000), rates, rates, st.sampled_from([1, 2, 5]))
def test_length_and_cuts(data, length, from_hz, to_hz, channels):
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=6)))
    wave = np.random.default_rng(length).uniform(-1, 1, (channels, length)).astype(np.float32)
    before = wave.copy()
    whole = resampled(wave, from_hz, to_hz)
    assert whole.shape == (channels, resampled_length(length, from_hz, to_hz))
    assert whole.dtype == np.float32
    assert np.abs(resampled(wave, from_hz, to_hz, cuts) - whole).max(initial=0) <= 1e-6
    assert np.array_equal(wave, before)


@pytest.mark.parametrize("to_hz", RATES_HZ)
@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_no_delay_and_no_change_of_level(from_hz, to_hz):
    def sine(rate_hz, length):
        time_s = np.arange(length) / rate_hz
        return np.stack([np.sin(2 * np.pi * f * time_s) for f in (441, 1003)]).astype(np.float32)

    length = from_hz // 2
    got = resampled(sine(from_hz, length), from_hz, to_hz, cuts=[1, 700, 701])
    expected = sine(to_hz, resampled_length(length, from_hz, to_hz))
    middle = slice(to_hz // 10, -to_hz // 10)  # the ends ring, there is silence around the sound
    assert np.abs(got - expected)[:, middle].max() < 1e-5


def test_there_and_back():
    rng = np.random.default_rng(0)
    spectrum = np.zeros(22051, complex)
    spectrum[50:15000] = rng.standard_normal(14950) * np.exp(1j * rng.uniform(0, 6.28, 14950))
    wave = np.fft.irfft(spectrum)[None]
    wave = (wave / np.abs(wave).max()).astype(np.float32)
    back = resampled(resampled(wave, 44100, 48000), 48000, 44100)
    assert back.shape == wave.shape
    assert np.abs(back - wave)[:, 2000:-2000].max() < 1e-5


def test_equal_rates_pass_through():
    wave = np.ones((2, 5), np.float32)
    resampler = Resampler(44100, 44100, 2)
    assert resampler.push(wave) is wave
    assert resampler.flush().shape == (2, 0)


def test_nothing_in_nothing_out():
    resampler = Resampler(44100, 48000, 2)
    assert resampler.push(np.zeros((2, 0), np.float32)).shape == (2, 0)
    assert resampler.flush().shape == (2, 0)


@pytest.mark.parametrize("shape", [(3, 10), (10,), (1, 2, 10)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(2, time\)"):
        Resampler(44100, 48000, 2).push(np.zeros(shape, np.float32))


@pytest.mark.parametrize("arguments", [(0, 48000, 2), (44100, -1, 2), (44100, 48000, 0)])
def test_impossible_rates_are_refused(arguments):
    with pytest.raises(ValueError, match="positive"):
        Resampler(*arguments)
