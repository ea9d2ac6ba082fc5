"""What is found in a recording: a measured figure, its place, plain words. Never a verdict.

A finder measures one matter. It reads the recording block by block, as often as it needs, and gives
a `Finding` for each place where its figure is beyond its limit, in the order of time. The same
recording and parameters give the same findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unweave.audio.info import SourceInfo
from unweave.types import Wave

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of finding, as the report explains it to somebody who knows no signal processing.

    name: in findings, the log and the table of rates, as in "level-step". title: a heading.
    measures: what is measured, in one or two sentences. limits: what may look alike, and what this
    cannot tell. describes: whether it only describes a recording: it has no limit to be beyond, and
    no place to listen at.
    """

    name: str
    title: str
    measures: str
    limits: str
    describes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    kind: the name of its `Kind`. words: one or two sentences, the subject first. start_s, end_s:
    seconds from the start of the recording; both None where it is about the whole file. figure:
    what is measured, in `unit`. limit: the value beyond which the figure is a finding; None where
    there is none. channel: from 0; None: all. details: more figures by name, the unit in the name.
    """

    kind: str
    words: str
    start_s: float | None = None
    end_s: float | None = None
    figure: float | None = None
    unit: str = ""
    limit: float | None = None
    channel: int | None = None
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a finder reads.

    path: the working copy, never the evidence. info: what its headers say. blocks: gives all
    samples from the start, each time it is called, as finite float32 `(channel, time)` blocks of a
    second, the last one shorter; it raises Cancelled where somebody asks to stop, so finders need
    not look. mains_hz: 50 or 60 where it is known, else None. mains_reference: a recording of the
    mains, or a CSV of `seconds,hertz`, to compare its trace with.
    """

    path: Path
    info: SourceInfo
    blocks: Callable[[], Iterator[Wave]]
    mains_hz: float | None = None
    mains_reference: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """One measurement: the kinds of finding that it gives, and the function that gives them.

    parameters: all limits and lengths in force, which the log keeps. revision: goes up when the
    same recording gives other findings than before. find raises InputError for a recording, or a
    reference, that it cannot read.
    """

    name: str
    kinds: tuple[Kind, ...]
    find: Callable[[Recording], Iterable[Finding]]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    revision: int = 1


def finite(blocks: Iterable[Wave]) -> Iterator[Wave]:
    """Blocks in which samples that are no numbers are silence, as the engine takes them."""
    for block in blocks:
        yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
