"""Effects do to sound what they say."""

import numpy as np
import pytest

from unweave.audio.formats import FORMATS
from unweave.errors import UsageError
from unweave.training import effects
from unweave.training.draws import EQ_BANDS, Effects
from unweave.training.recipe import Augmentation, Data

RATE_HZ = 16000
TIME = np.arange(2 * RATE_HZ) / RATE_HZ


def tone(hz: float, samples: int = len(TIME)) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * TIME[:samples]))[None].astype(np.float32)


def pitch(wave: np.ndarray) -> float:
    middle = wave[0, len(wave[0]) // 4 : -len(wave[0]) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), n=1 << 17))
    return float(np.argmax(spectrum)) * RATE_HZ / (1 << 17)


def below_db(signal: np.ndarray, error: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(signal**2) / np.sum(error**2)))


@pytest.mark.parametrize(
    "some",
    [Effects(), Effects(speed=1.2), Effects(speed=0.8, tempo=1.1), Effects(tempo=0.9),
     Effects(formants=1.2), Effects(eq_db=(3.0,) * EQ_BANDS), Effects(reverb_s=0.3),
     Effects(codec_kbps=64), Effects(silent=True)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_length_shape_and_type(some: Effects, channels: int) -> None:
    length = 12000
    wave = np.repeat(tone(440), channels, 0)[:, : effects.needed(some, length)]
    before = wave.copy()
    out = effects.apply(wave, some, length, RATE_HZ)
    assert out.shape == (channels, length)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(wave, before)
    if not some.silent:
        assert np.abs(out[:, -500:]).max() > 0.05  # no silence where there was sound


def test_nothing_is_nothing() -> None:
    np.testing.assert_array_equal(
        effects.apply(tone(440), Effects(), len(TIME), RATE_HZ), tone(440)
    )


def test_speed_moves_pitch_and_tempo_leaves_it() -> None:
    fast = effects.resample(tone(440), 1.25)
    assert fast.shape[1] == pytest.approx(len(TIME) / 1.25, abs=2)
    assert pitch(fast) == pytest.approx(550, abs=1)
    for tempo in (0.85, 1.2):
        stretched = effects.stretch(tone(440), tempo)
        assert stretched.shape[1] == pytest.approx(len(TIME) / tempo, abs=effects.FRAME)
        assert pitch(stretched) == pytest.approx(440, abs=1)
        level = np.std(stretched[0, 4000:-4000]) / np.std(tone(440))
        assert level == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_formants_move_and_pitch_stays(factor: float) -> None:
    harmonics = np.arange(1, 60) * 120.0
    strength = np.exp(-0.5 * ((harmonics - 2000) / 400) ** 2) + 1e-3  # one resonance, at 2 kHz
    parts = strength[:, None] * np.sin(2 * np.pi * harmonics[:, None] * TIME)
    voice = (0.1 * parts.sum(0))[None].astype(np.float32)
    moved = effects.move_formants(voice, factor, RATE_HZ)
    power = np.abs(np.fft.rfft(moved[0, 4000:-4000] * np.hanning(len(TIME) - 8000))) ** 2
    hz = np.fft.rfftfreq(len(TIME) - 8000, 1 / RATE_HZ)
    assert np.sum(hz * power) / np.sum(power) == pytest.approx(2000 * factor, rel=0.05)
    near = np.abs(hz - 120 * np.round(hz / 120)) < 2
    assert power[near].sum() > 0.98 * power.sum()  # still harmonics of 120 Hz
    silence = np.zeros_like(voice)
    np.testing.assert_array_equal(effects.move_formants(silence, factor, RATE_HZ), silence)


def test_formants_that_stay_change_nothing() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 5001)).astype(np.float32)
    np.testing.assert_allclose(effects.move_formants(noise, 1.0, RATE_HZ), noise, atol=1e-5)


def test_equalising_raises_what_it_says() -> None:
    bands = (0.0,) * (EQ_BANDS - 1) + (6.0,)
    high = effects.equalise(tone(7900), bands)
    assert 20 * np.log10(np.std(high) / np.std(tone(7900))) == pytest.approx(6, abs=0.4)
    np.testing.assert_allclose(effects.equalise(tone(200), bands), tone(200), atol=1e-3)


def test_a_room_lasts_and_is_the_same_by_seed() -> None:
    click = np.zeros((1, RATE_HZ), np.float32)
    click[0, 100] = 1.0
    room = effects.reverberate(click, 0.4, RATE_HZ, 5)
    tail = room[0, 101:]
    assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(-10, abs=0.2)
    early, late = np.sum(tail[:1600] ** 2), np.sum(tail[3200:4800] ** 2)
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)  # 60 dB in 0.4 s
    np.testing.assert_array_equal(room, effects.reverberate(click, 0.4, RATE_HZ, 5))
    assert not np.array_equal(room, effects.reverberate(click, 0.4, RATE_HZ, 6))


def test_a_codec_spoils_a_little_and_in_place() -> None:
    rng = np.random.default_rng(0)
    wave = effects.fit(
        np.cumsum(rng.standard_normal((1, 16000)), 1).astype(np.float32) * 0.003, 16000
    )
    wave -= wave.mean()
    coded = effects.through_codec(wave, 64, RATE_HZ)
    assert 10 < below_db(wave[:, 1000:-2000], (coded - wave)[:, 1000:-2000]) < 60


def test_gain_polarity_and_swap() -> None:
    both = np.concatenate([tone(300), tone(500)])
    some = Effects(gain_db=6.0, inverted=True, swapped=True)
    out = effects.apply(both, some, len(TIME), RATE_HZ)
    np.testing.assert_allclose(out, -both[::-1] * 10 ** (6 / 20), rtol=1e-5)


@pytest.mark.parametrize(
    ("codec", "rate_hz", "channels", "words"),
    [(0.1, 96000, 2, "no rate of 96000 Hz, it has 8000"), (0.1, 44100, 6, "not 6"),
     (0.1, 44100, 2, ""), (0.0, 96000, 6, "")],
)  # fmt: skip
def test_a_codec_has_the_recipes_rate_or_is_refused(
    codec: float, rate_hz: int, channels: int, words: str
) -> None:
    how, data = Augmentation(codec=codec), Data(sample_rate_hz=rate_hz, channels=channels)
    if not words:
        return effects.check(how, data)
    with pytest.raises(UsageError, match=words):
        effects.check(how, data)
    return None


@pytest.mark.parametrize("rate_hz", FORMATS["mp3"].rates_hz)
def test_every_rate_that_is_offered_works(rate_hz: int) -> None:
    wave = np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32) * 0.1
    assert effects.through_codec(wave, 64, rate_hz).shape == wave.shape
