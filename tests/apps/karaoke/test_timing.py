"""Rows are there before they are sung, in places that no other row has."""

from itertools import pairwise

import numpy as np
import pytest

from unweave.apps.karaoke.screen import timing as module
from unweave.apps.karaoke.screen.rows import Row, Span
from unweave.apps.karaoke.screen.timing import PLACES, timing


def row(start_s: float, end_s: float, singer: int = 1) -> Row:
    return Row("la", (Span(0, 2, start_s, end_s),), singer)


def a_song(seed: int) -> list[Row]:
    """One singer, one line after the other, now and then a pause."""
    rng = np.random.default_rng(seed)
    at_s, made = rng.uniform(0, 12), []
    for _ in range(40):
        length_s = rng.uniform(0.8, 4)
        made.append(row(at_s, at_s + length_s))
        at_s += length_s + rng.choice(
            [0.0, rng.uniform(0, 2), rng.uniform(6, 20)], p=[0.5, 0.4, 0.1]
        )
    return made


@pytest.mark.parametrize("seed", range(20))
def test_the_next_two_lines_are_there_when_one_begins(seed: int) -> None:
    made = timing(a_song(seed), title_s=0.75 if seed % 2 else None).shown
    verses = np.cumsum([shown.counted for shown in made])
    for n, shown in enumerate(made):
        assert shown.from_s <= max(0.0, shown.row.start_s - module.READ_S)
        assert shown.to_s >= shown.row.end_s
        for later, verse in zip(made[n + 1 : n + 3], verses[n + 1 : n + 3], strict=True):
            assert verse != verses[n] or later.from_s <= shown.row.start_s


@pytest.mark.parametrize("seed", range(20))
def test_a_place_has_one_line_at_a_time(seed: int) -> None:
    shown = timing(a_song(seed), title_s=None).shown
    assert [each.from_s for each in shown] == sorted(each.from_s for each in shown)
    for place in range(PLACES):
        there = [each for each in shown if each.place == place]
        assert there
        for before, after in pairwise(there):
            assert before.to_s <= after.from_s


def test_a_pause_empties_the_screen_and_is_counted_down() -> None:
    made = timing([row(10, 12), row(12, 14), row(30, 32)], title_s=None)
    first, second, third = made.shown
    assert (first.from_s, first.to_s, second.to_s) == (6, 15, 15)
    assert (third.from_s, third.to_s) == (26, 33)
    assert made.clear_s == (15, 33)
    assert (first.counted, second.counted, third.counted) == (True, False, True)
    counts = [third.count(at) for at in (26, 26.99, 27, 27.5, 28, 28.5, 29.5, 29.99, 30, 31)]
    assert counts == [0, 0, 3, 3, 2, 2, 1, 1, 0, 0]
    assert second.count(11.5) == 0


@pytest.mark.parametrize(
    ("start_s", "title_to_s", "from_s"),
    [(0.0, 0.0, 0.0), (1.7, 0.0, 0.0), (1.75, 0.75, 0.75), (2.0, 1.0, 1.0), (3.0, 1.5, 1.5),
     (4.7, 3.0, 3.0), (10.0, 6.0, 6.0), (60.0, 8.0, 56.0)],
)  # fmt: skip
def test_the_title_card_leaves_time_to_read_the_first_line(start_s, title_to_s, from_s) -> None:
    made = timing([row(start_s, start_s + 2)], title_s=0.75)
    assert made.title_to_s == title_to_s
    assert made.shown[0].from_s == from_s
    assert timing([row(start_s, start_s + 2)], title_s=None).title_to_s == 0


def test_two_who_sing_at_once_are_both_there() -> None:
    rows = [row(10 + n, 10 + n + 1.5, singer) for n in range(8) for singer in (1, 2)]
    for shown in timing(rows, title_s=None).shown:
        assert shown.from_s <= shown.row.start_s - module.LEAST_S
        assert shown.to_s >= shown.row.end_s
