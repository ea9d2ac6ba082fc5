import numpy as np
import pytest

from unweave.apps.analyze import drums

RATE_HZ = 44_100
RNG = np.random.default_rng(7)


def kick():
    time_s = np.arange(8000) / RATE_HZ
    return (
        0.8
        * np.sin(2 * np.pi * (55 * time_s + 2 * (1 - np.exp(-time_s * 40))))
        * np.exp(-time_s * 25)
    )


def snare():
    time_s = np.arange(8000) / RATE_HZ
    noise = np.convolve(RNG.standard_normal(8000), [0.6, 0.4], "same")
    body = np.sin(2 * np.pi * 200 * time_s) + np.sin(2 * np.pi * 330 * time_s)
    return (0.2 * noise + 0.2 * body) * np.exp(-time_s * 30)


def hat():
    noise = RNG.standard_normal(3000)
    for _ in range(3):
        noise = np.diff(noise, prepend=0)
    return 0.05 * noise * np.exp(-np.arange(3000) / RATE_HZ * 90)


SOUNDS = {"kick": kick, "snare": snare, "hi-hat": hat}


def planted(bars):
    """Two kicks, two snares and eight hi-hats in each bar of two seconds, from 0.3 s on."""
    truth = {"kick": [], "snare": [], "hi-hat": []}
    for bar in range(bars):
        start = 0.3 + 2 * bar
        truth["kick"] += [start, start + 1.25]
        truth["snare"] += [start + 0.5, start + 1.5]
        truth["hi-hat"] += [start + n / 4 for n in range(8)]
    wave = np.zeros(round((2 * bars + 1) * RATE_HZ))
    for drum, times in truth.items():
        for at in times:
            sound = SOUNDS[drum]()
            first = round(at * RATE_HZ)
            wave[first : first + len(sound)] += sound
    return (0.5 * wave[None]).astype(np.float32), truth


def f_measure(found, right, within_s=0.05):
    """Of times: each found one explains one right one at the most."""
    left, hits = list(found), 0
    for at in right:
        near = [each for each in left if abs(each - at) <= within_s]
        if near:
            left.remove(min(near, key=lambda each: abs(each - at)))
            hits += 1
    return 2 * hits / (len(found) + len(right))


@pytest.fixture(scope="module")
def beat():
    wave, truth = planted(6)  # longer than a stretch
    return wave, truth, drums.find(iter([wave]), RATE_HZ)


@pytest.mark.parametrize(("drum", "least"), [("kick", 0.95), ("snare", 0.9), ("hi-hat", 0.8)])
def test_planted_hits_are_found(beat, drum, least):
    _, truth, found = beat
    times = [event.start_s for event in found if event.value == drum]
    assert f_measure(times, truth[drum]) >= least


def test_hits_are_in_order_without_length_and_with_a_confidence(beat):
    found = beat[2]
    assert [event.start_s for event in found] == sorted(event.start_s for event in found)
    assert all(event.start_s == event.end_s for event in found)
    assert all(0.5 <= event.confidence < 1 for event in found)


@pytest.mark.parametrize("size", [97, 44_100])
def test_blocks_of_any_size_give_the_same(beat, size):
    wave, _, found = beat
    if size < 100:  # few of them, for time
        wave = wave[:, : RATE_HZ // 4]
        found = drums.find(iter([wave]), RATE_HZ)
    blocks = (wave[:, at : at + size] for at in range(0, wave.shape[1], size))
    assert drums.find(blocks, RATE_HZ) == found


def test_a_level_far_below_gives_the_same_hits(beat):
    wave, _, found = beat
    quiet = drums.find(iter([wave * np.float32(1 / 64)]), RATE_HZ)
    assert [(e.start_s, e.value) for e in quiet] == [(e.start_s, e.value) for e in found]


@pytest.mark.parametrize("samples", [0, 10, 100_000])
def test_silence_has_no_hits(samples):
    assert drums.find(iter([np.zeros((2, samples), np.float32)]), RATE_HZ) == []


def test_a_steady_tone_is_hit_once_at_the_most():
    wave = 0.3 * np.sin(2 * np.pi * 60 * np.arange(4 * RATE_HZ) / RATE_HZ)
    found = drums.find(iter([wave[None].astype(np.float32)]), RATE_HZ)
    assert len([event for event in found if event.start_s > 0.1 and event.start_s < 3.9]) == 0


def test_the_spectra_are_of_sum_one():
    names, spectra = drums.known_spectra()
    assert set(drums.LEAST) <= set(names)
    assert spectra.shape == (len(names), len(drums.BANDS_HZ) - 1)
    assert spectra.sum(1) == pytest.approx(1, abs=1e-3)


def test_a_sum_of_spectra_is_taken_apart():
    names, spectra = drums.known_spectra()
    kick, hat = names.index("kick"), names.index("hi-hat")
    target = spectra[kick] + 0.3 * spectra[hat]
    weights = drums.taken_apart(target[None], spectra)[0]
    assert (weights >= 0).all()
    assert np.abs(weights @ spectra - target).sum() < 0.1 * target.sum()
    by = {drum: sum(w for w, n in zip(weights, names, strict=True) if n == drum) for drum in names}
    assert by["kick"] == pytest.approx(1, abs=0.1)
    assert by["snare"] < by["hi-hat"]
