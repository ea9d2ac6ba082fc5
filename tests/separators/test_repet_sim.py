import numpy as np
import pytest
import torch

from tests import CPU
from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.separators import repet_sim
from unweave.separators._shared.foreground import Grid

GRID = Grid(1024, 256, RATE_HZ)


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave))[None]
        return registry.load("repet-sim", **options)(mix, RATE_HZ)[0].numpy()


def obvious(values: np.ndarray, similar: int, distance: int) -> np.ndarray:
    """The paper's background, frame by frame."""
    mean = values.mean(0).astype(np.float64)
    unit = mean / np.linalg.norm(mean, axis=0)
    out = values.copy()
    for frame, row in enumerate(unit.T @ unit):
        row[max(0, frame - distance + 1) : frame + distance] = 0
        chosen: list[int] = []
        while len(chosen) < similar and row.max() > 0:
            chosen.append(int(row.argmax()))
            row[max(0, chosen[-1] - distance + 1) : chosen[-1] + distance] = 0
        if chosen:
            out[..., frame] = np.median(values[..., chosen], axis=-1)
    return out


@pytest.mark.parametrize("similar", [1, 4, 100])
def test_the_background_is_the_median_of_similar_frames(similar: int) -> None:
    values = torch.rand(2, 30, 90, generator=torch.Generator().manual_seed(similar)) ** 3
    separator = registry.load("repet-sim", similar=similar, distance_s=8 * 256 / RATE_HZ)
    got = separator.background(values, GRID).numpy()
    np.testing.assert_allclose(got, obvious(values.numpy(), similar, 8), atol=1e-6)


def test_a_voice_over_music_without_a_period_is_found() -> None:
    bars = accompaniment(12, 1.0).reshape(-1, RATE_HZ // 4)  # beats, in a random order
    played = bars[np.random.default_rng(0).permutation(len(bars))].reshape(-1)
    sung = voice(12)
    vocals, music = separate(sung + played)[:, 0]
    assert sdr_db(sung, vocals) > 3
    assert sdr_db(played, music) > 4
    np.testing.assert_allclose(vocals + music, sung + played, atol=1e-6)


def test_online_never_looks_ahead() -> None:
    mix = voice(10) + accompaniment(10)
    other = mix.copy()
    other[6 * RATE_HZ :] = voice(4, seed=9)
    known = slice(0, 6 * RATE_HZ - 1024)  # frames that see no sample of the other half
    first, second = separate(mix, online=True), separate(other, online=True)
    np.testing.assert_allclose(first[..., known], second[..., known], atol=1e-6)
    assert np.abs(separate(mix)[..., known] - separate(other)[..., known]).max() > 1e-3


def test_online_looks_no_further_back_than_its_buffer() -> None:
    mix = voice(10) + accompaniment(10)
    other = mix.copy()
    other[: 3 * RATE_HZ] = voice(3, seed=9)
    known = slice(6 * RATE_HZ, None)
    first, second = (separate(wave, online=True, buffer_s=2.5) for wave in (mix, other))
    np.testing.assert_allclose(first[..., known], second[..., known], atol=1e-6)


def test_online_segments_make_what_the_whole_makes() -> None:
    mix = (voice(80) + accompaniment(80))[None]
    separator = registry.load("repet-sim", online=True, buffer_s=4.0)
    with torch.inference_mode():
        whole = separator(torch.from_numpy(mix)[None], RATE_HZ)[0].numpy()
    parts = separate_array(separator, mix, RATE_HZ, execution=CPU, warn=pytest.fail)
    # Frames of a segment lie elsewhere by parts of a hop, and the likest may be others.
    assert sdr_db(whole[1], parts["accompaniment"]) > 15


def test_a_threshold_leaves_less_to_repeat() -> None:
    mix = voice(8) + accompaniment(8)
    powers = [np.sum(separate(mix, threshold=threshold)[0] ** 2) for threshold in (0.0, 0.9, 1.0)]
    assert powers[2] == 0  # nothing is as similar as that: all is background
    assert powers[1] != powers[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"similar": 0}, "repet-sim: similar must be a whole number, at least 1"),
        ({"distance_s": -1}, "repet-sim: distance_s must be a number, at least 0"),
        ({"threshold": 1.5}, "repet-sim: threshold must be a number, at least 0, at most 1"),
        ({"online": True, "buffer_s": 0.4}, "repet-sim: buffer_s must be above distance_s 0.5"),
        ({"online": 1}, "repet-sim: online must be true or false"),
        ({"buffer_s": float("inf")}, "repet-sim: buffer_s must be a number"),
        ({"overlap": 6}, "repet-sim: overlap must be one of 2, 4, 8, 16"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        registry.load("repet-sim", **options)
    assert "\n" not in str(caught.value)


def obvious_peaks(values: np.ndarray, most: int, distance: int) -> list[list[int]]:
    found = []
    for row in values.copy():
        peaks: list[int] = []
        while len(peaks) < most and row.max() > 0:
            peaks.append(int(row.argmax()))
            row[max(0, peaks[-1] - distance + 1) : peaks[-1] + distance] = 0
        found.append(peaks)
    return found


@pytest.mark.parametrize(
    ("columns", "most", "distance"),
    [(50, 100, 3), (50, 5, 1), (7, 3, 10), (300, 100, 20), (1, 4, 2), (20, 1, 4)],
)
def test_peaks_are_the_largest_that_lie_apart(columns: int, most: int, distance: int) -> None:
    values = torch.rand(11, columns, generator=torch.Generator().manual_seed(columns))
    values[values < 0.2] = 0.0
    values[3] = 0.0
    counts, indices = repet_sim.peaks(values, most, distance)
    got = [row[:count].tolist() for row, count in zip(indices, counts.tolist(), strict=True)]
    assert got == obvious_peaks(values.numpy(), most, distance)


def test_peaks_of_nothing() -> None:
    counts, indices = repet_sim.peaks(torch.zeros(4, 9), 5, 2)
    assert counts.tolist() == [0, 0, 0, 0]
    assert indices.shape == (4, 0)


@pytest.mark.parametrize(("threshold", "past"), [(0.0, 0), (0.85, 0), (0.0, 25), (0.85, 25)])
def test_similar_frames(threshold: float, past: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spectrogram = torch.rand(12, 80, generator=torch.Generator().manual_seed(5)) ** 3
    spectrogram[:, 17] = 0.0
    unit = spectrogram.double().numpy()
    unit = unit / np.maximum(np.linalg.norm(unit, axis=0), 1e-30)
    cosines = unit.T @ unit
    apart = np.arange(80)[None] - np.arange(80)[:, None]
    cosines[(np.abs(apart) < 6) | (cosines <= threshold)] = 0
    if past:
        cosines[(apart > 0) | (apart < -past)] = 0
    want = obvious_peaks(cosines, 7, 6)
    for at_once in (repet_sim.VALUES_AT_ONCE, 800):
        monkeypatch.setattr(repet_sim, "VALUES_AT_ONCE", at_once)
        counts, indices = repet_sim.similar_frames(
            spectrogram, most=7, distance=6, threshold=threshold, past=past
        )
        rows = zip(indices, counts.tolist(), strict=True)
        assert [row[:count].tolist() for row, count in rows] == want
