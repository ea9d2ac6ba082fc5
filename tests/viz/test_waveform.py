"""The envelope behind a waveform: no sample outside it, flat memory, blocks of any size."""

import numpy as np
import pytest

from unweave.viz.waveform import COLUMNS, envelope_of


@pytest.mark.parametrize("length", [1, 15, 16, 1600 * 16, 1600 * 16 + 1, 200_003])
def test_every_column_holds_its_samples(length: int) -> None:
    wave = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    found = envelope_of([wave[:, :7], wave[:, 7:1000], wave[:, 1000:]], 8000)
    each = round(found.column_s * 8000)
    assert found.duration_s == length / 8000
    assert found.low.shape == found.high.shape == (2, -(-length // each))
    assert found.low.shape[1] <= COLUMNS + 1
    for column in range(found.low.shape[1]):
        part = wave[:, column * each : (column + 1) * each]
        np.testing.assert_array_equal(found.high[:, column], part.max(axis=1))
        np.testing.assert_array_equal(found.low[:, column], part.min(axis=1))


def test_blocks_of_any_size_give_the_same_and_what_is_no_number_is_silence() -> None:
    wave = np.random.default_rng(0).standard_normal((1, 100_000)).astype(np.float32)
    wave[0, 5] = np.nan
    whole = envelope_of([wave], 8000)
    cut = envelope_of(np.split(wave, [1, 5000, 77_777], axis=1), 8000)
    np.testing.assert_array_equal(whole.low, cut.low)
    np.testing.assert_array_equal(whole.high, cut.high)
    assert np.isfinite(whole.low).all()


def test_nothing_is_a_flat_line() -> None:
    found = envelope_of([], 8000)
    assert (found.low.shape, found.high.max(), found.duration_s) == ((1, 1), 0.0, 0.0)
