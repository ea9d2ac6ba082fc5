import numpy as np
import pytest

from tests.apps.restore.sounds import RATE_HZ, cut, decibels, joined, notes, white
from unweave.apps.restore.tools import denoise
from unweave.apps.restore.tools.denoise import METHODS, Noise

NOISE = white(3, 0.01, 2)
MUSIC = notes(3, 2)


@pytest.fixture(scope="module")
def noise() -> Noise:
    return denoise.measured(cut(white(2, 0.01, 2, seed=5), 999), RATE_HZ)


def less(wave: np.ndarray, noise: Noise, size: int = 7000, **options: object) -> np.ndarray:
    return joined(denoise.denoise(cut(wave, size), RATE_HZ, profile=noise, **options))


def error_db(estimate: np.ndarray) -> float:
    return decibels(estimate - MUSIC, MUSIC)


def test_the_level_of_a_measured_noise_is_right(noise) -> None:
    assert noise.level_db == pytest.approx(-40, abs=0.5)
    assert len(noise.power) == denoise.size_of(RATE_HZ) // 2 + 1


@pytest.mark.parametrize("method", METHODS)
def test_blocks_of_any_size_give_the_same_bytes_and_nothing_is_late(noise, method) -> None:
    wave = (MUSIC + NOISE)[:, :30001]
    whole = less(wave, noise, 30001, method=method)
    assert whole.shape == wave.shape
    assert whole.dtype == np.float32
    for size in (777, 16000):
        np.testing.assert_array_equal(less(wave, noise, size, method=method), whole)


def test_noise_alone_is_turned_down_by_what_is_asked_for(noise) -> None:
    middle = slice(RATE_HZ // 2, -RATE_HZ // 2)
    for reduction_db in (6, 24):
        left = less(NOISE, noise, reduction_db=reduction_db)
        left_db = decibels(left[:, middle], NOISE[:, middle])
        assert -reduction_db <= left_db < -0.85 * reduction_db  # peaks by chance stay


def test_music_comes_nearer_to_what_it_was_and_log_mmse_is_ahead_of_subtraction(noise) -> None:
    mix = MUSIC + NOISE
    errors = {m: error_db(less(mix, noise, reduction_db=24, method=m)) for m in METHODS}
    assert errors["log-mmse"] < error_db(mix) - 6
    assert errors["log-mmse"] < errors["subtraction"] - 0.5


def test_where_there_is_no_noise_samples_keep_their_bits(noise) -> None:
    nothing = Noise(np.zeros_like(noise.power), -np.inf)
    assert not nothing
    np.testing.assert_array_equal(less(MUSIC, nothing), MUSIC)
    np.testing.assert_array_equal(less(MUSIC, noise, reduction_db=0), MUSIC)


def test_channels_share_their_gains(noise) -> None:
    mix = MUSIC + NOISE
    halved = mix * np.array([[1.0], [0.5]], np.float32)
    left, right = less(halved, noise)
    both = less(np.stack([mix[0], mix[0]]), noise)
    np.testing.assert_allclose(both[0], both[1], atol=0)
    assert decibels(right, left) == pytest.approx(decibels(halved[1], halved[0]), abs=0.7)


def test_noise_is_found_in_the_pauses_of_music_and_nothing_in_clean_music() -> None:
    music, noise = notes(14), white(14, 0.005)
    found = denoise.learn(cut(music + noise, 5000), RATE_HZ)
    assert found.level_db == pytest.approx(decibels(noise), abs=2.5)
    assert not denoise.learn(cut(music, 5000), RATE_HZ)
    gap = np.zeros((1, 5 * RATE_HZ), np.float32)
    again = denoise.learn(cut(np.concatenate([gap, music + noise], axis=1), 5000), RATE_HZ)
    assert again.level_db == pytest.approx(found.level_db, abs=1.0)


def test_what_is_too_short_says_nothing() -> None:
    assert not denoise.learn(cut(white(3, 0.01), 1000), RATE_HZ)
    with pytest.raises(ValueError, match=r"lasts less than 0\.0\d+ s"):
        denoise.measured(iter([white(0.001, 0.1)]), RATE_HZ)
    noise = denoise.measured(iter([white(1, 0.01)]), RATE_HZ)
    for length in (0, 1, 100):
        assert less(white(1, 0.1)[:, :length], noise).shape == (1, length) if length else True


def test_a_noise_of_clicks_counts_with_more_than_its_mean_power() -> None:
    clicks = white(2, 0.01) * (np.arange(2 * RATE_HZ) % 1600 < 160)
    steady, varying = (denoise.measured(iter([w]), RATE_HZ) for w in (white(2, 0.01), clicks))
    # Its mean is 10 dB lower, and its power where it is some 4 dB lower than the steady noise's.
    assert steady.level_db - varying.level_db == pytest.approx(7, abs=0.5)
