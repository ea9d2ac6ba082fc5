"""What a restoration is asked to do, checked before any sound is read.

Tools are used in the order of TOOLS, whatever order they are named in: what is not linear
(clipping, clicks) is repaired first, as everything after it would smear it; then what has a pitch
or a band of its own, or moves; then noise, whose level is only right when all that is gone;
sibilants and reverberation last, which are judged by the level of what is left.
"""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from unweave.core.region import Region, region
from unweave.errors import OptionName, UsageError, quoted
from unweave.options import check, names, option

TOOLS = (
    "declip", "declick", "decrackle", "dehum", "rumble", "wow", "denoise", "deess",
    "dereverb",
)  # fmt: skip
METHODS = ("log-mmse", "wiener", "subtraction")
STRENGTH = 0.5

PRESETS: dict[str, tuple[tuple[str, ...], float]] = {
    "any": (("declip", "declick", "dehum", "rumble", "denoise"), STRENGTH),
    "tape": (("dehum", "rumble", "denoise"), STRENGTH),
    "vinyl": (("declick", "decrackle", "dehum", "rumble", "denoise"), STRENGTH),
    "telephone": (("declip", "declick", "dehum", "denoise"), 0.75),
    "podcast": (("declip", "dehum", "rumble", "denoise", "deess"), STRENGTH),
}
"""The tools of a preset and their strength. `any` is used where none is named."""

LONGEST_FILL_S = 2.0
LONGEST_PLACE_S = 120.0
HIGHEST_HZ = 1e6


@dataclass(frozen=True, kw_only=True)
class Settings:
    """tools: of TOOLS, in their order. strength: 0 nothing, 0.5 gentle, 1 all that the tools do.

    noise: a passage with noise alone; noise_from: the path of a recording of it; neither: it is
    looked for. method: of noise reduction. place: the only part that is restored, None for all;
    band_hz: the only frequencies. fill: the place is made anew from what is around it, and no tool
    is used.
    """

    tools: tuple[str, ...] = PRESETS["any"][0]
    strength: float = option(STRENGTH, "share of what the tools do", at_least=0, at_most=1)
    noise: Region | None = None
    noise_from: str | None = None
    method: str = METHODS[0]
    place: Region | None = None
    band_hz: tuple[float, float] | None = None
    fill: bool = False

    def __post_init__(self) -> None:
        check(self, owner="")

    def facts(self) -> dict[str, Any]:
        """As plain data, as it is read back from a report."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found


def settings(
    *,
    preset: str | None = None,
    tools: str | Iterable[str] | None = None,
    strength: float | None = None,
    noise: str | tuple[float, float] | None = None,
    noise_from: str | os.PathLike[str] | None = None,
    method: str | None = None,
    place: str | tuple[float, float] | None = None,
    band: str | tuple[float, float] | None = None,
    fill: bool = False,
) -> Settings:
    """Settings from what people write: "0-1.5" is a passage, "200-4000" a band.

    A preset gives tools and strength where they are None. Raises UsageError.
    """
    usual, usual_strength = PRESETS[_known("preset", preset or "any", PRESETS)]
    named = usual if tools is None else _tools(tools)
    found = Settings(
        tools=tuple(name for name in TOOLS if name in named),
        strength=usual_strength if strength is None else strength,
        noise=None if noise is None else _passage("noise", noise),
        noise_from=None if noise_from is None else os.path.abspath(noise_from),
        method=_known("method", method or METHODS[0], METHODS),
        place=None if place is None else _passage("region", place),
        band_hz=None if band is None else _band(band),
        fill=fill,
    )
    if found.noise is not None and found.noise_from is not None:
        both = OptionName("noise"), " and ", OptionName("noise_from")
        raise UsageError(*both, " contradict each other; use one of them")
    if "denoise" not in found.tools and (noise, noise_from, method) != (None, None, None):
        raise UsageError(
            "a noise is given but the noise is not reduced; add denoise to ",
            OptionName("tools"),
            ", or use a preset that has it",
        )
    if found.place is None and (found.band_hz is not None or fill):
        what = OptionName("fill" if fill else "band")
        why = " takes a place in time: give it with "
        raise UsageError(what, why, OptionName("region"), ", as in 12.5-13.1")
    if found.place is not None:
        _check_place(found.place, fill, bool(tools or preset))
    return found


def _check_place(place: Region, fill: bool, has_tools: bool) -> None:
    if place.end_s is None:
        raise UsageError("a region has two times, as in 12.5-13.1; give its end")
    length_s = place.end_s - place.start_s
    made_anew = OptionName("fill")
    where = f"the region from {place.start_s:g} to {place.end_s:g} s"
    if fill and has_tools:
        left = OptionName("tools"), " and ", OptionName("preset")
        raise UsageError(made_anew, " makes a place anew and uses no tools; leave out ", *left)
    if fill and length_s > LONGEST_FILL_S:
        raise UsageError(
            made_anew,
            f" makes up to {LONGEST_FILL_S:g} s anew; {where} is longer: restore it without, or "
            "choose a shorter one",
        )
    if length_s > LONGEST_PLACE_S:
        raise UsageError(
            f"a region lasts up to {LONGEST_PLACE_S:g} s; {where} is longer: restore all, or "
            "several regions one after the other"
        )


def _tools(given: str | Iterable[str]) -> list[str]:
    found = [_known("tool", name, TOOLS) for name in names(given)]
    if not found:
        raise UsageError(f"no tool is named; there are {', '.join(TOOLS)}")
    return found


def _known(what: str, name: str, known: Iterable[str]) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; perhaps you mean {near[0]}" if near else ""
        raise UsageError(f"there is no {what} {quoted(name)}; there are {', '.join(known)}{guess}")
    return name


def _passage(what: str, raw: str | tuple[float, float]) -> Region:
    ends = raw.split("-", 1) if isinstance(raw, str) else raw
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        example = "12.5-13.1 or 1:02-1:03.5"
        name = OptionName(what)
        raise UsageError(name, f" must be two times, as in {example}; got {quoted(raw)}")
    return region(*ends)


def _band(raw: str | tuple[float, float]) -> tuple[float, float]:
    try:
        low_hz, high_hz = map(float, raw.split("-") if isinstance(raw, str) else raw)
    except (TypeError, ValueError):
        low_hz = high_hz = math.nan
    if not 0 <= low_hz < high_hz < math.inf:
        why = " must be two frequencies in Hz, the lower first, as in 200-4000"
        raise UsageError(OptionName("band"), why)
    return low_hz, min(high_hz, HIGHEST_HZ)
