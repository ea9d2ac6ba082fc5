"""Where each row stands and when: a few places, one below the other, and what comes is there early.

A row stays in its place from its appearing to its going, so that nobody loses it. While a row is
sung, the two after it can be read already. After a pause the screen is empty; the next rows appear
seconds before they are sung, with a countdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unweave.apps.karaoke.screen.rows import Row

PLACES = 4
PAUSE_S = 5.0  # without words, and the screen is emptied
LEAD_S = 4.0  # rows appear so long before the first of them, where there is room
READ_S, LEAST_S = 1.0, 0.3  # none later than this before its own; where places lack, than that
HOLD_S = 1.0  # the last rows before a pause stay so long
COUNT_S = 3.0
TITLE_S, SHORT_TITLE_S = 8.0, 3.0
SHORTEST_TITLE_S = 0.75  # what goes sooner cannot be read


@dataclass(frozen=True, slots=True)
class Shown:
    """A row in a place, 0 being the highest. `counted`: a countdown leads to its start."""

    row: Row
    place: int
    from_s: float
    to_s: float
    counted: bool = False

    def count(self, at_s: float) -> int:
        """Seconds, rounded up, that are left of the countdown; 0 outside of it."""
        left_s = self.row.start_s - at_s
        return -int(-left_s // 1) if self.counted and 0 < left_s <= COUNT_S else 0


@dataclass(frozen=True, slots=True)
class Timing:
    """`shown` by `from_s`; `title_to_s` is 0 where there is no time for a title card. At each of
    `clear_s` the screen is emptied."""

    shown: tuple[Shown, ...]
    clear_s: tuple[float, ...]
    title_to_s: float


def timing(rows: Sequence[Row], *, title_s: float | None, places: int = PLACES) -> Timing:
    """Place `rows`, which are in the order of their times.

    title_s: the least time that a title card is worth; None where there is no card.
    """
    shown: list[Shown] = []
    clear_s: list[float] = []
    free_s, title_to_s = 0.0, 0.0
    for n, verse in enumerate(_verses(rows)):
        first_s = verse[0].start_s
        from_s = max(free_s, first_s - LEAD_S)
        if n == 0 and title_s is not None:
            # A song that begins at once divides what there is: the card, then the words.
            half_s = min(first_s / 2, first_s - READ_S)
            later_s = max(from_s, min(max(first_s - 1.5 * READ_S, half_s), SHORT_TITLE_S))
            if later_s >= title_s:
                from_s, title_to_s = later_s, min(later_s, TITLE_S)
        free_s = max(row.end_s for row in verse) + HOLD_S
        clear_s.append(free_s)
        shown += _placed(verse, from_s, free_s, places)
    return Timing(tuple(shown), tuple(clear_s), title_to_s)


def _verses(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows between two pauses."""
    found: list[list[Row]] = []
    end_s = float("-inf")
    for row in rows:
        if row.start_s - end_s > PAUSE_S:
            found.append([])
        found[-1].append(row)
        end_s = max(end_s, row.end_s)
    return found


def _placed(verse: Sequence[Row], from_s: float, to_s: float, places: int) -> list[Shown]:
    """A verse that appears at `from_s` and is gone at `to_s`."""
    begins = [from_s] * len(verse)
    for n in range(places, len(verse)):
        # The row before in this place is over, and half of the one after it is.
        over_s = verse[n - places].end_s
        after_s = (verse[n - places + 1].start_s + verse[n - places + 2].start_s) / 2
        start_s = verse[n].start_s
        from_s = min(max(over_s, min(after_s, start_s - READ_S)), start_s - LEAST_S)
        begins[n] = max(begins[n - 1], from_s)
    ends = [*begins[places:], *[to_s] * min(places, len(verse))]
    above = max(0, places - len(verse)) // 2
    return [
        Shown(row, n % places + above, begins[n], ends[n], counted=n == 0)
        for n, row in enumerate(verse)
    ]
