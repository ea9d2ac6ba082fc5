"""Plain lyrics along the singing: passages, the model, files, and what is refused."""

import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.apps.voices import RATE_HZ, melody, voice
from tests.evaluation.fakes import Share
from unweave.apps.align import align, laid, laying
from unweave.apps.align.laying import lay
from unweave.apps.align.passages import TAIL, sung
from unweave.apps.align.pieces import HELD_S, amounts, begins, cut
from unweave.apps.align.syllables import count, english, syllables
from unweave.apps.align.text import of_lines, verses
from unweave.apps.align.voice import FRAME_S, Track, followed
from unweave.errors import InputError, OutputError, UsageError
from unweave.lyrics import read

SECONDS = 12
SONGS = Path(__file__).parents[3] / "shared" / "data" / "ultrastar"


# Syllables.


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Monkey", "Mon-key"),
        ("coffee,", "cof-fee,"),
        ("table", "ta-ble"),
        ("walked", "walked"),
        ("wanted", "wan-ted"),
        ("loves", "loves"),
        ("the", "the"),
        ("beyond", "be-yond"),
        ("father", "fa-ther"),
        ("don't", "don't"),
        ("Mr.", "Mr."),
        ("hmm", "hmm"),
        ("21", "2-1"),
        ("corazón", "co-ra-zón"),
        ("corazo\u0301n", "co-ra-zo\u0301n"),
        ("Müller", "Mül-ler"),
        ("любовь", "лю-бовь"),
        ("мой", "мой"),
        ("αγάπη", "α-γά-πη"),
        ("きょうは", "きょ-う-は"),
        ("東京", "東-京"),
        ("사랑해", "사-랑-해"),
        ("नमस्ते", "न-म-स्ते"),
        ("שלום", "של-ום"),
        ("...", "..."),
    ],
)
def test_syllables_of_a_word(word: str, parts: str) -> None:
    assert "-".join(syllables(word, english=True)) == parts
    assert "".join(syllables(word)) == word


def test_a_silent_e_is_a_matter_of_english() -> None:
    assert english("And the people in the houses all went to the university")
    assert not english("Sah ein Knab ein Röslein stehn, Röslein auf der Heiden")
    assert count("name", english=True) == 1
    assert count("Name", english=False) == 2
    assert count("Twenty-one - to be someone", english=True) == 7


# The model.


def every_way(units: int, pieces: int) -> Iterator[list[tuple[int, int]]]:
    """All ways to give units runs of pieces, in order."""
    for edges in itertools.combinations_with_replacement(range(pieces + 1), 2 * units):
        runs = list(zip(edges[::2], edges[1::2], strict=True))
        if all(end > start for start, end in runs):
            yield runs


def score(way, amounts, starts, leaves, sizes, rate) -> float:
    """As the docstring of `laying` says."""
    at = np.concatenate([[0], np.cumsum(sizes)])
    total, before = 0.0, 0
    for unit, (start, end) in enumerate(way):
        spread = laying.OF_UNIT**2 + laying.OF_SYLLABLE**2 / amounts[unit]
        off = np.log((at[end] - at[start]) / (amounts[unit] * rate))
        total += starts[unit, start] - off**2 / (2 * spread)
        total -= laying.LEFT * (at[start] - at[before]) / rate
        total += (leaves[before] - laying.LEAVING) * (start > before and unit > 0)
        before = end
    total += leaves[before] - laying.LEAVING if before < len(sizes) else 0.0
    return total - laying.LEFT * (at[-1] - at[before]) / rate


@pytest.mark.parametrize("seed", range(4))
def test_the_best_way_and_what_is_probable_are_those_of_all_ways(seed, monkeypatch) -> None:
    rng = np.random.default_rng(seed)
    amounts, sizes = rng.integers(1, 9, 3).astype(float), rng.uniform(0.1, 2, 7)
    starts, leaves = rng.normal(0, 2, (3, 7)), rng.normal(0, 2, 7)
    monkeypatch.setattr(laying, "LONGEST", 1e6)
    monkeypatch.setattr(laying, "RATES", (0.7,))
    found = lay(amounts, starts, leaves, sizes)
    assert found.rate == pytest.approx(0.7 * sizes.sum() / amounts.sum())
    ways = list(every_way(3, 7))
    scores = [score(way, amounts, starts, leaves, sizes, found.rate) for way in ways]
    best = ways[int(np.argmax(scores))]
    assert list(zip(found.first, found.end, strict=True)) == best
    probable = np.zeros((3, 7))
    for way, value in zip(ways, np.exp(scores) / np.exp(scores).sum(), strict=True):
        for unit, (start, _) in enumerate(way):
            probable[unit, start] += value
    np.testing.assert_allclose(found.probable, probable, atol=1e-9)


def test_the_likeliest_rate_is_taken(monkeypatch) -> None:
    sizes = np.full(12, 0.5)  # of which the last eight are nobody's
    starts = np.full((4, 12), -4.0)
    starts[np.arange(4), np.arange(4)] = 4.0
    found = lay(np.full(4, 2.0), starts, np.zeros(12), sizes)
    assert found.rate == pytest.approx(0.75 * min(laying.RATES), rel=0.3)
    assert list(found.first) == [0, 1, 2, 3]


def test_fewer_pieces_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer pieces"):
        lay(np.ones(3), np.zeros((3, 2)), np.zeros(2), np.ones(2))


def test_a_stanza_begins_after_the_longer_silence() -> None:
    start_s, end_s = np.array([0.0, 2.0, 8.0]), np.array([1.0, 3.0, 9.0])
    line, stanza = begins(start_s, end_s, np.array([False, True]))
    assert line[1] < line[2] < stanza[2]
    assert line[1] == stanza[1]


# Passages.


def test_passages_are_the_bursts_of_a_voice_over_noise() -> None:
    bursts = [(0.5, 1.2, 0.0), (1.22, 1.9, 4.0), (2.6, 3.4, 7.0)]
    for noise_db in (-80.0, -40.0):
        found = sung(followed(voice(bursts, 4.0, noise_db)))
        np.testing.assert_allclose(found, [(0.5, 1.9), (2.6, 3.4)], atol=0.06)


def track(levels_db, voicing) -> Track:
    """A voice by its levels and voicing, a frame each; no notes."""
    levels_db, voicing = np.asarray(levels_db, float), np.asarray(voicing, float)
    return Track(np.full(len(voicing), 220.0), voicing, levels_db, np.empty((0, 2)))


@pytest.mark.parametrize("rest_db", [-80.0, -60.0, -38.0])
def test_the_floor_is_what_other_instruments_leave_in_a_stem(rest_db: float) -> None:
    second = round(1 / FRAME_S)
    levels_db = np.full(12 * second, rest_db)
    levels_db[4 * second : 6 * second] = -20.0
    found = sung(track(levels_db, np.ones(len(levels_db))))  # the rest is voiced, too
    np.testing.assert_allclose(found, [(4, 6)], atol=0.1)


def test_a_passage_holds_where_the_level_falls_and_begins_where_it_is_high() -> None:
    second = round(1 / FRAME_S)
    levels_db = np.full(20 * second, -60.0)
    levels_db[2 * second : 4 * second] = -20.0
    levels_db[4 * second : 5 * second] = -48.0  # above a quarter of the way, goes on
    levels_db[9 * second : 10 * second] = -48.0  # the same begins nothing
    steps = track(levels_db, np.ones(len(levels_db)))
    np.testing.assert_allclose(sung(steps, TAIL), [(2, 5)], atol=0.1)
    np.testing.assert_allclose(sung(steps), [(2, 4)], atol=0.1)


def test_nothing_is_sung_where_nothing_is_voiced() -> None:
    assert sung(track(np.full(200, -20.0), np.zeros(200))) == []


def test_passages_are_cut_where_notes_begin() -> None:
    notes = np.array([[0.02, 0.5], [0.5, 0.9], [0.97, 1.4], [2.1, 2.2]])
    found = cut([(0.0, 1.0), (2.0, 3.0)], notes)
    np.testing.assert_array_equal(found, [(0.0, 0.5), (0.5, 1.0), (2.0, 2.1), (2.1, 3.0)])


def test_a_held_note_is_one_syllable_however_long() -> None:
    start_s, end_s = np.array([0.0, 1.0]), np.array([0.2, 9.0])
    np.testing.assert_allclose(amounts(start_s, end_s), [0.2, HELD_S])


def test_a_held_note_at_the_end_of_a_line_leaves_the_next_lines_in_place() -> None:
    """The first line ends in a note of four seconds; breaths are as short as rests within lines."""
    second = round(1 / FRAME_S)
    lengths_s = [0.3, 0.3, 0.3, 4.0] + [0.3] * 12
    at_s = np.cumsum([1.0, *(length + 0.1 for length in lengths_s)])
    levels_db = np.full(round(at_s[-1] + 1) * second, -80.0)
    for start_s, length_s in zip(at_s, lengths_s, strict=False):
        levels_db[round(start_s / FRAME_S) : round((start_s + length_s) / FRAME_S)] = -20.0
    found = laid(of_lines(["la la la la"] * 4), track(levels_db, np.ones(len(levels_db))))
    starts_s = [line.start_s for line in found.lyrics.lines]
    np.testing.assert_allclose(starts_s, at_s[:-1:4], atol=0.1)


# Text.


def test_lines_stanzas_and_headings(tmp_path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("[Verse 1]\nOne line\n- -\nand more\n\n[Chorus]:\nLa la\n")
    lines, tags = verses(path)
    assert [(each.text, each.syllables, each.stanza) for each in lines] == [
        ("One line", 2, True), ("and more", 2, False), ("La la", 2, True)
    ]  # fmt: skip
    assert tags == {}
    (tmp_path / "song.lrc").write_text("[ti:A song]\n[00:01.00]One\n[00:02.00]two\n")
    lines, tags = verses(tmp_path / "song.lrc")
    assert ([each.text for each in lines], tags) == (["One", "two"], {"title": "A song"})


# Drafts.

COUNTS = (6, 4, 8, 3, 6)
WORDS = "\n".join(" ".join(["la"] * count) for count in COUNTS) + "\n"


@pytest.fixture(scope="module")
def bursts():
    return melody(COUNTS)


@pytest.fixture
def here(tmp_path, monkeypatch, bursts) -> Path:
    """A folder with a voice, its words, and a song in which the voice is."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("Somebody - Song.wav", voice(bursts, bursts[-1][1] + 0.5), RATE_HZ)
    Path("words.txt").write_text(WORDS)
    return tmp_path


def starts(bursts) -> list[float]:
    firsts = np.cumsum([0, *COUNTS[:-1]])
    return [bursts[n][0] for n in firsts]


def test_lines_begin_where_they_are_sung_and_the_file_reads_back(here, bursts) -> None:
    song = "Somebody - Song.wav"
    found = align(song, "words.txt", "song.lrc", voice=song)
    np.testing.assert_allclose(
        [line.start_s for line in found.lyrics.lines], starts(bursts), atol=0.06
    )
    assert min(found.confidence) > 0.9
    assert found.rests == 1
    assert found.doubtful == ()
    assert len(found.passages) == len(COUNTS)
    back = read("song.lrc")
    assert back.tags == {"title": "Song", "artist": "Somebody"}
    assert [line.text for line in back.lines] == WORDS.splitlines()
    np.testing.assert_allclose([line.start_s for line in back.lines], starts(bursts), atol=0.07)


def test_doubtful_lines_are_marked_in_a_tag_that_stays(here, monkeypatch) -> None:
    """Singing without a rest: where a line begins is less sure the later it is."""
    monkeypatch.setattr("unweave.apps.align.DOUBTFUL", 0.9)
    even = melody([sum(COUNTS)])
    soundfile.write("even.wav", voice(even, even[-1][1] + 0.5), RATE_HZ)
    found = align("even.wav", "words.txt", "even.lrc", voice="even.wav")
    assert 0 < len(found.doubtful) < len(COUNTS)  # the first begins where the singing does
    assert max(found.confidence[n] for n in found.doubtful) < 0.9 < found.confidence[0]
    assert found.rests == 0
    assert max(found.confidence[1:]) == 0  # nothing tells which words are sung where
    tags = read("even.lrc").tags
    marks = [name for name in tags if name.startswith("check")]
    assert marks == [f"check {n + 1}" for n in found.doubtful]
    assert tags[marks[0]].endswith(", " + WORDS.splitlines()[found.doubtful[0]])


def test_words_that_cannot_be_of_the_song_are_refused(here) -> None:
    Path("words.txt").write_text("la " * 500)
    with pytest.raises(InputError, match=r"words\.txt: there are far more syllables"):
        align("Somebody - Song.wav", "words.txt", "song.lrc", voice="Somebody - Song.wav")
    assert not Path("song.lrc").exists()


@pytest.mark.parametrize(("lines", "wrong"), [(["la"], "far fewer"), (["la"] * 60, "far more")])
def test_too_few_and_too_many_lines_are_refused(lines, wrong) -> None:
    second = round(1 / FRAME_S)
    levels_db = np.full(20 * second, -80.0)
    levels_db[2 * second : 10 * second] = -20.0
    with pytest.raises(ValueError, match=f"{wrong} syllables"):
        laid(of_lines(lines), track(levels_db, np.ones(len(levels_db))))


def test_what_is_refused_is_refused_before_the_work(here, monkeypatch) -> None:
    song = "Somebody - Song.wav"

    def never(*_, **__) -> None:
        pytest.fail("the voice is separated")

    monkeypatch.setattr("unweave.apps.align.voice.voice_of", never)
    Path("song.lrc").write_text("mine")
    Path("none.txt").write_text("\n[Intro]\n")
    with pytest.raises(OutputError, match=r"song\.lrc.*--overwrite"):
        align(song, "words.txt", "song.lrc")
    with pytest.raises(UsageError, match=r"song\.mid"):
        align(song, "words.txt", "song.mid")
    with pytest.raises(InputError, match=r"gone\.txt"):
        align(song, "gone.txt", "new.lrc")
    with pytest.raises(InputError, match=r"none\.txt: no words"):
        align(song, "none.txt", "new.lrc")
    with pytest.raises(InputError, match=r"gone\.wav"):
        align("gone.wav", "words.txt", "new.lrc")
    assert Path("song.lrc").read_text() == "mine"


def test_the_voice_is_separated_by_any_separator(here, bursts) -> None:
    found = align("Somebody - Song.wav", "words.txt", model=Share(0.5))
    np.testing.assert_allclose(
        [line.start_s for line in found.lyrics.lines], starts(bursts), atol=0.06
    )
    assert found.output is None
    with pytest.raises(InputError, match="no voice"):  # what is left in the stem is far below
        align("Somebody - Song.wav", "words.txt", model=Share(0.01))
    with pytest.raises(UsageError, match="vocals"):
        align("Somebody - Song.wav", "words.txt", model="hpss")


def test_a_song_without_a_voice_is_refused(here) -> None:
    soundfile.write("silence.wav", np.zeros(RATE_HZ), RATE_HZ)
    noise = 0.2 * np.random.default_rng(0).standard_normal(3 * RATE_HZ)
    soundfile.write("noise.wav", noise, RATE_HZ)
    for song, words in (("silence.wav", "no voice"), ("noise.wav", "no singing")):
        with pytest.raises(InputError, match=f"{song}.*{words}|{words}.*{song}"):
            align(song, "words.txt", voice=song)


def test_the_extra_that_is_missing_is_named(here, monkeypatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "swift_f0" else found(name)
    )
    with pytest.raises(UsageError, match=r"unweave\[karaoke\]"):
        align("Somebody - Song.wav", "words.txt")


@pytest.mark.skipif(not SONGS.is_dir(), reason="the UltraStar songs of ../shared are not there")
def test_a_real_song(tmp_path) -> None:
    from benchmarks.lyrics.alignment import score

    import unweave

    folder = SONGS / "Jonathan Coulton - Code Monkey"
    stems = unweave.separate(folder / "audio.ogg", stems="vocals", end=SECONDS)
    stems.save(tmp_path)
    from unweave.apps.align.voice import read as wave_of

    found = followed(wave_of(tmp_path / "vocals.wav"))
    truth = read(folder / "song.txt")
    notes = [(each.start_s, each.end_s) for each in truth.syllables() if each.end_s <= SECONDS]
    assert score(sung(found), notes)[2] > 0.6
    lines = [line for line in truth.lines if line.end_s <= SECONDS]
    draft = laid(of_lines([line.text for line in lines]), found)
    errors_s = [
        one.start_s - other.start_s for one, other in zip(draft.lyrics.lines, lines, strict=True)
    ]
    assert np.median(np.abs(errors_s)) < 1
