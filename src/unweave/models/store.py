"""The store of weights: found or made once, pinned by SHA-256, checked at every load.

A model's weights are one safetensors file, beside its card or in the cache folder. When that of
the cache is missing or damaged it is made again from the card's sources. It is put together in
memory, verified, and only then renamed into place: any number of processes may do so at once, and
nothing half-written is ever found under the final name. Nothing here imports torch or runs what a
file contains.

`UNWEAVE_CACHE` moves the cache folder.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from pathlib import Path

from unweave.core.atomic import atomic_path
from unweave.errors import WeightsError
from unweave.models import architectures, sources
from unweave.models.cards import Card
from unweave.models.readers import Arrays, safetensors
from unweave.models.sources import OnBytes

log = logging.getLogger(__name__)


def weights(card: Card, on_bytes: OnBytes | None = None) -> Arrays:
    """The verified arrays of `card` by name, made from its sources first if need be.

    Nearly all of its time goes by without Python's lock, so it may run beside other work in a
    thread. A cache folder that cannot be written costs time at every load but stops nothing.
    Raises WeightsError when the weights cannot be had, saying what to do.
    """
    content = _read(card)
    if content is None:
        content = _make(card, on_bytes)
        try:
            _keep(card, content)
        except OSError as error:
            log.warning("%s", _unwritable(card, error))
    return safetensors.parse(content, path(card))


def pull(card: Card, on_bytes: OnBytes | None = None) -> Path:
    """The path of the verified safetensors file of `card`, made from its sources if need be.

    Raises WeightsError when the weights cannot be had or kept, saying what to do.
    """
    if _read(card) is None:
        try:
            _keep(card, _make(card, on_bytes))
        except OSError as error:
            raise WeightsError(_unwritable(card, error)) from error
    return path(card)


def needs_download(card: Card) -> bool:
    """Whether nothing but a download gives the weights; a damaged cache is not looked for."""
    return not os.path.exists(path(card)) and not sources.at_hand(card)


def check(card: Card) -> None:
    """Raises WeightsError where weights that came with their card are not those it names."""
    if card.file is not None and _read(card) is None:
        _make(card, None)


def cached(card: Card) -> bool:
    """Whether the weights lie in the cache, complete and unchanged."""
    return _read(card) is not None


def path(card: Card) -> Path:
    """Where the weights of `card` belong, whether they are there or not."""
    if card.file is not None:
        return card.file
    return cache_folder() / f"{card.name}-{card.weights.sha256[:12]}.safetensors"


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


def _read(card: Card) -> bytes | None:
    """The content of the cached file, None when it is missing or not the pinned one."""
    file = path(card)
    try:
        if file.stat().st_size == card.weights.size_bytes:
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest() == card.weights.sha256:
                return content
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: cannot be read (%s)", file, error.strerror)
        return None
    if card.file is None:
        log.warning("%s: damaged, it is made again", file)
    return None


def _keep(card: Card, content: bytes) -> None:
    """Put verified `content` under its final name, whole or not at all."""
    try:
        with atomic_path(path(card)) as hidden:
            hidden.write_bytes(content)
    except OSError:
        # Windows does not replace a file that another process has open: it is the same file then.
        if not cached(card):
            raise


def _unwritable(card: Card, error: OSError) -> str:
    return (
        f"{cache_folder()}: the weights of {card.name} cannot be kept here "
        f"({error.strerror or error}); set UNWEAVE_CACHE to a folder with room for them"
    )


def _make(card: Card, on_bytes: OnBytes | None) -> bytes:
    """The content of the safetensors file, made from the card's sources and verified."""
    if card.file is not None:
        raise WeightsError(_not_the_cards(card, card.file))
    found = sources.read(card, on_bytes)
    if card.convert:
        arrays = architectures.converter(card.architecture)(found)
    else:
        arrays = {name: array for each in found.values() for name, array in each.items()}
    stream = io.BytesIO()
    safetensors.write(stream, arrays)
    content = stream.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.weights.sha256:  # the sources are right, so that this is a fault of ours
        raise WeightsError(
            f"{card.place}: conversion gave SHA-256 {digest[:12]}..., not that of the card; please "
            "report this"
        )
    return content


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
