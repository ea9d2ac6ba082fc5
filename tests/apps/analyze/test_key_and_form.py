import numpy as np
import pytest

from unweave.apps.analyze import form, key
from unweave.apps.analyze.features import STEPS, TONES_HZ, ToneTrack

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)


def scale(tonic: int, degrees: tuple[int, ...], seconds: float, step: int = 1) -> np.ndarray:
    """Pitch classes of a scale, its tonic, third and fifth the strongest. step: the tuning."""
    row = np.zeros(12)
    for n, degree in enumerate(degrees):
        row[(tonic + degree) % 12] = 1.0 if n in (0, 4) else 0.8 if n == 2 else 0.4
    steps = np.zeros(12 * STEPS)
    steps[(np.arange(12) * STEPS + step - 1) % len(steps)] = row
    return np.tile(steps, (round(seconds * TONES_HZ), 1)).astype(np.float32)


def track(chroma: np.ndarray) -> ToneTrack:
    return ToneTrack(chroma, np.zeros_like(chroma))


@pytest.mark.parametrize("tonic", range(12))
def test_every_key(tonic: int) -> None:
    for degrees, mode in ((MAJOR, 0), (MINOR, 12)):
        whole, parts = key.keys(track(scale(tonic, degrees, 20)))
        assert whole is not None
        assert whole.value == key.named(mode + tonic)
        assert whole.confidence > 0.6
        assert [event.value for event in parts] == [whole.value]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_song_that_is_tuned_elsewhere(step: int) -> None:
    tones = track(scale(4, MAJOR, 20, step))
    assert key.tuning(tones) == step - 1
    assert key.keys(tones)[0].value == "E major"


def test_a_key_that_changes_and_one_that_cannot_be_told() -> None:
    two = np.concatenate([scale(0, MAJOR, 60), scale(3, MAJOR, 60)])
    _, parts = key.keys(track(two))
    assert [event.value for event in parts] == ["C major", "Eb major"]
    assert parts[1].start_s == pytest.approx(60, abs=6)
    flat, _ = key.keys(track(np.ones((200, 12 * STEPS), np.float32)))
    assert flat is not None
    assert flat.confidence < 0.1
    assert key.keys(track(np.zeros((200, 12 * STEPS), np.float32))) == (None, [])


def test_parts_that_are_alike_share_a_letter() -> None:
    rng = np.random.default_rng(0)
    sounds = [scale(0, MAJOR, 24), scale(6, MINOR, 24)]
    chroma = np.concatenate([sounds[n] for n in (0, 1, 0, 1)])
    chroma = chroma + 0.05 * rng.random(chroma.shape).astype(np.float32)
    level = np.repeat([[-20.0, -40.0], [-30.0, -25.0]] * 2, round(24 * TONES_HZ), axis=0)
    downs_s = np.arange(0, 96, 2.0) + 0.3
    found = form.form(track(chroma), level, downs_s)
    assert [event.value for event in found] == ["A", "B", "A", "B"]
    assert [event.start_s for event in found[1:]] == pytest.approx([24, 48, 72], abs=0.9)
    assert all(event.start_s in downs_s for event in found[1:])
    steady = track(scale(0, MAJOR, 60))
    assert len(form.form(steady, np.zeros((600, 2)), np.zeros(0))) == 1
    assert form.form(track(np.zeros((600, 36), np.float32)), np.zeros((600, 2)), downs_s) == []
