"""Flat tops are clipped at any level; an offset is one channel's; levels hold at any height."""

import pickle

import numpy as np
import pytest

from unweave.engine.measure import SampleSanitizer, StemMeter

RATE = 44100
SINE = np.sin(2 * np.pi * 100 / RATE * np.arange(RATE)).astype(np.float32)


def warnings(wave: np.ndarray, bits: int | None = None, block: int = 1000) -> list[str]:
    sanitizer = SampleSanitizer(RATE, bits)
    for at in range(0, wave.shape[-1], block):
        sanitizer.clean(np.atleast_2d(wave)[:, at : at + block])
    return sanitizer.warnings()


def rounded(wave: np.ndarray, bits: int) -> np.ndarray:
    return (np.round(wave * 2 ** (bits - 1)) / 2 ** (bits - 1)).astype(np.float32)


def runs(wave: np.ndarray, level: float) -> int:
    """Samples in flat tops, found the slow way."""
    count = 0
    for row in np.atleast_2d(wave):
        for value in (level, -level):
            inside = "".join("x" if sample == np.float32(value) else " " for sample in row)
            count += sum(len(run) for run in inside.split() if len(run) >= 3)
    return count


@pytest.mark.parametrize("ceiling", [1.0, 0.5, 1.7, 32767 / 32768])
@pytest.mark.parametrize("block", [1, 7, 1000, 10**6])
def test_a_cut_off_wave_is_clipped_whatever_its_ceiling(ceiling: float, block: int) -> None:
    wave = np.clip(1.3 * ceiling * SINE[:4000], -np.float32(ceiling), np.float32(ceiling))
    (said,) = warnings(np.stack([wave, 0.9 * SINE[:4000] * np.float32(ceiling)]), block=block)
    assert said == f"the recording is clipped: {runs(wave, ceiling)} samples lie in flat tops"


@pytest.mark.parametrize("seed", range(40))
def test_what_is_found_does_not_depend_on_the_blocks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.integers(-3, 4, 60).repeat(rng.integers(1, 6, 60)) / 4
    wave = np.clip(steps, -0.75, rng.choice([0.25, 0.5, 0.75])).astype(np.float32)[None]
    cuts = np.sort(rng.integers(0, wave.size + 1, rng.integers(1, 80)))  # some blocks are empty
    whole, parts = SampleSanitizer(RATE), SampleSanitizer(RATE)
    whole.clean(wave)
    for part in np.split(wave, cuts, axis=1):
        parts.clean(part)
    assert parts.warnings() == whole.warnings()
    assert warnings(wave, block=1) == warnings(wave, block=10**6)


@pytest.mark.parametrize("level", [0.5, -0.5])
def test_a_flat_top_of_minutes_is_not_kept(level: float) -> None:
    sanitizer = SampleSanitizer(RATE)
    sanitizer.clean(np.array([[0.0, 0.0]], np.float32))
    flat = np.full((1, RATE), level, np.float32)
    for _ in range(100):
        sanitizer.clean(flat)
    assert len(pickle.dumps(sanitizer)) < 5000
    assert f"{100 * RATE} samples lie in flat tops" in sanitizer.warnings()[0]


@pytest.mark.parametrize("level", [3.0, 1.0, 0.99, 0.2])
def test_a_wave_that_goes_high_and_is_whole_is_not_clipped(level: float) -> None:
    assert warnings(level * SINE) == []


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("hz", [5, 20, 100, 1000])
def test_what_rounding_makes_of_a_slow_top_is_not_clipped(bits: int, hz: float) -> None:
    wave = 0.9 * np.sin(2 * np.pi * hz / RATE * np.arange(RATE))
    assert warnings(rounded(wave, bits), bits) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_clipped_and_rounded_is_clipped(bits: int) -> None:
    noise = np.random.default_rng(0).normal(size=RATE)
    assert "clipped" in warnings(rounded(np.clip(noise, -0.5, 0.5), bits), bits)[0]


def test_a_ceiling_that_a_later_peak_passes_was_none() -> None:
    early = np.clip(2 * SINE, -0.5, 0.5)
    assert warnings(np.concatenate([early, 0.9 * SINE])) == []


def test_quiet_steps_are_not_clipped() -> None:
    wave = rounded(0.0001 * SINE, 16)
    assert warnings(wave, 16) == []


def test_an_offset_is_told_for_each_channel() -> None:
    wave = np.stack([0.3 * SINE + 0.05, 0.3 * SINE - 0.05, 0.3 * SINE])
    assert warnings(wave) == [
        "the recording has a DC offset of +0.050 in channel 1, -0.050 in channel 2"
    ]
    assert warnings(wave[0]) == ["the recording has a DC offset of +0.050"]


def metered(mix: np.ndarray, *stems: np.ndarray) -> StemMeter:
    meter = StemMeter([str(n) for n in range(len(stems))], range(len(stems)), RATE, len(mix), ())
    meter.push(mix, np.stack(stems))
    return meter


@pytest.mark.parametrize("level", [1e-30, 1e-20, 1.0, 1e10, 1e20, 1e30])
def test_the_null_test_is_of_the_sound_and_not_of_its_level(level: float) -> None:
    mix = np.stack([SINE, -SINE]) * np.float32(level)
    assert metered(mix, 0.75 * mix, 0.24 * mix).null_test_db() == pytest.approx(-40, abs=0.01)
    assert metered(mix, 0.75 * mix, 0.25 * mix).null_test_db() == -300.0
    assert metered(mix, 0.0 * mix).null_test_db() == 0.0


@pytest.mark.parametrize("level", [1e10, 1e20, 1e30])
def test_loudness_and_peak_follow_the_level(level: float) -> None:
    quiet, loud = (metered(x, x) for x in (SINE[None], SINE[None] * np.float32(level)))
    up_db = 20 * np.log10(level)
    assert loud.peak_dbfs(0, 0.5) == pytest.approx(quiet.peak_dbfs(0, 0.5) + up_db, abs=1e-3)
    expected = quiet.loudness_lufs(0, 0.5) + up_db
    assert loud.loudness_lufs(0, 0.5) == pytest.approx(expected, abs=1e-3)


def test_what_is_beyond_measure_has_no_figure() -> None:
    mix = SINE[None] * np.float32(3e38)
    meter = metered(mix, mix, mix)  # whose sum is beyond the range of 32 bits
    assert meter.null_test_db() is None
    assert meter.loudness_lufs(0, 1.0) is None
    assert meter.peak_dbfs(0, 1.0) == pytest.approx(769.54, abs=0.01)
