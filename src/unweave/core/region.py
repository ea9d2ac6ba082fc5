"""A part of a recording, from one time to another, exact to the sample.

Everything before is decoded and dropped: only so is the first sample the right one in every format.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unweave.errors import InputError, UsageError, quoted

if TYPE_CHECKING:
    from unweave.types import Wave

LATEST_S = 1e9  # thirty years: beyond every recording
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True, slots=True)
class Region:
    """`start_s` to `end_s` of a recording; None: to its end."""

    start_s: float = 0.0
    end_s: float | None = None

    def samples(self, sample_rate_hz: int) -> tuple[int, int | None]:
        """The first sample, and the one after the last. Raises UsageError if there are none."""
        start = round(self.start_s * sample_rate_hz)
        if self.end_s is None:
            return start, None
        end = round(self.end_s * sample_rate_hz)
        if end <= start:
            raise UsageError(
                f"the part from {self.start_s:g} to {self.end_s:g} s is shorter than a sample; "
                "choose a longer one"
            )
        return start, end

    def cut(self, blocks: Iterable[Wave], sample_rate_hz: int, name: str) -> Iterator[Wave]:
        """What of the blocks `(channel, time)` of a recording lies inside.

        name: of the recording, for errors. Raises InputError where it ends before the region.
        """
        start, end = self.samples(sample_rate_hz)
        at = 0
        for block in blocks:
            first, at = at, at + block.shape[-1]
            part = block[:, max(0, start - first) : None if end is None else end - first]
            if part.shape[-1]:
                yield part
            if end is not None and at >= end:
                return
        if self != WHOLE and (at <= start or end is not None):
            what, asked_s = ("begins", self.start_s) if at <= start else ("ends", self.end_s)
            raise InputError(
                f"{name}: lasts {at / sample_rate_hz:.3f} s, the part {what} at {asked_s:g} s; "
                "choose an earlier part"
            )


WHOLE = Region()


def region(start: str | float | None, end: str | float | None) -> Region:
    """The part from `start` to `end`: seconds, or text as in "90.5", "1:30.5", "0:01:30.5".

    None: from the beginning, to the end. Raises UsageError.
    """
    start_s = 0.0 if start is None else seconds(start, "start")
    end_s = None if end is None else seconds(end, "end")
    if end_s is not None and end_s <= start_s:
        raise UsageError(after_start(end, start or 0))
    return Region(start_s, end_s)


def after_start(end: object, start: object) -> str:
    """That a part has no length, in a line."""
    return f"the end, {end}, is not after the start, {start}; give a later end or an earlier start"


def seconds(time: object, which: str) -> float:
    """A time in seconds from a number, or from text as in "90.5", "1:30.5", "0:01:30.5".

    which: its name, for errors. Raises UsageError.
    """
    found_s = math.nan
    if isinstance(time, str) and (found := _CLOCK.fullmatch(time.strip())):
        hours, minutes, rest = (float(part or 0) for part in found.groups())
        if found[2] is None or rest < 60:
            found_s = 3600 * hours + 60 * minutes + rest
    elif isinstance(time, (int, float)) and not isinstance(time, bool):
        found_s = time
    if 0 <= found_s <= LATEST_S:
        return float(found_s)
    raise UsageError(
        f"the {which} must be a time in seconds, minutes:seconds or hours:minutes:seconds, "
        f"as in 90.5 or 1:30.5, with less than 60 seconds after a colon and at most {LATEST_S:g} "
        f"seconds in all; got {quoted(time)}"
    )
