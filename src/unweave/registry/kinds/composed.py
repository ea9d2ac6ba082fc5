"""Presets: what is made of other separators (`presets.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import plugins, presets
from unweave.errors import UsageError
from unweave.options import Option
from unweave.presets import Member
from unweave.registry.kinds import Declared, Part, beside, part_of

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

names = presets.names
known = presets.known
describe = presets.preset
card_sha256 = presets.sha256
place = plugins.place


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


def parts(name: str, values: Mapping[str, object], declared: Declared) -> tuple[Part, ...]:
    preset = presets.preset(name)
    assert preset.path is not None
    try:
        return tuple(_part(preset.path, member, declared) for member in preset.members())
    except UsageError as error:
        raise UsageError(f"{preset.path}: {error}") from error


def make(name: str, values: Mapping[str, Any], parts: Sequence[AnySeparator]) -> AnySeparator:
    return presets.build(presets.preset(name), parts)


def _part(file: Path, member: Member, declared: Declared) -> Part:
    name = part_of(file, member.separator)
    files = {item.name for item in declared(name) if item.names_a_file}
    options = {
        key: beside(file, value) if key in files and isinstance(value, str) else value
        for key, value in member.options.items()
    }
    return Part(name=name, options=options)
