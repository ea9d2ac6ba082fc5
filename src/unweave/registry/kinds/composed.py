"""Presets: what is made of other separators (`presets.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from unweave import presets
from unweave.options import Option
from unweave.presets import Member
from unweave.registry.kinds import Part

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

names = presets.names
known = presets.known
describe = presets.preset
card_sha256 = presets.sha256


def origin(name: str) -> str:
    return presets.preset(name).origin


def declared(name: str) -> tuple[Option, ...]:
    """None: what its members take, the file says."""
    return ()


def code(name: str) -> str:
    return "unweave"  # its members have their own


def revision(name: str) -> int:
    return 1


def card(name: str) -> None:
    return None


def parts(name: str, values: Mapping[str, object]) -> tuple[Part, ...]:
    return tuple(map(_part, presets.preset(name).members()))


def make(
    name: str, values: Mapping[str, Any], part: Callable[[Part], AnySeparator]
) -> AnySeparator:
    return presets.build(presets.preset(name), lambda member: part(_part(member)))


def _part(member: Member) -> Part:
    return Part(name=member.separator, options=member.options)
