"""Each finding on sound in which one thing was changed, and on the same sound without it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from unweave.apps.forensic import findings, steps
from unweave.apps.forensic.finding import Finding, Recording
from unweave.apps.forensic.findings import (
    ALL,
    activity,
    backgrounds,
    bandwidth,
    breaks,
    channels,
    container,
    frame_grids,
    levels,
    lossy,
    mains,
    quantisation,
    repeats,
    runs,
    tails,
)
from unweave.audio.reader import Reader, probe
from unweave.errors import InputError

RATE = 16000
STEP = 1 / 32768


def rounded(wave: np.ndarray) -> np.ndarray:
    """As a file of 16 bits has it."""
    return (np.clip(np.rint(wave / STEP), -32768, 32767) * STEP).astype(np.float32)


def sound(seconds: float, seed: int = 0, rate: int = RATE, slope: int = 2) -> np.ndarray:
    """`(time,)`: coloured noise and tones which come and go, below 0.5."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum / (1 + (hertz / 400) ** slope), count)
    time_s = np.arange(count) / rate
    tones = sum(np.sin(2 * np.pi * f * time_s + f) for f in rng.uniform(100, 2000, 5))
    wave = noise / np.abs(noise).max() + 0.1 * tones
    wave -= wave.mean()
    return 0.45 * wave / np.abs(wave).max()


@pytest.fixture(scope="module")
def any_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("forensic") / "any.wav"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.rate = RATE
        file.mux(stream.encode(frame))
    return path


@pytest.fixture
def recorded(any_file):
    """recorded(wave, rate, block): a recording of 16 bits with these samples."""

    def make(wave: np.ndarray, rate: int = RATE, block: int = 0, **others) -> Recording:
        rows = np.atleast_2d(wave).astype(np.float32)
        info = replace(
            probe(any_file), sample_rate_hz=rate, channels=len(rows), channel_names=(), **others
        )
        step = block or rate

        def blocks():
            for at in range(0, rows.shape[1], step):
                yield rows[:, at : at + step].copy()

        return Recording(path=any_file, info=info, blocks=blocks)

    return make


def of(kind: str, findings) -> list[Finding]:
    return [each for each in findings if each.kind == kind]


def near(finding: Finding, at_s: float, by_s: float = 0.1) -> bool:
    return finding.start_s - by_s <= at_s <= finding.end_s + by_s


# Levels.


def test_levels_of_a_plain_sound(recorded) -> None:
    (found,) = list(levels.find(recorded(rounded(sound(1)))))
    assert found.kind == "level"
    assert -40 < found.figure < 0
    assert found.details["sample_peak_dbfs"] == pytest.approx(20 * math.log10(0.45), abs=0.01)


def test_clipping_an_offset_and_silence(recorded) -> None:
    wave = sound(2)
    wave[3000:3400] *= 40
    wave = rounded(np.clip(wave, -0.9, 0.9) + 0.01)
    wave[10_000:11_000] = 0
    found = list(levels.find(recorded(wave)))
    (clipped,) = of("clipping", found)
    assert near(clipped, 3200 / RATE)
    assert clipped.figure > 20
    (offset,) = of("dc-offset", found)
    assert offset.figure == pytest.approx(-40, abs=2.5)
    (silent,) = of("digital-silence", found)
    assert (silent.details["first_sample"], silent.details["samples"]) == (10_000, 1000)


# Quantisation.


def test_bits_that_are_not_used(recorded) -> None:
    wave = rounded(sound(1))
    (found,) = of("unused-bits", quantisation.find(recorded(wave, bits=24)))
    assert found.figure == 16
    assert not of("unused-bits", quantisation.find(recorded(wave)))
    coarse = np.rint(wave * 512) / 512
    (found,) = of("unused-bits", quantisation.find(recorded(coarse)))
    assert found.figure == 10


@pytest.mark.parametrize("gain_db", [1.0, -3.0])
def test_a_gain_after_rounding_and_where_it_begins(recorded, gain_db: float) -> None:
    wave = rounded(sound(8))
    assert not list(quantisation.find(recorded(wave)))
    changed = wave.copy()
    changed[4 * RATE :] = rounded(wave[4 * RATE :] * 10 ** (gain_db / 20))
    found = list(quantisation.find(recorded(changed)))
    (step,) = of("gain-step", found)
    assert near(step, 4, 0.6)
    assert step.details["gain_db"] == pytest.approx(gain_db, abs=0.05)
    everywhere = rounded(wave * 10 ** (gain_db / 20))
    found = list(quantisation.find(recorded(everywhere)))
    assert {each.kind for each in found} == {"gain-after-rounding"}


# Joints.


@pytest.mark.parametrize("seed", range(4))
def test_a_cut_breaks_the_wave_and_a_plain_sound_does_not(recorded, seed: int) -> None:
    wave = rounded(sound(5, seed, slope=4))  # weak treble, as most recordings have
    assert not list(breaks.find(recorded(wave)))
    for first in (30_000, 47_123):
        cut = np.concatenate([wave[:first], wave[first + 5000 :]])
        (found,) = breaks.find(recorded(cut))
        assert near(found, first / RATE, 0.002)
        assert found.figure > 1.3 * found.limit
    rising = np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0)) + 1
    first, second = rising[np.searchsorted(rising, [33_000, 41_000])]
    (found,) = breaks.find(recorded(np.concatenate([wave[:first], wave[second:]])))
    assert near(found, first / RATE, 0.002)


def test_a_click_among_many_is_no_break(recorded) -> None:
    wave = sound(6)
    at = np.random.default_rng(2).integers(0, len(wave), 200)
    clicks = np.random.default_rng(3).exponential(0.02, 200)
    wave[at] += clicks
    assert not list(breaks.find(recorded(rounded(wave))))


def test_a_clipped_peak_is_no_break(recorded) -> None:
    wave = sound(5, slope=4)
    wave *= 1.02 / np.abs(wave).max()
    assert not list(breaks.find(recorded(rounded(wave))))
    turned_down = rounded(0.5 * rounded(wave))  # it is one where nothing tells of the clipping
    assert list(breaks.find(recorded(turned_down)))


@pytest.mark.parametrize("stretches", [65, 2000])
@pytest.mark.parametrize("steepness", [0.1, 0.3])
def test_a_limit_is_passed_by_chance_as_seldom_as_it_says(stretches: int, steepness: float) -> None:
    rng = np.random.default_rng(stretches)
    passed = 0
    for _ in range(400):
        figures = np.exp(rng.exponential(steepness, stretches))
        passed += figures.max() > tails.limit(figures, steepness, 8)
    assert 1 <= passed <= 25  # about 8, more where tails are estimated from few


def test_ends_are_left_out_at_any_size_of_blocks() -> None:
    figures = np.arange(1.0, 101)[None]
    expected = np.concatenate([np.zeros(30), np.arange(31.0, 71), np.zeros(30)])
    for size in (1, 7, 40, 200):
        blocks = (figures[:, at : at + size] for at in range(0, 100, size))
        out = np.concatenate(list(runs.without_ends(blocks, 30)), axis=1)
        assert out[0].tolist() == expected.tolist()
    (short,) = runs.without_ends(iter([figures[:, :20]]), 30)
    assert not short.any()


def test_another_background(recorded) -> None:
    rng = np.random.default_rng(3)
    hiss = rng.standard_normal(12 * RATE) * 1e-3
    hiss[6 * RATE :] *= 0.05
    bursts = sound(12) * (np.sin(2 * np.pi * np.arange(12 * RATE) / RATE) > 0)
    found = list(backgrounds.find(recorded(rounded(bursts + hiss))))
    assert any(near(each, 6, 0.5) for each in found)


# Copies.


def test_a_passage_that_was_copied(recorded) -> None:
    wave = rounded(sound(6))
    assert not list(repeats.find(recorded(wave)))
    wave[70_000:80_000] = wave[20_013:30_013]
    (found,) = repeats.find(recorded(wave))
    assert found.details["distance_samples"] == 70_000 - 20_013
    assert found.figure == pytest.approx(10_000 / RATE, abs=0.15)


# Channels.


def test_channels_that_are_one(recorded) -> None:
    one, other = sound(2), sound(2, seed=5)
    assert not list(channels.find(recorded(rounded(np.stack([one, other])))))
    (same,) = channels.find(recorded(rounded(np.stack([one, one]))))
    assert same.words == "Channels 1 and 2 are the same."
    late = np.concatenate([np.zeros(37), one[:-37]])
    (found,) = channels.find(recorded(rounded(np.stack([one, -0.5 * late]))))
    assert found.details["delay_samples"] == 37
    assert found.details["inverted"]
    assert found.details["gain_db"] == pytest.approx(-6.02, abs=0.01)


# Bandwidth.


def test_a_spectrum_that_ends_early(recorded) -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(0.1 * rng.standard_normal(44_100 * 2))
    assert not list(bandwidth.find(recorded(np.fft.irfft(spectrum), 44_100)))
    spectrum[2 * 11_025 :] = 0
    (found,) = bandwidth.find(recorded(rounded(np.fft.irfft(spectrum)), 44_100))
    assert found.figure == pytest.approx(11_025, abs=60)
    assert found.details["earlier_rate_hz"] == 22_050


# Mains.


def hum(seconds: float, hertz: np.ndarray | float, rate: int = 4000) -> np.ndarray:
    count = round(seconds * rate)
    each = np.broadcast_to(np.asarray(hertz, float), count)
    phase = 2 * np.pi * np.cumsum(each) / rate
    rng = np.random.default_rng(1)
    return sum(0.01 / n * np.sin(n * phase) for n in (1, 2, 3)) + 0.002 * rng.standard_normal(count)


def test_a_drift_of_the_mains_within_5_mhz(tmp_path, recorded) -> None:
    seconds, rate = 60, 4000
    time_s = np.arange(seconds * rate) / rate
    drift_hz = 50.02 + 0.01 * np.sin(2 * np.pi * time_s / 120)
    recording = recorded(hum(seconds, drift_hz), rate)
    trace = mains.tracked(channels.mono(recording.blocks()), rate)
    truth_hz = np.interp(trace.times_s, time_s, drift_hz)
    assert len(trace.hertz) > 40
    assert np.abs(trace.hertz - truth_hz).max() < 0.005
    table = tmp_path / "reference.csv"
    later_s = np.arange(0, 200.0)
    rows = 50.02 + 0.01 * np.sin(2 * np.pi * (later_s - 40) / 120)
    table.write_text(
        "seconds,hertz\n" + "\n".join(f"{s},{h}" for s, h in zip(later_s, rows, strict=True))
    )
    found = list(mains.find(replace(recording, mains_reference=table)))
    assert [each.kind for each in found] == ["mains-trace", "mains-fits"]
    assert found[1].details["reference_start_s"] == pytest.approx(40, abs=3)
    table.write_text("0,49.9\n100,49.9\n")
    found = list(mains.find(replace(recording, mains_reference=table)))
    assert found[1].kind == "mains-differs"
    assert found[1].figure == pytest.approx(120, abs=15)


def test_a_jump_of_the_mains_phase(recorded) -> None:
    wave = hum(40, 50.01)
    assert [each.kind for each in mains.find(recorded(wave, 4000))] == ["mains-trace"]
    cut = np.concatenate([wave[:80_000], wave[80_000 + 20 :]])
    (jump,) = of("mains-phase-jump", mains.find(recorded(cut, 4000)))
    assert near(jump, 20, 0.5)
    assert jump.figure == pytest.approx(90, abs=10)


def test_no_mains_and_no_reference(tmp_path, recorded) -> None:
    assert not list(mains.find(recorded(sound(12))))
    for text in ("a,b\n1,x\n", "1,50\n", "2,50\n1,50\n"):
        table = tmp_path / "bad.csv"
        table.write_text(text)
        with pytest.raises(InputError, match=r"bad\.csv"):
            mains.reference(table, 50.0)


# Lossy codecs.


def coded(wave: np.ndarray, rate: int, codec: str, bit_rate: int, path: Path) -> np.ndarray:
    """`(time,)` after a lossy codec."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with Reader(path) as reader:
        return np.concatenate(list(reader.blocks(rate)), axis=1)[0]


@pytest.mark.parametrize(("codec", "name"), [("libmp3lame", "x.mp3"), ("aac", "x.m4a")])
def test_lossy_traces_and_a_cut_between_them(tmp_path, recorded, codec: str, name: str) -> None:
    rate = 44_100
    plain = rounded(sound(3.2, rate=rate, slope=1))
    wave = rounded(coded(plain, rate, codec, 96_000, tmp_path / name))
    cut = np.concatenate([wave[:50_000], wave[55_100:]])
    cut[85_000:] = rounded(cut[85_000:] * 10 ** (2.2 / 20))
    traces, shift, step = lossy.find(recorded(cut, rate))
    assert (traces.kind, shift.kind, step.kind) == ("lossy-traces", "frame-shift", "scale-step")
    assert traces.details["codec_family"] == ("MP3" if name == "x.mp3" else "AAC")
    assert near(shift, 50_000 / rate, 0.03)
    assert (shift.figure + 5100) % shift.details["frame_samples"] == 0
    assert near(step, 85_000 / rate, 0.1)
    assert step.figure == pytest.approx(2.2 - step.details["ratio_db"], abs=0.1)


def test_frames_of_another_codec_than_the_files_own(tmp_path, recorded) -> None:
    rate = 44_100
    wave = rounded(
        coded(sound(1.2, rate=rate, slope=1), rate, "libmp3lame", 128_000, tmp_path / "x.mp3")
    )
    again = next(iter(lossy.find(recorded(wave, rate, lossy=True, codec="vorbis"))))
    assert again.kind == "second-encoding"
    assert not list(lossy.find(recorded(wave, rate, lossy=True, codec="mp3")))


def test_one_encoding_that_two_transforms_see_in_turn_is_one() -> None:
    each = {found.family: found for found in frame_grids.transforms(44_100)}
    aac = frame_grids.Grid(each["AAC"], 100, 0.5, 30.0)
    as_vorbis = frame_grids.Grid(each["Vorbis"], 101, 0.2, 14.0)
    other = frame_grids.Grid(each["MP3"], 300, 0.2, 12.0)
    assert lossy._encodings([[aac], [as_vorbis], [aac, other]]) == [aac, other]


def test_no_traces_in_sound_that_was_never_encoded(recorded) -> None:
    assert not list(lossy.find(recorded(rounded(sound(1.2, rate=44_100)), 44_100)))


def test_the_transform_keeps_power_and_inverts_its_aliasing() -> None:
    import torch

    wave = torch.from_numpy(sound(1, rate=44_100)).float()
    for transform in frame_grids.transforms(48_000)[:4]:
        starts = transform.hop * torch.arange(30)
        power = float(transform.apply(wave, starts).square().sum())
        covered = float(wave[transform.size // 2 :][: 30 * transform.hop].square().sum())
        assert power / covered == pytest.approx(1, abs=0.15), transform.family


# The file.


def test_programs_and_gaps_in_a_file(tmp_path) -> None:
    path = tmp_path / "x.mp3"
    coded(sound(2, rate=44_100), 44_100, "libmp3lame", 128_000, path)
    recording = Recording(path=path, info=probe(path), blocks=lambda: iter(()))
    found = list(container.find(recording))
    assert any("Lav" in each.words for each in found)
    assert not of("packet-gap", found)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"x\.mp3"):
        list(container.find(recording))


# Activity.


def test_speech_has_pauses(recorded) -> None:
    time_s = np.arange(6 * RATE) / RATE
    syllables = sound(6) * (np.sin(2 * np.pi * 4 * time_s) > 0)
    wave = np.concatenate([syllables, sound(6), np.zeros(4 * RATE)])
    found = list(activity.find(recorded(rounded(wave))))
    assert [each.details["activity"] for each in found] == ["speech", "sound", "silence"]
    assert found[0].end_s == pytest.approx(6, abs=1)


# All.


@pytest.mark.parametrize(
    "finder", [each for each in ALL if each.name != "container"], ids=lambda each: each.name
)
def test_the_sizes_of_blocks_change_nothing(recorded, finder) -> None:
    wave = sound(5)
    wave[30_000:40_000] = wave[50_000:60_000]
    wave[60_000:] *= 0.7
    pair = rounded(np.stack([wave, 0.5 * wave]))
    pair[:, 71_000:72_000] = 0
    expected = list(finder.find(recorded(pair)))
    assert list(finder.find(recorded(pair, block=7001))) == expected


def test_short_and_silent_recordings_are_no_error(recorded) -> None:
    for wave in (np.zeros((2, 1)), np.zeros((1, 5)), np.zeros((2, 40_000)), np.ones((1, 3000))):
        for finder in ALL:
            if finder.name != "container":
                list(finder.find(recorded(wave)))


def test_samples_that_are_no_numbers_are_silence_and_said(tmp_path, monkeypatch) -> None:
    some = tuple(each for each in ALL if each.name not in ("lossy-traces", "container"))
    monkeypatch.setattr(findings, "ALL", some)
    waves = [np.stack([sound(2), sound(2, seed=1)], axis=1).astype(np.float32) for _ in range(2)]
    bad, silent = waves
    bad[20_000:20_100, 0], bad[30_000, 1] = np.nan, np.inf
    silent[20_000:20_100, 0], silent[30_000, 1] = 0.0, 0.0
    found = []
    for name, wave in (("bad", bad), ("silent", silent)):
        soundfile.write(tmp_path / "talk.wav", wave, RATE, "FLOAT")
        step = steps.of_findings(50.0, None, None)
        into = tmp_path / name
        said = steps.make(
            step.kind, step.parameters, tmp_path, tmp_path / "talk.wav", into, steps.Watch()
        )
        found.append((said, steps.read(into / steps.DOCUMENT)["findings"]))
    assert found[0][0]["warnings"] == ["101 samples are NaN or infinite and count as silence"]
    assert found[1][0]["warnings"] == []
    assert found[0][1] == found[1][1]


def test_all_kinds_have_names_of_their_own_and_parameters() -> None:
    names = [kind.name for finder in ALL for kind in finder.kinds]
    assert len(set(names)) == len(names)
    assert len({finder.name for finder in ALL}) == len(ALL)
    for finder in ALL:
        for kind in finder.kinds:
            assert kind.measures
            assert kind.limits.endswith(".")
