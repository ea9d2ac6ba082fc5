import numpy as np
import pytest
import torch

from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import registry
from unweave.errors import UsageError
from unweave.separators import repet
from unweave.separators._shared.foreground import Grid

GRID = Grid(1024, 256, RATE_HZ)
PERIOD_S = 64 * 256 / RATE_HZ  # whole frames


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(wave)[None, None]
        return registry.load("repet", **options)(mix, RATE_HZ)[0, :, 0].numpy()


@pytest.mark.parametrize(("frames", "period"), [(40, 10), (43, 10), (9, 10), (10, 10), (25, 1)])
def test_the_background_is_the_median_over_periods(frames: int, period: int) -> None:
    values = torch.rand(2, 7, frames, generator=torch.Generator().manual_seed(frames))
    want = np.empty(values.shape)
    for frame in range(frames):
        want[..., frame] = np.median(values.numpy()[..., frame % period :: period], axis=-1)
    np.testing.assert_allclose(repet.repeating(values, period).numpy(), want, atol=1e-6)


def test_the_beat_spectrum_is_the_mean_autocorrelation() -> None:
    powers = torch.rand(300, 50, generator=torch.Generator().manual_seed(1))
    found = repet.beat_spectrum(powers, 20).numpy()
    values = powers.double().numpy()
    want = [np.mean(values[:, : 50 - lag] * values[:, lag:]) for lag in range(20)]
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_a_voice_over_a_loop_is_found() -> None:
    sung, played = voice(9), accompaniment(9, PERIOD_S)
    vocals, music = separate(sung + played)
    assert sdr_db(sung, vocals) > 9
    assert sdr_db(played, music) > 9
    np.testing.assert_allclose(vocals + music, sung + played, atol=1e-6)


def test_the_period_is_found_to_the_frame() -> None:
    mix = voice(9) + accompaniment(9, PERIOD_S)
    found = separate(mix)
    told = separate(mix, period_s=PERIOD_S)
    # Three periods are as good as one, and one as good as the period.
    assert sdr_db(told[1], found[1]) > 15
    assert sdr_db(told[1], separate(mix, period_s=1.3 * PERIOD_S)[1]) < 12


def test_too_short_for_a_period_is_all_background() -> None:
    mix = voice(2) + accompaniment(2)
    assert not separate(mix).any(axis=1)[0]
    assert separate(mix, min_period_s=0.3).any(axis=1)[0]


def test_low_frequencies_are_background() -> None:
    time_s = np.arange(4 * RATE_HZ) / RATE_HZ
    hum = np.where(np.sin(time_s**3) > 0, np.sin(2 * np.pi * 60 * time_s), 0).astype(np.float32)
    assert sdr_db(hum, separate(hum)[1]) > 20
    assert sdr_db(hum, separate(hum, high_pass_hz=0.0)[1]) < 13


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_period_s": 9}, "repet: min_period_s 9 is above max_period_s 8"),
        ({"min_period_s": 0}, "repet: min_period_s must be a number, above 0"),
        ({"period_s": -2}, "repet: period_s must be a number or none, above 0"),
        ({"high_pass_hz": -1}, "repet: high_pass_hz must be a number, at least 0"),
        ({"window": "kaiser"}, "repet: window must be one of hann, sqrt-hann"),
        ({"overlap": 6}, "repet: overlap must be one of 2, 4, 8, 16"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        registry.load("repet", **options)
    assert "\n" not in str(caught.value)
