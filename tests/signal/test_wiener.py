"""The multichannel Wiener filter against `norbert`, and what must hold of any such filter."""

import numpy as np
import pytest
import torch

from unweave.signal.wiener import multichannel_wiener


def scene(channels: int, frames: int = 20, bins: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    shape = (1, channels, frames, bins)
    mix = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64) * 30
    gains = rng.uniform(size=(1, 3, channels, frames, bins)).astype(np.float32)
    return gains * np.abs(mix)[:, None], mix


@pytest.mark.parametrize("iterations", [0, 1, 3])
def test_equals_norbert(iterations: int) -> None:
    norbert = pytest.importorskip("norbert")
    estimates, mix = scene(2)
    got = multichannel_wiener(torch.from_numpy(estimates), torch.from_numpy(mix), iterations)
    want = norbert.wiener(
        estimates[0].transpose(2, 3, 1, 0).astype(np.float64),  # (frame, bin, channel, source)
        mix[0].transpose(1, 2, 0).astype(np.complex128),
        iterations,
        eps=np.finfo(np.float32).eps,
    ).transpose(3, 2, 0, 1)
    error = np.abs(got[0].numpy() - want).max() / np.abs(want).max()
    assert error < 1e-6  # single-precision output


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_sum_to_the_mix(channels: int) -> None:
    estimates, mix = map(torch.from_numpy, scene(channels))
    images = multichannel_wiener(estimates, mix, 1)
    lost = (images.sum(1) - mix).abs().square().sum() / mix.abs().square().sum()
    assert 10 * torch.log10(lost) < -60  # the guards take a little


def test_silence_stays_silence() -> None:
    estimates, mix = torch.zeros(1, 2, 2, 4, 5), torch.zeros(1, 2, 4, 5, dtype=torch.complex64)
    assert multichannel_wiener(estimates, mix).abs().max() == 0
