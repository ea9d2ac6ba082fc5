"""Fonts are found, texts are laid out as FriBidi and HarfBuzz have it, long lines are broken."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from tests.apps.karaoke.screens import FONT, line, song
from unweave.apps.karaoke.screen import bidi, fonts
from unweave.apps.karaoke.screen.fonts import chosen, clusters
from unweave.apps.karaoke.screen.rows import fitted, rows
from unweave.apps.karaoke.screen.text import laid
from unweave.apps.karaoke.screen.words import drawable
from unweave.errors import InputError, UsageError
from unweave.lyrics import Line, Lyrics, Syllable

HEBREW, ARABIC = "שלום עולם", "مرحبا بالعالم"
MIXED = [
    "plain words, 3 of them",
    HEBREW,
    ARABIC,
    f"{HEBREW} and more",
    f"Sing {HEBREW} 123, now",
    f"{HEBREW} Hello world {HEBREW}!",
    f"{ARABIC} 12.5 {ARABIC} 100%",
    f"({HEBREW}) - {HEBREW}?",
]
raqm = pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no raqm")


@raqm
@pytest.mark.parametrize("text", MIXED)
def test_parts_stand_where_fribidi_puts_them(text: str) -> None:
    """FriBidi orders the whole text, in the direction of its first letter."""
    font = ImageFont.truetype(FONT, 40)
    size = (900, 80)
    theirs, ours = Image.new("L", size), Image.new("L", size)
    way = "rtl" if bidi.is_rtl(text) else "ltr"
    ImageDraw.Draw(theirs).text((10, 60), text, 255, font, anchor="ls", direction=way)
    laid(text, chosen([text], FONT), 40).draw(ImageDraw.Draw(ours), 10, 60, 255)
    apart = np.abs(np.asarray(theirs, float) - np.asarray(ours))
    assert np.asarray(theirs).sum() > 1e5
    # Between two runs they round to another part of a pixel.
    assert apart.sum() < 0.2 * np.asarray(theirs, float).sum()


@raqm
@pytest.mark.parametrize("text", MIXED)
def test_the_columns_of_all_parts_are_the_whole_line(text: str) -> None:
    made = laid(text, chosen([text], FONT), 40)
    cuts = [0, *(n + 1 for n, c in enumerate(text) if c == " "), len(text)]
    found = [
        (each.left, each.right)
        for start, end in pairwise(cuts)
        for each in made.columns(start, end)
    ]
    found.sort()
    assert found[0][0] == pytest.approx(0)
    assert found[-1][1] == pytest.approx(made.width)
    for (_, right), (left, _) in pairwise(found):
        assert left == pytest.approx(right)


@raqm
def test_right_to_left_begins_at_the_right() -> None:
    made = laid(HEBREW, chosen([HEBREW], FONT), 40)
    (first,), (second,) = made.columns(0, 5), made.columns(5, 9)
    assert first.rtl
    assert first.right == pytest.approx(made.width)
    assert second.right == pytest.approx(first.left)


@raqm
def test_joined_letters_keep_their_width() -> None:
    """A part of an Arabic word is as wide as it is inside the word, not alone."""
    word = "ببب"
    made = laid(word, chosen([word], FONT), 100)
    widths = [made.columns(n, n + 1)[0] for n in range(3)]
    first, middle, last = (each.right - each.left for each in widths)
    alone = ImageFont.truetype(FONT, 100).getlength("ب")
    assert middle < 0.7 * alone
    assert first < 0.7 * alone < last


def test_a_font_without_the_glyphs_is_named_with_the_characters() -> None:
    with pytest.raises(InputError) as raised:
        chosen(["Namaste नम", "日"], FONT)
    said = str(raised.value)
    assert said.startswith(f"{FONT}: the font has no glyph for न (U+0928), म (U+092E), 日 (U+65E5)")
    assert "--font" in said
    assert "\n" not in said


def test_characters_that_no_font_has_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(fonts, "folders", lambda: [FONT.parent, tmp_path])
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    assert [face.path for face in chosen(["Hello", HEBREW])] == [FONT]
    with pytest.raises(InputError, match=r"no font here has a glyph for 日 \(U\+65E5\); install"):
        chosen(["日 a"])
    monkeypatch.setattr(fonts, "folders", list)
    assert [face.name for face in chosen(["Hello"])] == ["the font of Pillow"]


def test_pictures_that_no_font_has_are_left_out_and_named(monkeypatch) -> None:
    monkeypatch.setattr(fonts, "folders", lambda: [FONT.parent])
    heart, family, flag = (
        "\U0001f496",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1eb\U0001f1f7",
    )
    lyrics = song(line(f"love{heart} {flag}you 1\ufe0f\u20e3", 1.0, 2.0, 3.0), line(family, 4.0))
    found = drawable(lyrics, [f"T{heart}", ""], FONT)
    assert [row.text for row in found.rows] == ["love you 1"]
    assert found.card == ("T", "")
    (said,) = found.warnings
    assert all(f"U+{ord(c):04X}" in said for c in heart + flag + family.replace("\u200d", ""))
    assert drawable(lyrics, ["T"]).warnings == found.warnings
    assert drawable(song(line("\u2665 a", 1.0, 2.0)), ["T"], FONT).warnings == ()  # the font has it
    with pytest.raises(InputError, match="no words"):
        drawable(song(line(heart, 1.0)), ["T"], FONT)


def test_a_word_without_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"has 3000 letters.*divide it"):
        rows(song(line("w" * 3000, 1.0)))


def test_several_fonts_serve_one_line(monkeypatch) -> None:
    """Pillow's font has no Hebrew; a letter stays with the signs on it."""
    face = fonts.face_of(FONT)
    faces = (fonts._pillows(), face)
    made = laid(f"abc {HEBREW} e\u0301", faces, 30)
    assert [(run.text, run.font.getname()[0]) for run in made.runs] == [
        ("abc ", "Aileron"),
        (HEBREW, "DejaVu Sans"),
        (" ", "Aileron"),
        ("e\u0301", "DejaVu Sans"),
    ]
    assert not face.lacks("e\u0301")
    assert face.lacks("न\u093f") == ["न", "\u093f"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no font", "cannot be read as a font"), (None, "no such font; check the spelling")],
)
def test_a_file_that_is_no_font(tmp_path, content, said) -> None:
    path = tmp_path / "x.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        chosen(["a"], path)


def test_without_raqm_scripts_that_need_it_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(UsageError, match=r"no raqm here.*ש \(U\+05E9\)"):
        chosen([HEBREW], FONT)
    assert chosen(["Plain é"], FONT)


def test_clusters_keep_signs_with_their_letters() -> None:
    assert clusters("नि\u200dाe\u0301x") == ["नि\u200dा", "e\u0301", "x"]


def by_letters(text: str) -> float:
    return 10.0 * len(text)


def test_long_lines_are_broken_between_words_into_like_parts() -> None:
    (row,) = rows(song(line("one two three four five six", *range(6))))
    parts = fitted([row], by_letters, 120)
    assert [part.text for part in parts] == ["one two three", "four five six"]
    assert [(span.from_s, span.to_s) for part in parts for span in part.spans] == [
        *((n, n + 1.0) for n in range(5)),
        (5, 6.5),  # nothing is known of its end
    ]
    assert [part.text[span.start : span.end] for part in parts for span in part.spans] == [
        *("one ", "two ", "three"),
        *("four ", "five ", "six"),
    ]
    assert [part.text for part in fitted([row], by_letters, 210)] == [row.text]  # made smaller


def test_lines_of_scripts_without_spaces_are_broken_between_letters() -> None:
    text = "あいうえおかきくけこ、さしすせそ。"
    (row,) = rows(Lyrics((Line((Syllable(text, 1.0, 9.0),)),)))
    parts = fitted([row], by_letters, 50)
    assert "".join(part.text for part in parts) == text
    assert len(parts) > 1
    assert not any(part.text.startswith(("、", "。")) for part in parts)
    assert parts[0].start_s == 1.0
    assert parts[-1].end_s == 9.0
    assert [a.end_s for a in parts[:-1]] == [b.start_s for b in parts[1:]]


def test_one_long_word_is_only_made_smaller() -> None:
    (row,) = rows(song(line("Donaudampfschifffahrt", 1.0)))
    assert fitted([row], by_letters, 30) == [row]


def test_a_line_lights_up_at_once_where_nothing_is_known_of_its_words() -> None:
    whole, words = rows(
        Lyrics((Line((Syllable("all of it", 1.0),)), Line((Syllable("a ", 8.0), Syllable("b")))))
    )
    assert whole.at_once
    assert whole.end_s == 7.0
    assert not words.at_once
    assert words.spans[0].end == 3


@pytest.mark.parametrize(
    ("lyrics", "said"),
    [
        (Lyrics(()), "no words"),
        (Lyrics((Line((Syllable(" "),)),)), "no words"),
        (Lyrics((Line((Syllable("a", 1.0),)), Line((Syllable("b"),)))), "1 of the 2 lines"),
    ],
)
def test_lyrics_that_cannot_be_shown(lyrics, said) -> None:
    with pytest.raises(InputError, match=said):
        rows(lyrics)
