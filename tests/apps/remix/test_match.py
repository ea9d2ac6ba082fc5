"""Matching: third octaves and loudness of a stem come near a reference's."""

from pathlib import Path

import numpy as np
import pytest

from tests.apps.remix.sounds import write
from unweave.apps.remix import filters, spectrum
from unweave.errors import InputError
from unweave.signal.loudness import Loudness

RATE_HZ = 22050
WHITE = 0.05 * np.random.default_rng(1).standard_normal((2, 3 * RATE_HZ)).astype(np.float32)


def _shaped(wave: np.ndarray, gain) -> np.ndarray:
    """The wave with a gain in dB over the logarithm of the frequency."""
    hz = np.fft.rfftfreq(wave.shape[-1], 1 / RATE_HZ)
    hz[0] = hz[1]
    return np.fft.irfft(np.fft.rfft(wave) * 10 ** (gain(hz) / 20), wave.shape[-1])


def _spectrum(wave: np.ndarray) -> spectrum.Spectrum:
    meter = spectrum.Meter(RATE_HZ, len(wave))
    for at in range(0, wave.shape[-1], 5000):
        meter.push(wave[:, at : at + 5000].astype(np.float32))
    found = meter.spectrum()
    assert found is not None
    return found


def test_a_stem_is_within_a_decibel_of_its_reference_in_each_band() -> None:
    other = 0.1 * np.random.default_rng(2).standard_normal(WHITE.shape)
    reference = _spectrum(_shaped(other, lambda hz: -4 + 5 * np.sin(np.log2(hz / 100))))
    change = spectrum.correction(_spectrum(WHITE), reference)
    assert not change.limited
    found = _spectrum(filters.filtered(WHITE, filters.taps(change.gain(), RATE_HZ)))
    audible = reference.bands_hz >= 50
    np.testing.assert_allclose(
        found.bands_db[audible], reference.bands_db[audible], rtol=0, atol=1.0
    )
    assert found.loudness_lufs == pytest.approx(reference.loudness_lufs, abs=0.3)


def test_changes_end_at_twelve_decibels_either_way() -> None:
    reference = _spectrum(_shaped(WHITE, lambda hz: np.where(hz < 500, -40.0, 0.0)))
    change = spectrum.correction(_spectrum(WHITE), reference)
    assert change.limited
    assert change.bands_db.min() == -12
    quiet = spectrum.correction(_spectrum(WHITE), _spectrum(0.01 * WHITE))
    assert quiet.limited
    assert quiet.loudness_db == pytest.approx(-12, abs=1e-6)
    np.testing.assert_allclose(quiet.bands_db, 0, atol=1e-6)


def test_the_change_of_the_bands_changes_no_loudness() -> None:
    reference = _spectrum(_shaped(WHITE, lambda hz: np.where(hz < 500, -40.0, 0.0)))
    change = spectrum.correction(_spectrum(WHITE), reference)
    found = _spectrum(filters.filtered(WHITE, filters.taps(change.gain(), RATE_HZ)))
    assert found.loudness_lufs == pytest.approx(reference.loudness_lufs, abs=0.3)


def test_the_loudness_is_that_of_the_meter_and_pauses_count_neither_way() -> None:
    meter = Loudness(RATE_HZ, 2)
    meter.push(WHITE)
    assert _spectrum(WHITE).loudness_lufs == pytest.approx(meter.integrated_lufs(), abs=0.1)
    paused = np.concatenate([np.zeros_like(WHITE), WHITE], axis=1)
    alone, after = _spectrum(WHITE), _spectrum(paused)
    np.testing.assert_allclose(after.bands_db, alone.bands_db, atol=1.0)


def test_a_band_has_the_power_that_is_in_it() -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time_s)[None].astype(np.float32)
    found = _spectrum(tone)
    assert found.bands_hz[np.argmax(found.bands_db)] == pytest.approx(1000)
    width_hz = 1000 * (10**0.05 - 10**-0.05)
    assert found.bands_db.max() == pytest.approx(10 * np.log10(0.125 / width_hz), abs=0.05)


def test_a_silent_reference_is_named(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.wav", np.zeros((2, RATE_HZ), np.float32), RATE_HZ)
    with pytest.raises(InputError, match=r"silent.wav: is silent or too short to match"):
        spectrum.of_file(silent)
