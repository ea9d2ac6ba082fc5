"""The scores of MSST: as MSST computes them, as their formulas say, and whatever the cut."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.signal

from tests.evaluation.metrics.msst_cases import LENGTH, NAMES, RECORDED, case
from unweave.evaluation import metrics
from unweave.evaluation.metrics import fir, spectra

WHOLE = ("msst_sdr", "l1_freq", "bleedless", "fullness", "aura_stft", "aura_mrstft", "log_wmse")


def scores(ref, est, mix) -> dict[str, float]:
    pair = ref[None], est[None]
    bleed = metrics.bleedless_fullness(*pair)
    found = {
        "msst_sdr": metrics.msst_sdr(*pair),
        "l1_freq": metrics.l1_freq(*pair),
        "bleedless": bleed.bleedless,
        "fullness": bleed.fullness,
        "aura_stft": metrics.aura_stft(*pair),
        "aura_mrstft": metrics.aura_mrstft(*pair),
        "log_wmse": metrics.log_wmse(*pair, mix),
    }
    return {name: float(each[0]) for name, each in found.items()}


@pytest.fixture(scope="module")
def computed() -> dict[str, dict[str, float]]:
    return {name: scores(*case(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_msst(computed, name: str) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    for metric in WHOLE:
        expected = recorded["float64"][name][metric]
        assert computed[name][metric] == pytest.approx(expected, rel=1e-6, abs=1e-6), metric
        # MSST's own rounding: its single precision is about that exact.
        rounded = recorded["float32"][name][metric]
        assert computed[name][metric] == pytest.approx(rounded, rel=1e-5, abs=1e-5), metric


def stft(wave, size: int, hop: int, window, mode: str):
    """Magnitudes `(channel, bin, frame)`, the obvious way."""
    padded = np.pad(wave.astype(np.float64), ((0, 0), (size // 2, size // 2)), mode=mode)
    starts = range(0, padded.shape[1] - size + 1, hop)
    frames = np.stack([padded[:, at : at + size] for at in starts], axis=1) * window
    return np.abs(np.fft.rfft(frames)).transpose(0, 2, 1)


def mel_matrix(bands: int, size: int):
    """Slaney's triangles at 44.1 kHz, one by one, as librosa describes them."""

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(22.05) / np.log(6.4)
    edges = [hertz(top * n / (bands + 1)) for n in range(bands + 2)]
    hz = np.arange(size // 2 + 1) * 44_100 / size
    return np.stack(
        [
            np.interp(hz, [low, middle, high], [0, 2 / (high - low), 0])
            for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False)
        ]
    )


def hann(size: int):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def test_l1_freq_is_what_its_formula_says(computed) -> None:
    ref, est, _ = case("stereo")
    one, other = (stft(wave, 2048, 1024, np.ones(2048), "reflect") for wave in (ref, est))
    expected = 100 / (1 + 10 * np.abs(one - other).mean())
    assert computed["stereo"]["l1_freq"] == pytest.approx(expected, rel=1e-9)


def test_bleedless_and_fullness_are_what_their_formulas_say(computed) -> None:
    ref, est, _ = case("stereo")
    levels = []
    for wave in (ref, est):
        bands = mel_matrix(512, 4096) @ stft(wave, 4096, 1024, hann(4096), "constant")
        level = 20 * np.log10(np.maximum(bands, 1e-10))
        levels.append(np.maximum(level, level.max() - 80))
    off = levels[1] - levels[0]
    found = computed["stereo"]
    assert found["bleedless"] == pytest.approx(100 / (1 + off[off > 0].mean()), rel=1e-9)
    assert found["fullness"] == pytest.approx(100 / (1 - off[off < 0].mean()), rel=1e-9)


def loss(ref, est, size: int, matrix=None) -> float:
    pair = [np.maximum(stft(w, size, size // 4, hann(size), "reflect"), 1e-4) for w in (ref, est)]
    one, other = pair if matrix is None else [matrix @ each for each in pair]
    convergence = np.linalg.norm(other - one) / np.linalg.norm(other)
    return convergence + np.abs(np.log(other) - np.log(one)).mean()


def test_aura_scores_are_what_their_formulas_say(computed) -> None:
    ref, est, _ = case("stereo")
    expected = 100 / (1 + 10 * loss(ref, est, 1024))
    assert computed["stereo"]["aura_stft"] == pytest.approx(expected, rel=1e-9)
    taps = fir.a_weighting(44_100).numpy()
    heard = [np.stack([np.convolve(row, taps, "same") for row in wave]) for wave in (ref, est)]
    losses = [loss(*heard, size, mel_matrix(128, size)) for size in (1024, 2048, 4096)]
    expected = 100 / (1 + 10 * np.mean(losses))
    assert computed["stereo"]["aura_mrstft"] == pytest.approx(expected, rel=1e-9)


def test_log_wmse_is_what_its_formula_says(computed) -> None:
    ref, est, mix = (wave.astype(np.float64) for wave in case("stereo"))
    taps = fir.sensitivity().numpy()
    heard = [
        np.stack([scipy.signal.oaconvolve(x, taps, "same") for x in w]) for w in (est - ref, mix)
    ]
    errors = []
    for level in np.sqrt((heard[1] ** 2).mean(1)):
        for error in heard[0] / (level + 1e-8):
            loud = np.where(np.abs(error) < 10 ** (-68 / 20), 0, error)
            errors.append(-4 * np.log((loud**2).mean() + 1e-8))
    assert computed["stereo"]["log_wmse"] == pytest.approx(np.mean(errors), rel=1e-9)


def test_the_ear_of_log_wmse_hears_what_its_filters_pass() -> None:
    """Against the responses of its four filters, at frequencies that its taps resolve."""
    at_hz = np.array([200.0, 500.0, 1000.0, 3000.0, 8000.0, 15_000.0])
    _, found = scipy.signal.freqz(fir.sensitivity().numpy(), worN=at_hz, fs=44_100)
    expected = np.ones(len(at_hz))
    for sections, times in (
        (fir._shelf(1500.0, 5.0, 1 / np.sqrt(2), 44_100), 1),
        (scipy.signal.butter(2, 120.0, "highpass", fs=44_100, output="sos"), 1),
        (fir._peak(500.0, 2.5, 1.5 / np.sqrt(2), 44_100), 1),
        (scipy.signal.butter(1, 10_000.0, fs=44_100, output="sos"), 2),
    ):
        expected = expected * np.abs(scipy.signal.sosfreqz(sections, at_hz, fs=44_100)[1]) ** times
    np.testing.assert_allclose(20 * np.log10(np.abs(found) / expected), 0, atol=0.02)


def test_a_stretch_at_once_changes_nothing(computed, monkeypatch) -> None:
    monkeypatch.setattr(spectra, "AT_ONCE", 7)
    monkeypatch.setattr("unweave.evaluation.metrics.msst.AT_ONCE", 10_007)
    for name, value in scores(*case("stereo")).items():
        assert value == pytest.approx(computed["stereo"][name], rel=1e-9), name


def test_channels_and_stems_may_change_places() -> None:
    ref, est, mix = case("stereo")
    one, other = scores(ref, est, mix), scores(ref[::-1], est[::-1], mix[::-1])
    assert one == pytest.approx(other, rel=1e-9)
    stems = metrics.l1_freq(np.stack([ref, est]), np.stack([est, est]))
    np.testing.assert_allclose(stems, [one["l1_freq"], 100.0])


def test_short_sound_has_the_scores_that_are_defined() -> None:
    ref, est, mix = (wave[:, :600] for wave in case("stereo"))
    found = scores(ref, est, mix)
    defined = {name for name, value in found.items() if not np.isnan(value)}
    assert defined == {"msst_sdr", "bleedless", "fullness", "aura_stft", "log_wmse"}


def test_a_mix_of_another_shape_is_refused() -> None:
    ref, est, mix = case("stereo")
    with pytest.raises(ValueError, match="the mix"):
        metrics.log_wmse(ref[None], est[None], mix[:, :-1])
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.bleedless_fullness(ref[None], est[None, :, : LENGTH - 1])
