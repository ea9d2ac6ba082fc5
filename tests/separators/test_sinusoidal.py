import numpy as np
import pytest
import torch

from tests import CPU
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.signal.partials import Tracks
from unweave.signal.peaks import PADDING

RATE_HZ = 44100
# Hz, level, from and to in seconds
PLANTED = ((220.3, 0.1, 0.5, 3.6), (441.7, 0.05, 1.0, 3.5), (1000.25, 0.03, 1.2345, 3.8),
           (3333.3, 0.01, 0.7, 2.9))  # fmt: skip


def separate(wave: np.ndarray, rate_hz: int = RATE_HZ, **options: object) -> np.ndarray:
    separator = registry.load("sinusoidal", **options)
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave)).float()[None]
        return separator(mix, rate_hz)[0].double().numpy()


def tracks_of(wave: np.ndarray, **options: object) -> tuple[Tracks, float]:
    """All tracks of a wave, and the hop in seconds."""
    model = registry.load("sinusoidal", **options)
    size, hop = model.frames(RATE_HZ)
    padded = np.pad(np.atleast_2d(wave), ((0, 0), (PADDING * size // 2,) * 2))
    peaks = model.peaks(torch.from_numpy(padded).float(), RATE_HZ)
    tracks = model.tidied(peaks, model.linker(RATE_HZ).link(peaks), RATE_HZ)
    return tracks, hop / RATE_HZ


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2)))


def planted(length: int = RATE_HZ * 4) -> np.ndarray:
    time_s, wave = np.arange(length) / RATE_HZ, np.zeros(length)
    for hz, level, start_s, end_s in PLANTED:
        on = (time_s >= start_s) & (time_s < end_s)
        wave += on * level * np.sin(2 * np.pi * hz * time_s + hz)
    return wave


def noise(length: int = RATE_HZ * 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length)


@pytest.mark.parametrize("noise_level", [0.0, 0.001])
def test_planted_partials_are_found(noise_level: float) -> None:
    tracks, hop_s = tracks_of(planted() + noise_level * noise())
    for hz, level, start_s, end_s in PLANTED:
        middles = [
            np.median(tracks.frequency[tracks.track == n]) for n in range(len(tracks.begins) - 1)
        ]
        near = np.flatnonzero(np.abs(np.array(middles) * RATE_HZ - hz) < 3)
        assert len(near) == 1, hz
        mine = tracks.track == near[0]
        assert np.abs(tracks.frequency[mine] * RATE_HZ - hz).max() < 0.5
        levels_db = 20 * np.log10(tracks.amplitude[mine, 0] / level)
        assert abs(np.median(levels_db)) < 0.05
        assert np.abs(levels_db).max() < (0.2 if noise_level == 0 else 0.6)
        assert np.percentile(np.abs(levels_db), 95) < 0.2
        assert abs(tracks.frame[mine][0] * hop_s - start_s) <= hop_s
        assert abs(tracks.frame[mine][-1] * hop_s - end_s) <= hop_s
    if noise_level == 0:
        assert len(tracks.begins) - 1 == len(PLANTED)


@pytest.mark.parametrize(
    ("cents", "window_s", "wrong_hz"), [(20, 0.09, 4.0), (50, 0.045, 6.0), (100, 0.02, 12.0)]
)
def test_vibrato_is_followed(cents: float, window_s: float, wrong_hz: float) -> None:
    time_s = np.arange(RATE_HZ * 3) / RATE_HZ
    hz = 880 * 2 ** (cents / 1200 * np.sin(2 * np.pi * 5 * time_s))
    followed(hz, wrong_hz, window_s=window_s)


def test_a_glide_of_an_octave_is_followed() -> None:
    followed(440 * 2 ** (np.arange(RATE_HZ * 2) / RATE_HZ / 2), 1.0)


def followed(hz: np.ndarray, wrong_hz: float, **options: float) -> None:
    """A partial of that frequency is one track, nowhere further off."""
    wave = 0.1 * np.cos(2 * np.pi * np.cumsum(hz) / RATE_HZ) + 1e-4 * noise(len(hz))
    tracks, hop_s = tracks_of(wave, **options)
    mine = tracks.at(tracks.track == np.argmax(np.bincount(tracks.track)))
    assert (mine.frame[-1] - mine.frame[0]) * hop_s > len(hz) / RATE_HZ - 0.1
    truth = np.interp(mine.frame * hop_s, np.arange(len(hz)) / RATE_HZ, hz)
    assert np.abs(mine.frequency * RATE_HZ - truth)[10:-10].max() < wrong_hz
    assert np.corrcoef(mine.frequency[10:-10], truth[10:-10])[0, 1] > 0.98


def test_tones_leave_next_to_nothing() -> None:
    wave = planted()
    tonal, rest = separate(wave)[:, 0]
    np.testing.assert_allclose(tonal + rest, wave, atol=1e-6)
    steady = slice(int(1.5 * RATE_HZ), int(2.6 * RATE_HZ))
    assert sdr_db(wave[steady], tonal[steady]) > 83
    assert sdr_db(wave, tonal) > 25


def test_noise_is_left_over() -> None:
    for hiss in (noise(), noise(seed=1) * np.exp(-((np.arange(RATE_HZ * 4) % 11025) / 1000))):
        tonal = separate(0.1 * hiss)[0, 0]
        assert np.sum(tonal**2) < 0.003 * np.sum((0.1 * hiss) ** 2)


def test_tones_and_a_drum_part_ways() -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(RATE_HZ * 4) / RATE_HZ
    tones = sum(
        np.cos(2 * np.pi * 196 * h * time_s + h) / h * np.exp(-(time_s % 1) * (1 + h / 3)) * 0.1
        for h in range(1, 12)
    )
    drum = 0.2 * rng.standard_normal(len(time_s)) * np.exp(-(((time_s + 0.5) % 1) * 40))
    tonal, rest = separate(tones + drum)[:, 0]
    assert sdr_db(tones, tonal) > sdr_db(tones, tones + drum) + 9
    assert sdr_db(drum, rest) > sdr_db(drum, tones + drum) + 9


def test_the_stereo_image_stays() -> None:
    wave, turned = planted(), np.roll(planted(), 7)
    tonal = separate(np.stack([wave, -0.3 * wave, turned]))[0]
    middle = slice(int(1.5 * RATE_HZ), int(2.6 * RATE_HZ))
    np.testing.assert_allclose(tonal[1, middle], -0.3 * tonal[0, middle], atol=1e-4)
    assert sdr_db(turned[middle], tonal[2, middle]) > 83


def test_louder_is_louder_and_nothing_else() -> None:
    wave = planted() + 0.001 * noise()
    np.testing.assert_allclose(separate(0.5 * wave), 0.5 * separate(wave), atol=1e-6)


def test_segments_join_without_a_seam() -> None:
    time_s = np.arange(RATE_HZ * 50) / RATE_HZ
    wave = sum(0.05 * np.cos(2 * np.pi * hz * time_s + hz) for hz in (220.5, 333.3, 1234.5))
    wave = (wave + 0.0005 * noise(len(wave))).astype(np.float32)
    stems = separate_array(
        registry.load("sinusoidal"),
        wave[None],
        RATE_HZ,
        execution=CPU,
        warn=pytest.fail,
    )
    assert sdr_db(wave, stems["tonal"][0]) > 35
    seconds = (wave - stems["tonal"][0])[RATE_HZ:-RATE_HZ].reshape(-1, RATE_HZ)
    assert np.sqrt(np.mean(seconds**2, axis=1)).max() < 0.0006


def test_fewer_partials_on_request() -> None:
    wave = planted()
    few, _ = tracks_of(wave, max_partials=1)
    assert np.mean(few.frequency * RATE_HZ < 300) > 0.9
    long, _ = tracks_of(wave, min_length_s=2.8)
    assert len(long.begins) - 1 == 1
    loud, _ = tracks_of(wave, threshold_db=-15)
    assert loud.frequency.max() * RATE_HZ < 1100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_s": 0}, "window_s must be a number, above 0, at most 2; got 0"),
        ({"window_s": float("nan")}, "got nan"),
        ({"overlap": 2}, "overlap must be one of 4, 8, 16; got 2"),
        ({"overlap": 6}, "overlap must be one of 4, 8, 16; got 6"),
        ({"threshold_db": 3.0}, "threshold_db must be a number, at least -200, at most 0; got 3"),
        ({"prominence_db": -1}, "prominence_db must be a number, at least 0"),
        ({"max_step_cents": 0}, "max_step_cents must be a number, above 0"),
        ({"max_gap_s": -0.1}, "max_gap_s must be a number, at least 0"),
        ({"min_length_s": -1}, "min_length_s must be a number, at least 0"),
        ({"min_length_s": float("inf")}, "got inf"),
        ({"max_partials": 0}, "max_partials must be a whole number, at least 1"),
        ({"max_partials": 1.5}, "max_partials must be a whole number"),
    ],
)
def test_what_may_not_be_is_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("sinusoidal", **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith("sinusoidal: ")
    assert "\n" not in str(caught.value)
