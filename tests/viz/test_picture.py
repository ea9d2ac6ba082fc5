"""The numbers of a spectrogram: levels, places, and memory that does not grow."""

import numpy as np
import pytest

from unweave.viz.picture import picture_of


def sine(frequency_hz: float, seconds: float, rate_hz: int, amplitude: float = 1.0) -> np.ndarray:
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)[None]


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
@pytest.mark.parametrize(
    ("frequency_hz", "amplitude"), [(100.0, 1.0), (1000.0, 0.1), (3000.0, 1e-3)]
)
def test_a_sine_is_where_and_as_loud_as_it_is(rate_hz, frequency_hz, amplitude):
    picture = picture_of("x", [sine(frequency_hz, 2.0, rate_hz, amplitude)], rate_hz)
    column = picture.power_db[:, picture.power_db.shape[1] // 2]
    row = int(column.argmax())
    low_hz, high_hz = picture.edges_hz[row], picture.edges_hz[row + 1]
    bin_hz = 1 / 0.04
    assert low_hz - bin_hz < frequency_hz < high_hz + bin_hz
    # High rows are the mean of several bins, so a sine there is a few dB below its own level.
    assert -6 < column.max() - 20 * np.log10(amplitude) < 0.5


def test_time_runs_from_the_first_sample_to_the_last():
    rate_hz = 8000
    wave = np.zeros((1, 10 * rate_hz), np.float32)
    wave[:, 4 * rate_hz : 5 * rate_hz] = sine(1000, 1.0, rate_hz)
    picture = picture_of("x", [wave], rate_hz)
    loud = np.flatnonzero(picture.power_db.max(axis=0) > -20)
    columns = picture.power_db.shape[1]
    assert loud[0] / columns == pytest.approx(0.4, abs=0.01)
    assert loud[-1] / columns == pytest.approx(0.5, abs=0.01)
    assert picture.duration_s == 10.0


def test_blocks_of_any_size_give_the_same_picture():
    rng = np.random.default_rng(0)
    wave = rng.standard_normal((2, 30_011)).astype(np.float32)
    whole = picture_of("x", [wave], 8000)
    for size in (7, 1000, 4096):
        blocks = (wave[:, at : at + size] for at in range(0, wave.shape[1], size))
        np.testing.assert_allclose(
            picture_of("x", blocks, 8000).power_db, whole.power_db, atol=1e-3
        )


def test_columns_stay_few_and_keep_the_mean():
    rng = np.random.default_rng(0)
    rate_hz = 8000

    def blocks(seconds: int):
        for _ in range(seconds):
            yield rng.standard_normal((1, rate_hz)).astype(np.float32) * 0.1

    short, long = picture_of("x", blocks(20), rate_hz), picture_of("x", blocks(900), rate_hz)
    assert short.power_db.shape[1] < 1600
    assert 800 <= long.power_db.shape[1] <= 1600
    mean = [10 * np.log10((10 ** (p.power_db[40:] / 10)).mean()) for p in (short, long)]
    assert mean[0] == pytest.approx(mean[1], abs=0.2)


def test_opposite_channels_do_not_cancel():
    left = sine(1000, 1.0, 8000)
    both = picture_of("x", [np.concatenate([left, -left])], 8000)
    np.testing.assert_allclose(both.power_db, picture_of("x", [left], 8000).power_db, atol=1e-3)


@pytest.mark.parametrize("length", [0, 1, 2, 511, 512, 513])
def test_short_sounds_have_a_picture(length):
    picture = picture_of("x", [np.ones((1, length), np.float32)], 8000)
    assert picture.power_db.shape[1] >= 1
    assert np.isfinite(picture.power_db).all()


def test_nan_does_not_spread():
    wave = sine(1000, 2.0, 8000)
    wave[:, 100] = np.nan
    picture = picture_of("x", [wave], 8000)
    assert np.isfinite(picture.power_db).all()
    assert picture.power_db[:, -20].max() > -6


def test_nothing_at_all():
    assert np.isfinite(picture_of("x", [], 8000).power_db).all()
