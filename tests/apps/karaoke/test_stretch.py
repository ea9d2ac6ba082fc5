"""Key, tempo, transients and formants of what python-stretch makes, chunk by chunk."""

import numpy as np
import pytest

from tests.apps.karaoke.stubs import tone
from unweave.apps.karaoke import stretch
from unweave.apps.karaoke.stretch import Stretch

pytest.importorskip("python_stretch", reason="the extra karaoke is not installed")

RATE_HZ = 44100


@pytest.fixture(params=[20.0, 1.0], ids=["one chunk", "joints"])
def _chunks(request, monkeypatch) -> None:
    monkeypatch.setattr(stretch, "CHUNK_S", request.param)


def changed(wave: np.ndarray, key: float, tempo: float, formants=False, size=30_000) -> np.ndarray:
    """`(time,)` -> `(time,)`."""
    track = Stretch(RATE_HZ, 1, key, tempo, formants)
    parts = [track.push(wave[None, at : at + size]) for at in range(0, wave.size, size)]
    return np.concatenate([*parts, track.flush()], axis=1)[0]


def peak_hz(wave: np.ndarray) -> float:
    """The frequency of a tone, from the phase between two halves."""
    half = wave.size // 2
    window = np.hanning(half)
    one, other = (np.fft.rfft(window * part) for part in (wave[:half], wave[half : 2 * half]))
    n = int(np.abs(one).argmax())
    turns = np.angle(other[n] / one[n]) / (2 * np.pi)
    return float((n + turns) * RATE_HZ / half)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize(("key", "tempo"), [(2.5, 1.0), (-5.0, 0.8), (0.0, 1.25)])
def test_key_and_tempo_of_a_tone(key, tempo):
    wave = tone(440, 2.5, RATE_HZ)
    found = changed(wave, key, tempo)
    assert found.size == round(wave.size / tempo)
    inner = found[RATE_HZ // 2 : -RATE_HZ // 2]
    assert 1200 * np.log2(peak_hz(inner) / (440 * 2 ** (key / 12))) == pytest.approx(0, abs=3)
    level = np.sqrt(np.diff(np.cumsum(inner.astype(np.float64) ** 2)[::4410]) / 4410)
    assert 20 * np.log10(level / (0.3 / np.sqrt(2))) == pytest.approx(0, abs=1)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize(("key", "tempo"), [(3.0, 1.0), (-2.0, 0.8)])
def test_transients_keep_their_place(key, tempo):
    begins_s = [0.3, 1.1, 1.9, 2.4]
    wave = np.zeros(3 * RATE_HZ, np.float32)
    rng = np.random.default_rng(0)
    decay = np.exp(-np.arange(2205) / 300)
    for begin_s in begins_s:
        at = round(begin_s * RATE_HZ)
        wave[at : at + 2205] += (0.4 * decay * rng.standard_normal(2205)).astype(np.float32)
    found = changed(wave, key, tempo)
    for begin_s in begins_s:
        at = round(begin_s / tempo * RATE_HZ)
        near = np.abs(found[at - 2205 : at + 2205])
        smooth = np.convolve(near, np.ones(88) / 88, "same")
        begin = int(np.argmax(smooth > 0.5 * smooth.max()))
        assert (begin - 2205) / RATE_HZ == pytest.approx(0, abs=0.010)


def test_the_tempo_is_exact_to_the_end(monkeypatch):
    """Of a song of many chunks the last click is as near to its place as the first."""
    monkeypatch.setattr(stretch, "CHUNK_S", 2.0)
    wave = np.zeros(13 * RATE_HZ, np.float32)
    wave[:: RATE_HZ // 2] = 0.5
    found = changed(wave, 0.0, 1.1)
    assert found.size == round(wave.size / 1.1)
    for begin_s in (1.0, 6.0, 12.0):
        at = round(begin_s / 1.1 * RATE_HZ)
        near = np.abs(found[at - 2205 : at + 2205])
        assert (int(near.argmax()) - 2205) / RATE_HZ == pytest.approx(0, abs=0.010)


def voice(hz: float, seconds: float = 2.0) -> np.ndarray:
    """Pulses through two resonances, 700 and 2400 Hz: `(time,)`."""
    pulses = np.zeros(round(seconds * RATE_HZ))
    pulses[:: round(RATE_HZ / hz)] = 1.0
    time_s = np.arange(2000) / RATE_HZ
    shape = sum(
        level * np.exp(-np.pi * 90 * time_s) * np.sin(2 * np.pi * formant * time_s)
        for formant, level in ((700, 1.0), (2400, 0.7))
    )
    return (0.1 * np.convolve(pulses, shape)[: pulses.size]).astype(np.float32)


def formants_hz(wave: np.ndarray) -> list[float]:
    """The centre of the energy below and above 1500 Hz."""
    inner = wave[RATE_HZ // 2 : -RATE_HZ // 2]
    power = np.abs(np.fft.rfft(inner * np.hanning(inner.size))) ** 2
    hz = np.fft.rfftfreq(inner.size, 1 / RATE_HZ)
    bands = [(200, 1500), (1500, 4500)]
    inside = [(hz > low) & (hz < high) for low, high in bands]
    return [float((hz * power)[band].sum() / power[band].sum()) for band in inside]


def test_a_voice_keeps_its_formants():
    before = voice(150)
    now, plain = changed(before, 4.0, 1.0, formants=True), changed(before, 4.0, 1.0)
    assert now.size == plain.size == before.size
    for was, kept, moved in zip(*map(formants_hz, (before, now, plain)), strict=True):
        assert kept == pytest.approx(was, rel=0.06)
        assert moved > 1.12 * was
    pitch = np.abs(np.fft.rfft(now[RATE_HZ // 2 :][:RATE_HZ])) ** 2
    assert np.argmax(pitch[100:250]) + 100 == pytest.approx(150 * 2 ** (4 / 12), abs=2)


def test_all_channels_come_out():
    waves = np.stack([tone(300 + 100 * n, 1.5, RATE_HZ) for n in range(3)])
    track = Stretch(RATE_HZ, 3, 12.0, 1.0)
    found = np.concatenate([track.push(waves), track.flush()], axis=1)
    assert found.shape == waves.shape
    for n, wave in enumerate(found):
        assert peak_hz(wave[10_000:-10_000]) == pytest.approx(2 * (300 + 100 * n), rel=0.002)


@pytest.mark.parametrize("length", [0, 1, 500])
def test_hardly_any_sound(length):
    assert changed(np.ones(length, np.float32), 1.0, 0.9).size == round(length / 0.9)
