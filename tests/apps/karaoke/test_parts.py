"""The pure parts: which stems are voices, where a moment lies, clicks, the intro, levels."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.apps._shared import levels
from unweave.apps._shared.levels import Levels
from unweave.apps.karaoke import clicks, intro, voices
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.sound import in_step
from unweave.apps.karaoke.timing import Timing, backing_time_s, first_word_s, retimed
from unweave.errors import UsageError
from unweave.lyrics import Kind, Line, Lyrics, Note, Syllable
from unweave.lyrics.formats import FORMATS
from unweave.lyrics.grid import Grid


@pytest.mark.parametrize(
    ("stems", "keep", "removed", "guide"),
    [
        (("vocals", "accompaniment"), False, ("vocals",), ("vocals",)),
        (("drums", "voice", "bass"), False, ("voice",), ("voice",)),
        (("lead", "Backing Vocals", "rest"), False, ("lead", "Backing Vocals"), ("lead",)),
        (("lead", "Backing Vocals", "rest"), True, ("lead",), ("lead",)),
        (("vocals", "backing_vocals", "rest"), True, ("vocals",), ("vocals",)),
        (("vocals", "lead_vocals", "backing_vocals"), False, ("vocals",), ("lead_vocals",)),
    ],
)
def test_the_voice_is_found_by_its_name(stems, keep, removed, guide):
    assert voices.choose(stems, "model", keep) == voices.Voices(removed, guide)


@pytest.mark.parametrize(
    ("stems", "keep", "words"),
    [
        (("harmonic", "percussive"), False, ["model", "voice", "harmonic, percussive"]),
        (("vocals", "accompaniment"), True, ["model", "lead_vocals", "backing_vocals"]),
        (("harmonic", "percussive"), True, ["lead_vocals"]),
    ],
)
def test_a_missing_stem_is_named(stems, keep, words):
    with pytest.raises(UsageError) as error:
        voices.choose(stems, "model", keep)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": math.nan}, {"key": 24.5}, {"key": -25}, {"tempo": 0.49}, {"tempo": 2.01},
        {"tempo": math.inf}, {"guide_db": math.nan}, {"count_in": -1}, {"count_in": 2.5},
        {"bpm": 0, "count_in": 4}, {"bpm": 120}, {"loudness": 0}, {"trim_intro_s": -1},
        {"key": "up"},
    ],
)  # fmt: skip
def test_impossible_values_are_refused_by_name(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 10**7), st.floats(0.5, 2), st.integers(0, 10**5),
    st.integers(0, 10**7),
)  # fmt: skip
def test_a_sample_of_the_song_lies_where_its_time_says(start, length, tempo, lead, at):
    timing = Timing(rate_hz=44100, start=start, length=length, tempo=tempo, lead=lead)
    time_s = backing_time_s((start + at) / 44100, timing)
    assert time_s * 44100 == pytest.approx(lead + at / tempo, abs=1e-3)
    assert abs(timing.samples - (lead + length / tempo)) <= 0.5


def song() -> Lyrics:
    notes = [Note(2), Note(5, Kind.GOLDEN)]
    lines = [
        Line((Syllable("La ", 10.0, 10.5, notes[0]), Syllable("li", 11.0, 12.0, notes[1])), 1, 9.0),
        Line((Syllable("lo", 18.0, 30.0, notes[0]),)),
        Line((Syllable("late", 25.0, 26.0, notes[0]),)),
    ]
    tags = {"title": "Song", "mp3": "song.mp3", "start": "3", "videogap": "1"}
    return Lyrics(tuple(lines), tags, Grid(10.0, ((0.0, 300.0),)))


def test_lyrics_follow():
    timing = Timing(rate_hz=1000, start=8000, length=16000, tempo=1.25, lead=2000)
    found = retimed(song(), timing, key=-2.0)
    first, second = found.lines
    assert [each.start_s for each in first.syllables] == pytest.approx([3.6, 4.4])
    assert first.syllables[1].end_s == pytest.approx(5.2)
    assert first.show_s == pytest.approx(2.8)
    assert [each.note.pitch for each in first.syllables] == [0, 3]
    assert second.start_s == pytest.approx(10.0)
    assert second.end_s == timing.samples / 1000 == 14.8
    assert found.tags == {"title": "Song", "mp3": "song.mp3"}
    assert found.grid.time_s(0) == pytest.approx(3.6)
    assert found.grid.bpm == 375


def test_a_line_does_not_wait_for_a_neighbour_that_is_left_out():
    lines = [
        Line((Syllable("one", 1.0, 2.0),), 1, 0.0, 3.0),
        Line((Syllable("two", 4.0, 5.0),), 1, 3.0, 6.0),
        Line((Syllable("three", 7.0, 8.0),), 1, 6.0, 9.0),
    ]
    timing = Timing(rate_hz=1000, start=3500, length=3000)
    (middle,) = retimed(Lyrics(tuple(lines)), timing).lines
    assert (middle.text, middle.show_s, middle.hide_s) == ("two", None, None)
    whole = retimed(Lyrics(tuple(lines)), Timing(rate_hz=1000, start=0, length=9000))
    assert [(line.show_s, line.hide_s) for line in whole.lines] == [(0, 3), (3, 6), (6, 9)]


def test_each_singer_of_a_duet_has_neighbours_of_their_own():
    lines = [
        Line((Syllable("one", 1.0, 2.0),), 1, None, 3.5),
        Line((Syllable("due", 1.5, 2.5),), 2, None, 3.6),
        Line((Syllable("two", 4.0, 5.0),), 1, 3.5, 6.0),
        Line((Syllable("tre", 4.1, 5.1),), 2, 3.6, 6.1),
        Line((Syllable("three", 7.0, 8.0),), 1, 6.0),
    ]
    timing = Timing(rate_hz=1000, start=3900, length=2500)
    kept = retimed(Lyrics(tuple(lines)), timing).lines
    assert [(line.text, line.show_s) for line in kept] == [("two", None), ("tre", None)]
    assert kept[0].hide_s is None
    assert kept[1].hide_s == pytest.approx(2.2)  # nothing came after it


def test_beats_of_a_game_stay_the_same_beats():
    before = Lyrics(song().lines[:1], song().tags, song().grid)
    timing = Timing(rate_hz=44100, start=123, length=10**7, tempo=0.9, lead=777)
    rows = FORMATS["ultrastar"].write(retimed(before, timing)).text.splitlines()
    assert [row for row in rows if row[0] in ":*"] == [": 0 10 2 La", "* 20 20 5  li"]


def test_a_line_that_the_end_cuts_is_sung_up_to_it_and_on_beats():
    before = Lyrics(song().lines[:1], song().tags, song().grid)
    spans = [(each.start_s, each.end_s) for each in before.lines[0].syllables]
    end_s = (spans[1][0] + spans[1][1]) / 2 + 0.001  # on no beat, within the second syllable
    for cut_s, count in ((end_s, 2), (spans[1][0] - 0.001, 1)):
        timing = Timing(rate_hz=1000, start=0, length=round(cut_s * 1000))
        after = retimed(before, timing)
        assert len(after.lines[0].syllables) == count
        assert after.lines[0].end_s <= cut_s
        assert f"#BPM:{song().grid.bpm:g}" in FORMATS["ultrastar"].write(after).text


def test_the_first_word_has_text():
    silent = Line((Syllable("", 1.0, 2.0),))
    assert first_word_s(Lyrics((silent, *song().lines))) == 10.0
    assert first_word_s(Lyrics((Line((Syllable("la"),)),))) is None


def test_clicks_lie_on_the_beats():
    wave = clicks.count_in(4, 100.0, 8000, 2, peak=0.5)
    assert wave.shape == (2, 4 * 4800)
    for n in range(4):
        beat = wave[0, n * 4800 : (n + 1) * 4800]
        assert np.abs(beat[:240]).max() == pytest.approx(0.5, abs=0.01)
        assert not beat[240:].any()
    loudest_hz = [np.abs(np.fft.rfft(wave[0, at : at + 240], 8000)).argmax() for at in (0, 4800)]
    assert loudest_hz == pytest.approx([1500, 1000], abs=30)


def test_the_header_of_a_game_counts_several_beats_for_one():
    assert clicks.tempo_of(song()) == 150
    assert clicks.tempo_of(Lyrics(song().lines)) is None
    assert clicks.tempo_of(None) is None
    assert clicks.tempo_of(replace(song(), grid=Grid())) is None  # times on no beat


def heard(voice: np.ndarray, mix: np.ndarray, size: int = 777) -> intro.Presence:
    presence = intro.Presence(1000)
    for at in range(0, voice.size, size):
        presence.push(mix[None, at : at + size], voice[None, at : at + size])
    return presence


def test_a_voice_comes_in_where_it_stays():
    rng = np.random.default_rng(0)
    mix = rng.standard_normal(20_000).astype(np.float32)
    voice = 0.01 * mix
    voice[3000:3050] = 1.0  # a blip, as of a drum
    voice[8200:19_000] = mix[8200:19_000]
    presence = heard(voice, mix)
    assert presence.is_there()
    assert presence.onset_s() == pytest.approx(8.2, abs=0.1)
    assert not heard(0.001 * mix, mix).is_there()
    for silent in (heard(0 * mix, mix), heard(0 * mix, 0 * mix)):
        assert silent.onset_s() is None
        assert silent.level_db() == -math.inf


def test_what_is_cut_of_an_intro():
    assert intro.cut_s(20.0, 5.0) == 15.0
    assert intro.cut_s(4.0, 5.0) == intro.cut_s(None, 5.0) == intro.cut_s(4.0, None) == 0
    assert intro.fade_length(5.0, 1000) == 1000
    assert intro.fade_length(0.0, 1000) == 0
    whole = intro.fade(0, 100, 150)
    np.testing.assert_array_equal(
        whole, np.concatenate([intro.fade(0, 100, 60), intro.fade(60, 100, 90)])
    )
    assert whole[0] < 0.001
    assert np.all(np.diff(whole[:100]) > 0)
    np.testing.assert_array_equal(whole[100:], 1)


def test_a_gain_alone_where_the_peak_allows_it():
    def never(gain: float) -> float:
        raise AssertionError

    quiet = Levels(peak=0.1, true_peak=0.1, lufs=-24.0)
    found = levels.setting(quiet, -14.0, "it", never)
    assert (20 * math.log10(found.gain), found.limited) == (pytest.approx(10.0), False)
    assert levels.setting(quiet, None, "it", never) == levels.Setting()
    found = levels.setting(Levels(0.0, 0.0, None), -14.0, "it", never)
    assert (found.gain, found.limited) == (1.0, False)
    assert "it is too quiet" in found.notes[0]


@pytest.mark.parametrize(("loudness", "reached"), [(-14.0, True), (-2.0, False)])
def test_what_a_limiter_takes_is_made_up_for(loudness, reached):
    """A limiter that takes a third of what a gain adds above -18 LUFS."""
    asked = []

    def limited(gain: float) -> float:
        asked.append(-24 + 20 * math.log10(gain))
        return min(asked[-1], -18 + (asked[-1] + 18) * 2 / 3)

    found = levels.setting(Levels(0.5, 0.5, -24.0), loudness, "it", limited)
    assert found.limited
    assert 20 * math.log10(found.gain) - 24 == pytest.approx(asked[-1])
    if reached:
        assert limited(found.gain) == pytest.approx(loudness, abs=0.1)
        assert found.notes == []
    else:
        most_db = 20 * math.log10(levels.CEILING / 0.5) + levels.LIMITED_DB
        assert 20 * math.log10(found.gain) == pytest.approx(most_db)
        assert "at -2 LUFS its peaks would be limited by more than 12 dB" in found.notes[0]
    assert len(asked) <= levels.PASSES


def test_integers_keep_a_peak():
    assert levels.unclipped(2.0, 0.4, "it is") == (0.4, [])
    gain, notes = levels.unclipped(2.0, 1.0, "it is")
    assert gain * 2.0 < 1
    assert notes == [
        "peaks 6.02 dB above full scale, so it is that much quieter (32-bit WAV keeps the level)"
    ]


def test_streams_go_in_step():
    waves = [np.arange(20.0, dtype=np.float32)[None] + n for n in range(2)]
    cuts = ([0, 7, 20], [0, 3, 3, 11, 20])
    streams = [
        iter([wave[:, a:b] for a, b in pairwise(cut)])
        for wave, cut in zip(waves, cuts, strict=True)
    ]
    pieces = list(in_step(streams))
    for n, wave in enumerate(waves):
        np.testing.assert_array_equal(np.concatenate([p[n] for p in pieces], axis=1), wave)
    with pytest.raises(ValueError, match="one length"):
        list(in_step([iter([waves[0]]), iter([waves[1][:, :19]])]))
