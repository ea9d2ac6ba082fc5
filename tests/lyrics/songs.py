"""Songs for the tests, and how the words of two are compared."""

from __future__ import annotations

from unweave.lyrics import Lyrics, Word, words

DUET = """\
#TITLE:Two at Sea
#ARTIST:Nobody
#LANGUAGE:English
#MP3:sea.ogg
#P1:Ann
#P2:Ben
#CUSTOM-TAG:kept
#BPM:300,5
#GAP:1234,5
P1
: 0 4 0 Row
* 4 4 2  the
: 10 2 -3  bo
: 12 3 -1 ~
: 15 4 0 at
- 20 24
R 30 4 0 Both
G 36 4 0  of
F 40 6 5  us
P2
: 22 4 7 I
: 26 2 7  row
: 28 2 9 ~ow
- 29
R 30 4 0 Both
G 36 4 0  of
F 40 6 5  us
E
never read
"""


def all_words(lyrics: Lyrics) -> list[Word]:
    return [word for line in lyrics.lines for word in words(line)]


def assert_same_words(found: Lyrics, wanted: Lyrics, within_s: float) -> None:
    """The same words in the same lines, each beginning and ending within `within_s`."""
    assert [line.text for line in found.lines] == [line.text for line in wanted.lines]
    one, other = all_words(found), all_words(wanted)
    assert [word.text for word in one] == [word.text for word in other]
    for a, b in zip(one, other, strict=True):
        assert a.start_s is not None
        assert a.end_s is not None
        assert abs(a.start_s - b.start_s) <= within_s, (a, b)
        assert abs(a.end_s - b.end_s) <= within_s, (a, b)
