"""Loudness as test signals, a slow obvious version and another implementation have it."""

import gc
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from unweave.signal import loudness
from unweave.signal.loudness import Loudness, channel_weights, k_weighting

RATES_HZ = [8000, 11025, 22050, 44100, 48000, 88200, 192000]


def measured(samples, sample_rate_hz, names=(), block=None):
    meter = Loudness(sample_rate_hz, len(samples), names)
    step = block or samples.shape[1]
    for start in range(0, samples.shape[1], step):
        meter.push(samples[:, start : start + step])
    return meter.integrated_lufs()


def tones(sample_rate_hz, *parts, channels=2):
    """1 kHz sines of `(peak level in dBFS, seconds)` one after the other, alike in all channels."""
    levels = [np.full(round(seconds * sample_rate_hz), 10 ** (db / 20)) for db, seconds in parts]
    gain = np.concatenate(levels)
    sine = gain * np.sin(2 * np.pi * 1000 * np.arange(len(gain)) / sample_rate_hz)
    return np.tile(sine.astype(np.float32), (channels, 1))


def noise(sample_rate_hz, seconds, channels=2, seed=0):
    """Noise that swells and fades, so that the gates have something to do."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    swell = 10 ** ((-45 + 35 * np.sin(2 * np.pi * t / 5)) / 20)
    return (swell * rng.standard_normal((channels, len(t)))).astype(np.float32)


# The two filters as the standard prints them, for 48 kHz.
STANDARD = [
    [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
    [1.0, -2.0, 1.0, 1, -1.99004745483398, 0.99007225036621],
]


def obvious(samples, sample_rate_hz):
    """BS.1770-4 step by step, in float64; channels weigh 1."""
    if sample_rate_hz == 48000:
        filtered = signal.sosfilt(STANDARD, samples.astype(np.float64))
    else:
        response = k_weighting(sample_rate_hz, sample_rate_hz // 4)
        filtered = signal.oaconvolve(samples.astype(np.float64), response[None], axes=1)
        filtered = filtered[:, : samples.shape[1]]
    power = (filtered**2).sum(0)
    edges = [round(n * sample_rate_hz / 10 + 1e-6) for n in range(len(power))]
    edges = [edge for edge in edges if edge <= len(power)]
    blocks = np.array([power[a:b].mean() for a, b in zip(edges[:-4], edges[4:], strict=True)])
    levels = -0.691 + 10 * np.log10(blocks)
    gate = -0.691 + 10 * np.log10(blocks[levels > -70].mean()) - 10
    return -0.691 + 10 * np.log10(blocks[(levels > -70) & (levels > gate)].mean())


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("level_db", [-23, -33])
def test_a_tone_reads_its_level(rate_hz, level_db):
    assert measured(tones(rate_hz, (level_db, 20)), rate_hz) == pytest.approx(level_db, abs=0.02)


# EBU Tech 3341, minimum requirements, cases 3 to 5: tones of several levels read -23.0 +- 0.1.
@pytest.mark.parametrize(
    "parts",
    [
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_the_gates(parts):
    assert measured(tones(48000, *parts), 48000) == pytest.approx(-23, abs=0.1)


def test_surround_channels_weigh_more_and_lfe_nothing():
    """Case 6 of the same document, with a loud LFE that must not count."""
    levels = {"FL": -28, "FR": -28, "FC": -24, "LFE": -3, "SL": -30, "SR": -30}
    wave = np.concatenate([tones(48000, (db, 20), channels=1) for db in levels.values()])
    assert measured(wave, 48000, tuple(levels)) == pytest.approx(-23, abs=0.1)
    backs = ("FL", "FR", "FC", "LFE", "BL", "BR")
    assert measured(wave, 48000, backs) == measured(wave, 48000, tuple(levels))


def test_channel_weights():
    seven = ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")
    assert channel_weights(8, seven) == (1, 1, 1, 0, 1, 1, 1.41, 1.41)
    assert channel_weights(4, ("FL", "FR", "BL", "BR")) == (1, 1, 1.41, 1.41)
    assert channel_weights(2) == (1, 1)
    assert channel_weights(3, ("FL", "FR")) == (1, 1, 1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_equals_the_obvious_version(rate_hz, channels):
    wave = noise(rate_hz, 7.77, channels)
    assert measured(wave, rate_hz) == pytest.approx(obvious(wave, rate_hz), abs=1e-4)


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_agrees_with_pyloudnorm(rate_hz, channels):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    wave = noise(rate_hz, 12.3, channels, seed=channels)
    names = ("FL", "FR", "FC", "SL", "SR") if channels == 5 else ()
    other = pyloudnorm.Meter(rate_hz).integrated_loudness(wave.T.astype(np.float64))
    assert measured(wave, rate_hz, names) == pytest.approx(other, abs=0.05)


LONG = noise(8000, 31, channels=2, seed=9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, LONG.shape[1]), max_size=12))
def test_the_cuts_between_blocks_change_nothing(cuts):
    meter = Loudness(8000, 2)
    for block in np.split(LONG, sorted(cuts), axis=1):
        meter.push(block)
    assert meter.integrated_lufs() == measured(LONG, 8000)
    assert meter.peak == np.abs(LONG).max()


def test_reading_in_between_changes_nothing():
    meter = Loudness(8000, 2)
    for start in range(0, LONG.shape[1], 3001):
        meter.push(LONG[:, start : start + 3001])
        so_far = LONG[:, : start + 3001]
        assert meter.integrated_lufs() == measured(so_far, 8000)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 44100])
def test_under_one_block_there_is_no_loudness(rate_hz):
    length = round(0.4 * rate_hz)
    wave = tones(rate_hz, (-20, 1))
    assert measured(wave[:, : length - 1], rate_hz) == -math.inf
    assert measured(wave[:, :length], rate_hz) == pytest.approx(-20, abs=0.3)


def test_the_filter_is_the_standards():
    impulse = np.eye(1, 24000)[0]
    expected = signal.sosfilt(STANDARD, impulse)
    got = k_weighting(48000, 2640)
    error = np.sum((expected[:2640] - got) ** 2) + np.sum(expected[2640:] ** 2)
    assert 10 * math.log10(error / np.sum(expected**2)) < -100


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_filter_is_the_same_at_every_rate(rate_hz):
    frequencies_hz = np.array([15, 38, 100, 400, 1000, 1682, 2500, 3900, 8000, 16000, 20000])
    frequencies_hz = frequencies_hz[frequencies_hz < rate_hz / 2]
    taps = math.ceil(rate_hz / 10)
    here = signal.freqz(k_weighting(rate_hz, taps), worN=frequencies_hz, fs=rate_hz)[1]
    there = signal.freqz_sos(STANDARD, worN=frequencies_hz, fs=48000)[1]
    np.testing.assert_allclose(20 * np.log10(abs(here / there)), 0, atol=0.01)


def test_silence_has_no_loudness():
    meter = Loudness(44100, 2)
    assert meter.integrated_lufs() == -math.inf
    meter.push(np.zeros((2, 200_000), np.float32))
    meter.push(np.zeros((2, 0), np.float32))
    assert meter.integrated_lufs() == -math.inf
    assert meter.peak == 0


def test_a_constant_is_not_heard():
    wave = tones(44100, (-23, 60)) + np.float32(0.5)
    assert measured(wave, 44100) == pytest.approx(-23, abs=0.1)


def test_the_peak_is_the_largest_sample_of_either_sign():
    meter = Loudness(44100, 1)
    meter.push(np.array([[0.25, -1.5, 0.5]], np.float32))
    assert meter.peak == 1.5
    meter.push(np.array([[1.75]], np.float32))
    assert meter.peak == 1.75


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_count_as_silence(bad):
    wave = tones(44100, (-23, 20))
    wave[0, 100_000] = 0
    clean = measured(wave, 44100)
    wave[0, 100_000] = bad
    meter = Loudness(44100, 2)
    meter.push(wave)
    assert meter.integrated_lufs() == clean
    assert meter.peak == pytest.approx(10 ** (-23 / 20), rel=1e-3)
    assert np.isnan(wave[0, 100_000]) or np.isinf(wave[0, 100_000])  # the input is untouched


def test_memory_is_a_few_bytes_per_tenth_of_a_second():
    block = noise(8000, 10)
    meter = Loudness(8000, 2)
    meter.push(block)
    tracemalloc.start()
    try:
        for _ in range(60):
            meter.push(block)
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 16 * 60 * 100 + 4096  # 10 minutes are 6000 tenths


def test_to_read_it_takes_no_memory_that_grows():
    """Eight hours: not even one more number for each tenth of a second."""
    meter, block = Loudness(1000, 1), noise(1000, 60, channels=1)
    for _ in range(8 * 60):
        meter.push(block)
    tracemalloc.start()
    try:
        assert math.isfinite(meter.integrated_lufs())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * 8 * 36000 / 2


@pytest.mark.parametrize("seconds", [0.39, 0.4, 0.75, 3.0, 3.61, 14.2, 21.37])
def test_it_does_not_depend_on_the_stretches(seconds, monkeypatch):
    """Whichever of them the samples that wait fall into."""
    wave = noise(8000, seconds)
    for length in (wave.shape[1], wave.shape[1] - 301):
        meter = Loudness(8000, 2)
        meter.push(wave[:, :length])

        def read(meter=meter):
            return [meter.integrated_lufs(), *meter.momentary_lufs(), meter.range_lu() or 0.0]

        whole = read()
        for stretch in (1, 7, 40):
            monkeypatch.setattr(loudness, "STRETCH", stretch)
            np.testing.assert_allclose(read(), whole, rtol=1e-6)
        monkeypatch.undo()


@pytest.mark.parametrize("shape", [(3, 10), (10,), (1, 2, 10)])
def test_a_block_of_another_shape_raises(shape):
    with pytest.raises(ValueError, match=r"expected \(2, time\)"):
        Loudness(44100, 2).push(np.zeros(shape, np.float32))
