import numpy as np
import pytest

from tests.apps.analyze.sounds import song
from unweave.apps.analyze import rhythm
from unweave.apps.analyze.analysis import LEAST
from unweave.apps.analyze.chains import posteriors, viterbi
from unweave.apps.analyze.features import (
    PULSE_HZ,
    STEPS,
    TONES_HZ,
    Pulse,
    PulseTrack,
    Tones,
    ToneTrack,
)


def tracks(truth) -> tuple[PulseTrack, ToneTrack]:
    pulse, tones = Pulse(), Tones()
    pulse.push(truth.mix)
    tones.push(truth.band)
    return pulse.track(), tones.track()


@pytest.mark.parametrize(("bpm", "metre"), [(120, 4), (96, 3)])
def test_beats_bars_and_tempo_of_a_song(bpm: float, metre: int) -> None:
    truth = song(bpm, metre, bars=8)
    pulse, tones = tracks(truth)
    found = rhythm.rhythm((pulse, pulse), tones)
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.01)
    assert found.metre == metre
    assert found.metre_confidence > 0.9
    times = np.array([event.start_s for event in found.beats])
    downs = np.array([event.start_s for event in found.downbeats])
    for wanted, have in ((truth.beats_s, times), (truth.downbeats_s, downs)):
        assert np.abs(have[:, None] - wanted).min(0).max() < 0.03
        assert len(have) <= len(wanted) + 1
    places = [event.value for event in found.beats]
    assert places[: metre + 1] == [*range(1, metre + 1), 1]


def test_noise_has_less_confidence_than_a_song_and_silence_no_beats() -> None:
    truth = song(bars=4)
    pulse, tones = tracks(truth)
    sure = rhythm.rhythm((pulse, pulse), tones).tempo_confidence
    rng = np.random.default_rng(1)
    noise = rng.gamma(1.0, size=(3, len(pulse.all))).astype(np.float32)
    noisy = PulseTrack(*noise)
    unsure = rhythm.rhythm((noisy, noisy), tones).tempo_confidence
    assert sure > LEAST["tempo"]
    assert unsure < LEAST["tempo"]
    silent = PulseTrack(*np.zeros((3, 500), np.float32))
    assert rhythm.rhythm((silent, silent), tones) == rhythm.Rhythm()


def test_a_tempo_is_less_sure_the_better_its_double_fits() -> None:
    def sure(between: float) -> float:
        """Of 88 bpm, where onsets between the beats are as strong as that."""
        onsets = np.zeros(1500)
        onsets[::34] = 1
        onsets[17::34] = between
        return rhythm.against_rivals(rhythm.periods(onsets)[2], 60 * 50 / 34)

    found = [sure(between) for between in (0.0, 0.4, 1.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9
    assert found[-1] < 0.7


def test_a_tempo_that_changes_is_followed() -> None:
    times_s = np.concatenate([np.arange(0, 20, 0.6), 20 + np.arange(0, 20, 0.5)])
    strength = np.zeros(round(40.5 * PULSE_HZ), np.float32)
    strength[np.round(times_s * PULSE_HZ).astype(int)] = 1
    track = PulseTrack(strength, strength, strength)
    frames = round(40.5 * TONES_HZ)
    tones = ToneTrack(*np.zeros((2, frames, 12 * STEPS), np.float32))
    found = rhythm.rhythm((track, track), tones)
    beats = np.array([event.start_s for event in found.beats])
    assert np.median(np.diff(beats[beats < 16])) == pytest.approx(0.6, abs=0.02)
    assert np.median(np.diff(beats[beats > 24])) == pytest.approx(0.5, abs=0.02)
    assert found.metre_confidence < 0.6  # nothing tells one beat from another


def test_the_likeliest_way_and_how_likely_each_state_is() -> None:
    score = np.log([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])
    step = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert viterbi(score, -np.log(step).T).tolist() == [0, 0, 0]
    found, total = posteriors(score, step)
    # By hand: the sum over all eight ways.
    ways = np.array(np.meshgrid(*[[0, 1]] * 3, indexing="ij")).reshape(3, -1).T
    each = np.array([
        0.5 * np.prod([np.exp(score[n, way[n]]) for n in range(3)])
        * step[way[0], way[1]] * step[way[1], way[2]]
        for way in ways
    ])  # fmt: skip
    assert total == pytest.approx(np.log(each.sum()))
    second = each[ways[:, 1] == 0].sum() / each.sum()
    assert found[1, 0] == pytest.approx(second)
