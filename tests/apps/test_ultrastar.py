"""Notes for singing games: pitches, syllables on notes, beats, files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.apps.voices import RATE_HZ, melody, voice
from unweave.apps.align.voice import Track, followed
from unweave.apps.ultrastar import LONGEST_BEAT_S, ultrastar
from unweave.apps.ultrastar.notes import noted, on_grid, over
from unweave.errors import UsageError
from unweave.lyrics import Kind, Line, Lyrics, Note, Syllable, read
from unweave.lyrics.grid import Grid

TEXT = ["Mon-key ta-ble", "beau-ti-ful gar-den"]
BURSTS = melody([4, 5])
PIECES = np.array([burst[:2] for burst in BURSTS])
SONG = "Nobody - Song.wav"


@pytest.fixture(scope="module")
def track() -> Track:
    return followed(voice(BURSTS, BURSTS[-1][1] + 0.5))


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    soundfile.write(SONG, voice(BURSTS, BURSTS[-1][1] + 0.5), RATE_HZ)
    Path("words.txt").write_text("\n".join(TEXT).replace("-", ""))
    lines = [f"[00:0{BURSTS[n][0]:.2f}]{text}\n" for n, text in zip((0, 4), TEXT, strict=True)]
    end = f"[00:0{BURSTS[-1][1]:.2f}]\n"
    Path("song.lrc").write_text(("[ti:T]\n[check 1:0.1]\n" + "".join(lines) + end).replace("-", ""))
    return tmp_path


@pytest.mark.parametrize("lyrics", ["song.lrc", "words.txt"])
def test_each_syllable_has_its_note_and_the_file_reads_back(here, lyrics) -> None:
    made = ultrastar(SONG, lyrics, "made.txt", voice=SONG)
    back = read("made.txt")
    notes = [each for each in back.syllables() if not each.note.tied]
    assert [each.text.strip() for each in notes] == "-".join(TEXT).replace(" ", "-").split("-")
    assert [each.note.pitch for each in notes] == [int(pitch) for _, _, pitch in BURSTS]
    np.testing.assert_allclose([each.start_s for each in notes], [b[0] for b in BURSTS], atol=0.06)
    np.testing.assert_allclose([each.end_s for each in notes], [b[1] for b in BURSTS], atol=0.06)
    assert list(back.syllables()) == list(made.lyrics.syllables())
    assert (back.grid, made.losses) == (made.lyrics.grid, ())
    title = "T" if lyrics == "song.lrc" else "Song"
    assert back.tags == {"title": title, "artist": "Nobody", "mp3": SONG}
    assert (made.confidence is None) == (lyrics == "song.lrc")


def test_one_syllable_over_two_notes_and_two_on_one(track) -> None:
    (a, b, _), (_, end, _) = BURSTS[0], BURSTS[1]
    [sung] = over(1, a, end, track, PIECES)
    assert [pitch for _, _, pitch in sung] == [0, 4]
    one, other = over(2, a, b, track, PIECES)
    assert [one[0][2], other[0][2]] == [0, 0]
    assert one[-1][1] == pytest.approx(other[0][0])
    assert one[-1][1] == pytest.approx((a + b) / 2, abs=0.06)
    line = noted(Lyrics((Line((Syllable("la", a, end),)),)), track)[0]
    assert [(each.text, each.note.tied) for each in line.syllables] == [("la", False), ("", True)]


def test_what_is_not_sung_at_a_pitch_is_freestyle(track) -> None:
    line = noted(Lyrics((Line((Syllable("la la", 0.0, 0.3),)),)), track)[0]
    assert [each.note.kind for each in line.syllables] == [Kind.FREESTYLE] * 2
    assert [(each.start_s, each.end_s) for each in line.syllables] == [(0.0, 0.15), (0.15, 0.3)]


def test_words_with_times_keep_their_places(track) -> None:
    spans = [(b[0], b[1]) for b in BURSTS[:4]]
    timed = Line(
        (
            Syllable("Mon", *spans[0]),
            Syllable("key ", *spans[1]),
            Syllable("table", spans[2][0], spans[3][1]),
        )
    )
    found = noted(Lyrics((timed,)), track)[0]
    assert [each.text for each in found.syllables] == ["Mon", "key ", "ta", "ble"]
    np.testing.assert_allclose(
        [each.start_s for each in found.syllables], [a for a, _ in spans], atol=0.06
    )


def test_notes_lie_on_beats_and_do_not_overlap() -> None:
    note = Note(0)
    line = Line((Syllable("a", 0.101, 0.102, note), Syllable("b", 0.103, 0.18, note)))
    found = on_grid(line, Grid(0.05, ((0.0, 600.0),))).syllables  # a beat of 25 ms
    np.testing.assert_allclose([each.start_s for each in found], [0.1, 0.125])
    np.testing.assert_allclose([each.end_s for each in found], [0.125, 0.175])


def test_the_beats_of_a_tempo_are_divided_until_they_are_short(here) -> None:
    made = ultrastar(SONG, "song.lrc", bpm=100, voice=SONG)
    assert made.lyrics.grid.bpm in (800.0,)
    assert 60 / (4 * made.lyrics.grid.bpm) <= LONGEST_BEAT_S
    for each in made.lyrics.syllables():
        beat = made.lyrics.grid.beat(each.start_s)
        assert beat == pytest.approx(round(beat), abs=1e-6)
    with pytest.raises(UsageError, match="got 5"):
        ultrastar(SONG, "song.lrc", bpm=5, voice=SONG)
    with pytest.raises(UsageError, match=r"song\.mid.*\.txt"):
        ultrastar(SONG, "song.lrc", "song.mid", voice=SONG)
