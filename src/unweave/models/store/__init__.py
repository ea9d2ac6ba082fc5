"""The store of weights: found or made once, pinned by SHA-256, checked at every load.

A model's weights are one safetensors file, beside its card or in the cache folder. When that of
the cache is missing or damaged it is made again from the card's sources, and they are removed. Of a
card without `[weights]` the sources themselves are kept, in a folder of the model's name, and are
read at every load. A file gets its final name when it is whole and checked; one process at a time
works on a model. Nothing here imports torch or runs what a file contains.

`UNWEAVE_CACHE` moves the cache folder.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from unweave.core.atomic import atomic_path, sha256, temporary_folder
from unweave.core.files import advice, check_file
from unweave.core.lock import locked
from unweave.errors import WeightsError
from unweave.models import architectures
from unweave.models.cards import NO_WEIGHTS, Card
from unweave.models.readers import Arrays, reader, safetensors
from unweave.models.store import sources
from unweave.models.store.sources import Found, OnBytes

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
T = TypeVar("T")


def weights(card: Card, on_bytes: OnBytes | None = None) -> Arrays:
    """The verified arrays of `card` by name, made from its sources first if need be.

    Nearly all of its time goes by without Python's lock, so it may run beside other work in a
    thread. A cache folder that cannot be written costs time at every load but stops nothing.
    Raises WeightsError when the weights cannot be had, saying what to do.
    """
    if _as_published(card):
        with _gathered(card, on_bytes, keep=False) as found:
            return {name: _writable(array) for name, array in _arrays(card, found).items()}
    arrays = _read(card)
    return _make(card, on_bytes) if arrays is None else arrays


def published(card: Card) -> dict[str, Arrays]:
    """The verified arrays of an estimator's card, as their authors call them, by the role of
    their file. Nothing is fetched.

    Raises WeightsError, saying what to run, where they are not here.
    """
    found = sources.present(card, folder(card))
    if found is None:
        size = f"{card.download_bytes / 1e6:.0f} MB, licence: {card.licence_weights}"
        raise WeightsError(
            f"{card.name}: its weights are not here ({size}); run: unweave models pull {card.name}"
        )
    return _by_role(card, found)


def pull(card: Card, on_bytes: OnBytes | None = None) -> Path:
    """Where the verified weights of `card` lie now, made from its sources if need be.

    Raises WeightsError when the weights cannot be had or kept, saying what to do.
    """
    if _as_published(card):
        with _gathered(card, on_bytes, keep=True) as found:
            _arrays(card, found)  # a file that the network cannot take is said now
    elif not cached(card):
        _make(card, on_bytes, keep=True)
    return path(card)


def needs_download(card: Card) -> bool:
    """Whether nothing but a download gives the weights; a damaged cache is not looked for."""
    return not here(card) and not sources.at_hand(card)


def here(card: Card) -> bool:
    """Whether files of the weights lie where they belong; their content is not looked at."""
    return all(file.exists() for file in files(card))


def check(card: Card) -> None:
    """Raises WeightsError where weights that came with their card are not those it names."""
    if card.file is not None and not cached(card):
        raise WeightsError(_not_the_cards(card, card.file))


def cached(card: Card, root: Path | None = None) -> bool:
    """Whether the weights lie where they belong, complete and unchanged.

    root: another folder that is laid out as the cache's is, here and in the functions below.
    """
    if _as_published(card):
        return sources.present(card, folder(card, root)) is not None
    return bool(_if_there(path(card, root), card, lambda file, pin: sha256(file) == pin))


def path(card: Card, root: Path | None = None) -> Path:
    """Where the weights of `card` belong, whether they are there or not: a file, or the folder of
    its sources."""
    if card.file is not None:
        return card.file
    if _as_published(card):
        return folder(card, root)
    return (root or cache_folder()) / f"{card.name}-{card.weights.sha256[:12]}.safetensors"


def files(card: Card, root: Path | None = None) -> list[Path]:
    """The files that the weights of `card` are in, whether they are there or not."""
    if _as_published(card):
        return sources.places(card.alternatives, folder(card, root))
    return [path(card, root)]


def folder(card: Card, root: Path | None = None) -> Path:
    """Where the sources of `card` lie, while its weights are made from them or for good.

    The name alone would not tell a card at a path from one that a package brought.
    """
    name = card.name if card.origin else f"{card.name}-{card.weights_sha256[:12]}"
    return (root or cache_folder()) / name


def remove(card: Card) -> int:
    """Remove the weights of `card` from the cache, and what came of them so far; bytes made free.

    Raises WeightsError for weights that came with their card, or that cannot be removed.
    """
    if card.file is not None:
        whose = f"the package {card.origin}" if card.origin else "their card"
        raise WeightsError(f"{card.name}: its weights came with {whose}; they are not in the cache")
    if not os.path.lexists(path(card)) and not folder(card).exists():
        return 0
    try:
        with alone(card):
            found = [file for file in (path(card), *folder(card).rglob("*")) if file.is_file()]
            size_bytes = sum(file.stat().st_size for file in found)
            if not _as_published(card):
                path(card).unlink(missing_ok=True)
            if folder(card).exists():
                shutil.rmtree(folder(card))
    except OSError as error:
        raise WeightsError(f"{path(card)}: cannot be removed: {advice(error)}") from error
    return size_bytes


def cache_folder() -> Path:
    """The folder of all weights: below `UNWEAVE_CACHE`, else below the user's cache folder.

    For a user without a home, as in a container with any user id, it is below the folder of
    temporary files: what is read is checked by its hash, whoever wrote it.
    """
    import platformdirs

    given = os.environ.get("UNWEAVE_CACHE")
    try:
        root = Path(given).expanduser() if given else Path(platformdirs.user_cache_dir("unweave"))
    except RuntimeError:
        import tempfile

        root = Path(tempfile.gettempdir()) / "unweave-cache"
    return root.absolute() / "weights"


def _as_published(card: Card) -> bool:
    """Whether the sources are kept and read as their authors publish them."""
    return card.weights == NO_WEIGHTS and card.bag is None


def _read(card: Card) -> Arrays | None:
    """The arrays of the safetensors file, None when it is missing or not the pinned one.

    Raises WeightsError where what is pinned is no safetensors file.
    """
    return _if_there(path(card), card, safetensors.pinned)


def _if_there(file: Path, card: Card, look: Callable[[Path, str], T]) -> T | None:
    """What `look` makes of a file of the pinned size and of the pin; None where there is none."""
    try:
        check_file(file)
        if file.stat().st_size == card.weights.size_bytes:
            return look(file, card.weights.sha256)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: cannot be read (%s)", file, error.strerror)
    return None


@contextmanager
def alone(card: Card, on_bytes: OnBytes | None = None) -> Iterator[None]:
    """No other process works on the files of `card` inside. Raises OSError."""

    def waiting() -> None:
        if on_bytes is not None:
            on_bytes(0, card.download_bytes)

    with locked(cache_folder() / f"{card.name}.lock", waiting):
        yield


@contextmanager
def _gathered(card: Card, on_bytes: OnBytes | None, *, keep: bool) -> Iterator[Found]:
    """The sources of `card`, checked, in the cache folder; where that cannot be written in a
    temporary one, unless they have to be kept."""
    found = sources.present(card, folder(card))
    if found is None:
        try:
            with alone(card, on_bytes):
                found = sources.gather(card, folder(card), on_bytes)
        except OSError as error:
            if keep:
                raise WeightsError(_unwritable(card, error)) from error
            log.warning("%s", _unwritable(card, error))
    if found is not None:
        yield found
        return
    with _temporarily(card, on_bytes) as found:
        yield found


def _make(card: Card, on_bytes: OnBytes | None, *, keep: bool = False) -> Arrays:
    """The arrays of the card's sources, verified and kept as its safetensors file.

    keep: whether that it cannot be kept is an error. Raises WeightsError.
    """
    if card.file is not None:
        raise WeightsError(_not_the_cards(card, card.file))
    if path(card).exists():
        log.warning("%s: damaged, it is made again", path(card))
    arrays = None
    try:
        with alone(card, on_bytes):
            arrays = _read(card)  # another process may have made it meanwhile
            if arrays is None:
                arrays = _converted(card, sources.gather(card, folder(card), on_bytes))
                _keep(card, arrays)
            shutil.rmtree(folder(card), ignore_errors=True)
    except OSError as error:
        if keep:
            raise WeightsError(_unwritable(card, error)) from error
        log.warning("%s", _unwritable(card, error))
    if arrays is None:
        with _temporarily(card, on_bytes) as found:
            arrays = _converted(card, found)
    return arrays


@contextmanager
def _temporarily(card: Card, on_bytes: OnBytes | None) -> Iterator[Found]:
    """The sources of `card`, fetched into a folder that goes again. Raises WeightsError."""
    with ExitStack() as stack:
        try:
            temporary = stack.enter_context(temporary_folder("unweave-weights-"))
            found = sources.gather(card, temporary, on_bytes)
        except OSError as error:
            raise WeightsError(
                f"{card.name}: its weights could not be put together: "
                f"{error.filename or 'a file'}: {error.strerror or error}; TMPDIR moves the folder "
                "of temporary files"
            ) from error
        yield found


def _keep(card: Card, arrays: Arrays) -> None:
    """Write verified arrays into the file of the card, whole or not at all."""
    try:
        with atomic_path(path(card)) as hidden, hidden.open("wb") as stream:
            safetensors.write(stream, arrays)
    except OSError:
        # Windows does not replace a file that another process has open: it is the same file then.
        if not cached(card):
            raise


def _unwritable(card: Card, error: OSError) -> str:
    return (
        f"{cache_folder()}: the weights of {card.name} cannot be kept here "
        f"({error.strerror or error}); set UNWEAVE_CACHE to a folder with room for them"
    )


def _arrays(card: Card, found: Found) -> Arrays:
    """The arrays of the sources under the names of the network. Raises WeightsError."""
    by_role = _by_role(card, found)
    if card.convert:
        try:
            return architectures.converter(card.architecture)(by_role)
        except WeightsError as error:
            raise WeightsError(f"{card.place}: {error}") from error
    return {name: array for each in by_role.values() for name, array in each.items()}


def _by_role(card: Card, found: Found) -> dict[str, Arrays]:
    """The arrays of each file under the names of its authors. Raises WeightsError."""
    by_role: dict[str, Arrays] = {}
    for file, place in found:
        try:
            by_role[file.role] = reader(file.reader)(place)
        except WeightsError as error:
            raise WeightsError(f"{card.place}: {error}") from error
    return by_role


def _writable(array: np.ndarray) -> np.ndarray:
    """The array, which torch may take as it is: some readers give views of a file's bytes."""
    return array if array.flags.writeable else array.copy()


def _converted(card: Card, found: Found) -> Arrays:
    """The arrays of which the pinned safetensors file is made, of the sources. Raises
    WeightsError."""
    arrays = _arrays(card, found)
    digest, _ = safetensors.pin(arrays)
    if digest != card.weights.sha256:  # the sources are right, so that this is a fault of ours
        raise WeightsError(
            f"{card.place}: conversion gave SHA-256 {digest[:12]}..., not that of the card; please "
            "report this"
        )
    return {name: _writable(array) for name, array in arrays.items()}


def _not_the_cards(card: Card, file: Path) -> str:
    """Why weights that lie beside their card are not taken."""
    if not file.exists():
        return f"{file}: no such file; the weights of {card.place} belong there"
    size_bytes = file.stat().st_size
    differs = (
        "SHA-256 differs"
        if size_bytes == card.weights.size_bytes
        else f"it has {size_bytes} bytes, size_bytes says {card.weights.size_bytes}"
    )
    if card.origin:
        return f"{file}: not the weights that {card.origin} came with ({differs}); install it anew"
    why = f"{file}: not the weights that {card.place} was written for ({differs}): "
    if card.made:  # by a training
        return (
            f"{why}one of the two was changed since; put both back as the training wrote them, or "
            "train anew"
        )
    return f"{why}put the right file there, or correct sha256 and size_bytes of [weights]"
