"""TOML as unweave writes it: cards, recipes, dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def dumps(facts: Mapping[str, Any]) -> bytes:
    """A file of these facts, UTF-8; tables may hold tables.

    Signs that UTF-8 cannot hold, as in names of files from another system, become question marks.
    """
    import tomli_w

    return tomli_w.dumps(_plain(facts)).encode(errors="replace")


def _plain(value: Any) -> Any:
    """Mappings as the dicts that the library knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
