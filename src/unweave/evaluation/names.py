"""Names that the command line needs before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from unweave.errors import UsageError

ORACLES = ("mixture", "ibm", "ibm1", "ibm2", "irm1", "irm2", "mwf-sisec", "mwf", "psm")


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """`["foreground=vocals"]` as a dictionary. Raises UsageError for other words."""
    found = {}
    for pair in pairs:
        stem, equals, target = (part.strip() for part in pair.partition("="))
        if not equals or not stem or not target:
            raise UsageError(f"--map takes STEM=REFERENCE, as in percussive=drums; got {pair!r}")
        found[stem] = target
    return found


def parse_folders(pairs: Iterable[str]) -> dict[str, Path]:
    """`["mine=out/mine"]` as a dictionary. Raises UsageError for other words."""
    found: dict[str, Path] = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not equals or not name.strip() or not folder or name in found:
            raise UsageError(f"--estimates takes NAME=DIR, each name once; got {pair!r}")
        found[name] = Path(folder)
    return found
