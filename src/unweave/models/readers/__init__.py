"""Readers of weight files, a file each: `read(path)` gives named arrays and runs nothing.

A card names a reader by its file, with "-" for "_".
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Arrays: TypeAlias = "dict[str, np.ndarray]"


def names() -> tuple[str, ...]:
    """Every reader that there is, sorted."""
    return tuple(sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__)))


def reader(name: str) -> Callable[[Path], Arrays]:
    """`read` of the file that is called so."""
    found: Callable[[Path], Arrays] = import_module(f"{__name__}.{name.replace('-', '_')}").read
    return found
