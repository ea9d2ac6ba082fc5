"""The true-peak limiter against an own measurement at eight times the rate."""

from collections.abc import Iterator

import numpy as np
import pytest

from unweave.signal.limiter import HELD_S, RELEASE_DB_S, SIZE, Limiter
from unweave.signal.true_peak import TruePeak

CEILING = 10 ** (-1.05 / 20)


def true_peak(wave: np.ndarray) -> float:
    """At eight times the rate, by zeros in the spectrum of the whole."""
    size = 1 << int(np.ceil(np.log2(wave.shape[1] + 8192)))
    padded = np.pad(wave.astype(np.float64), ((0, 0), (4096, size - 4096 - wave.shape[1])))
    return float(np.abs(8 * np.fft.irfft(np.fft.rfft(padded), 8 * size)).max())


def limited(wave: np.ndarray, rate_hz: int, size: int = 10_000) -> tuple[np.ndarray, float]:
    """`wave`, `(..., channel, time)`, and the most that it was reduced by, in dB."""
    limiter = Limiter(rate_hz, CEILING)
    tracks = wave if wave.ndim == 3 else wave[None]

    def blocks() -> Iterator[np.ndarray]:
        for at in range(0, tracks.shape[-1], size):
            yield tracks[..., at : at + size]

    found = np.concatenate(list(limiter.limited(blocks())), axis=-1)
    return (found if wave.ndim == 3 else found[0]), limiter.reduction_db


def drums(rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    """Bursts of noise that die away, four a second, over a soft tone: `(2, time)`."""
    rng = np.random.default_rng(3)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    burst = rng.standard_normal((2, len(time_s))) * np.exp(-40 * (time_s % 0.25))
    return (0.6 * burst + 0.05 * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)


def noise(rate_hz: int) -> np.ndarray:
    return (0.5 * np.random.default_rng(1).standard_normal((2, rate_hz))).astype(np.float32)


def between_samples(rate_hz: int) -> np.ndarray:
    """A sine at a quarter of the rate, whose samples all lie 3 dB below its top."""
    place = np.arange(rate_hz)
    wave = 1.4 * np.sin(np.pi / 2 * place + np.pi / 4) * np.hanning(rate_hz)
    return wave[None].astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 44100, 96000])
@pytest.mark.parametrize("make", [drums, noise, between_samples])
def test_the_ceiling_is_held_between_the_samples(rate_hz, make):
    wave = make(rate_hz)
    assert true_peak(wave) > 1.2
    found, reduction_db = limited(wave, rate_hz)
    assert found.shape == wave.shape
    assert 20 * np.log10(true_peak(found)) <= -1
    meter = TruePeak(rate_hz, len(wave))
    meter.push(wave)
    highest = max(true_peak(wave), meter.finish())
    assert reduction_db <= 20 * np.log10(highest / CEILING) + 0.3  # no more than it takes


def test_below_the_ceiling_samples_keep_their_bits():
    rate_hz = 44100
    soft, loud = 0.1 * noise(rate_hz), drums(rate_hz, 0.1)
    found, reduction_db = limited(soft, rate_hz)
    np.testing.assert_array_equal(found, soft)
    assert reduction_db == 0
    found, reduction_db = limited(np.concatenate([soft, loud, soft], axis=1), rate_hz)
    held = round(2 * HELD_S * rate_hz)
    np.testing.assert_array_equal(found[:, : rate_hz - held], soft[:, :-held])
    back = held + round(reduction_db / RELEASE_DB_S * rate_hz)
    np.testing.assert_array_equal(found[:, rate_hz + loud.shape[1] + back :], soft[:, back:])
    assert np.abs(found[:, rate_hz:][:, : loud.shape[1]]).max() < np.abs(loud).max()


def test_any_cut_gives_the_same_bytes_and_nothing_is_late():
    wave = np.tile(drums(44100), (1, 2))
    assert wave.shape[1] > SIZE
    found, reduction_db = limited(wave, 44100, wave.shape[1])
    for size in (999, SIZE, 2 * SIZE):
        again, the_same_db = limited(wave, 44100, size)
        np.testing.assert_array_equal(again, found)
        assert the_same_db == reduction_db
    spectra = np.fft.rfft(wave[0], 2 * wave.shape[1]), np.fft.rfft(found[0], 2 * wave.shape[1])
    assert np.argmax(np.fft.irfft(spectra[0].conj() * spectra[1])) == 0


def test_all_tracks_and_channels_get_one_gain():
    """So the place in the stereo picture stays, and stems sum to their mix."""
    left = drums(8000)[:1]
    stems = np.stack([np.concatenate([0.7 * left, 0.2 * left]), np.concatenate([0.3 * left] * 2)])
    found, _ = limited(np.concatenate([stems.sum(0)[None], stems]), 8000)
    np.testing.assert_allclose(found[1] + found[2], found[0], atol=1e-6)
    np.testing.assert_allclose(found[1][1] * 3.5, found[1][0], atol=1e-6)


def test_the_gain_moves_smoothly():
    """A tone stays a tone: what a peak elsewhere adds to its spectrum is far below it."""
    rate_hz = 8000
    time_s = np.arange(rate_hz) / rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time_s)
    peak = np.zeros(rate_hz)
    peak[rate_hz // 2] = 2.0
    found, reduction_db = limited(np.stack([tone, peak]).astype(np.float32), rate_hz)
    assert reduction_db > 6
    spectrum = np.abs(np.fft.rfft(found[0] * np.hanning(rate_hz)))
    far = np.abs(np.arange(len(spectrum)) - 1000) > 1000
    assert spectrum[far].max() < 1e-4 * spectrum[1000]


@pytest.mark.parametrize(("rate_hz", "ceiling"), [(0, 1.0), (8000, 0.0), (8000, float("nan"))])
def test_what_cannot_be_is_refused(rate_hz, ceiling):
    with pytest.raises(ValueError, match="cannot limit"):
        Limiter(rate_hz, ceiling)


def test_no_sound_gives_none():
    assert list(Limiter(8000, 1.0).limited(iter([]))) == []
