"""CD+G, played by a slow player of its own: words change at their times, nothing is left over."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from tests.apps.karaoke.screens import FONT, Screen, line, played, song
from unweave.apps.karaoke import cdg
from unweave.apps.karaoke.cdg.drawing import SIZE_PX
from unweave.apps.karaoke.screen.colours import WHITE, lit
from unweave.errors import InputError, OutputError, UsageError
from unweave.lyrics import BOTH, Line, Lyrics, Syllable

GROUP = 4  # packets of a sector
LIT = 8
WORDS = [(1.31, 1.5), (1.77, 1.9), (2.503, 3.4)]


def written(path: Path, lyrics: Lyrics, length_s: float, **options) -> bytes:
    facts = cdg.write(path, lyrics, length_s, **{"font": FONT, **options})
    data = path.read_bytes()
    assert len(data) == 24 * facts["packets"]
    assert facts["packets"] % GROUP == 0
    return data


def is_lit(screen: Screen) -> np.ndarray:
    """Of the words of a lone row, below its countdown."""
    return screen.pixels[72:] >= LIT


def test_words_change_within_a_group_of_packets_of_their_times(tmp_path) -> None:
    data = written(tmp_path / "a.cdg", song(line("HH MM WW", *WORDS)), 4.0)
    assert len(data) == 24 * 1200
    starts, counts = [], [0]
    quiet = 0
    for n, screen in played(data):
        counts.append(int(is_lit(screen).sum()))
        if counts[-1] > counts[-2] and quiet > 20:
            starts.append(n)
        quiet = quiet + 1 if counts[-1] == counts[-2] else 0
        if n == round(3.45 * 300):
            assert (screen.pixels[72:] > 0).sum() == is_lit(screen).sum() > 300  # all of it is sung
    assert len(starts) == 3
    for n, (start_s, _) in zip(starts, WORDS, strict=True):
        assert abs(n - 300 * start_s) <= GROUP
    assert counts[-1] == counts[round(3.45 * 300)]


def test_a_word_lights_up_evenly(tmp_path) -> None:
    data = written(tmp_path / "a.cdg", song(line("MMMMMMMM", (1.0, 3.0))), 4.0)
    columns = {n: np.flatnonzero(is_lit(screen).any(axis=0)) for n, screen in played(data)}
    left, right = columns[950][[0, -1]]
    assert right - left > 100
    for at_s in np.arange(1.1, 3.0, 0.1):
        edge = left + (right - left) * (at_s - 1.0) / 2.0
        assert columns[round(300 * at_s)][-1] == pytest.approx(edge, abs=4)


def test_what_is_drawn_is_what_the_font_draws(tmp_path) -> None:
    """Every pixel, sung and not, against Pillow's own drawing in one bit."""
    data = written(tmp_path / "a.cdg", song(line("Hamburg gxy", 2.0, 2.5)), 5.0, title="")
    drawn = {n: screen.pixels[72:] > 0 for n, screen in played(data) if n in (500, 1100)}
    picture = Image.new("L", (300, 60))
    onto = ImageDraw.Draw(picture)
    onto.fontmode = "1"
    onto.text((20, 40), "Hamburg gxy", 255, ImageFont.truetype(FONT, SIZE_PX), anchor="ls")
    expected = cropped(np.asarray(picture) > 0)
    for pixels in drawn.values():
        assert np.array_equal(cropped(pixels), expected)


def cropped(pixels: np.ndarray) -> np.ndarray:
    rows, columns = pixels.nonzero()
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no raqm")
def test_hebrew_lights_up_from_the_right(tmp_path) -> None:
    data = written(tmp_path / "a.cdg", song(line("שלום עולם", (1.0, 2.0), (2.0, 3.0))), 4.0)
    lit_at = {n: is_lit(screen).any(axis=0) for n, screen in played(data) if n in (590, 1000)}
    assert np.flatnonzero(lit_at[590]).min() > 140
    assert np.flatnonzero(lit_at[1000]).min() < 130


def test_singers_have_colours_and_sing_at_once(tmp_path) -> None:
    singers = (1, 2, BOTH)
    duet = song(*(line("MM", (2.0, 2.2), singer=singer) for singer in singers), title="")
    data = written(tmp_path / "a.cdg", duet, 3.0)
    first = None
    for n, screen in played(data):
        if first is None and (screen.pixels[40:] >= LIT).any():
            first = n
    assert first is not None
    assert abs(first - 600) <= GROUP
    colours = {tuple(map(int, screen.colours[i])) for i in np.unique(screen.pixels) if i >= LIT}
    assert colours == {tuple(part >> 4 for part in lit(singer)) for singer in singers}


def test_the_title_card_comes_first_and_pauses_are_empty(tmp_path) -> None:
    lyrics = song(line("a b", 6.0, 6.5), line("c d", 20.0, 20.5), title="A TITLE", artist="SOME")
    data = written(tmp_path / "a.cdg", lyrics, 24.0)
    seen = {}
    for n, screen in played(data):
        if n == 600:
            white = [i for i in range(16) if tuple(screen.colours[i]) == (15, 15, 15)]
        if n % 150 == 0:
            seen[n / 300] = screen.pixels.copy()
    assert tuple(part >> 4 for part in WHITE) == (15, 15, 15)
    assert np.isin(seen[2.0], white).sum() > 300
    assert len(np.unique(seen[2.0])) == 2
    assert len(np.unique(seen[12.0])) == 1
    assert (seen[17.5] > 0).any()
    assert (seen[17.5] >= LIT).any()  # the countdown
    assert (seen[19.5] >= LIT).sum() < (seen[18.5] >= LIT).sum() < (seen[17.5] >= LIT).sum()
    assert len(np.unique(seen[23.5])) == 1


def test_a_line_without_times_of_words_lights_up_fast(tmp_path) -> None:
    whole = Lyrics((Line((Syllable("MMMM MMMM MMMM MMMM", 2.0, 6.0),)),))
    data = written(tmp_path / "a.cdg", whole, 7.0)
    counts = {n: int(is_lit(screen).sum()) for n, screen in played(data)}
    assert counts[590] == 0
    assert counts[720] == counts[1700] > 500


def test_a_crowded_song_ends_as_it_should(tmp_path) -> None:
    """More is sung than can be lit in time: nothing is lost, nothing is left on the screen."""
    lines = [
        line("MM " * 5 + "MM", *(1.2 * n + 1.5 + 0.2 * k for k in range(6)), singer=singer)
        for n in range(8)
        for singer in (1, 2)
    ]
    data = written(tmp_path / "a.cdg", song(*lines), 16.0)
    for n, screen in played(data):
        border = screen.pixels.copy()
        border[12:204, 6:294] = 0
        assert n < 10 or not border.any()
        if n == round(13.5 * 300) - 300:
            full = screen.pixels.copy()
    assert (full >= LIT).any()
    assert len(np.unique(screen.pixels)) == 1


def test_a_short_beginning_has_a_card_only_where_there_is_time_to_draw_it(tmp_path) -> None:
    def title_to_s(title: str) -> float:
        lyrics = song(line("a", 2.4), title=title)
        return cdg.write(tmp_path / "a.cdg", lyrics, 5.0, font=FONT)["title_to_s"]

    assert title_to_s("AB") == pytest.approx(1.2)
    assert title_to_s("A TITLE OF MANY WORDS THAT GO ON AND ON AND ON") == 0


def test_a_zip_has_both_under_one_name(tmp_path) -> None:
    written(tmp_path / "a.cdg", song(line("a", 0.5)), 1.0)
    (tmp_path / "b.mp3").write_bytes(b"sound")
    facts = cdg.zipped(tmp_path / "song.zip", tmp_path / "a.cdg", tmp_path / "b.mp3")
    assert facts["files"] == ["song.mp3", "song.cdg"]
    with zipfile.ZipFile(tmp_path / "song.zip") as opened:
        assert opened.read("song.mp3") == b"sound"
        assert opened.read("song.cdg") == (tmp_path / "a.cdg").read_bytes()
    with pytest.raises(UsageError, match="a ZIP for players has"):
        cdg.zipped(tmp_path / "x.zip", tmp_path / "a.cdg", tmp_path / "b.wav")
    with pytest.raises(InputError, match=r"none.mp3: cannot be read"):
        cdg.zipped(tmp_path / "x.zip", tmp_path / "a.cdg", tmp_path / "none.mp3")
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize(
    ("lyrics", "length_s", "error", "said"),
    [
        (song(line("日", 0.5)), 1.0, InputError, r"has no glyph for 日 \(U\+65E5\)"),
        (song(line("a", 5.0)), 1.0, InputError, "all lines of the lyrics begin after the end"),
        (song(line("a", 0.5)), 0.0, UsageError, "a song is not 0.0 s long"),
        (song(line("a", 0.5)), float("nan"), UsageError, "a song is not nan s long"),
        (Lyrics(()), 1.0, InputError, "no words"),
    ],
)
def test_bad_input_is_one_line_and_no_file(tmp_path, lyrics, length_s, error, said) -> None:
    with pytest.raises(error, match=said):
        cdg.write(tmp_path / "a.cdg", lyrics, length_s, font=FONT)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError):
        cdg.write(Path(__file__) / "a.cdg", song(line("a", 0.5)), 1.0, font=FONT)
