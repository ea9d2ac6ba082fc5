"""Facts of lyrics."""

import pytest

from unweave.lyrics import read, summary


@pytest.mark.parametrize(
    ("name", "text", "times", "syllables"),
    [
        ("a.txt", "Hello there\nmy friend\n", "none", None),
        ("a.lrc", "[00:01.00]Hello there\n[00:02.00]my friend\n", "lines", None),
        ("a.lrc", "[00:01.00]<00:01.00>Hello <00:01.50>there\n", "words", 2),
        ("a.txt", "#BPM:100\n: 0 1 0 Hel\n: 1 1 0 lo \n: 2 1 0 there\nE\n", "syllables", 3),
    ],
)
def test_syllables_are_counted_where_lines_are_divided(tmp_path, name, text, times, syllables):
    path = tmp_path / name
    path.write_text(text)
    facts = summary(read(path))
    assert (facts["times"], facts["syllables"]) == (times, syllables)
