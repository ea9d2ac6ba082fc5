import numpy as np
import pytest
import torch

from unweave.signal import peaks
from unweave.signal.peaks import PADDING, Peaks, find_peaks

SIZE, HOP, RATE_HZ = 2048, 512, 44100


def found_in(wave: np.ndarray, **options: object) -> Peaks:
    settings = {"threshold_db": -60.0, "prominence_db": 6.0, "most": 100, **options}
    return find_peaks(torch.from_numpy(np.atleast_2d(wave)).float(), SIZE, HOP, **settings)


def middle(length: int) -> np.ndarray:
    """Sample times with zero in the middle of the first frame."""
    return np.arange(length) - PADDING * SIZE // 2


def test_the_bell_is_the_transform_of_the_window() -> None:
    window = torch.hann_window(SIZE, dtype=torch.float64)
    time = torch.arange(SIZE) - SIZE / 2
    for bins in (-2.3, -1.0, -0.7, 0.0, 0.01, 0.5, 1.0, 1.5, 2.0):
        slow = (window * torch.cos(2 * torch.pi * bins * time / SIZE)).sum()
        found = peaks._bell(torch.tensor([bins], dtype=torch.float64), SIZE)
        assert abs(float(found - slow)) < 1e-2


@pytest.mark.parametrize("seed", range(20))
def test_one_sinusoid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frequency, level = rng.uniform(3.0 / SIZE, 0.49), rng.uniform(0.001, 1)
    turn = rng.uniform(-np.pi, np.pi)
    time = middle(PADDING * SIZE)
    wave = level * np.cos(2 * np.pi * frequency * time + turn)
    quiet = 0.1 * level * np.cos(2 * np.pi * frequency * time + turn - 2.0)
    found = found_in(np.stack([wave, quiet]), prominence_db=20.0)
    assert len(found) == 1
    assert abs(found.frequency[0] - frequency) * SIZE < 0.01  # bins of the window
    ratio = found.amplitude[0] / (level * np.exp(1j * turn) * np.array([1, 0.1 * np.exp(-2j)]))
    np.testing.assert_allclose(np.abs(ratio), 1, atol=2e-3)
    np.testing.assert_allclose(np.angle(ratio), 0, atol=2e-3)


def test_neighbours_are_told_apart_and_ripples_are_none() -> None:
    time = middle(PADDING * SIZE)
    hz = np.array([400.0, 500.0, 2000.0, 2090.0])
    levels = np.array([1.0, 0.5, 0.1, 0.3])
    wave = (levels[:, None] * np.cos(2 * np.pi * hz[:, None] / RATE_HZ * time)).sum(0)
    found = found_in(wave)
    assert len(found) == 4
    np.testing.assert_allclose(found.frequency * RATE_HZ, hz, atol=1.0)
    np.testing.assert_allclose(np.abs(found.amplitude[:, 0]), levels, rtol=0.05)


def test_ripples_and_the_loudest_the_slow_way() -> None:
    rng = np.random.default_rng(1)
    frame = np.sort(rng.integers(0, 6, 200))
    place = np.concatenate([np.sort(rng.uniform(10, 300, np.sum(frame == n))) for n in range(6)])
    level_db = rng.uniform(-60, 0, 200)
    own = peaks._not_sidelobes(*map(torch.from_numpy, (frame, place, level_db))).numpy()
    slow = np.ones(200, bool)
    for a in range(200):
        for b in range(200):
            if a != b and frame[a] == frame[b] and abs(a - b) <= peaks.NEIGHBOURS:
                x = max(abs(place[a] - place[b]) / PADDING, peaks.MAIN_LOBE)
                ripple_db = peaks.RIPPLE_DB - 20 * np.log10(np.pi * x * (x * x - 1))
                slow[a] &= level_db[a] - level_db[b] >= ripple_db
    np.testing.assert_array_equal(own, slow)
    kept = peaks._loudest(torch.from_numpy(frame), torch.from_numpy(level_db), 7).numpy()
    best = [
        n
        for n in range(200)
        if np.sum((frame == frame[n]) & (level_db > level_db[n])) < 7  # no two are the same
    ]
    np.testing.assert_array_equal(kept, best)


def test_at_most_so_many_and_none_too_faint() -> None:
    time = middle(PADDING * SIZE)
    hz, levels_db = np.arange(1, 11) * 700.0, -5.0 * np.arange(10)
    wave = (10 ** (levels_db[:, None] / 20) * np.cos(2 * np.pi * hz[:, None] / RATE_HZ * time)).sum(
        0
    )
    np.testing.assert_allclose(found_in(wave, most=4).frequency * RATE_HZ, hz[:4], atol=1)
    np.testing.assert_allclose(
        found_in(wave, threshold_db=-22.0).frequency * RATE_HZ, hz[:5], atol=1
    )
    assert len(found_in(wave)) == 10


def test_noise_has_few_peaks_that_stand_out() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ)
    few, many = (len(found_in(noise, prominence_db=db)) / 80 for db in (12.0, 3.0))
    assert few < 3
    assert many > 50


def test_silence_has_none() -> None:
    found = found_in(np.zeros((2, 20000)))
    assert len(found) == 0
    assert found.amplitude.shape == (0, 2)


def test_lots_of_frames_join_to_the_whole() -> None:
    wave = np.random.default_rng(2).standard_normal((2, 60 * HOP + PADDING * SIZE))
    whole = found_in(wave)
    a = found_in(wave[:, : 24 * HOP + PADDING * SIZE])  # frames 0 to 24
    b = found_in(wave[:, 25 * HOP :], first_frame=25)
    both = peaks.joined([a, b], 2)
    np.testing.assert_array_equal(both.frame, whole.frame)
    np.testing.assert_allclose(both.frequency, whole.frequency, atol=1e-9)
    np.testing.assert_allclose(both.amplitude, whole.amplitude, atol=1e-5)
    assert np.all(np.diff(whole.frame) >= 0)
    assert np.all((np.diff(whole.frequency) > 0) | (np.diff(whole.frame) > 0))
