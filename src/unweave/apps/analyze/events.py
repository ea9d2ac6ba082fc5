"""What an analysis finds: events in time, each with how sure it is, in lanes.

A finder is a pure function from the blocks of one stem to events. It knows no files, no other
stems and no report: `finders` says which finder looks at which stem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from unweave.types import Wave

Value = str | float | int


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was found, from `start_s` to `end_s` (the same where it has no length).

    value: what it is, by its lane. beats: the place in the bar, from 1, or 0 where bars are not
    known. chords: a name in the syntax of Harte and others (Symbolic representation of musical
    chords, ISMIR 2005), `N` for none. notes and bass: a MIDI note number. drums: `kick`, `snare`
    or `hi-hat`. melody: Hz. key: as `C major`. form: a letter. activity: the stem.
    confidence: 0 to 1, the estimate of how probably it is right.
    """

    start_s: float
    end_s: float
    value: Value
    confidence: float

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence is 0 to 1, got {self.confidence}")
        if not 0 <= self.start_s <= self.end_s:
            raise ValueError(f"no span of time: {self.start_s} to {self.end_s} s")


@dataclass(frozen=True, slots=True)
class Lane:
    """Events of one kind, in order of their start.

    name: `beats`, `key`, `chords`, `melody`, `notes`, `bass`, `drums`, `form`, `activity`.
    source: the stem that they were found on, or `mix`. method: what found them, in words.
    least: the confidence below which events are left out; left_out: how many were.
    """

    name: str
    events: tuple[Event, ...]
    source: str
    method: str
    least: float = 0.0
    left_out: int = 0


Finder = Callable[[Iterator[Wave], int], list[Event]]
"""Blocks `(channel, time)` of any size, and their rate in Hz, to events in order of their start.

It holds no more of the sound than a few seconds at once, and gives the same events for any size of
blocks. Sound without anything to find gives no events.
"""


def lane(name: str, found: Sequence[Event], source: str, method: str, least: float = 0.0) -> Lane:
    """The events with a confidence of `least` or more, in order of their start, as a lane."""
    kept = sorted(
        (event for event in found if event.confidence >= least),
        key=lambda event: (event.start_s, event.end_s, str(event.value)),
    )
    return Lane(name, tuple(kept), source, method, least, len(found) - len(kept))
