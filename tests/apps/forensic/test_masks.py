"""Attenuation only: what the report says of voices that are brought forward, as properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.apps.forensic import masks

RATE_HZ = 4000


def split(recording, guide, at=()):
    pieces = (iter(np.split(wave, at, axis=1)) for wave in (recording, guide))
    found = list(masks.apply(*pieces, RATE_HZ))
    return [np.concatenate(parts, axis=1) for parts in zip(*found, strict=True)]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(-30, 30), st.floats(-30, 30), st.floats(0, 1))
def test_masks_lie_between_0_and_1_and_sum_to_1_whatever_the_guide(seed, one, two, silent) -> None:
    rng = np.random.default_rng(seed)
    levels = np.array([one, one, two, two])[:, None]
    parts = rng.standard_normal((4, 40)) * 10**levels * (rng.random((4, 40)) >= silent)
    guide, recording = parts[0] + 1j * parts[1], parts[2] + 1j * parts[3]
    kept, rest = masks.masks(guide, recording)
    for mask in (kept, rest):
        assert mask.min() >= 0.0
        assert mask.max() <= 1.0
    assert (kept + rest).max() <= 1.0
    assert (np.abs(kept * recording) <= np.abs(recording)).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 2), st.floats(0, 100))
def test_outputs_sum_to_the_recording_and_have_no_more_energy(seed, length, channels, gain) -> None:
    rng = np.random.default_rng(seed)
    recording = rng.standard_normal((channels, length)).astype(np.float32)
    guide = (gain * rng.standard_normal((channels, length))).astype(np.float32)
    voice, rest = split(recording, guide)
    np.testing.assert_allclose(voice + rest, recording, atol=1e-6)
    energy = np.sum(recording.astype(np.float64) ** 2)
    for wave in (voice, rest):
        assert wave.shape == recording.shape
        assert np.sum(wave.astype(np.float64) ** 2) <= energy * (1 + 1e-6)


def test_the_output_is_the_recording_under_the_mask() -> None:
    """Frame by frame, plainly: transform, multiply, transform back, window again, add."""
    recording, guide = np.random.default_rng(1).standard_normal((2, 1, 4000)).astype(np.float32)
    size = masks.frame_size(RATE_HZ)
    window = np.sqrt(np.hanning(size + 1)[:-1])
    x, g = (np.pad(wave[0].astype(np.float64), size) for wave in (recording, guide))
    expected = np.zeros_like(x)
    for at in range(0, len(x) - size + 1, size // 4):
        spectrum, led = (np.fft.rfft(window * wave[at : at + size]) for wave in (x, g))
        kept, _ = masks.masks(led, spectrum)
        expected[at : at + size] += window * np.fft.irfft(kept * spectrum) / 2
    voice, _ = split(recording, guide)
    np.testing.assert_allclose(voice[0], expected[size : size + 4000], atol=1e-6)


def test_what_only_the_guide_has_is_not_heard() -> None:
    recording = np.zeros((1, 3000), np.float32)
    guide = np.sin(np.arange(3000) / 5)[None].astype(np.float32)
    voice, rest = split(recording, guide)
    assert not voice.any()
    assert not rest.any()


def test_a_guide_that_is_the_recording_keeps_it_and_a_silent_one_nothing() -> None:
    recording = np.random.default_rng(0).standard_normal((2, 3000)).astype(np.float32)
    np.testing.assert_allclose(split(recording, recording)[0], recording, atol=1e-6)
    assert not split(recording, np.zeros_like(recording))[0].any()


def test_blocks_of_any_size_give_the_same_bytes() -> None:
    recording, guide = np.random.default_rng(0).standard_normal((2, 1, 20000)).astype(np.float32)
    whole = split(recording, guide)
    for at in ([1], [7, 4999, 5000, 15000]):
        for wave, same in zip(whole, split(recording, guide, at), strict=True):
            np.testing.assert_array_equal(wave, same)


def test_a_guide_of_another_length_is_refused() -> None:
    wave = np.zeros((1, 3000), np.float32)
    with pytest.raises(ValueError, match="guide"):
        split(wave, wave[:, :2000])
