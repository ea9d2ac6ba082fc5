"""A separator of the tests' own where the registry would give one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from unweave.engine.compose import AnySeparator


def give(monkeypatch: pytest.MonkeyPatch, load: Callable[..., AnySeparator]) -> None:
    """Let `load(name, **options)` make every separator that is asked for by its name."""

    @contextmanager
    def made(name: str, options: dict[str, object]) -> Iterator[AnySeparator]:
        yield load(name, **options)

    monkeypatch.setattr("unweave.registry.loading._loading", made)
