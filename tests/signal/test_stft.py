"""The transform against the slow, obvious version and against its own inverse."""

import numpy as np
import pytest
import torch

from unweave.signal import stft


@pytest.mark.parametrize(
    ("size", "hop", "frames"), [(16, 4, 1), (16, 4, 7), (64, 16, 12), (32, 32, 3), (16, 4, 200)]
)
def test_stft_is_the_definition(size: int, hop: int, frames: int) -> None:
    samples = stft.frames_to_samples(frames, size, hop)
    wave = torch.randn(2, 3, samples, generator=torch.Generator().manual_seed(1))
    window = torch.hann_window(size)
    got = stft.stft(wave, window, hop).numpy()
    want = np.stack(
        [np.fft.rfft(wave[..., n * hop : n * hop + size] * window) for n in range(frames)], axis=-2
    )
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 3, 4, 9, 150])
def test_overlap_add_returns_the_wave_times_the_envelope(frames: int) -> None:
    window = torch.hann_window(64)
    wave = torch.randn(2, stft.frames_to_samples(frames, 64, 16))
    spectrum = stft.stft(wave, window, 16)
    parts = ((some, spectrum[..., some, :]) for some in stft.groups(frames))
    got = stft.overlap_add(parts, frames, window, 16)
    torch.testing.assert_close(got, wave * stft.envelope(window, 16, frames), atol=1e-6, rtol=1e-5)


def test_envelopes_of_neighbours_sum_to_a_constant() -> None:
    window, hop, frames = torch.hann_window(64), 16, 8
    fade = stft.envelope(window, hop, frames)
    total = torch.zeros(fade.shape[0] + frames * hop)
    total[: fade.shape[0]] += fade
    total[frames * hop :] += fade
    torch.testing.assert_close(total[48:-48], torch.full_like(total[48:-48], 1.5))


def test_magnitude_takes_both_roads_to_the_same_place() -> None:
    spectrum = torch.randn(2, 5, 9, dtype=torch.complex64)
    torch.testing.assert_close(stft.magnitude(spectrum), spectrum.abs())
    torch.testing.assert_close(stft.magnitude(spectrum[..., 1:7]), spectrum[..., 1:7].abs())


def test_a_hop_that_does_not_divide_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the hop 3"):
        stft.overlap_add([], 4, torch.ones(16), 3)
