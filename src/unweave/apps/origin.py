"""Where a separator and the files among its options come from, pinned by hashes.

`origin` is taken before the work; `check` looks again when all is loaded, so that no report names
the hash of one file where another was used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from unweave.core.errors import InputError
from unweave.core.request import NamedFile, Origin
from unweave.core.types import Audio, Separator
from unweave.core.whole import sha256
from unweave.io.files import advice, shown


def with_absolute_paths(model: str, options: Mapping[str, object]) -> dict[str, object]:
    """Options with the paths of files made absolute, so that a report can be used anywhere."""
    files = file_options(model)
    return {
        name: os.path.abspath(value)
        if name in files and isinstance(value, (str, os.PathLike))
        else value
        for name, value in options.items()
    }


def origin(model: str, options: Mapping[str, object]) -> Origin:
    """Where the separator called `model` comes from, with these options, paths absolute.

    Raises UsageError for an unknown name, WeightsError for weights that are not their card's,
    InputError for an option's file that cannot be read.
    """
    from unweave import catalog

    pins = catalog.pins(model)
    files = tuple(
        NamedFile(name, value, _hash(Path(value)))
        for name, value in sorted(options.items())
        if name in file_options(model) and isinstance(value, str)
    )
    in_memory = any(isinstance(value, Audio) for value in options.values())
    return Origin(
        model=None if in_memory else pins.model,
        card_sha256=pins.card_sha256,
        weights_sha256=pins.weights_sha256,
        files=files,
    )


def check(model: str, origin: Origin, loaded: Separator) -> None:
    """Raises InputError where what was loaded is not what `origin` says."""
    from unweave import catalog

    pins = catalog.pins(model)
    stated = origin.card_sha256, origin.weights_sha256
    # Without weights of its own a technique may have some in a file, which is among `files`.
    own = origin.weights_sha256 is None or loaded.spec.weights_sha256 == origin.weights_sha256
    if (pins.card_sha256, pins.weights_sha256) != stated or not own:
        raise InputError(f"{shown(model)}: the weights changed meanwhile; run it again")
    for file in origin.files:
        if _hash(Path(file.path)) != file.sha256:
            raise InputError(f"{shown(file.path)}: changed meanwhile; run it again")


def files_read(origin: Origin) -> dict[Path, str]:
    """The files that the work reads besides the recording, and what each is, for errors."""
    from unweave import catalog

    found: dict[Path, str] = {}
    for file in origin.files:
        path, what = Path(file.path), f"the file of the option {file.option}"
        # Dictionaries are a card with weights beside it.
        found |= {path: what, path.with_suffix(".safetensors"): what}
    if origin.model is not None:
        words = f"a file of the model {shown(origin.model)}"
        found |= dict.fromkeys(catalog.files(origin.model), words)
    return found


def file_options(model: str) -> frozenset[str]:
    """The options of a separator that name files."""
    from unweave import catalog

    return frozenset(item.name for item in catalog.options(model) if item.names_a_file)


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {advice(error)}") from error
