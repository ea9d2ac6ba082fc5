"""What torch.save writes, and pickles of numpy arrays, without running what is in them.

torch writes an archive of a pickle and the numbers beside it; before version 1.6 it wrote one file
after the other. The first version of Demucs packed such files with gzip. All of Demucs' files,
Open-Unmix' and plain `state_dict`s of any network are among these.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from unweave.core.files import check_file
from unweave.core.files import content as content_of
from unweave.errors import quoted
from unweave.models.readers import Arrays, Settings
from unweave.models.readers._shared import checkpoints, inflate, openunmix, torch_legacy
from unweave.models.readers._shared.errors import Refused, check_members, reading
from unweave.models.readers._shared.numbers import room
from unweave.models.readers._shared.pickles import Storage, unpickle

PICKLE = b"\x80"  # how one begins, in all versions of the format that torch and numpy write
ARCHIVE = b"PK\x03\x04"
PIECE = 1 << 20  # bytes of an archive that are read together


def read(path: Path) -> Arrays:
    """The arrays by name that `path` holds, float16 and others as they are, bfloat16 as float32.

    Of an archive each is read by itself. The arrays may be read-only. Raises WeightsError when the
    file holds anything else.
    """
    with reading(path), _opened(path) as found:
        return checkpoints.arrays(*found)


def settings(path: Path) -> Settings:
    """What `path` says beside the arrays, and what Open-Unmix' files of settings beside it say.

    Of Demucs these are `klass`, the class by its name, `args` and `kwargs` of its constructor, and
    `training_args`; of Open-Unmix the JSON under `separator` and the stem's name.
    """
    with reading(path):
        with _opened(path) as (value, _, _):
            found = checkpoints.settings(value)
        return found | openunmix.settings(path)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[object, checkpoints.Numbers, int]]:
    """The pickle's value, where its storages are, and the size of all, unpacked."""
    check_file(path)
    with path.open("rb") as file:
        if file.peek(len(ARCHIVE)).startswith(ARCHIVE):
            yield (*_open_zip(file, path.stat().st_size), path.stat().st_size)
            return
    content = content_of(path)
    if content.startswith(inflate.MAGIC):
        content = inflate.inflated(content)
    if content.startswith(ARCHIVE):
        yield (*_open_zip(io.BytesIO(content), len(content)), len(content))
    else:
        yield (*_open_pickle(content), len(content))


def _open_pickle(content: bytes) -> tuple[object, checkpoints.Numbers]:
    if not content:
        raise Refused("it is empty")
    if not content.startswith(PICKLE):
        begin = quoted(content[:12])
        raise Refused(f"no checkpoint: it begins with {begin}, as no file of torch's or numpy's")
    stream = io.BytesIO(content)
    value = unpickle(stream)
    if value == torch_legacy.MAGIC:
        return torch_legacy.rest(stream)
    if stream.read(1):
        raise Refused("there is more behind the end of its pickle")
    return value, _nowhere


def _nowhere(storage: Storage) -> bytes:
    raise Refused("its arrays lie in other files")


def _open_zip(stream: BinaryIO, size: int) -> tuple[object, checkpoints.Numbers]:
    """size: of the archive in bytes."""
    archive = zipfile.ZipFile(stream)
    names = archive.namelist()
    check_members(names)
    found = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
    if len(found) != 1:
        raise Refused(f"it has no weights (an archive with {len(found)} files 'data.pkl')")
    folder = found[0].removesuffix("data.pkl")
    left = size

    def member(name: str) -> bytearray:
        nonlocal left
        info = archive.getinfo(name)
        # torch never compresses; so a file cannot unpack to more than its size.
        if info.compress_type != zipfile.ZIP_STORED:
            raise Refused("it is a compressed archive, which unweave does not read")
        left -= info.file_size
        if left < 0:
            raise Refused("its members are larger than the file")
        content, at = room(info.file_size), 0
        with archive.open(info) as file:
            while part := file.read(PIECE):
                content[at : at + len(part)] = part
                at += len(part)
        if at < len(content):
            raise EOFError("a member of its archive is cut")
        return content

    def numbers(storage: Storage) -> bytearray:
        name = f"{folder}data/{storage.key}"
        if name not in archive.NameToInfo:
            raise Refused(f"its storage {storage.key!r:.60} is not in the archive")
        return member(name)

    if f"{folder}byteorder" in names and member(f"{folder}byteorder") != b"little":
        raise Refused("its numbers are not little-endian")
    return unpickle(io.BytesIO(member(found[0]))), numbers
