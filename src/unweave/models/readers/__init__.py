"""Readers of weight files, a file each: `read(path)` gives named arrays and runs nothing.

`settings(path)` of the same file gives what it says beside them, such as the arguments that a
network is built with. A card names a reader by its file, with "-" for "_".
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Arrays: TypeAlias = "dict[str, np.ndarray]"
Settings: TypeAlias = dict[str, object]
"""Plain data: None, bool, int, float, str, Fraction, and lists and dicts of them."""


def names() -> tuple[str, ...]:
    """Every reader that there is, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if not name.startswith("_")))


def reader(name: str) -> Callable[[Path], Arrays]:
    """`read` of the file that is called so."""
    found: Callable[[Path], Arrays] = _module(name).read
    return found


def settings(name: str, path: Path) -> Settings:
    """What the file at `path` says beside its arrays; empty for a format that says nothing.

    Raises WeightsError as `read` does.
    """
    found: Callable[[Path], Settings] | None = getattr(_module(name), "settings", None)
    return found(path) if found else {}


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
