"""Centred spectra against the definition, and there and back for every kind of length."""

import numpy as np
import pytest
import torch

from unweave.signal import centred


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 31, 32, 33, 64, 100, 1000])
@pytest.mark.parametrize(("size", "hop"), [(32, 8), (32, 16), (16, 4)])
def test_there_and_back(size: int, hop: int, length: int) -> None:
    wave, window = noise(2, 3, length), torch.hann_window(size)
    spectrum = centred.analyse(wave, size, hop, window)
    assert spectrum.shape == (2, 3, size // 2 + 1, centred.frame_count(length, hop))
    back = centred.synthesise(spectrum, size, hop, window, length)
    torch.testing.assert_close(back, wave, atol=2e-6, rtol=0)


def test_frames_are_centred_on_multiples_of_the_hop() -> None:
    size, hop, length = 16, 4, 41
    wave, window = noise(length), torch.hann_window(size)
    got = centred.analyse(wave, size, hop, window).numpy()
    padded = np.pad(wave.numpy(), (size // 2, size))
    want = [
        np.fft.rfft(padded[at : at + size] * window.numpy()) for at in range(0, length + hop, hop)
    ]
    np.testing.assert_allclose(got, np.stack(want, axis=-1), atol=1e-6)


def test_a_mask_is_a_factor() -> None:
    size, hop, window = 32, 8, torch.hann_window(32)
    spectrum = centred.analyse(noise(2, 333), size, hop, window)
    mask = torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(4))
    got = centred.synthesise(spectrum, size, hop, window, 333, mask)
    want = centred.synthesise(spectrum * mask, size, hop, window, 333)
    torch.testing.assert_close(got, want)


def test_what_does_not_fit_is_refused() -> None:
    window = torch.hann_window(32)
    for size, hop in [(32, 12), (32, 32), (16, 4)]:
        with pytest.raises(ValueError, match="frames of"):
            centred.analyse(noise(100), size, hop, window)
    spectrum = centred.analyse(noise(100), 32, 8, window)
    with pytest.raises(ValueError, match="90 samples have 13 frames"):
        centred.synthesise(spectrum, 32, 8, window, 90)


def test_a_window_is_the_nearest_power_of_two() -> None:
    assert centred.frame_size(0.0464, 44100) == 2048
    assert centred.frame_size(0.064, 16000) == 1024
    assert centred.frame_size(0.0464, 22050) == 1024
    assert centred.frame_size(1e-6, 8000) == 16
