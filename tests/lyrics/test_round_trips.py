"""Written and read again, lyrics are the same, as far as a format can say them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lyrics.songs import DUET, all_words, assert_same_words
from unweave.lyrics import (
    BOTH,
    FORMATS,
    Kind,
    Line,
    Lyrics,
    Note,
    Syllable,
    by_lines,
    read,
    shifted,
    write,
)
from unweave.lyrics.grid import Grid
from unweave.lyrics.model import in_order, spaced

ULTRASTAR = os.environ.get("UNWEAVE_ULTRASTAR", "")
"""A folder with folders of UltraStar songs, which are too many and not ours to give away."""

# Half of what a format counts in, and what float64 adds to it.
WITHIN_S = {"lrc": 0.005 + 1e-6, "ass": 0.005 + 1e-6, "srt": 0.0005 + 1e-6, "ultrastar": 1e-6}

# What could be taken for something else: brackets, stamps, tags, escapes, other scripts.
SPECIAL = [
    *("[", "]", "<", ">", "{", "}", "\\", "\\N", "~", ":", "-", "#", "<u>", "</u>", "{\\k5}"),
    *("00:01.00", "[00:01.00]", "<00:01.00>", "-->", "7", "ש", "も", "नि", "\u00a0", "é", ",", "*"),
]
texts = st.lists(
    st.one_of(st.sampled_from(SPECIAL), st.text("abcXYZ '", min_size=1, max_size=4)),
    min_size=1,
    max_size=4,
).map("".join)


@st.composite
def songs(draw: st.DrawFn, step_s: float, notes: bool = False) -> Lyrics:
    """Lines one after the other, of syllables of 20 ms or more; times are multiples of `step_s`."""
    at = 0
    lines = []
    tied = st.booleans() if notes else st.just(False)
    for _ in range(draw(st.integers(1, 4))):
        parts = draw(st.lists(st.tuples(texts, tied), min_size=1, max_size=4))
        parts[0] = (parts[0][0], False)
        found = []
        held = [each for _, each in parts]
        for text, tie in zip(spaced([text for text, _ in parts], held), held, strict=True):
            at += draw(st.integers(0, 300))
            end = at + draw(st.integers(round(0.02 / step_s), 300))
            pitch, kind = draw(st.integers(-20, 20)), draw(st.sampled_from(list(Kind)))
            note = Note(pitch, kind, tie) if notes else None
            found.append(Syllable(text, at * step_s, end * step_s, note))
            at = end
        if all(syllable.text.strip() for syllable in found):
            lines.append(Line(tuple(found), draw(st.sampled_from([1, 2, BOTH]))))
    if not lines:
        lines = [Line((Syllable("la", 0, 1, Note(0) if notes else None),))]
    tags = draw(st.dictionaries(st.sampled_from(["title", "artist", "x-mine"]), st.just("a: b]")))
    return Lyrics(in_order(lines), tags)


def again(name: str, lyrics: Lyrics) -> Lyrics:
    return FORMATS[name].read(FORMATS[name].write(lyrics).text)


@pytest.mark.parametrize("name", ["lrc", "ass", "srt"])
@settings(max_examples=20, deadline=None)
@given(song=songs(0.001))
def test_words_keep_their_times(name: str, song: Lyrics) -> None:
    assert_same_words(again(name, song), song, WITHIN_S[name])


@pytest.mark.parametrize("name", ["lrc", "ass", "srt", "ultrastar"])
@settings(max_examples=25, deadline=None)
@given(song=songs(0.01))
def test_what_is_read_is_written_the_same(name: str, song: Lyrics) -> None:
    once = again(name, song)
    assert again(name, once) == once


@pytest.mark.parametrize("name", ["lrc", "ass"])
@settings(max_examples=20, deadline=None)
@given(song=songs(0.01))
def test_tags_are_kept(name: str, song: Lyrics) -> None:
    assert again(name, song).tags == song.tags


@settings(max_examples=20, deadline=None)
@given(song=songs(0.01))
def test_singers_are_kept_in_ass(song: Lyrics) -> None:
    assert [line.singer for line in again("ass", song).lines] == [
        line.singer for line in song.lines
    ]


@settings(max_examples=25, deadline=None)
@given(song=songs(0.01, notes=True))
def test_ultrastar_keeps_all(song: Lyrics) -> None:
    found = again("ultrastar", song)
    assert_same_words(found, song, WITHIN_S["ultrastar"])
    if set(song.singers) != {BOTH}:
        assert [line.singer for line in found.lines] == [line.singer for line in song.lines]
    assert [each.note for each in found.syllables()] == [each.note for each in song.syllables()]
    assert found.tags == song.tags


@settings(max_examples=20, deadline=None)
@given(song=songs(0.01), by=st.integers(0, 500))
def test_a_shift_and_its_opposite_are_none(song: Lyrics, by: int) -> None:
    back = shifted(shifted(song, by / 100), -by / 100)
    assert_same_words(back, song, 1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.text("ab ~\t", max_size=4), st.booleans()), max_size=5))
def test_spaces_settle_at_once(parts: list[tuple[str, bool]]) -> None:
    held = [each for _, each in parts]
    once = spaced([text for text, _ in parts], held)
    assert spaced(once, held) == once
    assert "  " not in "".join(once)
    assert "".join(once) == "".join(once).strip(" ")


def check_all_formats(song: Lyrics, folder: Path) -> None:
    """A song with notes in every format and back: each word's time, its notes where they fit."""
    for name, suffix in {"lrc": "lrc", "ass": "ass", "srt": "srt", "ultrastar": "txt"}.items():
        losses = write(song, folder / f"song.{suffix}")
        found = read(folder / f"song.{suffix}")
        assert_same_words(found, song, WITHIN_S[name])
        assert (losses == ()) == (name == "ultrastar")
        if name == "ultrastar":
            assert found == song
        else:  # and from there into UltraStar's beats of 10 ms
            write(found, folder / "again.txt")
            assert_same_words(read(folder / "again.txt"), found, 0.010 + 1e-6)
    write(song, folder / "plain.txt", format="text")
    plain = read(folder / "plain.txt")
    assert [line.text for line in plain.lines] == [line.text for line in song.lines]
    write(by_lines(song), folder / "lines.lrc")
    lines = read(folder / "lines.lrc").lines
    assert [line.text for line in lines] == [line.text for line in song.lines]


def test_a_duet_in_all_formats(tmp_path: Path) -> None:
    song = FORMATS["ultrastar"].read(DUET)
    assert len(all_words(song)) == 8
    check_all_formats(song, tmp_path)


@pytest.mark.skipif(not ULTRASTAR, reason="UNWEAVE_ULTRASTAR names no folder of songs")
def test_real_songs_in_all_formats(tmp_path: Path) -> None:
    paths = sorted(Path(ULTRASTAR).glob("*/*.txt"))
    songs = [read(path) for path in paths if path.name != "license.txt"]
    assert songs
    for song in songs:
        check_all_formats(song, tmp_path)


def test_a_shift_moves_the_beats_too(tmp_path: Path) -> None:
    song = FORMATS["ultrastar"].read(DUET)
    later = shifted(song, 0.123)
    assert isinstance(later.grid, Grid)
    assert "#GAP:1357.5\n" in FORMATS["ultrastar"].write(later).text
    assert_same_words(again("ultrastar", later), later, 1e-6)
