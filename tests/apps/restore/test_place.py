import numpy as np
import pytest

from tests.apps.restore.sounds import RATE_HZ, cut, decibels, joined, white
from unweave.apps.restore.fill import filled
from unweave.apps.restore.place import Place, band, kept_within, limited

WAVE = white(2, 0.1, 2)


def test_outside_of_a_place_samples_keep_their_bits() -> None:
    place = Place(8000, 16000, None)
    change = limited(-WAVE[:, 4000:20000], place, 4000, RATE_HZ)
    for size in (500, 9000, 32000):
        found = joined(kept_within(cut(WAVE, size), place, change, 4000))
        np.testing.assert_array_equal(found[:, :8000], WAVE[:, :8000])
        np.testing.assert_array_equal(found[:, 16000:], WAVE[:, 16000:])
        assert not found[:, 8100:15900].any()
    steps = np.abs(np.diff(change[0] / np.where(WAVE[0, 4000:20000] == 0, 1, WAVE[0, 4000:20000])))
    assert steps.max() < 0.05  # the edges are smooth


def test_a_band_is_the_only_one_that_changes() -> None:
    place = Place(0, 32000, (1000.0, 3000.0))
    change = limited(WAVE, place, 0, RATE_HZ)
    power = (np.abs(np.fft.rfft(change[0])) ** 2) / (np.abs(np.fft.rfft(WAVE[0])) ** 2 + 1e-9)
    hz = np.fft.rfftfreq(32000, 1 / RATE_HZ)
    inside, outside = (hz > 1100) & (hz < 2900), (hz < 850) | (hz > 3150)
    assert np.median(power[inside]) == pytest.approx(1, abs=0.05)
    assert np.median(power[outside]) < 1e-4


@pytest.mark.parametrize("band_hz", [(0.0, 500.0), (200.0, 1e6), (100.0, 110.0)])
def test_bands_at_the_ends_are_filters_without_delay(band_hz) -> None:
    taps = band(band_hz, RATE_HZ)
    np.testing.assert_allclose(taps, taps[::-1])
    assert len(taps) % 2


def test_a_tone_goes_on_through_what_is_filled() -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = (0.2 * np.sin(2 * np.pi * 440 * time_s) + 0.1 * np.sin(2 * np.pi * 1270 * time_s))[None]
    wave = (tone + white(2, 0.001)).astype(np.float32)
    damaged = wave.copy()
    damaged[:, 16000:17600] = white(0.1, 0.5)
    found = filled(damaged, 16000, 17600, RATE_HZ)
    np.testing.assert_array_equal(found[:, :16000], wave[:, :16000])
    np.testing.assert_array_equal(found[:, 17600:], wave[:, 17600:])
    assert decibels(found[:, 16000:17600] - tone[:, 16000:17600], tone) < -20
    np.testing.assert_array_equal(filled(damaged, 16000, 17600, RATE_HZ), found)


def test_noise_goes_on_as_loud_as_it_was() -> None:
    wave = white(2, 0.1)
    found = filled(wave, 16000, 20000, RATE_HZ)[:, 16000:20000]
    assert decibels(found, wave) == pytest.approx(0, abs=1.5)
    assert not np.array_equal(found, wave[:, 16000:20000])


def test_what_has_nothing_around_it_is_silence_and_one_side_is_enough() -> None:
    assert not filled(np.ones((1, 500), np.float32), 0, 500, RATE_HZ).any()
    assert filled(WAVE, 0, 800, RATE_HZ)[:, :800].any()
