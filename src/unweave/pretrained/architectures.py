"""Every architecture by name: the files of `networks/`, and what other packages add.

An architecture is a module with `build` (see `pretrained/neural.py`), and perhaps a second one with
its options, which imports no torch (see `networks/_options`). That of another package is a package
with both, `model` and `options`, named by an entry point.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import unweave
from unweave.core import plugins
from unweave.core.errors import UsageError


@cache
def names() -> tuple[str, ...]:
    """The names that a card may give as its network, sorted."""
    return tuple(sorted({*_own(), *plugins.found(plugins.ARCHITECTURES)}))


def model(name: str) -> ModuleType:
    """The module that builds the network. Raises UsageError for a plug-in that is broken."""
    if name in _own():
        return import_module(f"unweave.networks.{name}")
    return _plugin(name, "model")


def declarations(name: str) -> ModuleType | None:
    """The module with the network's options; None where it has none. Raises UsageError."""
    if name in _own():
        place = f"unweave.networks._options.{name}"
        return import_module(place) if find_spec(place) is not None else None
    package = plugins.found(plugins.ARCHITECTURES)[name].value
    return _plugin(name, "options") if find_spec(f"{package}.options") is not None else None


@cache
def _own() -> frozenset[str]:
    folder = [str(Path(unweave.__path__[0]) / "networks")]
    found = (module.name for module in pkgutil.iter_modules(folder) if not module.ispkg)
    return frozenset(name for name in found if not name.startswith("_"))


def _plugin(name: str, part: str) -> ModuleType:
    point = plugins.found(plugins.ARCHITECTURES)[name]
    try:
        return import_module(f"{point.value}.{part}")
    except Exception as error:  # whatever somebody else's code does
        raise UsageError(
            f"{name}: the plug-in {plugins.origin(point)} cannot be loaded ({error!r:.160}); "
            "install it anew, or remove it"
        ) from error
