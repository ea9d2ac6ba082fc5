"""Tools one after the other: each looks at the recording as the ones before it leave it.

A tool that has to know the recording first reads it once more, through the tools before it. So
memory holds the blocks that tools need and never the recording.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from unweave.apps.restore.settings import Settings
from unweave.apps.restore.tools import denoise
from unweave.core.region import Region
from unweave.errors import InputError
from unweave.types import Wave

Source = Callable[[], Iterator[Wave]]
"""Gives the blocks `(channel, time)` of a recording from the beginning, each time it is called."""

MOST_LISTED = 16  # values of one fact in a report
STRONGEST_DB = 32.0  # by which noise is turned down at strength 1
SOFTER_DB = 12.0  # and sibilants
THRESHOLD = 12.0  # of clicks, at strength 0.5


@dataclass(frozen=True)
class Tool:
    """Where a tool is: its module, whether it learns before, the name of its record if it has
    one."""

    module: str
    learns: bool = False
    record: str | None = None


TOOLS = {
    "declip": Tool("declip", learns=True, record="Rebuilt"),
    "declick": Tool("declick", record="Clicks"),
    "decrackle": Tool("declick", record="Clicks"),
    "dehum": Tool("dehum", learns=True, record="Removed"),
    "rumble": Tool("rumble", learns=True),
    "wow": Tool("wow", learns=True),
    "denoise": Tool("denoise", learns=True),
    "deess": Tool("deess", record="Sibilance"),
}


@dataclass
class Step:
    """One tool of a chain. learned: what it knows of the recording, None if it needs nothing.

    found: what it did, filled while the sound goes by.
    """

    name: str
    options: Mapping[str, Any]
    learned: Any = None
    found: Any = None

    @property
    def idle(self) -> bool:
        """Whether it learned that there is nothing to do."""
        return TOOLS[self.name].learns and not self.learned

    def facts(self) -> dict[str, Any]:
        """For the report."""
        return {
            "tool": self.name,
            "idle": self.idle,
            **({"learned": facts(self.learned)} if self.learned is not None else {}),
            **({"found": facts(self.found)} if self.found is not None else {}),
        }


@dataclass
class Chain:
    """`run` may be called again and again; the records are those of the last time."""

    sample_rate_hz: int
    steps: list[Step] = field(default_factory=list)

    def run(self, blocks: Iterator[Wave]) -> Iterator[Wave]:
        """The blocks through all tools: as many samples."""
        for step in self.steps:
            if step.idle:
                continue
            tool = TOOLS[step.name]
            module = _module(tool)
            options = dict(step.options)
            if tool.learns:
                options["profile"] = step.learned
            if tool.record is not None:
                options["found"] = step.found = getattr(module, tool.record)()
            blocks = getattr(module, step.name)(blocks, self.sample_rate_hz, **options)
        return blocks


def learned(
    source: Source,
    settings: Settings,
    sample_rate_hz: int,
    noise: denoise.Noise | Region | None = None,
    name: str = "the recording",
) -> Chain:
    """The tools of `settings`, each with what it has to know.

    noise: where that is given, or the passage of `source` that is noise alone, which is measured
    as the tools before leave it. name: of the recording, for errors. Raises InputError where that
    passage is too short, or not in it.
    """
    chain = Chain(sample_rate_hz)
    if settings.strength == 0:
        return chain
    for tool in settings.tools:
        if tool not in TOOLS:
            continue
        step = Step(tool, options(tool, settings))
        if tool == "denoise" and isinstance(noise, Region):
            alone = noise.cut(chain.run(source()), sample_rate_hz, name)
            step.learned = measured(alone, sample_rate_hz, name)
        elif tool == "denoise" and noise is not None:
            step.learned = noise
        elif TOOLS[tool].learns:
            step.learned = _module(TOOLS[tool]).learn(chain.run(source()), sample_rate_hz)
        chain.steps.append(step)
    return chain


def measured(blocks: Iterator[Wave], sample_rate_hz: int, name: str) -> denoise.Noise:
    """A noise that is all that is to be heard. Raises InputError where that is too short."""
    try:
        return denoise.measured(blocks, sample_rate_hz)
    except ValueError as error:
        raise InputError(f"{name}: the noise {error}; choose a longer passage") from error


def passes(settings: Sequence[Settings]) -> int:
    """How often a recording is read before its tools know all."""
    names = [name for each in settings for name in each.tools if name in TOOLS]
    return sum(TOOLS[name].learns for name in names)


def options(name: str, settings: Settings) -> dict[str, Any]:
    """The options of a tool at the strength of `settings`."""
    strength = settings.strength
    if name in ("declick", "decrackle"):
        return {"threshold": THRESHOLD * 2 ** (1 - 2 * strength)}
    if name == "denoise":
        return {"reduction_db": STRONGEST_DB * strength, "method": settings.method}
    if name == "deess":
        return {"most_db": SOFTER_DB * strength}
    return {}


def facts(record: object) -> dict[str, Any]:
    """What a record says in numbers and words: its fields and properties, without long lists."""
    names = [name for name in dir(type(record)) if not name.startswith("_")]
    names += [item.name for item in dataclasses.fields(record)]  # type: ignore[arg-type]
    values = {
        name: _plain(getattr(record, name))
        for name in dict.fromkeys(names)
        if not name.startswith("_")
    }
    return {name: value for name, value in values.items() if value is not _UNSAID}


_UNSAID = object()


def _plain(value: object) -> Any:
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, tuple | list) and len(value) <= MOST_LISTED:
        return [_plain(each) for each in value]
    return _UNSAID


def _module(tool: Tool) -> Any:
    return import_module(f"unweave.apps.restore.tools.{tool.module}")
