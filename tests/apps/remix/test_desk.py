"""The laws of the desk: gain, points, pan, width, tilt, sensitivity, blocks."""

import numpy as np
import pytest

from tests.apps.remix.sounds import RATE_HZ, noise
from unweave.apps.remix import desk, filters
from unweave.apps.remix.desk import Desk, mixed, panned, processed, sampled, weighted, widened
from unweave.apps.remix.mix import Strip
from unweave.signal.blocks import windows


@pytest.mark.parametrize("pan", [-1.0, -0.6, 0.3, 1.0])
def test_pan_keeps_the_power_of_what_is_in_the_middle(pan: float) -> None:
    middle = np.repeat(noise(channels=1), 2, axis=0)
    power = np.sum(panned(middle, pan) ** 2) / np.sum(middle**2)
    assert power == pytest.approx(1, rel=1e-5)
    left, right = panned(np.ones((2, 1), np.float32), pan)[:, 0]
    angle = (pan + 1) * np.pi / 4
    np.testing.assert_allclose([left, right], np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)]),
                               atol=1e-6)  # fmt: skip


def test_pan_in_the_middle_changes_nothing_and_at_the_ends_leaves_one_channel() -> None:
    wave = noise()
    np.testing.assert_array_equal(panned(wave, 0.0), wave)
    assert np.abs(panned(wave, 1.0)[0]).max() < 1e-7
    assert np.abs(panned(wave, -1.0)[1]).max() < 1e-7


@pytest.mark.parametrize("width", [0.0, 0.5, 2.0])
def test_width_multiplies_the_difference_and_keeps_the_sum(width: float) -> None:
    wave = noise()
    left, right = widened(wave, width)
    np.testing.assert_allclose(left + right, wave[0] + wave[1], atol=1e-6)
    np.testing.assert_allclose(left - right, width * (wave[0] - wave[1]), atol=1e-6)


def test_points_are_exact_at_their_samples_and_linear_in_db_between() -> None:
    strip = Strip(gain=((0.25, -6.0), (0.5, 6.0), (1.0, 6.0)))
    wave = processed(np.ones((2, RATE_HZ), np.float32), strip, None, 0, RATE_HZ)
    found_db = 20 * np.log10(wave[0])
    places = [0, 2000, 3000, 4000, 6000, 7999]
    np.testing.assert_allclose(found_db[places], [-6, -6, 0, 6, 6, 6], atol=1e-5)
    np.testing.assert_allclose(np.diff(found_db[2000:4001]), 12 / 2000, atol=1e-5)


def test_points_between_two_samples_lie_on_the_nearest() -> None:
    value = ((0.5 + 0.4 / RATE_HZ, 1.0), (0.5 + 0.6 / RATE_HZ, 2.0))
    assert list(sampled(value, 3999, 4, RATE_HZ)) == [1, 1, 2, 2]


def test_points_count_from_the_beginning_of_the_recording() -> None:
    value = ((1.0, 0.0), (2.0, 8.0))
    whole = sampled(value, 0, 3 * RATE_HZ, RATE_HZ)
    np.testing.assert_array_equal(sampled(value, 9000, 100, RATE_HZ), whole[9000:9100])


def test_tilt_has_its_slope_around_a_kilohertz_and_no_delay() -> None:
    rate_hz = 44100
    taps = filters.taps(filters.tilted(3.0), rate_hz)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    size = 1 << 16
    response_db = 20 * np.log10(np.abs(np.fft.rfft(taps, size)))
    for octave in (-3, -2, -1, 0, 1, 2, 3):
        place = round(1000 * 2.0**octave * size / rate_hz)
        assert response_db[place] == pytest.approx(3 * octave, abs=0.1)
    impulse = np.zeros((1, 3000), np.float32)
    impulse[0, 1700] = 1
    assert np.argmax(np.abs(filters.filtered(impulse, taps))) == 1700


def test_a_flat_filter_changes_nothing() -> None:
    wave = noise()
    flat = filters.taps(np.zeros_like, RATE_HZ)
    np.testing.assert_allclose(filters.filtered(wave, flat), wave, atol=1e-6)


def _inside(wave: np.ndarray, frame: int) -> np.ndarray:
    return wave[..., frame:-frame]


@pytest.mark.parametrize("sensitivity", [0.0, 0.5, 0.9])
def test_the_change_is_weighted_by_the_share_of_the_power(sensitivity: float) -> None:
    wave, frame = noise(), 512
    stems = np.stack([wave, 2 * wave])  # a fifth and four fifths of the power, everywhere
    found = weighted(wave, stems, 0, sensitivity, frame)
    expected = 0.2 ** (1 - sensitivity) * wave
    np.testing.assert_allclose(_inside(found, frame), _inside(expected, frame), atol=1e-6)


def test_a_stem_that_is_alone_is_changed_in_full() -> None:
    wave, frame = noise(), 512
    found = weighted(wave, np.stack([np.zeros_like(wave), wave]), 1, 0.0, frame)
    np.testing.assert_allclose(_inside(found, frame), _inside(wave, frame), atol=1e-6)


def _mixed(board: Desk, tracks: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    blocks = [tracks[..., at : at + size] for at in range(0, tracks.shape[-1], size)]
    found, start = [], 0
    for window in windows(iter(blocks), board.context):
        found.append(mixed(board, window, start - board.context))
        start += found[-1][0].shape[-1]
    remixes, changed = zip(*found, strict=True)
    return np.concatenate(remixes, axis=-1), np.concatenate(changed, axis=-1)


@pytest.mark.parametrize("sensitivity", [1.0, 0.3])
def test_how_the_song_is_cut_into_blocks_does_not_show(sensitivity: float) -> None:
    tracks = np.stack([noise(3, seed=seed) for seed in range(3)])
    tracks[0] = tracks[1:].sum(0) + noise(3, seed=9, level=0.001)
    strips = {
        "vocals": Strip(gain=((0.1, -9.0), (2.0, 3.0)), tilt=2.0, pan=0.4),
        "band": Strip(width=0.5),
        "residual": Strip(),
    }
    taps = {"vocals": filters.taps(filters.tilted(2.0), RATE_HZ)}
    board = Desk(strips, taps, sensitivity, RATE_HZ)
    whole, parts = _mixed(board, tracks, 1 << 15), _mixed(board, tracks, 1 << 12)
    for one, other in zip(whole, parts, strict=True):
        assert one.shape[-1] == tracks.shape[-1]
        np.testing.assert_allclose(one, other, atol=2e-6)
    remix, changed = whole
    np.testing.assert_allclose(changed.sum(0), remix, atol=1e-6)
    assert np.abs(remix - tracks[0]).max() > 0.01


def test_unchanged_stems_leave_the_mix_to_the_bit() -> None:
    tracks = np.stack([noise(seed=seed) for seed in range(3)])
    strips = dict.fromkeys(("vocals", "band", "residual"), Strip())
    remix, _ = mixed(Desk(strips, {}, 1.0, RATE_HZ), tracks, 0)
    np.testing.assert_array_equal(remix, tracks[0])


def test_the_frame_is_a_power_of_two_and_its_hop_divides_every_block() -> None:
    from unweave.apps._shared.material import BLOCK

    for rate_hz in (8000, 44100, 48000, 192_000, 384_000):
        assert BLOCK % (Desk({}, {}, 0.5, rate_hz).frame // desk.HOPS) == 0
