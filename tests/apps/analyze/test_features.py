import numpy as np
import pytest

from tests.apps.analyze.sounds import RATE_HZ, song, tone
from unweave.apps.analyze.features import (
    PULSE_HZ,
    STEPS,
    TONES_HZ,
    Frames,
    Pulse,
    Tones,
)  # fmt: skip


@pytest.mark.parametrize("sizes", [(1, 7, 100), (5000,), (1500, 3)])
def test_how_the_sound_is_cut_makes_no_difference(sizes: tuple[int, ...]) -> None:
    wave = np.arange(1, 4001, dtype=np.float32)
    frames, at, found = Frames(64, 20), 0, []
    while at < len(wave):
        for size in sizes:
            found.append(frames.push(wave[at : at + size]))
            at += size
    found.append(frames.finish())
    whole = np.concatenate(found)
    padded = np.pad(wave, 64)
    wanted = [padded[64 + n - 32 : 64 + n + 32] for n in range(0, len(wave), 20)]
    np.testing.assert_array_equal(whole, wanted)


def test_onsets_are_where_something_begins() -> None:
    truth = song(bpm=120, bars=1)
    pulse = Pulse()
    pulse.push(truth.drums)
    found = pulse.track()
    for start_s in truth.beats_s:
        at = round(start_s * PULSE_HZ)
        assert found.all[at - 3 : at + 4].max() > 10 * np.median(found.all)
    kick, snare = (round(truth.beats_s[n] * PULSE_HZ) for n in (0, 1))
    assert found.low[kick - 2 : kick + 3].max() > found.high[kick - 2 : kick + 3].max()
    assert found.high[snare - 2 : snare + 3].max() > found.low[snare - 2 : snare + 3].max()


def test_pitch_classes_of_a_tone_and_its_tuning() -> None:
    for cents in (0, 33):
        tones = Tones()
        tones.push(tone(69 + cents / 100, 1.0, decay=0.0))
        track = tones.track()
        assert len(track.chroma) == pytest.approx(TONES_HZ, abs=1)
        strongest = track.chroma[4].argmax()
        assert strongest == 9 * STEPS + (1 if cents else 0)  # A


def test_silence_and_nothing_have_no_features_but_frames() -> None:
    for length in (0, RATE_HZ):
        pulse, tones = Pulse(), Tones()
        pulse.push(np.zeros(length, np.float32))
        tones.push(np.zeros(length, np.float32))
        assert not pulse.track().all.any()
        assert not tones.track().chroma.any()
