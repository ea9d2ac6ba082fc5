from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tests.separators.voices import at_snr, babble, melody, talker
from unweave import registry
from unweave.errors import UsageError
from unweave.types import Audio

RATE_HZ, SECONDS = 16000, 8
NOISES = ("white", "babble")
PLAIN = {"rule": "boll", "average_frames": 1, "residual_reduction": False}


def separate(wave: np.ndarray, rate_hz: int = RATE_HZ, **options: object) -> np.ndarray:
    """`(channel, time)` or `(time,)` to `(stem, channel, time)`."""
    separator = registry.load("spectral-subtraction", **options)
    with torch.inference_mode():
        return separator(torch.from_numpy(np.atleast_2d(wave))[None], rate_hz)[0].numpy()


def si_sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    target = reference * (reference @ estimate) / (reference @ reference)
    return float(10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2)))


def segmental_snr_db(reference: np.ndarray, estimate: np.ndarray, rate_hz: int) -> float:
    size = int(0.03 * rate_hz)
    count = len(reference) // size * size
    signal = np.sum(reference[:count].reshape(-1, size) ** 2, axis=1)
    wrong = np.sum((reference - estimate)[:count].reshape(-1, size) ** 2, axis=1)
    active = signal > 1e-4 * signal.mean()
    return float(np.clip(10 * np.log10(signal[active] / wrong[active]), -10, 35).mean())


def hiss(length: int = RATE_HZ * SECONDS, seed: int = 0) -> np.ndarray:
    return (0.05 * np.random.default_rng(seed).standard_normal(length)).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    noise: str
    rate_hz: int
    clean: np.ndarray
    mix: np.ndarray

    def gains(self, **options: object) -> tuple[float, float]:
        """In segmental SNR and SI-SDR, in dB."""
        signal = separate(self.mix, self.rate_hz, **options)[0, 0]
        before, after = (
            (segmental_snr_db(self.clean, wave, self.rate_hz), si_sdr_db(self.clean, wave))
            for wave in (self.mix, signal)
        )
        return after[0] - before[0], after[1] - before[1]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """White noise and babble at 0, 5 and 10 dB on speech and music."""
    found = []
    for rate_hz, sound in ((RATE_HZ, talker), (44100, melody)):
        length = rate_hz * SECONDS
        clean = sound(length, rate_hz, 1)
        for name, noise in (("white", hiss(length)), ("babble", babble(length, rate_hz, 3))):
            for snr_db in (0, 5, 10):
                found.append(Scene(name, rate_hz, clean, clean + at_snr(clean, noise, snr_db)))
    return found


def test_log_mmse_gains_and_is_ahead_of_plain_subtraction(scenes: list[Scene]) -> None:
    for noise in NOISES:
        ours, plain = (
            np.array([scene.gains(**options) for scene in scenes if scene.noise == noise])
            for options in ({}, PLAIN)
        )
        assert ours.min() > 0.0
        assert (ours.mean(0) > plain.mean(0)).all(), noise


@pytest.mark.parametrize("rule", ["boll", "berouti", "wiener"])
def test_every_rule_gains(scenes: list[Scene], rule: str) -> None:
    white = [scene.gains(rule=rule) for scene in scenes if scene.noise == "white"]
    assert np.mean(white) > 5.0
    assert np.min(white) > 1.0


def test_a_chord_that_is_held_counts_as_noise_unless_the_noise_is_known() -> None:
    time_s = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    chord = sum(0.05 * np.sin(2 * np.pi * hz * time_s) for hz in (220, 277, 330, 440))
    mix = (chord + hiss()).astype(np.float32)
    before = si_sdr_db(chord, mix)
    assert (
        si_sdr_db(chord, separate(mix, noise=Audio(hiss(seed=9)[None], RATE_HZ))[0, 0]) > before + 9
    )
    assert si_sdr_db(chord, separate(mix)[0, 0]) < before


def test_the_interval_of_the_noise_may_as_well_be_a_recording() -> None:
    mix = talker(RATE_HZ * 4, RATE_HZ, 2) + hiss(RATE_HZ * 4)
    part = mix[None, RATE_HZ : RATE_HZ * 2]
    for rule in ("log-mmse", "boll"):
        inside = separate(mix, noise_start_s=1.0, noise_end_s=2.0, rule=rule)
        beside = separate(mix, noise=Audio(part, RATE_HZ), rule=rule)
        np.testing.assert_array_equal(inside, beside)
    first = separate(mix, noise_end_s=1.0)
    np.testing.assert_array_equal(first, separate(mix, noise_start_s=0.0, noise_end_s=1.0))
    last = separate(mix, noise_start_s=3)
    np.testing.assert_array_equal(last, separate(mix, noise_start_s=3, noise_end_s=4))


def test_a_noise_recorded_at_another_rate() -> None:
    rng = np.random.default_rng(5)
    clean = talker(RATE_HZ * 6, RATE_HZ, 1)
    mix = clean + hiss(len(clean))
    fine = (0.05 * 3**0.5 * rng.standard_normal((2, 48000 * 4))).astype(np.float32)
    same = si_sdr_db(clean, separate(mix, noise=Audio(hiss(seed=9)[None], RATE_HZ))[0, 0])
    other = si_sdr_db(clean, separate(mix, noise=Audio(fine, 48000))[0, 0])
    assert abs(same - other) < 0.2
    assert same > si_sdr_db(clean, mix) + 6


def test_noise_alone_is_turned_down_smoothly() -> None:
    """Musical noise is rare peaks in a quiet spectrogram: a large ratio of the fourth moment to the
    squared second one. It is 2 for Gaussian noise."""
    noise = hiss()

    def peaky(wave: np.ndarray) -> float:
        spectrum = torch.stft(
            torch.from_numpy(wave), 512, 128, window=torch.hann_window(512), return_complex=True
        )
        power = spectrum.abs()[4:-4, 20:-20].double().square()
        return float(power.square().mean() / power.mean() ** 2)

    tried = {}, {"rule": "wiener"}, {"rule": "boll"}, {"rule": "berouti"}
    left = {str(options): separate(noise, **options)[0, 0] for options in tried}
    default, *others = (str(options) for options in tried)
    assert 10 * np.log10(np.mean(left[default] ** 2) / np.mean(noise**2)) < -15
    assert peaky(left[default]) < 7
    for other in others:
        assert peaky(left[other]) > 1.3 * peaky(left[default]), other


def test_the_reduction_has_a_limit() -> None:
    noise = hiss()
    for rule in ("log-mmse", "wiener", "boll", "berouti"):
        loud, soft = (separate(noise, rule=rule, reduction_db=db)[0, 0] for db in (6, 60))
        ratio_db = 10 * np.log10(np.mean(loud**2) / np.mean(noise**2))
        assert -6.5 < ratio_db < -5.5, rule
        assert np.mean(soft**2) < 0.5 * np.mean(loud**2)


def test_channels_share_one_gain() -> None:
    mono = talker(RATE_HZ * 3, RATE_HZ, 1) + hiss(RATE_HZ * 3)
    stereo = np.stack([mono, -0.25 * mono])
    signal, noise = separate(stereo)
    np.testing.assert_allclose(signal[1], -0.25 * signal[0], atol=1e-7)
    np.testing.assert_allclose(signal + noise, stereo, atol=1e-6)
    np.testing.assert_allclose(signal[0], separate(mono)[0, 0], atol=1e-6)


def test_two_noises_in_two_channels() -> None:
    clean = talker(RATE_HZ * SECONDS, RATE_HZ, 1)
    mix = np.stack([clean + hiss(seed=1), clean + hiss(seed=2)])
    signal = separate(mix)[0]
    for channel in (0, 1):
        assert si_sdr_db(clean, signal[channel]) > si_sdr_db(clean, mix[channel]) + 6


def test_an_excerpt_gives_the_same_within_its_margins() -> None:
    wave = talker(RATE_HZ * 20, RATE_HZ, 1) + hiss(RATE_HZ * 20)
    spec = registry.load("spectral-subtraction").spec
    whole, start = separate(wave)[0, 0], 128 * 624  # a multiple of the hop
    part = separate(wave[start : start + RATE_HZ * 12])[0, 0]
    margin = spec.plan(RATE_HZ).context
    inside = slice(margin, RATE_HZ * 12 - margin)
    wrong = part[inside] - whole[start : start + RATE_HZ * 12][inside]
    assert np.sum(wrong**2) < 1e-8 * np.sum(whole**2)


def test_segments_where_the_noise_does_not_need_the_whole() -> None:
    noise = Audio(hiss()[None], RATE_HZ, "hiss.wav")
    estimated = registry.load("spectral-subtraction").spec
    given = registry.load("spectral-subtraction", noise=noise).spec
    inside = registry.load("spectral-subtraction", noise_end_s=1.0).spec
    assert estimated.plan(RATE_HZ) is not None
    assert given.plan(RATE_HZ) is not None
    assert inside.plan(RATE_HZ) is None
    assert given.options["noise"] == "hiss.wav"
    assert estimated.scale_equivariant
    assert not given.scale_equivariant


def test_silent_noise_takes_nothing() -> None:
    mix = talker(RATE_HZ * 2, RATE_HZ, 1)
    silence = Audio(np.zeros((1, 8000), np.float32), RATE_HZ)
    for rule in ("log-mmse", "wiener", "boll", "berouti"):
        signal = separate(mix, rule=rule, noise=silence, average_frames=1)
        np.testing.assert_allclose(signal[0, 0], mix, atol=1e-6)


NOISE = Audio(hiss()[None], RATE_HZ, "hiss.wav")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "best"}, "rule must be one of log-mmse, wiener, berouti, boll; got 'best'"),
        ({"window_s": 0}, "window_s must be a number, above 0, at most 1; got 0"),
        ({"window_s": float("nan")}, "got nan"),
        ({"search_s": -1.0}, "search_s must be a number, above 0"),
        ({"reduction_db": 0}, "reduction_db must be a number, above 0"),
        ({"memory_s": float("inf")}, "memory_s must be"),
        ({"oversubtraction": 0.5}, "oversubtraction must be a number, at least 1"),
        ({"absence": 1.0}, "absence must be a number, at least 0, at most 0.99; got 1"),
        ({"overlap": 1}, "overlap must be one of 2, 4, 8, 16; got 1"),
        ({"overlap": 3}, "overlap must be one of 2, 4, 8, 16; got 3"),
        ({"average_frames": 0}, "average_frames must be a whole number, at least 1"),
        ({"average_frames": 2}, "average_frames must be odd; got 2"),
        ({"noise_start_s": -1}, "noise_start_s must be a number or none, at least 0; got -1"),
        ({"noise_end_s": 0}, "noise_end_s must be a number or none, above 0; got 0"),
        ({"noise_start_s": 2, "noise_end_s": 2}, "must be above noise_start_s; got 2, 2"),
        ({"noise": NOISE, "noise_end_s": 2}, "contradict each other"),
        ({"noise": 3}, "noise must be"),
        ({"noise": Audio(hiss()[None, :500], RATE_HZ, "a.wav")}, "noise a.wav is shorter than a"),
        ({"noise": Audio(np.full((1, 5000), np.nan, np.float32), 44100)}, "not finite"),
    ],
)
def test_what_may_not_be_is_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("spectral-subtraction", **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith("spectral-subtraction: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_start_s": 2.5}, "from 2.5 to 2 s is outside the recording, which lasts 2.00 s"),
        ({"noise_end_s": 2.001}, "from 0 to 2.001 s is outside the recording"),
        ({"noise_start_s": 1.99}, "from 1.99 to 2 s is shorter than a frame, 0.032 s"),
    ],
)
def test_an_interval_outside_the_recording_is_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        separate(hiss(RATE_HZ * 2), **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
