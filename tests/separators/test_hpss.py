import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter

from tests import CPU
from tests.separators.songs import RATE_HZ, sdr_db
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.separators import hpss
from unweave.types import Audio


def separate(wave: np.ndarray, rate_hz: int = RATE_HZ, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave))[None]
        return registry.load("hpss", **options)(mix, rate_hz)[0].numpy()


def tones_and_clicks(seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = 0.1 * sum(np.sin(2 * np.pi * hz * time_s) for hz in (311.0, 997.0, 2503.0))
    clicks = np.zeros_like(time_s)
    clicks[RATE_HZ // 8 :: RATE_HZ // 2] = 1.0
    return tones.astype(np.float32), clicks.astype(np.float32)


def librosa_masks(
    magnitudes: np.ndarray, frames: int, bins: int, power: float, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """`librosa.decompose.hpss(mask=True)`, written out."""

    def soft(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        larger = np.maximum(own, other)
        silent = larger < np.finfo(np.float32).tiny
        larger[silent] = 1.0
        own, other = (own / larger) ** power, (other / larger) ** power
        own[~silent] /= (own + other)[~silent]
        own[silent] = 0.5 if margin == 1 else 0.0
        return own

    harmonic = median_filter(magnitudes, size=(1, frames), mode="reflect")
    percussive = median_filter(magnitudes, size=(bins, 1), mode="reflect")
    return soft(harmonic, percussive * margin), soft(percussive, harmonic * margin)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_masks_are_librosas(power: float, margin: float) -> None:
    rng = np.random.default_rng(3)
    magnitudes = (rng.random((90, 70)) ** 4 * 10).astype(np.float32)
    magnitudes[:, 20:60] = 0.0  # wide enough for both medians to be silent
    magnitudes[50:80] = 0.0
    want = librosa_masks(magnitudes, 17, 21, power, margin)
    first, second = hpss.masks(torch.from_numpy(magnitudes), 17, 21, power, margin)
    assert (second is None) == (margin == 1)
    got = first, 1 - first if second is None else second
    for w, g in zip(want, got, strict=True):
        np.testing.assert_allclose(g.numpy(), w, atol=2e-6)


def test_tones_and_clicks_come_apart() -> None:
    tones, clicks = tones_and_clicks()
    harmonic, percussive = separate(tones + clicks)[:, 0]
    assert sdr_db(tones, harmonic) > 28
    assert sdr_db(clicks, percussive) > 10


def test_a_margin_leaves_what_is_neither() -> None:
    tones, clicks = tones_and_clicks()
    hiss = 0.03 * np.random.default_rng(0).standard_normal(len(tones)).astype(np.float32)
    mix = tones + clicks + hiss
    stems = separate_array(
        registry.load("hpss", margin=3.0),
        mix[None],
        RATE_HZ,
        execution=CPU,
        warn=pytest.fail,
    )
    assert list(stems) == ["harmonic", "percussive", "residual"]
    np.testing.assert_allclose(sum(stems.values()), mix[None], atol=1e-6)
    plain = separate(mix)[:, 0]
    assert sdr_db(tones, stems["harmonic"][0]) > sdr_db(tones, plain[0]) + 3
    assert sdr_db(hiss, stems["residual"][0]) > 4


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100])
def test_segments_are_as_good_as_the_whole(rate_hz: int) -> None:
    tones, clicks = (np.tile(wave, 7)[: 26 * rate_hz] for wave in tones_and_clicks())
    separator = registry.load("hpss")
    with torch.inference_mode():
        mix = torch.from_numpy(tones + clicks)[None, None]
        whole = separator(mix, rate_hz)[0, :, 0].numpy()
    parts = separate_array(separator, mix[0].numpy(), rate_hz, execution=CPU, warn=pytest.fail)
    # Frames of a segment lie elsewhere by parts of a hop, so that the samples are not the same.
    inner = slice(rate_hz, -rate_hz)
    for stem, truth, other in zip(("harmonic", "percussive"), (tones, clicks), whole, strict=True):
        streamed, wanted = parts[stem][0, inner], other[inner]
        assert sdr_db(truth[inner], streamed) > sdr_db(truth[inner], wanted) - 0.3
        assert sdr_db(wanted, streamed) > 36


def test_other_widths_give_other_stems() -> None:
    tones, clicks = tones_and_clicks(2.0)
    usual = separate(tones + clicks)
    for options in (
        {"window_s": 0.02},
        {"overlap": 8},
        {"harmonic_s": 0.2},
        {"percussive_hz": 900.0},
        {"power": 1.0},
        {"margin": 2.0},
    ):
        assert np.abs(separate(tones + clicks, **options) - usual).max() > 1e-3, options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_s": 0}, "hpss: window_s must be a number, above 0, at most 10; got 0"),
        ({"overlap": 3}, "hpss: overlap must be one of 2, 4, 8, 16; got 3"),
        ({"overlap": 1}, "hpss: overlap must be one of 2, 4, 8, 16; got 1"),
        ({"harmonic_s": -1}, "hpss: harmonic_s must be a number, above 0, at most 60; got -1"),
        ({"harmonic_s": 60.0, "window_s": 0.01}, "hpss: harmonic_s 60 makes a median of 24000"),
        ({"percussive_hz": 5000, "window_s": 1}, "hpss: percussive_hz 5000 makes a median of 5000"),
        ({"percussive_hz": float("nan")}, "hpss: percussive_hz must be a number"),
        ({"power": 0}, "hpss: power must be a number, above 0"),
        ({"margin": 0.5}, "hpss: margin must be a number, at least 1"),
        ({"kernel": 31}, "hpss has no option 'kernel'"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")) as caught:
        registry.load("hpss", **options)
    assert "\n" not in str(caught.value)


def test_a_kernel_is_the_nearest_odd_number() -> None:
    assert [hpss.odd(width) for width in (0.2, 1.9, 2.0, 3.9, 30.9, 31.1, 32.0)] == [
        1, 1, 3, 3, 31, 31, 33]  # fmt: skip


def test_a_song_through_the_library(make_wave) -> None:
    import unweave

    stems = unweave.separate(Audio(make_wave(2, 30000), 44100).samples, 44100, model="hpss")
    assert list(stems) == ["harmonic", "percussive"]
