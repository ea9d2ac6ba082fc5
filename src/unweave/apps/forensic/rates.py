"""How often each kind of finding is right and wrong, measured on planted edits and controls.

The benchmark writes `findings/rates.json`:

    {"measured": {"material": "...", "files": 100, "controls": 100, "false_alarms": 3,
                  "command": "...", "commit": "...", "date": "2026-11-29"},
     "edits": {"cut": {"title": "A piece cut out", "planted": 25, "found": 21,
                       "kinds": ["frame-shift", "waveform-break"]}},
     "kinds": {"gain-step": {"controls": 100, "false_alarms": 1}}}

measured: how many recordings were edited, how many were not, and in how many of these any finding
of an edit was. edits: what was planted, how many of them, and how many a finding of one of `kinds`
names. kinds: how many untouched recordings were searched, and in how many of them there was one. A
kind that has no entry is "not measured" in the report.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FILE = "rates.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """An edit: how many were planted and how many were found, by findings of which kinds."""

    title: str
    planted: int
    found: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Untouched recordings that were searched, and those of them in which something was found."""

    controls: int
    false_alarms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """All that was measured; empty where nothing was."""

    measured: dict[str, Any]
    edits: dict[str, Planted]
    kinds: dict[str, Controls]


@cache
def rates() -> Rates:
    """What the package brings. Raises ValueError where the file is no such table."""
    file = files("unweave.apps.forensic.findings") / FILE
    if not file.is_file():
        return Rates(measured={}, edits={}, kinds={})
    return parsed(json.loads(file.read_text(encoding="utf-8")))


def parsed(document: dict[str, Any]) -> Rates:
    """The table in a file of the benchmark. Raises ValueError where a field lacks."""
    try:
        return Rates(
            measured=dict(document["measured"]),
            edits={
                name: Planted(**{**each, "kinds": tuple(each["kinds"])})
                for name, each in document["edits"].items()
            },
            kinds={name: Controls(**each) for name, each in document["kinds"].items()},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE}: is no table of rates: {error}") from error
