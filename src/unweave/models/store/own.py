"""Models of a user's own: a checkpoint of a network that unweave has becomes a card with a name.

Card and weights lie in a folder of the user's data (`cards.own_folder`). What the checkpoint is, is
recognised from its names and shapes (`recognition`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from io import BufferedRandom
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from unweave import plugins
from unweave.core import toml
from unweave.core.atomic import Hidden, sync_folders
from unweave.core.file_names import LONGEST_BYTES, safe
from unweave.core.files import advice, content, shown
from unweave.core.lock import locked
from unweave.errors import UnweaveError, UsageError, WeightsError, quoted
from unweave.models import cards, readers, store
from unweave.models.cards import NO_WEIGHTS, Card
from unweave.models.readers import Arrays, onnx_graph, safetensors
from unweave.models.store.recognition import STUMBLES, recognised
from unweave.plugins import ENDING

Write: TypeAlias = Callable[[BufferedRandom], object]
"""Writes the content of a file into it."""

READERS = {
    ".th.gz": "torch-zip",
    ".gz": "tensorflow",
    ".tgz": "tensorflow",
    ".tar": "tensorflow",
    ".index": "tensorflow",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
}
WEIGHTS = ".safetensors"
UVR_END = 10_000 * 1024  # bytes
ZIP = b"PK\x03\x04"
FALLBACK = "torch-zip"  # .th, .pt, .pth, .ckpt, .bin


def add(
    file: Path,
    *,
    name: str = "",
    config: Path | None = None,
    licence: str = "not stated",
    taken: Collection[str] = (),
) -> Card:
    """The card of a checkpoint, which is copied to the user's own models.

    name: what the file is called, where none is given. config: a YAML file with the settings that
    the checkpoint was trained with, read as data. taken: names that no model may have, besides
    those of models. Raises UsageError for a name that is taken, WeightsError for a file that
    cannot be read or that no network takes.
    """
    from unweave.models import adapter, options

    before = _looked_at(file)
    name = name or _called(file)
    _check_free(name, taken)
    if numbers := re.fullmatch(r"(.+)\.data-\d+-of-\d+", file.name):
        raise UsageError(
            f"{file}: holds a checkpoint's numbers; name its table, {numbers[1]}.index"
        )
    ending = next((each for each in READERS if file.name.lower().endswith(each)), "")
    kind = FALLBACK if _is_zip(file) else READERS.get(ending, FALLBACK)
    if kind == "onnx" and onnx_graph.takes_spectra(file):
        kind = "onnx-graph"
    told = _yaml(config) if config else {}
    arrays = readers.reader(kind)(file)
    settings = {
        "file": file.stem,
        "uvr_md5": _uvr_md5(file),
        **readers.settings(kind, file),
        **told,
    }
    if _looked_at(file) != before:
        raise WeightsError(f"{file}: it changed while it was read; add it when it is whole")
    _check_numbers(file, arrays)
    where = f"{file}, with the settings of {config}" if config else f"{file}"
    try:
        facts = recognised(arrays, settings)
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from error
    weights = facts.pop("arrays")
    assert isinstance(weights, dict)
    sha256, size_bytes = safetensors.pin(weights)
    text = {
        "version": 2,
        "title": f"{shown(file.name)}, added by hand",
        "licence_code": "not stated",
        "licence_weights": shown(licence),
        "paper": "not stated",
        "training_data": "not stated",
        **facts,
        "weights": {"sha256": sha256, "size_bytes": size_bytes},
    }
    try:
        card = _toml(text)
        made = cards.parse(name, card)
        adapter.network(made, options.in_force(made, {}), weights)
    except (UnweaveError, *STUMBLES) as error:
        raise WeightsError(f"{where}: taken for {facts['architecture']}, but {error}") from error
    return _place(name, card, partial(safetensors.write, arrays=weights), taken)


def _looked_at(file: Path) -> tuple[int, int, int]:
    """What tells whether a file changed. Raises UsageError for what is no file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; check the spelling") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {advice(error)}") from error
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{file}: is a folder; name the checkpoint in it")
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_zip(file: Path) -> bool:
    """Whether it is what torch saves, however it is called. Raises UsageError."""
    if not file.is_file():  # a pipe, which would have to be waited for
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(len(ZIP)) == ZIP
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {advice(error)}") from error


def _uvr_md5(file: Path) -> str:
    """By what Ultimate Vocal Remover (UVR) tells its files: the MD5 of the end."""
    with file.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - UVR_END))
        return hashlib.md5(stream.read(), usedforsecurity=False).hexdigest()


def _called(file: Path) -> str:
    """The name that a checkpoint's own gives its model. Raises UsageError where it gives none."""
    found = re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")
    if not found:
        raise UsageError(f"{file}: no name can be made of what it is called; give one by --name")
    return found


def _check_numbers(file: Path, arrays: Arrays) -> None:
    """Raises WeightsError for numbers that are not finite as float32, which all become."""
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                finite = np.isfinite(array.astype(np.float32, copy=False)).all()
            if not finite:
                raise WeightsError(
                    f"{file}: its array {quoted(name)} has numbers that are not finite, as a "
                    "training leaves them that failed; add an earlier checkpoint"
                )


def take(path: Path, taken: Collection[str] = ()) -> Card:
    """A card that lies elsewhere, and its weights beside it if it has any there, copied to the
    user's own models. Nothing is done where the same card is there already.

    Raises UsageError for a wrong card or a name that is taken, WeightsError for other weights.
    """
    card = cards.card(str(path))
    text = written_out(card)
    there = cards.card(card.name) if cards.known(card.name) else None
    if there is not None and there.path == _file(card.name):
        same = content(there.path) == text
        if same and (there.file is None or store.cached(there)):
            return there
    _check_free(card.name, taken, f"remove that first, or rename {path}")
    if card.weights == NO_WEIGHTS or (card.file is None and card.sources):
        return _place(card.name, text.decode(), None, taken)
    if card.file is None or not store.cached(card):
        raise WeightsError(f"{path}: its weights are not beside it, or are others")
    return _place(card.name, text.decode(), partial(_copy, card.file), taken)


def _copy(file: Path, into: BufferedRandom) -> None:
    with file.open("rb") as stream:
        shutil.copyfileobj(stream, into, 1 << 20)


def written_out(card: Card) -> bytes:
    """The text of a card that lies in a file, its config written out if that is another file."""
    assert card.path is not None
    with plugins.reading(card.path, "card"):
        text = content(card.path)
        facts = tomllib.loads(text.decode())
    if not isinstance(facts.get("config"), str):
        return text
    return _toml({**facts, "config": card.config}).encode()


def remove(name: str) -> int:
    """Remove a model of the user's own, card and weights, whatever is in them; returns the bytes
    made free. Raises WeightsError."""
    card = _file(name)
    assert card is not None
    size_bytes = 0
    try:
        with _alone(card.parent):
            for file in (card, card.with_suffix(WEIGHTS)):  # without its card it is nothing
                with suppress(FileNotFoundError):
                    size = file.lstat().st_size
                    file.unlink()
                    size_bytes += size
    except OSError as error:
        raise WeightsError(f"{card}: cannot be removed: {advice(error)}") from error
    cards.refresh()
    return size_bytes


def called(name: str) -> str | None:
    """The name of the user's own model that `name` means, or the path of a card; None for what is
    none of them. The card need not be right."""
    folder = cards.own_folder()
    if name.endswith(ENDING):
        path = Path(name).absolute()
        return path.stem if path.parent == folder and os.path.lexists(path) else None
    return name if folder is not None and cards.path_of(name) == _file(name) else None


def bags_with(name: str) -> list[str]:
    """The bags among the user's own models that have the model `name` as a member."""
    found = []
    for each in cards.names():
        with suppress(UnweaveError):
            bag = cards.card(each).bag
            if called(each) and bag is not None and {name, f"{name}{ENDING}"} & {*bag.members}:
                found.append(each)
    return found


def _file(name: str) -> Path | None:
    """Where the card of a model of the user's own lies, or would lie."""
    folder = cards.own_folder()
    return None if folder is None else folder / f"{name}{ENDING}"


def _check_free(
    name: str, taken: Collection[str], instead: str = "choose another with --name"
) -> None:
    """Raises UsageError for what is no name, and for one that another model has. On some disks
    those that differ in case are one."""
    right = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) and not name.endswith(ENDING)
    if not right or safe(name, everywhere=True) != name:
        raise UsageError(
            f"{quoted(name)} is no name: it takes up to {LONGEST_BYTES} letters, digits, '.', '_' "
            "and '-', and is none that a system keeps for itself; choose another with --name"
        )
    for other in (*cards.names(), *taken):
        if other.casefold() == name.casefold():
            what = "model" if other in cards.names() else "separator"
            raise UsageError(f"a {what} is called {other!r} already; {instead}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process changes the user's own models inside. Raises OSError."""
    with locked(folder / ".lock"):
        yield


def _place(name: str, text: str, weights: Write | None, taken: Collection[str]) -> Card:
    """A card, and its weights if they are beside it, under their names: both or neither."""
    card = _file(name)
    if card is None:
        raise UsageError("there is no home folder for models; set UNWEAVE_DATA to a folder")
    pairs = [(card.with_suffix(WEIGHTS), weights)] if weights is not None else []
    pairs.append((card, lambda file: file.write(text.encode())))  # the card is the last
    try:
        with _alone(card.parent), ExitStack() as stack:
            cards.refresh()
            _check_free(name, taken)  # another process may have been quicker
            hidden = []
            for target, write in pairs:
                hidden.append(Hidden(target))
                stack.callback(hidden[-1].discard)
                write(hidden[-1].file)
            for each in hidden:
                each.finish()
            for each in hidden:
                each.place()
            sync_folders([card.parent])
    except OSError as error:
        raise WeightsError(
            f"{card.parent}: {advice(error)} (UNWEAVE_DATA names another folder)"
        ) from error
    cards.refresh()
    return cards.card(name)


def _yaml(path: Path) -> dict[str, object]:
    try:
        found = cards.plain_yaml(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: holds no settings, as 'training:' and 'audio:' are")
    return found


def _toml(facts: Mapping[str, Any]) -> str:
    return toml.dumps(_plain(facts)).decode()


def _plain(value: Any) -> Any:
    """A value as TOML knows it: tuples as lists, no None."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
