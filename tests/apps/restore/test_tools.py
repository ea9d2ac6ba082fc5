"""The tools of restoration against what was planted, and what all of them promise."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from unweave.apps.restore.tools import declick, declip, deess, dehum, rumble, wow

RATE_HZ = 44100


def notes(rate_hz: int = RATE_HZ, seconds: float = 2.0, channels: int = 2) -> np.ndarray:
    """Chords that are struck and die away, with soft noise: `(channel, time)`, nothing clipped."""
    rng = np.random.default_rng(5)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 0.001 * rng.standard_normal((channels, len(time_s)))
    for start in range(rate_hz // 20, len(time_s), rate_hz * 2 // 5):
        since_s = time_s[start : start + 2 * rate_hz] - time_s[start]
        shape = np.exp(-3 * since_s) * (1 - np.exp(-200 * since_s))
        for hz in rng.choice([147, 185, 220, 262, 330, 392], 3, replace=False):
            for partial in range(1, 9):
                if partial * hz < 0.45 * rate_hz:
                    phase, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1, (channels, 1))
                    tone = np.sin(2 * np.pi * partial * hz * since_s + phase)
                    wave[:, start : start + 2 * rate_hz] += 0.1 / partial * place * shape * tone
    return wave.astype(np.float32)


def drums(rate_hz: int = RATE_HZ, seconds: float = 2.0) -> np.ndarray:
    """Noise that begins at once and dies away, and a low thump, twice in a second."""
    rng = np.random.default_rng(6)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    since_s = time_s % 0.5
    snare = rng.standard_normal(len(time_s)) * np.exp(-30 * since_s)
    thump = np.sin(2 * np.pi * 60 * since_s) * np.exp(-12 * since_s)
    wave = 0.2 * snare + 0.3 * thump
    return (wave - wave.mean())[None].astype(np.float32)


def pulses(rate_hz: int = RATE_HZ, seconds: float = 2.0) -> np.ndarray:
    """What comes of a voice, or of brass: a pulse for each period, through two resonances."""
    time = np.arange(round(seconds * rate_hz))
    pitch_hz = 120 + 5 * np.sin(2 * np.pi * 3 * time / rate_hz)
    wave = np.diff(np.floor(np.cumsum(pitch_hz) / rate_hz), prepend=0).astype(np.float64)
    for hz, width_hz in ((700, 120), (1800, 200)):
        after = np.arange(round(0.02 * rate_hz)) / rate_hz
        ringing = np.exp(-np.pi * width_hz * after) * np.sin(2 * np.pi * hz * after)
        wave = np.convolve(wave, ringing)[: len(time)]
    hiss = 3e-4 * np.random.default_rng(2).standard_normal(len(time))
    wave = 0.4 * (wave - wave.mean()) / np.abs(wave).max() + hiss
    return wave[None].astype(np.float32)


def in_parts(wave: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for at in range(0, wave.shape[1], size):
        yield wave[:, at : at + size]


def through(tool: Callable, wave: np.ndarray, size: int = 30_000, rate_hz: int = RATE_HZ, **how):
    parts = list(tool(in_parts(wave, size), rate_hz, **how))
    return np.concatenate(parts, axis=1) if parts else wave[:, :0]


def with_profile(module, tool: Callable) -> Callable:
    """One that learns from the same blocks first."""

    def run(blocks, rate_hz, **how):
        kept = list(blocks)
        return tool(iter(kept), rate_hz, profile=module.learn(iter(kept), rate_hz), **how)

    return run


TOOLS = {
    "declick": declick.declick,
    "decrackle": declick.decrackle,
    "declip": with_profile(declip, declip.declip),
    "dehum": with_profile(dehum, dehum.dehum),
    "deess": deess.deess,
    "rumble": with_profile(rumble, rumble.rumble),
    "wow": with_profile(wow, wow.wow),
}
ALL_BUT_WOW = [name for name in TOOLS if name != "wow"]  # has tests of its own


def sdr_db(truth: np.ndarray, wave: np.ndarray) -> float:
    error = wave.astype(np.float64) - truth
    return 10 * np.log10(np.square(truth, dtype=np.float64).sum() / np.square(error).sum())


def worn(rate_hz: int, seconds: float) -> np.ndarray:
    """With all faults at once, so that every tool has something to do."""
    rng = np.random.default_rng(8)
    wave = notes(rate_hz, seconds).astype(np.float64)
    time_s = np.arange(wave.shape[1]) / rate_hz
    wave += 0.2 * np.sin(2 * np.pi * 7 * time_s) + 0.05
    for harmonic in (1, 2, 4, 5, 7):
        wave += 0.01 * np.sin(2 * np.pi * 50 * harmonic * time_s)
    if rate_hz > 14_000:
        hiss = np.sin(2 * np.pi * 6000 * time_s) + np.sin(2 * np.pi * 6400 * time_s)
        wave += 0.4 * hiss * (time_s % 0.5 < 0.1)
    top = 0.6 * np.abs(wave).max()
    wave = np.clip(wave, -top, top)
    wave[:, rng.integers(0, wave.shape[1], round(20 * seconds))] *= -1
    return wave.astype(np.float32)


@pytest.mark.parametrize("name", ALL_BUT_WOW)
def test_any_cut_gives_the_same_bytes(name):
    rate_hz = 16_000
    wave = worn(rate_hz, 5.0)[:1]
    if name == "declip":
        top = 0.4 * np.abs(notes(rate_hz, 2.5)[:1]).max()
        wave = np.clip(notes(rate_hz, 2.5)[:1], -top, top)
    found = through(TOOLS[name], wave, wave.shape[1], rate_hz)
    assert found.shape == wave.shape
    assert found.dtype == np.float32
    assert not np.array_equal(found, wave)
    np.testing.assert_array_equal(through(TOOLS[name], wave, 7777, rate_hz), found)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("rate_hz", [8000, 48_000, 192_000])
def test_every_rate_is_taken(name, rate_hz):
    wave = worn(rate_hz, 0.3)
    found = through(TOOLS[name], wave, 5000, rate_hz)
    assert found.shape == wave.shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", TOOLS)
def test_short_silent_and_constant_sound(name):
    for length in (0, 1, 2, 3, 17, 100):
        wave = notes(seconds=0.1)[:, 2300 : 2300 + length]
        found = through(TOOLS[name], wave)
        assert found.shape == wave.shape
        assert np.isfinite(found).all()
    silence = np.zeros((2, 60_000), np.float32)
    np.testing.assert_array_equal(through(TOOLS[name], silence), silence)
    constant = np.full((1, 60_000), 0.25, np.float32)
    assert np.isfinite(through(TOOLS[name], constant)).all()


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("make", [notes, drums, pulses])
def test_clean_sound_keeps_its_bits(name, make):
    wave = make()
    np.testing.assert_array_equal(through(TOOLS[name], wave), wave)


@pytest.mark.parametrize(("make", "gain_db"), [(notes, 8), (drums, 3), (pulses, 10)])
def test_clicks_are_found_and_filled_in(make, gain_db):
    wave = make()
    rng = np.random.default_rng(4)
    clicked = wave.copy()
    places = np.sort(rng.choice(np.arange(2000, wave.shape[1] - 2000, 3000), 16, replace=False))
    for place in places:
        length = int(rng.integers(1, 25))
        clicked[:, place : place + length] += 0.3 * rng.standard_normal(length)
    found = declick.Clicks()
    repaired = through(declick.declick, clicked, found=found)
    assert sdr_db(wave, repaired) > sdr_db(wave, clicked) + gain_db
    assert found.count <= 16 * len(wave) * 2
    touched = np.flatnonzero((repaired != clicked).any(axis=0))
    far = np.abs(touched[:, None] - places).min(axis=1)
    assert far.max() < 60  # no sample elsewhere


def test_crackle_is_many_small_clicks():
    wave = notes()
    rng = np.random.default_rng(4)
    crackled = wave.copy()
    for place in rng.integers(100, wave.shape[1] - 100, 200):
        crackled[:, place] += 0.1 * rng.choice([-1, 1])
    found = declick.Clicks()
    repaired = through(declick.decrackle, crackled, found=found)
    assert sdr_db(wave, repaired) > sdr_db(wave, crackled) + 6
    assert found.count > 200  # in both channels


def test_a_few_small_clicks_are_no_crackle():
    wave = notes()
    wave[:, 20_000:80_000:20_000] += 0.1
    found = declick.Clicks()
    np.testing.assert_array_equal(through(declick.decrackle, wave, found=found), wave)
    assert found.count == 0


def test_a_click_near_an_end_is_filled_in():
    wave = notes()[:, 30_000:]
    clicked = wave.copy()
    clicked[:, 40:44] += 0.4
    clicked[:, -44:-40] -= 0.4
    repaired = through(declick.declick, clicked)
    assert sdr_db(wave, repaired) > sdr_db(wave, clicked) + 10


@pytest.mark.parametrize("part", [0.7, 0.4])
def test_clipped_peaks_grow(part):
    wave = notes(seconds=1.0)
    level = part * np.abs(wave).max(axis=1, keepdims=True)
    clipped = np.clip(wave, -level, level)
    profile = declip.learn(in_parts(clipped, 5000), RATE_HZ)
    np.testing.assert_allclose([profile.above, profile.below], np.tile(level.T, (2, 1)), rtol=1e-3)
    found = declip.Rebuilt()
    rebuilt = through(declip.declip, clipped, profile=profile, found=found)
    assert sdr_db(wave, rebuilt) > sdr_db(wave, clipped) + 6
    lost = np.abs(wave) > level
    near = np.abs(clipped) >= 0.999 * level
    np.testing.assert_array_equal(rebuilt[~near], clipped[~near])
    assert (np.abs(rebuilt[lost]) >= np.abs(clipped[lost])).all()
    assert (np.sign(rebuilt[lost]) == np.sign(clipped[lost])).all()
    assert lost.sum() <= found.samples <= near.sum()
    assert found.peak == np.abs(rebuilt).max()


def test_only_flat_peaks_are_clipped():
    wave = notes(seconds=1.0)
    loud = 4 * wave / np.abs(wave).max()
    rounded = np.tanh(loud).astype(np.float32) * 0.9
    coarse = (np.round(wave * 128) / 128).astype(np.float32)
    low = np.sin(2 * np.pi * 30 * np.arange(192_000) / 192_000)[None].astype(np.float32)
    for each, rate_hz in ((rounded, RATE_HZ), (coarse, RATE_HZ), (low, 192_000)):
        assert not declip.learn(in_parts(each, 5000), rate_hz)
    uneven = np.clip(wave, -1, 0.5 * wave.max())
    profile = declip.learn(in_parts(uneven, 5000), RATE_HZ)
    assert np.isinf(profile.below).all()
    assert np.isfinite(profile.above).any()


def test_hum_is_followed_and_bass_beside_it_stays():
    rate_hz = 16_000
    time_s = np.arange(16 * rate_hz) / rate_hz
    bass = sum(
        0.1 * np.sin(2 * np.pi * hz * time_s) * (np.floor(time_s / 0.5) % 6 == n)
        for n, hz in enumerate((49.0, 55.0, 98.0))
    )
    wave = (bass + 0.3 * notes(rate_hz, 16.0)[0])[None].astype(np.float32)
    cycles = np.cumsum(50.02 + 0.01 * np.sin(2 * np.pi * time_s / 30)) / rate_hz
    numbers = (1, 2, 3, 5, 7, 9)
    hum = sum(0.02 / n**0.5 * np.cos(2 * np.pi * n * cycles + n) for n in numbers)
    spoilt = (wave + hum).astype(np.float32)
    profile = dehum.learn(in_parts(spoilt, 9999), rate_hz)
    assert profile.harmonics == numbers
    assert abs(profile.frequency_hz - 50.02) < 0.015
    found = dehum.Removed()
    cleaned = through(dehum.dehum, spoilt, 30_000, rate_hz, profile=profile, found=found)
    for n in numbers[1:]:  # notes lie beside the first most of the time: it stays for the most part
        turned = np.exp(-2j * np.pi * n * cycles)
        assert abs((cleaned - wave)[0] @ turned) < 0.1 * abs(hum @ turned)
    removed_db = 10 * np.log10(np.square(cleaned - spoilt).mean() / np.square(spoilt).mean())
    assert abs(found.removed_db - removed_db) < 0.1


def test_sixty_hertz_alone():
    rate_hz = 8000
    time_s = np.arange(12 * rate_hz) / rate_hz
    wave = 0.01 * np.random.default_rng(1).standard_normal((2, len(time_s)))
    hum = sum(0.02 * np.cos(2 * np.pi * n * 59.97 * time_s) for n in (1, 2, 3))
    spoilt = (wave + np.array([[1.0], [-0.5]]) * hum).astype(np.float32)
    profile = dehum.learn(in_parts(spoilt, 9999), rate_hz)
    assert profile.harmonics == (1, 2, 3)
    cleaned = through(dehum.dehum, spoilt, 30_000, rate_hz, profile=profile)
    assert sdr_db(wave, cleaned) > sdr_db(wave, spoilt) + 15


def test_sharp_sibilants_come_down_in_their_band():
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    voice = pulses()[0] * (time_s % 0.5 > 0.1)
    noise = np.random.default_rng(3).standard_normal(len(time_s))
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    spectrum[(hz < 5500) | (hz > 8500)] = 0
    sharp = np.fft.irfft(spectrum) * (time_s % 0.5 < 0.08)
    sharp *= 0.3 / sharp.std()
    wave = (voice + sharp)[None].astype(np.float32)
    found = deess.Sibilance()
    softer = through(deess.deess, wave, found=found)
    change_db = 20 * np.log10(np.std(softer[0] - voice) / np.std(sharp))
    assert -7 < change_db < -3
    assert 5 < found.reduction_db < 6.001
    voiced = (time_s % 0.5 > 0.15) & (time_s % 0.5 < 0.45)
    np.testing.assert_array_equal(softer[:, voiced], wave[:, voiced])


def test_dc_and_rumble_go_and_bass_stays():
    rate_hz = 8000
    time_s = np.arange(8 * rate_hz) / rate_hz
    bass = 0.2 * np.sin(2 * np.pi * 25 * time_s) * np.minimum(1, np.minimum(time_s, 8 - time_s))
    low = 0.3 * np.sin(2 * np.pi * 5 * time_s) + 0.1
    wave = np.stack([bass + low, bass - low]).astype(np.float32)
    profile = rumble.learn(in_parts(wave, 3000), rate_hz)
    np.testing.assert_allclose(profile.dc, [0.1, -0.1], atol=1e-3)
    found = through(rumble.rumble, wave, 3000, rate_hz, profile=profile)
    inner = slice(rate_hz, -rate_hz)
    truth = np.stack([bass, bass])
    assert sdr_db(truth[:, inner], found[:, inner]) > 50
    constant = (notes(rate_hz) + np.float32(0.125)).astype(np.float32)
    profile = rumble.learn(in_parts(constant, 3000), rate_hz)
    assert not profile.has_rumble
    level = through(rumble.rumble, constant, 3000, rate_hz, profile=profile)
    assert np.abs(level.mean(axis=1, dtype=np.float64)).max() < 1e-8


@pytest.mark.parametrize("low_hz", [0, 8])
def test_what_is_low_for_a_moment_is_no_rumble(low_hz):
    """As a drum or breath is: neither a constant nor rumble, however strong."""
    rate_hz = 8000
    time_s = np.arange(8 * rate_hz) / rate_hz
    moment = 0.8 * np.exp(-((time_s - 4) ** 2) / 0.05) * np.cos(2 * np.pi * low_hz * time_s)
    wave = (notes(rate_hz, 8.0, 1) + moment).astype(np.float32)
    profile = rumble.learn(in_parts(wave, 3000), rate_hz)
    assert profile.rumble_db > rumble.RUMBLE_DB
    assert (profile.dc_db > rumble.DC_DB) == (low_hz == 0)
    assert not profile
    np.testing.assert_array_equal(through(rumble.rumble, wave, profile=profile), wave)


def chords(time_s: np.ndarray, bend: np.ndarray | float = 0.0) -> np.ndarray:
    """Two notes of which neither is a harmonic of the other, others each second: `(1, time)`.

    bend: seconds by which the second note alone is displaced.
    """
    wave = np.zeros_like(time_s)
    for n, pair in enumerate(((220.0, 311.1), (196.0, 277.2), (246.9, 349.2))):
        for hz, at_s in zip(pair, (time_s, time_s + bend), strict=True):
            tone = sum(np.sin(2 * np.pi * k * hz * at_s + k) / k for k in range(1, 6))
            wave += 0.1 * tone * (np.floor(time_s) % 3 == n)
    return wave[None].astype(np.float32)


def test_wow_is_undone():
    rate_hz = 16_000
    time_s = np.arange(9 * rate_hz) / rate_hz
    late_s = 0.005 / (2 * np.pi * 0.7) * np.sin(2 * np.pi * 0.7 * time_s)
    true, played = chords(time_s), chords(time_s + late_s)
    profile = wow.learn(in_parts(played, 9999), rate_hz)
    assert profile
    assert profile.likeness > 0.8
    assert abs(profile.depth / (0.005 / np.sqrt(2)) - 1) < 0.2
    found = through(wow.wow, played, 7777, rate_hz, profile=profile)
    np.testing.assert_array_equal(
        through(wow.wow, played, played.shape[1], rate_hz, profile=profile), found
    )
    inner = slice(2 * rate_hz, -2 * rate_hz)
    before_db = sdr_db(true[:, inner], played[:, inner])
    assert sdr_db(true[:, inner], found[:, inner]) > before_db + 7


@pytest.mark.parametrize("moving", ["nothing", "one of two", "one alone"])
def test_what_does_not_move_together_is_no_wow(moving):
    """A singer's vibrato and glides are music."""
    rate_hz = 16_000
    time_s = np.arange(7 * rate_hz) / rate_hz
    bend_s = 0.01 / (2 * np.pi * 2) * np.sin(2 * np.pi * 2 * time_s)
    if moving == "nothing":
        wave = chords(time_s)
    elif moving == "one of two":
        wave = chords(time_s, bend_s)
    else:
        at_s = time_s + bend_s
        tone = sum(np.sin(2 * np.pi * k * 220 * at_s + k) / k for k in range(1, 8))
        wave = (0.1 * tone)[None].astype(np.float32)
    profile = wow.learn(in_parts(wave, 9999), rate_hz)
    assert not profile
    assert profile.refusal
    np.testing.assert_array_equal(through(wow.wow, wave, 7777, rate_hz, profile=profile), wave)


@pytest.mark.parametrize(
    "call",
    [
        lambda: declick.declick(iter([]), RATE_HZ, threshold=0.5),
        lambda: declick.decrackle(iter([]), RATE_HZ, longest_s=0),
        lambda: list(declip.declip(iter([]), RATE_HZ, profile=declip.Clipping(), level=0.0)),
        lambda: dehum.learn(iter([]), RATE_HZ, mains_hz=5.0),
        lambda: list(deess.deess(iter([]), RATE_HZ, most_db=100)),
        lambda: rumble.learn(iter([]), RATE_HZ, cut_hz=0.0),
    ],
)
def test_settings_that_cannot_be_are_refused(call):
    with pytest.raises(ValueError, match="cannot"):
        call()
