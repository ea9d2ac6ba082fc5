"""The listening sheet: the places of a recording to listen at, with what was found there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unweave.apps.forensic import findings

REVISION = 2  # goes up when the same findings give another sheet than before
TABLE, SHEET = "listening.csv", "listening.txt"
TOGETHER_S = 1.0  # findings that begin within it are one place
BEFORE_S = 3.0  # to hear what a place comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place. listen_s: where to begin. found: the findings that begin there."""

    number: int
    start_s: float
    end_s: float
    found: tuple[Mapping[str, Any], ...]

    @property
    def listen_s(self) -> float:
        return max(0.0, self.start_s - BEFORE_S)


def places(found: Iterable[Mapping[str, Any]]) -> list[Place]:
    """The places of those findings that have a time, in the order of time.

    What only describes a recording is no place to listen at: it may be all of it.
    """
    left_out = findings.describing()
    timed = [each for each in found if each["start_s"] is not None and each["kind"] not in left_out]
    groups: list[list[Mapping[str, Any]]] = []
    for each in sorted(timed, key=lambda each: (each["start_s"], each["id"])):
        if groups and each["start_s"] - groups[-1][0]["start_s"] <= TOGETHER_S:
            groups[-1].append(each)
        else:
            groups.append([each])
    return [
        Place(
            number=number,
            start_s=group[0]["start_s"],
            end_s=max(end_of(each) for each in group),
            found=tuple(group),
        )
        for number, group in enumerate(groups, 1)
    ]


def end_of(finding: Mapping[str, Any]) -> float:
    """Where a finding with a time ends, in seconds."""
    end_s = finding["end_s"]
    return float(finding["start_s"] if end_s is None else end_s)


def code(seconds: float) -> str:
    """A time code to the millisecond: h:mm:ss.mmm."""
    whole = round(seconds * 1000)
    minutes, rest = divmod(whole, 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def titles() -> dict[str, str]:
    """What each kind of finding is called."""
    return {kind.name: kind.title for finder in findings.ALL for kind in finder.kinds}


def table(found: Sequence[Place]) -> str:
    """The sheet as CSV, a line for each finding."""
    named = titles()
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(("place", "listen from", "from", "to", "from_s", "to_s", "kind", "words"))
    for place in found:
        for each in place.found:
            times = each["start_s"], end_of(each)
            kind = named.get(each["kind"], each["kind"])
            codes = (code(place.listen_s), *map(code, times))
            write((place.number, *codes, *times, kind, each["words"]))
    return out.getvalue()


def sheet(found: Sequence[Place], name: str) -> str:
    """The sheet as text to print, with room for what is heard."""
    lines = [f"Listening sheet of {name}", ""]
    lines.append(
        "Play each place from the first time on. The figures say where to listen, not what"
    )
    lines.append("is to be heard.")
    if not found:
        lines += ["", "No finding has a time."]
    named = titles()
    for place in found:
        lines += ["", f"{place.number}.  listen from {code(place.listen_s)}"]
        for each in place.found:
            span = f"{code(each['start_s'])} to {code(end_of(each))}"
            lines.append(f"    {span}  {named.get(each['kind'], each['kind'])}: {each['words']}")
        lines.append("    heard: ______________________________________________")
    return "\n".join(lines) + "\n"
