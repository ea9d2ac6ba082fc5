"""Files by their addresses: paths of this machine, or what fsspec knows (`s3://`, `gs://`, `az://`,
`http://` and others).

What is written appears complete or not at all: on a disk by a rename, in an object store by the end
of its upload.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unweave.cluster import outage
from unweave.cluster.outage import StoreError, is_outage
from unweave.core.atomic import atomic_path
from unweave.core.files import advice, shown
from unweave.errors import InputError, OutputError, UsageError

# Stores that show an object when all of it is there. Others, as sftp, show half of a file.
WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl")
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
}


def scheme(address: str) -> str:
    """What stands before `://`; empty for a path."""
    before, found, _ = address.partition("://")
    return before.lower() if found else ""


def is_local(address: str) -> bool:
    return scheme(address) in ("", "file")


def local(address: str) -> Path:
    """The path of a local address."""
    return Path(address.removeprefix("file://"))


def absolute(address: str) -> str:
    """The address without its working folder, and without a slash at its end.

    Raises UsageError for one that has a query or a password in it: it would stand in every report.
    """
    if is_local(address):
        return os.path.abspath(local(address))
    if "@" in address.partition("://")[2].partition("/")[0]:
        raise UsageError(
            f"{scheme(address)}://: an address may not have a password in it; give it as the "
            "store's own settings (environment or configuration file) do"
        )
    return address.rstrip("/")


def joined(folder: str, *names: str) -> str:
    return "/".join((folder.rstrip("/"), *names))


def filesystem(address: str) -> tuple[Any, str]:
    """fsspec's file system and the path in it. Raises UsageError where its package is not here."""
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        kind = scheme(address)
        needed = PACKAGES.get(kind)
        what = f"pip install {needed}" if needed else "see the names that fsspec knows"
        raise UsageError(f"{shown(address)}: {kind}:// cannot be read here; {what}") from error
    return fs, path


def check_output(address: str) -> None:
    """Raises UsageError for a store in which half of a file could be seen."""
    if not is_local(address) and scheme(address) not in WHOLE:
        raise UsageError(
            f"{shown(address)}: stems go to a folder of this machine or to an object store "
            f"({', '.join(f'{name}://' for name in WHOLE)})"
        )


@contextmanager
def told(address: str, kind: type[InputError] | type[OutputError]) -> Iterator[None]:
    """What a store says, as one line that names the address.

    Raises `kind`; StoreError where the store is away, which says nothing about the file.
    """
    verb = "read" if kind is InputError else "written"
    try:
        yield
    except (InputError, OutputError, UsageError, StoreError):
        raise
    except OSError as error:
        if not is_local(address) and is_outage(error):
            raise _away(address, error) from error
        why = advice(error) if is_local(address) or error.errno == errno.ENOSPC else ""
        why = why or {errno.ENOENT: "there is no such file; check the address"}.get(
            error.errno or 0, error.strerror or str(error)
        )
        raise kind(f"{shown(address)}: cannot be {verb}: {shown(why)[:300]}") from error
    except Exception as error:  # every store has errors of its own
        if is_outage(error):
            raise _away(address, error) from error
        words = " ".join(str(error).split())
        name = type(error).__name__
        raise kind(f"{shown(address)}: cannot be {verb}: {name}: {shown(words)[:300]}") from error


def patience_s(address: str) -> float:
    """How long the store of an address may be away."""
    return outage.LONGEST_S if scheme(address) in WHOLE else outage.HOST_S


def _away(address: str, error: Exception) -> StoreError:
    words = shown(" ".join(str(error).split()) or type(error).__name__)
    return StoreError(f"{shown(address)}: the store does not answer: {words[:300]}")


def size(address: str) -> int | None:
    """Bytes of a file; None where there is none. Raises InputError, StoreError."""
    if is_local(address):
        try:
            found = local(address).stat()
        except FileNotFoundError:
            return None
        return found.st_size
    with told(address, InputError):
        fs, path = filesystem(address)
        try:
            return int(fs.info(path)["size"])
        except FileNotFoundError:
            return None


def names(folder: str, ending: str = "") -> list[str]:
    """The names in a folder, sorted; none where there is no folder.

    Raises InputError, StoreError.
    """
    if is_local(folder):
        path = local(folder)
        found = os.listdir(path) if path.is_dir() else []
    else:
        with told(folder, InputError):
            fs, path_ = filesystem(folder)
            try:
                found = [each.rstrip("/").rpartition("/")[2] for each in fs.ls(path_, detail=False)]
            except FileNotFoundError:
                found = []
    return sorted(name for name in found if name.endswith(ending) and name[:1] != ".")


def is_file(address: str) -> bool:
    """Whether a store has a file there, rather than a folder. Raises InputError, StoreError."""
    with told(address, InputError):
        fs, path = filesystem(address)
        return bool(fs.isfile(path))


def content(address: str) -> bytes:
    """All of a file. Raises InputError, StoreError."""
    with told(address, InputError):
        if is_local(address):
            return local(address).read_bytes()
        fs, path = filesystem(address)
        return bytes(fs.cat_file(path))


def write(address: str, data: bytes) -> None:
    """A file, whole or not at all. Raises OutputError, StoreError."""
    with told(address, OutputError):
        if is_local(address):
            with atomic_path(local(address)) as hidden:
                hidden.write_bytes(data)
            return
        fs, path = filesystem(address)
        fs.pipe_file(path, data)


def create(address: str, data: bytes) -> bool:
    """A new file in an object store; False where there is one of that name, which stays.

    Of several processes that create one at a time the store lets one alone. Raises OutputError,
    StoreError.
    """
    with told(address, OutputError):
        fs, path = filesystem(address)
        try:
            fs.pipe_file(path, data, mode="create")
        except Exception:  # each store has its own word for a name that is taken
            there = content(address) if size(address) is not None else None
            if there is None:
                raise
            return there == data  # its answer to our own may have been lost
    return True


def fetch(address: str, target: Path) -> None:
    """Copy a file to `target`. Raises InputError, StoreError."""
    with told(address, InputError):
        fs, path = filesystem(address)
        fs.get_file(path, str(target))


def upload(source: Path, address: str) -> None:
    """A copy of a finished file in an object store.

    Raises StoreError, and OutputError, also where the store has another size than the file.
    """
    wanted = source.stat().st_size
    with told(address, OutputError):
        fs, path = filesystem(address)
        fs.put_file(str(source), path)
    if size(address) != wanted:
        raise OutputError(f"{shown(address)}: is not complete in the store; run it again")


def remove(address: str) -> None:
    """Remove a file if there is one. Raises OutputError, StoreError."""
    with told(address, OutputError):
        if is_local(address):
            local(address).unlink(missing_ok=True)
            return
        fs, path = filesystem(address)
        try:
            fs.rm_file(path)
        except FileNotFoundError:
            pass
