import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import registry
from unweave.errors import UsageError
from unweave.separators import ft2d


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(wave)[None, None]
        return registry.load("ft2d", **options)(mix, RATE_HZ)[0, :, 0].numpy()


def obvious(magnitudes: np.ndarray, width: int, soft: bool) -> np.ndarray:
    """The background `(frequency, frame)`, with the whole plane and image filters that wrap."""
    plane = np.fft.fft2(magnitudes.astype(np.float64))
    heights = np.abs(plane) / np.abs(plane).max()
    size = (1, width)
    top = maximum_filter(heights, size, mode="wrap")
    if soft:
        mean = uniform_filter(heights, size, mode="wrap")
        deviation = np.sqrt(uniform_filter(heights**2, size, mode="wrap") - mean**2) + 1e-7
        found = (top - mean) / deviation * (heights == top)
        found /= found.max()
    else:
        bottom = minimum_filter(heights, size, mode="wrap")
        found = ((heights == top) & (top - bottom > heights.std())).astype(float)
    mirrored = np.roll(found[:, ::-1], 1, axis=1)
    return np.abs(np.fft.ifft2(plane * np.maximum(found, mirrored)))


@pytest.mark.parametrize("peaks", ["soft", "hard"])
@pytest.mark.parametrize(("frequencies", "frames"), [(33, 80), (33, 81), (32, 40), (1, 30)])
def test_the_background_is_what_the_peaks_make(frequencies: int, frames: int, peaks: str) -> None:
    rng = np.random.default_rng(frames)
    values = np.tile(rng.random((frequencies, 10)), 9)[:, :frames] + rng.random(
        (frequencies, frames)
    )
    separator = registry.load("ft2d", peaks=peaks, neighbourhood=9)
    got = separator.background(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(got, obvious(values, 9, peaks == "soft"), atol=1e-6)


@pytest.mark.parametrize("width", [1, 3, 5, 9, 25, 41])
def test_neighbourhoods_wrap_around(width: int) -> None:
    values = torch.rand(11, 3, generator=torch.Generator().manual_seed(width))
    index = torch.arange(-(width // 2), 11 + width // 2) % 11
    windows = values[index].unfold(0, width, 1)
    assert torch.equal(ft2d.around(torch.maximum, values, width), windows.amax(-1))
    torch.testing.assert_close(ft2d.around(torch.add, values, width), windows.sum(-1))


@pytest.mark.parametrize("peaks", ["soft", "hard"])
def test_a_voice_over_a_loop_is_found(peaks: str) -> None:
    sung, played = voice(12), accompaniment(12)
    vocals, music = separate(sung + played, peaks=peaks)
    assert sdr_db(sung, vocals) > 5
    assert sdr_db(played, music) > 6
    np.testing.assert_allclose(vocals + music, sung + played, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighbourhood": 24}, "ft2d: neighbourhood must be odd; got 24"),
        ({"neighbourhood": 1}, "ft2d: neighbourhood must be a whole number, at least 3"),
        ({"peaks": "all"}, "ft2d: peaks must be one of soft, hard"),
        ({"window_s": float("nan")}, "ft2d: window_s must be a number"),
        ({"overlap": 6}, "ft2d: overlap must be one of 2, 4, 8, 16"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        registry.load("ft2d", **options)
    assert "\n" not in str(caught.value)
