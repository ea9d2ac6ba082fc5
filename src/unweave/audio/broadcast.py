"""Where a WAV lies on a timeline: the tags that make it a Broadcast WAV (EBU Tech 3285, `bext`).

The start is in samples at the file's own rate since midnight, or since whatever the session calls
its beginning. The date is what the caller gives, else the recording's own where its tags have a
whole one; today's never gets in, so that the same stems are the same bytes on any day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from unweave.errors import UsageError, quoted

_DATE, _TIME = re.compile(r"\d{4}-\d{2}-\d{2}"), re.compile(r"\d{2}:\d{2}:\d{2}")
_LONGEST_ORIGINATOR = 32  # characters of ASCII
_LATEST = 2**64 - 1


def stamped(
    tags: Mapping[str, str],
    start: int,
    *,
    originator: str = "unweave",
    date: str | None = None,
    time: str | None = None,
) -> dict[str, str]:
    """Tags for a `Writer` of WAV that begins `start` samples into the timeline.

    date: YYYY-MM-DD; time: HH:MM:SS. Raises UsageError for what the chunk cannot hold.
    """
    if not 0 <= start <= _LATEST:
        raise UsageError(f"a Broadcast WAV begins at sample 0 or later, not {start}")
    if not (originator.isascii() and originator.isprintable()) or (
        len(originator) > _LONGEST_ORIGINATOR
    ):
        raise UsageError(
            f"the originator is up to {_LONGEST_ORIGINATOR} ASCII characters, "
            f"not {quoted(originator)}"
        )
    made = {**tags, "time_reference": str(start), "originator": originator}
    for name, value, form in (
        ("origination_date", date, _DATE),
        ("origination_time", time, _TIME),
    ):
        if value is not None:
            if not form.fullmatch(value):
                shape = "YYYY-MM-DD" if form is _DATE else "HH:MM:SS"
                raise UsageError(f"{name} is {shape}, not {quoted(value)}")
            made[name] = value
    return made
