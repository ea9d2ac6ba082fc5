import numpy as np
import pytest

from tests.apps.analyze.sounds import RATE_HZ, tone
from unweave.apps.analyze import pitch
from unweave.apps.analyze.pitch import Contour


def blocks(wave: np.ndarray, size: int = 5000):
    for at in range(0, len(wave), size):
        yield wave[None, at : at + size]


def test_a_bass_below_what_swift_f0_knows() -> None:
    wanted = [28, 33, 26, 45]  # E1, A1, D1, A2
    wave = np.concatenate([tone(midi, 0.5, 2.0) for midi in wanted])
    contour = pitch.bass(blocks(wave), RATE_HZ)
    found = pitch.notes(contour, 0.7)
    assert [event.value for event in found] == wanted
    assert [event.start_s for event in found] == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.05)
    assert min(event.confidence for event in found) > 0.9
    other = pitch.bass(blocks(wave, 1234), RATE_HZ)
    np.testing.assert_array_equal(other.hz, contour.hz)


def test_noise_and_silence_have_no_pitch() -> None:
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(RATE_HZ).astype(np.float32)
    assert pitch.notes(pitch.bass(blocks(noise), RATE_HZ), 0.8) == []
    silence = pitch.bass(blocks(np.zeros(RATE_HZ, np.float32)), RATE_HZ)
    assert pitch.notes(silence, 0.1) == []
    assert pitch.notes(pitch.bass(iter(()), RATE_HZ), 0.1) == []


def test_a_melody_goes_on_over_the_edges_of_stretches(monkeypatch) -> None:
    pytest.importorskip("swift_f0")
    wave = np.concatenate([tone(midi, 0.8, 0.3) for midi in (57, 60, 64)])
    whole = pitch.sung(blocks(wave), RATE_HZ)
    monkeypatch.setattr(pitch, "STRETCH_S", 1.024)
    cut = pitch.sung(blocks(wave), RATE_HZ)
    assert len(cut.hz) == len(whole.hz)
    for contour in (whole, cut):
        assert [event.value for event in pitch.notes(contour, 0.7)] == [57, 60, 64]
    quiet = pitch.sung(blocks(np.zeros(RATE_HZ, np.float32)), RATE_HZ)
    assert not quiet.confidence.any()


def test_a_wavering_pitch_is_one_note_and_a_short_gap_none() -> None:
    time_s = np.arange(200) * 0.01
    hz = 440 * 2 ** (0.5 * np.sin(2 * np.pi * 5 * time_s) / 12)
    sure = np.ones(200)
    sure[100:104] = 0
    contour = Contour(0.01, hz.astype(np.float32), sure.astype(np.float32))
    [note] = pitch.notes(contour, 0.5, start_s=10.0)
    assert (note.value, note.start_s) == (69, pytest.approx(9.995))
    compass = pitch.compass(contour, 0.5)
    assert compass == pitch.Compass(69, 69, 69, 69) or compass.lowest >= 68
    assert pitch.compass(Contour(0.01, hz[:50], sure[:50]), 0.5) is None
    silent = np.append(hz, np.zeros(9, np.float32)), np.append(sure, np.zeros(9, np.float32))
    assert pitch.compass(Contour(0.01, *silent), 0.0) == pitch.compass(Contour(0.01, hz, sure), 0.0)
