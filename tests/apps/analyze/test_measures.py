import numpy as np
import pytest

from unweave.apps.analyze.measures import OCTAVES_HZ, Meter, image, passages
from unweave.signal.loudness import Loudness

RATE_HZ = 8000


def sine(hz: float, seconds: float, level: float) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def measured(wave: np.ndarray):
    meter = Meter(RATE_HZ, len(wave))
    for at in range(0, wave.shape[1], 3001):
        meter.push(wave[:, at : at + 3001].astype(np.float32))
    return meter.measured()


def test_loudness_range_of_two_levels() -> None:
    """EBU Tech 3342, test signals 1 and 2: tones of two levels, 10 and 5 LU apart."""
    for step_db in (10, 5):
        levels = np.repeat([10 ** (-20 / 20), 10 ** ((-20 - step_db) / 20)], 20 * RATE_HZ)
        wave = np.sin(2 * np.pi * 1000 * np.arange(len(levels)) / RATE_HZ) * levels
        meter = Loudness(RATE_HZ, 2)
        meter.push(np.stack([wave, wave]).astype(np.float32))
        assert meter.range_lu() == pytest.approx(step_db, abs=1)
        moments = meter.momentary_lufs()
        assert len(moments) == 397
        assert moments[10] == pytest.approx(-20, abs=0.2)
        assert moments[-1] == pytest.approx(-20 - step_db, abs=0.2)


def test_the_power_of_each_octave_and_of_all() -> None:
    found = measured(np.stack([sine(500, 2, 0.5)] * 2))
    assert OCTAVES_HZ[found.bands_db.argmax()] == 500
    assert found.bands_db.max() == pytest.approx(10 * np.log10(2 * 0.5**2 / 2), abs=0.2)
    assert np.sort(found.bands_db)[-2] < found.bands_db.max() - 30


def test_balance_width_and_correlation() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 20_000))
    assert image(_products(left, left)).width == pytest.approx(0, abs=1e-6)
    assert image(_products(left, -left)).correlation == pytest.approx(-1)
    assert image(_products(left, -left)).width == pytest.approx(1)
    apart = image(_products(left, right))
    assert (apart.width, apart.correlation) == pytest.approx((0.5, 0), abs=0.02)
    assert image(_products(left, 0.5 * left)).balance_db == pytest.approx(-6.02, abs=0.01)
    assert image(_products(0 * left, 0 * left)) is None
    assert measured(sine(500, 1, 0.5)[None]).image is None


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    wave = np.stack([left, right])
    return wave @ wave.T


def test_passages_are_where_the_stem_sounds() -> None:
    wave = np.zeros((1, 10 * RATE_HZ))
    wave[:, 2 * RATE_HZ : 4 * RATE_HZ] = sine(500, 2, 0.3)
    wave[:, 6 * RATE_HZ : 9 * RATE_HZ] = sine(500, 3, 0.3)
    wave += 1e-4 * np.random.default_rng(0).standard_normal(wave.shape)
    found = passages(measured(wave), "vocals")
    assert [event.value for event in found] == ["vocals", "vocals"]
    times = [time for event in found for time in (event.start_s, event.end_s)]
    assert times == pytest.approx([2, 4, 6, 9], abs=0.2)
    assert min(event.confidence for event in found) > 0.8
    assert passages(measured(np.zeros((1, RATE_HZ))), "vocals") == []
