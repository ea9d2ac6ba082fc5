"""What each format says is read as it is meant."""

from dataclasses import replace

import pytest

from tests.lyrics.songs import DUET, all_words
from unweave.lyrics import BOTH, FORMATS, Kind, Line, Lyrics, Note, Syllable, by_lines, words
from unweave.lyrics.grid import Grid


def read(name: str, text: str) -> Lyrics:
    return FORMATS[name].read(text)


def times(lyrics: Lyrics) -> list[tuple[str, float | None, float | None]]:
    """Of all syllables."""
    return [(each.text, rounded(each.start_s), rounded(each.end_s)) for each in lyrics.syllables()]


def rounded(at_s: float | None) -> float | None:
    return None if at_s is None else round(at_s, 9)


# LRC


@pytest.mark.parametrize(
    ("stamp", "at_s"),
    [
        ("00:12.34", 12.34),
        ("00:12.345", 12.345),
        ("00:12.5", 12.5),
        ("00:12:34", 12.34),
        ("00:12", 12),
        ("1:02.00", 62),
        ("120:00.00", 7200),
        ("01:02:03.50", 3723.5),
        (" 00:12.34 ", 12.34),
    ],
)
def test_lrc_stamps(stamp, at_s):
    (line,) = read("lrc", f"[{stamp}]la").lines
    assert line.start_s == pytest.approx(at_s)
    assert line.text == "la"


def test_lrc_lines_end_where_the_next_begins_or_where_an_empty_one_says():
    found = read("lrc", "[00:03.00]three\n[00:01.00]one\n\n[00:02.50]\n[00:04.00]four\n")
    assert times(found) == [("one", 1, 2.5), ("three", 3, 4), ("four", 4, None)]


def test_lrc_several_stamps_are_several_lines_with_words_moved():
    found = read("lrc", "[00:01.00][00:11.00]<00:01.00>la <00:01.50>li<00:02.00>")
    assert times(found) == [
        ("la ", 1, 1.5), ("li", 1.5, 2), ("la ", 11, 11.5), ("li", 11.5, 12),
    ]  # fmt: skip


def test_lrc_words_pauses_and_syllables():
    row = "[00:01.00] <00:01.00> Code<00:01.20> <00:01.50> Mon<00:01.80>key<00:02.00>"
    found = read("lrc", row)
    assert times(found) == [("Code ", 1, 1.2), ("Mon", 1.5, 1.8), ("key", 1.8, 2)]
    assert [word.text for word in all_words(found)] == ["Code", "Monkey"]
    assert times(read("lrc", "[00:01.00]a [00:02.00]b [00:03.00]")) == [("a ", 1, 2), ("b", 2, 3)]


def test_lrc_tags_known_and_unknown_and_the_offset():
    text = (
        "[ti:A Song]\n[AR: Nobody ]\n[x-mine:kept: yes]\n[:]comment\n[offset:+500]\n[00:02.00]la\n"
    )
    found = read("lrc", text)
    assert found.tags == {"title": "A Song", "artist": "Nobody", "x-mine": "kept: yes"}
    assert found.lines[0].start_s == 1.5
    early = read("lrc", "[offset:500]\n[00:00.20]la\n[00:02.00]li")
    assert early.lines[0].start_s == 0
    assert "1 times to before the recording" in early.warnings[0]
    assert read("lrc", "[offset: -250]\n[00:02.00]la").lines[0].start_s == 2.25


def test_lrc_text_in_brackets_is_text():
    found = read("lrc", "[00:01.00][Chorus] I <3 you [3:16]\n")
    assert found.lines[0].text == "[Chorus] I <3 you [3:16]"


def test_lrc_singers():
    text = "[00:01.00]M: he\n[00:02.00]still he\n[00:03.00]F: she\n[00:04.00]D: both"
    found = read("lrc", text)
    assert [(line.text, line.singer) for line in found.lines] == [
        ("he", 1), ("still he", 1), ("she", 2), ("both", BOTH),
    ]  # fmt: skip
    assert read("lrc", "[00:01.00]M: a letter").lines[0].text == "M: a letter"


def test_lrc_of_lines_is_written_simply():
    found = by_lines(read("lrc", "[00:01.00]<00:01.00>a <00:02.00>b<00:03.00>\n[00:05.00]c"))
    assert FORMATS["lrc"].write(found).text == "[00:01.00]a b\n[00:03.00]\n[00:05.00]c\n"


# UltraStar


def test_ultrastar_beats_are_quarters():
    """120 BPM, ten beats: 1.25 s, as a game plays it."""
    found = read("ultrastar", "#BPM:120\n#GAP:1000\n: 0 10 5 bla\n- 15\n: 20 4 5 bli\nE")
    assert times(found) == [("bla", 1, 2.25), ("bli", 3.5, 4)]


def test_ultrastar_duet():
    found = read("ultrastar", DUET)
    beat_s = 60 / (4 * 300.5)
    assert [(line.singer, line.text) for line in found.lines] == [
        (1, "Row the boat"), (2, "I rowow"), (BOTH, "Both of us"),
    ]  # fmt: skip
    first = found.lines[0].syllables
    assert [each.text for each in first] == ["Row ", "the ", "bo", "", "at"]
    assert first[1].note == Note(2, Kind.GOLDEN)
    assert first[3].note == Note(-1, tied=True)
    assert first[2].start_s == pytest.approx(1.2345 + 10 * beat_s)
    kinds = [each.note and each.note.kind for each in found.lines[2].syllables]
    assert kinds == [Kind.RAP, Kind.GOLDEN_RAP, Kind.FREESTYLE]
    assert found.lines[0].hide_s == pytest.approx(1.2345 + 20 * beat_s)
    assert found.lines[2].show_s == pytest.approx(1.2345 + 24 * beat_s)
    assert found.tags["p2"] == "Ben"
    assert found.tags["custom-tag"] == "kept"
    boat = words(found.lines[0])[2]
    assert (boat.text, boat.end_s) == ("boat", pytest.approx(1.2345 + 19 * beat_s))


def test_a_line_of_both_appears_for_nobody_before_their_own_line_goes():
    head = "#TITLE:a\n#ARTIST:b\n#MP3:c\n#BPM:300\n#GAP:0\n"
    text = head + "P1\n: 0 9 0 a\n- 20\n: 50 4 0 c\nP2\n: 24 9 0 b\n- 44\n: 50 4 0 c\nE\n"
    lyrics = read("ultrastar", text)
    assert [line.singer for line in lyrics.lines] == [1, 2, BOTH]
    breaks = [row for row in FORMATS["ultrastar"].write(lyrics).text.splitlines() if row[0] == "-"]
    assert breaks == ["- 20", "- 44"]


def test_ultrastar_both_by_p3():
    text = "#BPM:300\nP1\n: 0 1 0 a\nP2\n: 2 1 0 b\nP3\n: 4 1 0 c\n"
    assert [line.singer for line in read("ultrastar", text).lines] == [1, 2, BOTH]
    assert [line.singer for line in read("ultrastar", "#P3:Cy\n" + text).lines] == [1, 2, 3]


def test_ultrastar_relative_beats():
    relative = "#BPM:300\n#RELATIVE:YES\n: 0 4 0 a\n- 6 10\n: 2 4 0 b\n- 8 9\n: 0 1 0 c\nE"
    absolute = "#BPM:300\n: 0 4 0 a\n- 6 10\n: 12 4 0 b\n- 18 19\n: 19 1 0 c\nE"
    assert read("ultrastar", relative) == read("ultrastar", absolute)


def test_ultrastar_tempo_changes():
    found = read("ultrastar", "#BPM:150\n#GAP:500\n: 0 10 0 a\nB 10 300\n- 10\n: 10 10 0 b\nE")
    assert times(found) == [("a", 0.5, 1.5), ("b", 1.5, 2.0)]
    assert read("ultrastar", FORMATS["ultrastar"].write(found).text) == found


def test_ultrastar_version_2_has_beats_that_are_not_quartered():
    text = "#VERSION:2.0.0\n#AUDIO:a.ogg\n#PREVIEWSTART:1500\n#BPM:480\n#GAP:1000\n"
    found = read("ultrastar", text + ": 0 10 5 bla\n-\n: 20 4 5 bli\nE")
    assert times(found) == [("bla", 1, 2.25), ("bli", 3.5, 4)]
    assert len(found.lines) == 2
    assert found.tags == {"audio": "a.ogg", "mp3": "a.ogg", "previewstart": "1.5"}
    written = FORMATS["ultrastar"].write(found).text
    assert "#BPM:120\n" in written
    assert "VERSION" not in written
    assert times(read("ultrastar", written)) == times(found)
    versioned = read("ultrastar", "#VERSION:1.1.0\n#BPM:120\n: 0 10 5 bla\nE")
    assert times(versioned) == [("bla", 0, 1.25)]
    assert "#VERSION:1.1.0\n" in FORMATS["ultrastar"].write(versioned).text


@pytest.mark.parametrize("rows", [": 4 4 0 lo \n: 8 4 0 you", ": 4 4 0 lo\n: 8 4 0  you"])
def test_ultrastar_spaces_before_and_behind_are_the_same(rows):
    found = read("ultrastar", f"#BPM:300\n: 0 4 0 Hel\n{rows}\nE")
    assert [each.text for each in found.syllables()] == ["Hel", "lo ", "you"]
    assert ": 8 4 0  you\n" in FORMATS["ultrastar"].write(found).text


def test_ultrastar_an_unknown_kind_is_freestyle_and_said():
    found = read("ultrastar", "#BPM:300\nX 0 4 0 a\n")
    assert next(found.syllables()).note == Note(0, Kind.FREESTYLE)
    assert "line 2: 'X'" in found.warnings[0]


def test_ultrastar_times_off_its_beats_get_finer_ones():
    found = read("ultrastar", "#BPM:30\n#MEDLEYSTARTBEAT:4\n: 0 4 0 a\n")
    (line,) = found.lines
    moved = replace(line, syllables=(replace(line.syllables[0], start_s=0.07),))
    written = FORMATS["ultrastar"].write(replace(found, lines=(moved,)))
    assert ": 7 193 0 a" in written.text
    assert "#BPM:1500\n" in written.text
    assert (
        "times lie between the beats: a finer tempo is written, with its own gap" in written.losses
    )
    assert not any("no place for tempo" in loss for loss in written.losses)
    assert any("medleystartbeat" in loss for loss in written.losses)


def test_lyrics_without_notes_become_freestyle_notes():
    written = FORMATS["ultrastar"].write(read("lrc", "[00:01.00]la la\n[00:02.00]"))
    assert "F 100 100 0 la la\n" in written.text
    assert any("1 syllables have no pitch" in loss for loss in written.losses)
    assert any("#TITLE, #ARTIST, #MP3" in loss for loss in written.losses)


# ASS

HEAD = """[Script Info]
; a comment
Title: A Song
PlayResX: 640
[V4+ Styles]
Style: Default,Arial,20
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def event(text: str, head: str = "Dialogue", effect: str = "", style: str = "Default") -> str:
    return f"{head}: 0,0:00:01.00,0:00:03.00,{style},,0,0,0,{effect},{text}\n"


@pytest.mark.parametrize("tag", ["k", "K", "kf", "ko"])
def test_ass_karaoke(tag):
    text = rf"{{\{tag}50}}Code {{\{tag}20}}{{\i1\{tag}30\b1}}Mon{{\{tag}50}}key"
    found = read("ass", HEAD + event(text))
    assert times(found) == [("Code ", 1, 1.5), ("Mon", 1.7, 2), ("key", 2, 2.5)]
    assert found.lines[0].hide_s == 3
    assert found.tags == {"title": "A Song"}


def test_ass_absolute_times_within_an_event():
    found = read("ass", HEAD + event(r"{\k50}a {\kt100\k50}b"))
    assert times(found) == [("a ", 1, 1.5), ("b", 2, 2.5)]


def test_ass_text_escapes_and_drawings():
    found = read("ass", HEAD + event(r"one\Ntwo\hthree \{x\} {comment}{\p1}m 0 0{\p0}, yes \ {"))
    assert times(found) == [("one two\u00a0three {x} , yes \\ {", 1, 3)]


def test_ass_comments_that_effects_are_made_of():
    text = HEAD + event(r"{\k10}la", "Comment", "karaoke") + event("l", effect="fx")
    assert times(read("ass", text + event("no", "Comment"))) == [("la", 1, 1.1)]


def test_ass_singers_and_other_columns():
    found = read("ass", HEAD + event("a", style="P2") + event("b", style="Both"))
    assert [line.singer for line in found.lines] == [2, BOTH]
    ssa = "[Events]\nFormat: Marked, Start, End, Text\nDialogue: 0,0:00:01.50,0:00:02.00,a, b"
    assert times(read("ass", ssa)) == [("a, b", 1.5, 2)]


# SubRip


def cue(start: int, end: int, text: str) -> str:
    return f"7\n00:00:{start:02},000 --> 00:00:{end:02},000\n{text}\n\n"


def test_srt_lines():
    found = read("srt", cue(1, 2, "one\n<i>two</i>") + cue(3, 4, r"{\an8}99"))
    assert times(found) == [("one two", 1, 2), ("99", 3, 4)]
    text = "01:02,5 --> 00:01:03.250 X1:0\nno number"
    assert times(read("srt", text)) == [("no number", 62.5, 63.25)]


@pytest.mark.parametrize("tag", ["u", "b", "font"])
def test_srt_words(tag):
    one, other = f"<{tag}>la</{tag}> la", f"la <{tag}>la</{tag}>"
    text = cue(1, 2, one) + cue(2, 3, "la la") + cue(3, 4, other)
    found = read("srt", text + text.replace("00:00:0", "00:01:0"))
    assert times(found) == [("la ", 1, 2), ("la", 3, 4), ("la ", 61, 62), ("la", 63, 64)]
    assert len(found.lines) == 2


def test_srt_the_same_line_twice_without_a_pause():
    text = cue(1, 2, "<u>a</u> b") + cue(2, 3, "a <u>b</u>")
    again = cue(3, 4, "<u>a</u> b") + cue(4, 5, "a <u>b</u>")
    assert [line.start_s for line in read("srt", text + again).lines] == [1, 3]


# What is not said


def test_every_writer_names_what_it_has_no_place_for():
    song = read("ultrastar", DUET)
    losses = {name: " ".join(each.write(song).losses) for name, each in FORMATS.items()}
    for name, named in {
        "lrc": ["pitches", "singers", "appears", "tempo"],
        "ass": ["pitches", "tempo"],
        "srt": ["pitches", "singers", "tags", "appears", "tempo"],
        "text": ["times of lines", "words", "pitches", "singers", "tags", "appears", "tempo"],
    }.items():
        for word in named:
            assert word in losses[name], (name, word)
    assert losses["ultrastar"] == ""
    assert "singers" not in losses["ass"]
    assert "tags" not in losses["lrc"]


def test_overlaps_unknown_ends_and_silent_lines_are_named():
    line = Line((Syllable("a ", 1, 3), Syllable("b", 2, None)))
    song = Lyrics((line, Line((Syllable("", 4, 5, Note(0, tied=True)),))))
    written = {name: each.write(song) for name, each in FORMATS.items()}
    for name in ("lrc", "ass", "srt"):
        assert any("overlap" in loss for loss in written[name].losses), name
        assert any("without text" in loss for loss in written[name].losses), name
        assert times(read(name, written[name].text))[0] == ("a ", 1, 2), name
    for name in ("ass", "srt", "ultrastar"):
        assert any("1 ends are not known" in loss for loss in written[name].losses), name
        assert times(read(name, written[name].text))[1] == ("b", 2, 4), name


def test_ultrastar_names_what_lies_outside_of_its_lines():
    song = Lyrics((Line((Syllable("a", 1, 2),), show_s=0.5),))
    assert any("first line appears" in loss for loss in FORMATS["ultrastar"].write(song).losses)


def test_simple_lrc_names_the_end_of_a_line_that_overlaps_the_next():
    song = Lyrics((Line((Syllable("a", 1, 3),)), Line((Syllable("b", 2, 3),))))
    assert any("the end of a line" in loss for loss in FORMATS["lrc"].write(song).losses)


@pytest.mark.parametrize("name", ["lrc", "ass", "srt", "ultrastar"])
def test_lyrics_without_times_are_refused_where_times_are_needed(name):
    with pytest.raises(ValueError, match="a time for every line"):
        FORMATS[name].write(read("text", "one\n\ntwo\n"))


# Beats and times


def test_a_grid_and_its_inverse():
    grid = Grid(1.5, ((0, 120), (16, 60), (32, 240)))
    for beat in (-8, 0, 7, 16, 20, 32, 100):
        assert grid.beat(grid.time_s(beat)) == pytest.approx(beat)
    assert grid.time_s(16) == pytest.approx(1.5 + 2)
    assert grid.time_s(32) == pytest.approx(1.5 + 2 + 4)


@pytest.mark.parametrize(
    "tempos", [(), ((0, 0),), ((0, -1),), ((0, float("nan")),), ((1, 9), (1, 9))]
)
def test_a_grid_refuses_what_is_no_tempo(tempos):
    with pytest.raises(ValueError, match="tempo"):
        Grid(0, tempos)


@pytest.mark.parametrize(
    "arguments",
    [("a\nb",), ("a", -1), ("a", 2, 1), ("a", None, 1), ("a", float("nan")), ("a", 1e9)],
)
def test_a_syllable_refuses_what_cannot_be(arguments):
    with pytest.raises(ValueError, match=r"syllable|time|ends"):
        Syllable(*arguments)
