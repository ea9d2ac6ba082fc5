"""The report of a case: one HTML file for somebody who knows no signal processing.

It asks the network for nothing and runs no script; pictures lie inside. It is made of the log and
of the files that the log names, and the same ones give the same bytes. Its text needs Jinja2.
"""

from __future__ import annotations

import base64
import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.forensic import case as cases
from unweave.apps.forensic import certificate, findings, keys, listening, pictures, steps
from unweave.apps.forensic.finding import Kind
from unweave.apps.forensic.log import Entry
from unweave.apps.forensic.rates import rates
from unweave.core.files import shown
from unweave.errors import UsageError

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 200  # of a table; the files have all


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A technique side by side with others. picture: of the voice, as a data URI."""

    name: str
    stem: str
    folder: str
    kept_db: float | None
    picture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A recording in the report. found: what was found, by kind, with all findings of it. nothing:
    kinds that were searched for and not found. failed: finders that could not say, and why."""

    number: int
    name: str
    entry: Entry
    again: str
    unchanged: bool
    facts: Mapping[str, Any]
    places: Sequence[listening.Place]
    found: Sequence[tuple[Kind, Sequence[Mapping[str, Any]]]]
    nothing: Sequence[Kind]
    failed: Sequence[tuple[str, str]]
    pictures: Sequence[tuple[str, str]]  # title, data URI
    voices: Sequence[Voice]
    folder: str


def made(folder: Path, entries: Sequence[Entry]) -> bytes:
    """The report of a case, of all that the log says by now. Raises UsageError without Jinja2."""
    every = cases.runs(entries)
    last = certificate.printed(entries)
    kinds = [kind for finder in findings.ALL for kind in finder.kinds]
    found = rates()
    text = (
        environment()
        .get_template("report.html")
        .render(
            run=every[-1][0],
            number=len(every),
            runs=[_run(number, run) for number, run in enumerate(every, 1)],
            last=last,
            examined=[_examined(folder, entry, entries) for entry in certificate.evidence(entries)],
            failed=[each for each in entries if each["event"] == "failed"],
            kinds=[(kind, found.kinds.get(kind.name)) for kind in kinds],
            rates=found,
            titles={kind.name: kind.title for kind in kinds},
            most=MOST_ROWS,
        )
    )
    return text.lstrip().encode("utf-8", "backslashreplace")


def _examined(folder: Path, entry: Entry, entries: Sequence[Entry]) -> Examined:
    made_of = [
        each
        for each in entries
        if each["event"] == "step"
        and each["copy"] == entry["copy"]
        and not cases.is_lost(each, entries)
    ]
    last = {each["step"]: each for each in made_of}
    document: Mapping[str, Any] = {"recording": {}, "finders": [], "findings": []}
    if steps.FINDINGS in last:
        document = steps.read(folder / last[steps.FINDINGS]["target"] / steps.DOCUMENT)
    known = {kind.name: kind for finder in findings.ALL for kind in finder.kinds}
    names = list(dict.fromkeys(each["kind"] for each in document["findings"]))
    searched = [
        name
        for finder in document["finders"]
        if not finder["failed"]
        for name in finder["kinds"]
        if name in known and name not in names
    ]
    places = listening.places(document["findings"])
    shots = []
    if steps.PICTURES in last:
        target = folder / last[steps.PICTURES]["target"]
        numbers = " The numbers are those of the listening sheet." * bool(places)
        captions = {
            pictures.WAVEFORM: f"Waveform: the sound pressure over time.{numbers}",
            pictures.SPECTROGRAM: "Spectrogram: which frequencies sound when. Bright is loud.",
        }
        shots = [(words, picture(target / name)) for name, words in captions.items()]
    return Examined(
        number=entry["number_of"],
        name=shown(entry["name"]),
        entry=entry,
        again=certificate.again(entry, entries),
        unchanged=certificate.is_unchanged(entry, entries),
        facts=document["recording"],
        places=places,
        found=[
            (
                known.get(name) or Kind(name=name, title=name, measures="", limits=""),
                [each for each in document["findings"] if each["kind"] == name],
            )
            for name in names
        ],
        nothing=[known[name] for name in searched],
        failed=[(each["name"], each["failed"]) for each in document["finders"] if each["failed"]],
        pictures=shots,
        voices=[_voice(folder, each) for each in made_of if each["step"] == steps.VOICE],
        folder=entry["copy"].split("/")[0],
    )


def _voice(folder: Path, entry: Entry) -> Voice:
    return Voice(
        name=shown(entry["parameters"]["technique"]),
        stem=shown(entry["parameters"]["stem"]),
        folder=entry["target"],
        kept_db=entry["kept_db"],
        picture=picture(folder / entry["target"] / pictures.SPECTROGRAM),
    )


def _run(number: int, run: Sequence[Entry]) -> dict[str, Any]:
    """A run for the table of runs. The last one is not ended yet when its report is made."""
    events = Counter(each["event"] for each in run)
    how = "cancelled" if events["cancelled"] else "ended" if events["end"] else "interrupted"
    return {"number": number, "entry": run[0], "how": how, "steps": events["step"]}


def picture(file: Path) -> str:
    """A PNG as a data URI. Raises OSError."""
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()


def percent(part: int, whole: int, what: str = "") -> str:
    """A share with its 95 % interval (Wilson, JASA 22, 1927), as in `4 of 100: 4 % (2 to 10 %)`.

    what: follows the whole.
    """
    if not whole:
        return "not measured"
    z, share = 1.959964, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * math.sqrt(share * (1 - share) / whole + (z / (2 * whole)) ** 2)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{part} of {whole}{what}: {100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"


def number(found: float) -> str:
    """Four digits or more of a figure, never with a power of ten: 18056, -27.9, 0.00002."""
    digits = 3 - math.floor(math.log10(abs(found))) if found else 0
    text = f"{found:.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(finding: Mapping[str, Any]) -> str:
    """What is measured, with its unit and its limit."""
    if finding["figure"] is None:
        return ""
    unit = f" {finding['unit']}" * bool(finding["unit"])
    text = f"{number(finding['figure'])}{unit}"
    return text if finding["limit"] is None else f"{text} (limit {number(finding['limit'])}{unit})"


def share(kept_db: float) -> str:
    """A ratio of powers in dB as a percentage."""
    return f"{100 * 10 ** (kept_db / 10):.3g} %"


def command(words: Sequence[str]) -> str:
    """A command line, to be typed again in a POSIX shell."""
    return shlex.join(shown(word) for word in words)


def value(found: object) -> str:
    """A figure besides the main one."""
    return number(found) if isinstance(found, float) else shown(str(found))


def moment(time: str) -> str:
    """A time of the log, to the second."""
    return f"{time[:10]} {time[11:19]} UTC"


def where(finding: Mapping[str, Any]) -> str:
    """The time codes of a finding."""
    if finding["start_s"] is None:
        return "whole recording"
    start, end = listening.code(finding["start_s"]), listening.code(listening.end_of(finding))
    return start if start == end else f"{start} to {end}"


def day(nanoseconds: int) -> str:
    """A time of a file, in UTC."""
    from datetime import UTC, datetime, timedelta

    found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    return found.strftime("%Y-%m-%d %H:%M:%S UTC")


@cache
def environment() -> Environment:
    """The templates. Raises UsageError where Jinja2 is missing."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise UsageError(
            "the report needs Jinja2; install it with: pip install 'unweave[forensic]'"
        ) from None
    found = Environment(
        loader=PackageLoader("unweave.apps.forensic"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "shown": shown,
        "code": listening.code,
        "command": command,
        "where": where,
        "figure": figure,
        "day": day,
        "moment": moment,
        "share": share,
        "value": value,
        "fingerprint": keys.fingerprint,
    }
    found.globals["percent"] = percent
    return found
