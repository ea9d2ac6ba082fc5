"""Packages that lie in a folder, as if they were installed beside unweave, in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unweave import plugins, presets
from unweave.models import architectures, cards


@contextmanager
def packages(folder: Path) -> Iterator[None]:
    """Inside, unweave finds what the packages in `folder` add; but for verbs, which are found once,
    when the command line is imported."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        _look_anew()
        yield
    _look_anew()
    there = {path.stem for path in folder.iterdir()}
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in there:
            del sys.modules[name]


def _look_anew() -> None:
    for found in (plugins.found, presets._installed, architectures.names):
        found.cache_clear()
    cards.refresh()
