"""What all kinds of sources share: the names of files in the cache, and whether they are right."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO

from unweave.core.atomic import atomic_path, sha256
from unweave.core.files import check_file
from unweave.errors import WeightsError
from unweave.models.cards import File, Source

Count = Callable[[int, int], None]
"""Called during a download with the bytes so far and the bytes in all, 0 where not known."""

CHUNK_BYTES = 1 << 20
MOST_BYTES = 16 << 30  # of a file whose size nobody states


def kept(file: File) -> str:
    """The name of a file in the cache: the beginning of its hash, and what it is called."""
    return f"{file.sha256[:12]}-{re.sub(r'[^A-Za-z0-9._-]', '_', Path(file.path).name)}"


def right(file: File | Source, path: Path) -> bool:
    """Whether the published file lies at `path`; what cannot be read does not."""
    try:
        check_file(path)
        return _has_size(file, path.stat().st_size) and sha256(path).startswith(file.sha256)
    except OSError:
        return False


def take(file: File, stream: IO[bytes], folder: Path, what: str) -> Path:
    """Put what `stream` holds into `folder`, under the name of `file` and checked.

    what: the package, for errors. Raises WeightsError for another file, OSError.
    """
    digest, done = hashlib.sha256(), 0
    with atomic_path(folder / kept(file)) as hidden:
        with hidden.open("wb") as out:
            while done <= (file.size_bytes or MOST_BYTES) and (block := stream.read(CHUNK_BYTES)):
                done += len(block)
                digest.update(block)
                out.write(block)
        if not (_has_size(file, done) and digest.hexdigest().startswith(file.sha256)):
            raise WeightsError(f"{what} has another {file.path} (SHA-256 differs)")
    return folder / kept(file)


def _has_size(file: File | Source, size_bytes: int) -> bool:
    return file.size_bytes in (0, size_bytes)
