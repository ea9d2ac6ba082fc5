"""The lines of a file with their numbers, and the errors that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unweave.errors import quoted
from unweave.lyrics.model import check_time

LONGEST_ROW = 65_536  # characters
MOST_ROWS = 500_000
MOST_SYLLABLES = 200_000


class BadRow(ValueError):
    """What is wrong with a line of a file, counted from 1, and what to do about it."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"line {number}: {message}")


def rows(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line. Raises BadRow for what is no lyrics."""
    if text.count("\n") > MOST_ROWS:
        raise BadRow(MOST_ROWS, "no lyrics have as many lines; give another file")
    for number, row in enumerate(text.split("\n"), 1):
        if len(row) > LONGEST_ROW:
            raise BadRow(
                number, f"has {len(row)} characters; no line of lyrics has as many, mend the file"
            )
        yield number, row


def short(row: str) -> str:
    """A line of a file for an error."""
    return quoted(row if len(row) <= 60 else row[:57] + "...")


class Budget:
    """How many syllables a file may still have: what it expands to stays in memory."""

    def __init__(self) -> None:
        self.left = MOST_SYLLABLES

    def take(self, number: int, syllables: int) -> None:
        """Raises BadRow when there are too many."""
        self.left -= syllables
        if self.left < 0:
            raise BadRow(
                number, f"there are more than {MOST_SYLLABLES} syllables; give another file"
            )


def seconds(number: int, stamp: str, *, minutes: bool = False) -> float:
    """Of a time stamp `[h:]mm:ss[.fraction]`; with `minutes`, `mm:ss:xx` has hundredths.

    number: of the line it stands in. Raises BadRow.
    """
    pattern = _MINUTES if minutes else _HOURS
    found = pattern.fullmatch(stamp.strip())
    if found is None and minutes:
        found = _HOURS.fullmatch(stamp.strip())
    if found is None:
        form = "mm:ss.xx" if minutes else "h:mm:ss.xx"
        raise BadRow(number, f"{short(stamp)} is no time; write it as {form}")
    hours, minute, second, fraction = found["h"] or "0", found["m"], found["s"], found["f"] or ""
    if int(second) > 59 or (found["h"] and int(minute) > 59):
        raise BadRow(number, f"{short(stamp)} is no time: minutes and seconds go up to 59")
    whole_s = int(hours) * 3600 + int(minute) * 60 + int(second)
    return checked(number, whole_s + int(fraction or 0) / 10 ** len(fraction))


_HOURS = re.compile(r"(?:(?P<h>\d{1,4}):)?(?P<m>\d{1,4}):(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,6}))?")
_MINUTES = re.compile(r"(?P<h>)(?P<m>\d{1,4}):(?P<s>\d{1,2})(?:[.,:](?P<f>\d{1,6}))?")


def checked(number: int, at_s: float) -> float:
    """`at_s`, a time that can be. Raises BadRow."""
    try:
        return check_time(at_s)
    except ValueError as error:
        raise BadRow(number, f"{error}; mend it") from None
