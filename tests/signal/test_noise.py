import numpy as np
import pytest
import torch
from tests.separators.voices import at_snr, talker

from unweave.signal import noise
from unweave.signal.centred import analyse
from unweave.signal.noise import (
    Profile,
    active_frames,
    average,
    expected,
    joint_power,
    measured,
    minimum_statistics,
)


def white(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def estimate(wave: np.ndarray | torch.Tensor, rate_hz: int, size: int, overlap: int, search_s=6.0):
    """The noise in `(time,)`, `(frame, frequency)`."""
    wave = torch.as_tensor(wave)[None]
    hop = size // overlap
    window = torch.hann_window(size).sqrt()
    power = analyse(wave, size, hop, window).transpose(-1, -2).abs().square()
    active = active_frames(wave, size, hop)
    return minimum_statistics(power, active, overlap, hop / rate_hz, search_s)[0]


def db(ratio: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(ratio.clamp(min=1e-20))


@pytest.mark.parametrize("width", [1, 3, 5, 7, 31, 33])
def test_sliding_minimum(width: int) -> None:
    values = white(2, 40, 3)
    half = width // 2
    slow = [values[:, max(0, n - half) : n + half + 1].amin(1) for n in range(40)]
    assert torch.equal(noise._sliding_minimum(values, width), torch.stack(slow, 1))


def test_average_leaves_out_what_is_silent() -> None:
    power, active = white(1, 150, 3).square(), torch.ones(1, 150, dtype=torch.bool)
    active[:, 20:45] = False
    weights = noise._weights(9)
    slow = torch.zeros_like(power)
    for n in range(150):
        some = [m for m in range(max(0, n - 4), min(150, n + 5)) if active[0, m]]
        total = sum(float(weights[m - n + 4]) for m in some)
        for m in some:
            slow[0, n] += weights[m - n + 4] / total * power[0, m]
    torch.testing.assert_close(noise._averaged(power, active, weights), slow)


@pytest.mark.parametrize(
    ("size", "overlap", "rate_hz", "search_s"),
    [(512, 4, 16000, 6.0), (512, 2, 16000, 6.0), (1024, 8, 44100, 3.0), (512, 4, 16000, 1.0)],
)
def test_white_noise_is_found_without_bias(size, overlap, rate_hz, search_s) -> None:
    found = estimate(0.1 * white(16 * rate_hz, seed=3), rate_hz, size, overlap, search_s)
    truth = 0.01 * size / 2  # the variance times the sum of the squared window
    inside = found[40:-40, 2:-2]
    assert abs(float(db(inside.mean() / truth))) < 0.3
    assert float(db(inside / truth).abs().mean()) < 1.0


def test_speech_hardly_counts_as_noise() -> None:
    speech = talker(16000 * 12, 16000, 1)
    hiss = at_snr(speech, white(len(speech)).numpy(), 5)
    truth = float(np.var(hiss)) * 512 / 2
    error_db = db(estimate(speech + hiss, 16000, 512, 4)[20:-20, 2:-2] / truth)
    assert abs(float(error_db.mean())) < 0.7
    assert float(error_db.abs().mean()) < 1.5


def test_a_growing_noise_is_followed_within_half_the_search() -> None:
    level = torch.where(torch.arange(16000 * 16) < 16000 * 8, 0.01, 0.1)
    found_db = db(estimate(level * white(16000 * 16), 16000, 512, 4, 2.0).mean(-1) / 256)
    assert torch.all((found_db[100:850] + 40).abs() < 1.5)  # to 6.8 s
    assert torch.all((found_db[1150:1900] + 20).abs() < 1.5)  # from 9.2 s


def test_digital_silence_says_nothing_about_the_noise() -> None:
    wave = white(16000 * 8)
    whole = estimate(wave, 16000, 512, 4, 2.0)
    for gap in (slice(0, 16000 * 3), slice(16000 * 4, 16000 * 5), slice(16000 * 5, None)):
        holed = wave.clone()
        holed[gap] = 0.0
        ratio_db = db(estimate(holed, 16000, 512, 4, 2.0) / whole)[:, 2:-2]
        active = active_frames(holed[None], 512, 128)[0]
        assert int((~active).sum()) > 20
        assert float(ratio_db[active].mean().abs()) < 0.3
    nothing = estimate(torch.zeros(4000), 16000, 512, 4)
    assert torch.equal(nothing, torch.zeros_like(nothing))


def test_a_profile_is_that_of_all_frames_in_pieces_or_not(monkeypatch) -> None:
    wave, window = white(1, 2, 50000), torch.hann_window(256).sqrt()
    whole = measured(wave, window, 64, 3)
    frames = wave.unfold(-1, 256, 64) * window
    power = torch.fft.rfft(frames).abs().square().mean(1)
    torch.testing.assert_close(whole.power, power.mean(1, keepdim=True))
    torch.testing.assert_close(whole.mean, power.sqrt().mean(1, keepdim=True))
    torch.testing.assert_close(whole.largest, average(power.sqrt(), 3).amax(1, keepdim=True))
    monkeypatch.setattr(noise, "_PIECE", 100)
    pieces = measured(wave, window, 64, 1)
    torch.testing.assert_close(pieces.power, whole.power)
    torch.testing.assert_close(pieces.largest, power.sqrt().amax(1, keepdim=True))


def test_an_expected_profile_is_a_gaussian_noises() -> None:
    window = torch.hann_window(256).sqrt()
    real = measured(white(1, 1, 200_000), window, 64, 1)
    guess = expected(real.power)
    assert abs(float(db(guess.mean[..., 2:-2].mean() / real.mean[..., 2:-2].mean()))) < 0.05
    # 3000 frames: the largest of them is one in a thousand's, or a little more
    assert 0.95 < float((real.largest / guess.largest)[..., 2:-2].mean()) < 1.25


def test_a_profile_at_another_rate_has_the_same_power_per_hertz() -> None:
    profile = measured(white(1, 1, 480_000), torch.hann_window(2048).sqrt(), 512, 1)
    from_hz = torch.arange(1025, dtype=torch.float64) * 48000 / 2048
    to_hz = torch.arange(257, dtype=torch.float64) * 16000 / 512
    moved = profile.at(from_hz, to_hz, gain=16000 * 512 / (48000 * 2048))
    truth = measured(white(1, 1, 160_000) / 3**0.5, torch.hann_window(512).sqrt(), 128, 1)
    for name in ("power", "mean"):
        ratio = getattr(moved, name)[..., 2:-2].mean() / getattr(truth, name)[..., 2:-2].mean()
        assert abs(float(db(ratio))) < 0.1
    beyond = truth.at(to_hz, from_hz, gain=1.0)
    assert torch.all(beyond.power[..., from_hz > 8000] == 0)
    assert torch.all(beyond.power[..., from_hz <= 8000] > 0)


def test_lines_are_drawn_between_frequencies() -> None:
    values = torch.tensor([[[1.0, 3.0, 7.0]]])
    profile = Profile(values, values, values)
    hz = torch.tensor([0.0, 100.0, 200.0], dtype=torch.float64)
    moved = profile.at(hz, torch.tensor([0.0, 50.0, 200.0, 201.0], dtype=torch.float64), gain=4.0)
    assert moved.power.tolist() == [[[4.0, 8.0, 28.0, 0.0]]]
    assert moved.mean.tolist() == [[[2.0, 4.0, 14.0, 0.0]]]


def test_channels_are_averaged_in_power() -> None:
    spectrum = torch.complex(white(2, 3, 4, 5), white(2, 3, 4, 5, seed=1))
    torch.testing.assert_close(joint_power(spectrum), spectrum.abs().square().mean(1))
