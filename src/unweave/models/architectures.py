"""Every architecture by name: the folders of `models/` with a `model`, and what packages add.

An architecture is a package of up to four modules. `model` has `build` (see `models/adapter.py`).
`options` says what is known before torch is imported: `options(config)`, the declarations of what
a user may choose with a card's settings; `additive(options)`, whether the stems sum to the mix,
with what the user chose and the card's settings, which they do where it says nothing; `REVISION`;
`bytes_per_sample(config, stems, channels, samples)`, working memory for a sample of a segment, of
the card's settings and what the user chose;
`level(stems, config)`, what measures the level of a segment, where a card's `normalise_track` means
the highest one (see `engine/adapters/track_normalised.py`); `MIXED_PRECISION = False` for a network
that heeds no `torch.autocast`; `LARGE_PAGES = True` for one that is quicker with them, though they
take more memory (see `engine/allocator.py`). `convert` has `convert(sources)`, which renames
foreign weights (see `models/layers/rename.py`). `recognise` has `recognise(arrays, settings)`: what
a card has to say of a checkpoint of the network, or None (see `models/layers/recognise.py`), with
`role` for what the file is to `convert`. An entry point names somebody else's package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import unweave
from unweave import plugins
from unweave.errors import UsageError
from unweave.models.readers import Arrays


@cache
def names() -> tuple[str, ...]:
    """The names that a card may give as its architecture, sorted."""
    return tuple(sorted({*_own(), *plugins.found(plugins.ARCHITECTURES)}))


def model(name: str) -> ModuleType:
    """The module that builds the network. Raises UsageError for a plug-in that is broken."""
    return _module(name, "model")


def declarations(name: str) -> ModuleType | None:
    """The module with the network's options; None where it has none. Raises UsageError."""
    return _module(name, "options") if has(name, "options") else None


def converter(name: str) -> Callable[[Mapping[str, Arrays]], Arrays]:
    """What renames foreign weights of the network. Raises UsageError."""
    found: Callable[[Mapping[str, Arrays]], Arrays] = _module(name, "convert").convert
    return found


def recognised(
    name: str, arrays: Arrays, settings: Mapping[str, object]
) -> dict[str, object] | None:
    """What the architecture makes of a checkpoint, if it knows it. Raises UsageError."""
    if not has(name, "recognise"):
        return None
    found: dict[str, object] | None = _module(name, "recognise").recognise(arrays, settings)
    return found


def has(name: str, part: str) -> bool:
    """Whether the architecture has that module. Raises UsageError."""
    try:
        return find_spec(f"{_package(name)}.{part}") is not None
    except Exception as error:  # importing somebody else's package may do anything
        raise _broken(name, error) from error


def origin(name: str) -> str:
    """The distribution whose code it is; unweave for none, as of a bag of models."""
    points = plugins.found(plugins.ARCHITECTURES)
    return "unweave" if name in _own() or name not in points else plugins.origin(points[name])


@cache
def _own() -> frozenset[str]:
    folder = Path(unweave.__path__[0], "models")
    return frozenset(file.parent.name for file in folder.glob("*/model.py"))


def _package(name: str) -> str:
    if name in _own():
        return f"unweave.models.{name}"
    return plugins.found(plugins.ARCHITECTURES)[name].value


def _module(name: str, part: str) -> ModuleType:
    try:
        return import_module(f"{_package(name)}.{part}")
    except Exception as error:
        if name in _own():
            raise
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> UsageError:
    origin = plugins.origin(plugins.found(plugins.ARCHITECTURES)[name])
    return UsageError(
        f"{name}: the plug-in {origin} cannot be loaded ({error!r:.160}); mend it, install it "
        "anew, or remove it"
    )
