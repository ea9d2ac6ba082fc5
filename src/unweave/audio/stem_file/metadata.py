"""What the box `stem` says: the stems' names and colours, and the player's mastering chain.

Settings of the compressor and the limiter are those of the player: unweave hands them on and
applies none. They are off unless the caller turns them on. Times are in seconds, thresholds, gains
and the ceiling in dB, `hp_cutoff` in Hz, `dry_wet` in percent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from unweave.audio.stem_file.slots import COUNT
from unweave.errors import quoted

VERSION = 1
COLOURS = {  # of Okabe and Ito: people with any colour vision tell them apart
    "drums": "#009E73",
    "bass": "#D55E00",
    "other": "#CC79A7",
    "vocals": "#56B4E9",
    "piano": "#E69F00",
    "guitar": "#F0E442",
    "accompaniment": "#0072B2",
}
_SPARE = ("#E69F00", "#F0E442", "#0072B2", "#000000")
SILENT = "#999999"
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Label:
    """What a player writes on a stem, and its colour, `#RRGGBB`."""

    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Compressor:
    """The player's compressor."""

    enabled: bool = False
    input_gain: float = 0.5
    output_gain: float = 0.5
    threshold: float = 0.0
    ratio: float = 3.0
    attack: float = 0.003
    release: float = 0.3
    hp_cutoff: float = 300.0
    dry_wet: float = 50.0


@dataclass(frozen=True, slots=True)
class Limiter:
    """The player's limiter."""

    enabled: bool = False
    threshold: float = 0.0
    ceiling: float = -0.35
    release: float = 0.05


@dataclass(frozen=True, slots=True)
class Metadata:
    """The whole of the box."""

    labels: tuple[Label, ...]
    compressor: Compressor = field(default_factory=Compressor)
    limiter: Limiter = field(default_factory=Limiter)


def labels(names: Sequence[str], silent: Sequence[bool] = ()) -> tuple[Label, ...]:
    """Labels with the customary colours; those without one take the next that is free."""
    quiet = [*silent, *[False] * len(names)]
    known = [
        SILENT if is_silent else COLOURS.get(name.lower())
        for name, is_silent in zip(names, quiet, strict=False)
    ]
    free = iter([colour for colour in _SPARE if colour not in known])
    return tuple(
        Label(name, colour or next(free, SILENT)) for name, colour in zip(names, known, strict=True)
    )


def encoded(metadata: Metadata) -> bytes:
    """The JSON of the box. Raises ValueError, with all that is wrong, for what makes none."""
    document = {
        "mastering_dsp": {
            "compressor": asdict(metadata.compressor),
            "limiter": asdict(metadata.limiter),
        },
        "version": VERSION,
        "stems": [{"name": label.name, "color": label.colour} for label in metadata.labels],
    }
    if wrong := list(problems(document)):
        raise ValueError("; ".join(wrong))
    return json.dumps(document).encode()


def decoded(data: bytes) -> Metadata:
    """The metadata in the JSON of a box. Raises ValueError, with all that is wrong."""
    document = document_of(data)
    if wrong := list(problems(document)):
        raise ValueError("; ".join(wrong))
    chain = document["mastering_dsp"]
    return Metadata(
        tuple(Label(stem["name"], stem["color"]) for stem in document["stems"]),
        Compressor(**_own(chain["compressor"], Compressor)),
        Limiter(**_own(chain["limiter"], Limiter)),
    )


def document_of(data: bytes) -> Any:
    """The JSON value. Raises ValueError in one line."""
    try:
        return json.loads(data.decode().rstrip("\0"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the box stem is no JSON: {str(error) or 'nested too deep'}") from error


def problems(document: Any) -> Iterator[str]:
    """One line for each thing that is wrong with the value of the box."""
    if not isinstance(document, dict):
        yield "the box stem is not a JSON object"
        return
    if document.get("version") != VERSION or isinstance(document.get("version"), bool):
        yield f"version is {quoted(document.get('version'))}, not {VERSION}"
    yield from _of_stems(document.get("stems"))
    chain = document.get("mastering_dsp")
    if not isinstance(chain, dict):
        yield "mastering_dsp is missing"
        return
    for name, kind in (("compressor", Compressor), ("limiter", Limiter)):
        yield from _of_settings(f"mastering_dsp.{name}", chain.get(name), kind)


def _of_stems(stems: Any) -> Iterator[str]:
    if not isinstance(stems, list):
        yield "stems is not a list"
        return
    if len(stems) != COUNT:
        yield f"stems names {len(stems)} stems, not {COUNT}"
    for number, stem in enumerate(stems, 1):
        found = stem if isinstance(stem, dict) else {}
        name, colour = found.get("name"), found.get("color")
        if not isinstance(name, str) or not name.strip():
            yield f"stem {number} has no name"
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            yield f"stem {number} has the colour {quoted(colour)}, which is not #RRGGBB"


def _of_settings(name: str, settings: Any, kind: type[Compressor] | type[Limiter]) -> Iterator[str]:
    if not isinstance(settings, dict):
        yield f"{name} is missing"
        return
    for each in fields(kind):
        value = settings.get(each.name)
        if each.name == "enabled":
            if not isinstance(value, bool):
                yield f"{name}.enabled is {quoted(value)}, not true or false"
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{name}.{each.name} is {quoted(value)}, not a number"
        elif not math.isfinite(value):
            yield f"{name}.{each.name} is not finite"
    dry_wet = settings.get("dry_wet")
    if kind is Compressor and isinstance(dry_wet, int | float) and not 0 <= dry_wet <= 100:
        yield f"{name}.dry_wet is {quoted(dry_wet)}, not a percentage"


def _own(settings: dict[str, Any], kind: type[Compressor] | type[Limiter]) -> dict[str, Any]:
    return {each.name: settings[each.name] for each in fields(kind)}
