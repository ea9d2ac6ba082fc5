import json
from pathlib import Path

import numpy as np
import pytest

from tests.apps.analyze import estimated
from unweave.apps.analyze import notes
from unweave.apps.analyze.notes import creation, network
from unweave.errors import WeightsError

RECORDED = Path(__file__).parents[2] / "data" / "analyze" / "estimators.json"


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def weights():
    try:
        return notes.loaded()
    except WeightsError as error:
        pytest.skip(str(error))


def planted(frames, *spans, onset=0.9):
    """What the network sees of notes: start, end and pitch."""
    sound, begins = np.full((2, frames, network.PITCHES), 0.05, np.float32)
    for start, end, pitch in spans:
        sound[start:end, pitch] = 0.8
        begins[start, pitch] = onset
    return sound, begins


def test_planted_notes_are_found():
    spans = [(10, 60, 40), (10, 90, 47), (30, 55, 60), (61, 90, 40)]
    found = creation.found(*planted(200, *spans))
    assert [(n.start, n.end, n.pitch) for n in found] == sorted(spans, key=lambda s: (s[0], s[2]))
    assert all(note.level == pytest.approx(0.8) for note in found)


def test_a_note_that_is_too_short_is_none_and_a_pause_does_not_end_one():
    sound, begins = planted(200, (20, 31, 40), (60, 120, 50))
    sound[80:88, 50] = 0.28
    sound[88:100, 50] = np.linspace(0.28, 0.8, 12)  # a jump would begin another
    (note,) = creation.found(sound, begins)
    assert (note.start, note.end, note.pitch) == (60, 120, 50)


def test_a_note_without_an_onset_is_found_by_its_sound():
    sound = np.full((200, network.PITCHES), 0.05, np.float32)
    ramp = np.linspace(0.1, 0.8, 40)
    sound[40:80, 30], sound[80:120, 30] = ramp, ramp[::-1]
    (note,) = creation.found(sound, np.zeros_like(sound))
    assert note.pitch == 30
    assert (note.start, note.end) == (pytest.approx(52, abs=2), pytest.approx(108, abs=2))


def test_a_semitone_beside_a_note_is_its_echo():
    sound, begins = planted(100, (20, 60, 40))
    sound[20:60, 41] = 0.4
    assert [note.pitch for note in creation.found(sound, begins)] == [40]


@pytest.mark.parametrize("size", [7, 142, 1000])
def test_notes_of_a_stream_are_those_of_the_whole(monkeypatch, size):
    rng = np.random.default_rng(3)
    spans = []
    for pitch in range(5, 80, 9):
        at = int(rng.integers(20))
        while at < 930:
            length = int(rng.integers(15, 70))
            spans.append((at, at + length, pitch))
            at += length + int(rng.integers(13, 40))
    sound, begins = planted(1000, *spans)
    whole = creation.found(sound, begins)
    assert len(whole) == len(spans)
    monkeypatch.setattr(creation, "PIECE", 400)
    pieces = [(sound[a : a + size], begins[a : a + size]) for a in range(0, 1000, size)]
    found = sorted(creation.created(pieces), key=lambda note: (note.start, note.pitch))
    assert [(n.start, n.end, n.pitch) for n in found] == [(n.start, n.end, n.pitch) for n in whole]


def test_nothing_sounding_has_no_notes():
    assert creation.found(*planted(100)) == []
    assert creation.found(*planted(2)) == []
    assert list(creation.created([])) == []


@pytest.mark.parametrize("length", [1, 1000, network.STEP, network.STEP + 1, 100_000])
def test_windows_cover_the_sound_for_any_blocks(length):
    wave = np.arange(1, length + 1, dtype=np.float32)
    found = list(network.windows([wave]))
    assert len(found) == -(-length // network.STEP)
    before = network.OVERLAP // 2 * network.HOP
    for n, window in enumerate(found):
        samples = np.arange(network.WINDOW) + n * network.STEP - before
        inside = (samples >= 0) & (samples < length)
        assert (window == np.where(inside, samples + 1, 0)).all()
    pieces = [wave[at : at + 997] for at in range(0, length, 997)]
    again = list(network.windows(pieces))
    assert all((a == b).all() for a, b in zip(again, found, strict=True))


def test_frames_have_the_time_of_their_samples():
    assert network.time_s(0) == 0
    assert network.time_s(network.KEPT) == network.STEP / network.RATE_HZ
    times = [network.time_s(frame) for frame in range(400)]
    assert times == sorted(times)


def test_the_network_takes_silence():
    with np.errstate(all="raise"):
        seen = network.activations(network.BasicPitch(), [np.zeros(1000, np.float32)])
        (note, onset), *more = seen
    assert more == []
    assert note.shape == onset.shape == (network.KEPT, network.PITCHES)
    assert np.isfinite(note).all()


def test_notes_beyond_the_asked_ones_are_left_out(monkeypatch):
    sound, begins = planted(300, (10, 60, 40), (80, 140, 60))
    monkeypatch.setattr(notes, "loaded", lambda: None)
    monkeypatch.setattr(network, "activations", lambda *_: iter([(sound, begins)]))
    found = notes.find(iter([]), 44_100, lowest=61, highest=70)
    assert [event.value for event in found] == [61]
    assert [event.value for event in notes.find(iter([]), 44_100)] == [61, 81]


def test_without_weights_a_line_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"run: unweave models pull basic-pitch$"):
        notes.find(iter([]), 22_050)


def test_other_weights_are_refused():
    with pytest.raises(WeightsError, match="not the weights of the note network"):
        network.built({"": {"conv": np.zeros(3)}})


def test_the_network_gives_what_the_published_one_gives(weights, recorded):
    seen = list(network.activations(weights, [estimated.song()]))
    for which, name in enumerate(("note", "onset")):
        found = np.concatenate([each[which] for each in seen])[recorded["frames"]]
        assert np.abs(found - recorded[name]).max() < 2e-5


def test_the_notes_are_those_of_the_published_program(weights, recorded):
    found = notes.find(iter([estimated.song()[None]]), estimated.RATE_HZ)
    theirs = sorted(recorded["notes"], key=lambda note: (note[2], note[0]))
    assert len(found) == len(theirs) > 10
    for event, (start_s, end_s, number, level) in zip(
        sorted(found, key=lambda e: (e.value, e.start_s)), theirs, strict=True
    ):
        assert event.value == number
        assert event.start_s == pytest.approx(start_s, abs=0.012)
        if end_s < 5.9:  # the published program leaves the last frames of a recording out
            assert event.end_s == pytest.approx(end_s, abs=0.012)
            assert event.confidence == pytest.approx(level, abs=1e-3)
