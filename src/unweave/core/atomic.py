"""Atomic writes: a file is complete or absent, whatever ends the program.

What is written goes to a hidden file beside the final one (`.unweave-....partial`), from there to
the disk (fsync), and the last step is a rename within one folder, which happens or does not.

The kernel holds a lock on the hidden file for as long as its writer lives. What a killed process
leaves behind has no lock, and the next writer into the same folder removes it.

A symbolic link is followed. A device, a pipe or an open file (`/dev/stdout`) has no place to appear
in: what is complete is written into it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, BufferedWriter
from pathlib import Path

PREFIX, SUFFIX = ".unweave-", ".partial"
# Where the system or the disk has no such locks, a file this old has no writer any more.
STALE_S = 24 * 3600
NAMES_S = 60.0  # for a disk that is slow to take names


class Hidden:
    """A file being written beside `target`, open as `file`, until it is placed or discarded.

    Makes the folder. Raises OSError.
    """

    def __init__(self, target: Path) -> None:
        self.target = followed(target)
        self.into = takes_bytes(self.target)
        folder = _temporary_folder() if self.into else self.target.parent
        self.made = make_folder(folder)
        sweep(folder)
        while True:
            self.path = folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
            self.file: BufferedRandom = open(self.path, "x+b")
            unfinished[self.path] = self.made
            # A sweeping process may have been between us and our lock.
            if lock(self.file.fileno()) is not False and self.path.exists():
                return
            self.file.close()

    def finish(self) -> None:
        """Everything written so far is on the disk. Raises OSError."""
        self.file.flush()
        fsync(self.file.fileno())

    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the finished file."""
        self.file.seek(0)
        return hashlib.file_digest(self.file, "sha256").hexdigest()

    def size(self) -> int:
        """Bytes of the finished file."""
        return os.fstat(self.file.fileno()).st_size

    def place(self, *, replace: bool = True, close: bool = True) -> None:
        """Give the finished file its name; the folder's own fsync is the caller's.

        close: let go of the file, and of the lock on it. Raises OSError; FileExistsError where the
        name is taken and `replace` is False.
        """
        if self.into:
            self.file.seek(0)
            with _opened(self.target) as stream:
                shutil.copyfileobj(self.file, stream, 1 << 20)
            self.discard()
            return
        if sys.platform == "win32":  # which renames no open file
            self.file.close()
        if replace:
            os.replace(self.path, self.target)
        else:
            _rename_to_a_free_name(self.path, self.target)
        if close:
            self.file.close()
        unfinished.pop(self.path, None)

    def discard(self) -> None:
        """Remove the hidden file if there is one. Never raises."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self.path.unlink()
        unfinished.pop(self.path, None)


def adopted(finished: Path, target: Path) -> Hidden:
    """A file that is complete elsewhere, hidden beside `target`, to be placed there.

    Nothing is copied on one disk. The file is at its old place no more. Raises OSError.
    """
    hidden = Hidden(target)
    try:
        hidden.file.close()
        shutil.move(finished, hidden.path)
        hidden.file = open(hidden.path, "r+b")
        lock(hidden.file.fileno())
        hidden.finish()
    except BaseException:
        hidden.discard()
        raise
    return hidden


unfinished: dict[Path, list[Path]] = {}
"""The hidden files of this process, each with the folders made for it, outermost first."""


names_changing = threading.Lock()
"""Held while files that belong together get their names; no process ends by itself meanwhile."""


scratch: set[Path] = set()
"""The temporary folders of this process, each with all that is in it."""


shared_folders: set[Path] = set()
"""Folders that a batch of processes made for all of them: the last that ends removes them."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder outside the user's, which goes with the block, or with the process."""
    import tempfile  # slow to import

    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        folder = Path(name)
        scratch.add(folder)
        try:
            yield folder
        finally:
            scratch.discard(folder)


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of `folders` that hold nothing, the innermost first. Never raises."""
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        with suppress(OSError):  # not made, or not empty
            folder.rmdir()


def abandon() -> None:
    """Remove every hidden file of this process, which is about to end, its folder where it was
    made for it, and the temporary folders. Never raises.

    Files that are getting their names have them all first.
    """
    names_changing.acquire(timeout=NAMES_S)
    left = dict(unfinished)
    for path in left:
        with suppress(OSError):
            path.unlink()
    for made in (*left.values(), shared_folders):
        remove_empty(made)
    if scratch:
        for folder in list(scratch):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def atomic_path(target: Path, *, replace: bool = True) -> Iterator[Path]:
    """A hidden path beside `target` to write to; it becomes `target` where the block ends well.

    Makes the folder. Where the block fails, what it wrote is removed and `target` is as it was.
    Raises OSError; FileExistsError where the name is taken and `replace` is False.
    """
    hidden = Hidden(target)
    try:
        yield hidden.path
        hidden.finish()
        hidden.place(replace=replace)
    finally:
        hidden.discard()
    sync_folders([hidden.target.parent])


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def followed(target: Path) -> Path:
    """Where symbolic links lead, up to an open file of a process. Raises OSError for a circle."""
    for _ in range(40):
        if _OPEN_FILE.fullmatch(str(target)) or not target.is_symlink():
            return target
        target = Path(os.path.realpath(target.parent), os.readlink(target))
        target = Path(os.path.realpath(target.parent), target.name)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))


def takes_bytes(target: Path) -> bool:
    """Whether `target` is there and is no file that another may take the place of."""
    if _OPEN_FILE.fullmatch(str(target)):
        return True
    try:
        mode = target.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


_OPEN_FILE = re.compile(r"/proc/(\d+|self|thread-self)(/task/\d+)?/fd/(\d+)|/dev/fd/(\d+)")


def _opened(target: Path) -> BufferedWriter:
    """A device, a pipe or an open file, to write into it."""
    found = _OPEN_FILE.fullmatch(str(target))
    if found and found[1] in (None, "self", "thread-self", str(os.getpid())):
        return open(os.dup(int(found[3] or found[4])), "wb")
    return open(os.open(target, os.O_WRONLY), "wb")


def _temporary_folder() -> Path:
    import tempfile  # slow to import, and hardly ever needed

    return Path(tempfile.gettempdir())


def make_folder(folder: Path) -> list[Path]:
    """Make `folder` and the folders around it, so that a lost power supply does not undo it.

    Returns what was made, the outermost first. Raises OSError.
    """
    if folder.is_dir():
        return []
    made = make_folder(folder.parent) if folder.parent != folder else []
    folder.mkdir(exist_ok=True)
    sync_folders([folder.parent])
    return [*made, folder]


def sync_folders(folders: Iterable[Path]) -> None:
    """Renames within the folders are on the disk; nothing where the system has no such call."""
    for folder in dict.fromkeys(folders):
        if sys.platform != "win32":
            with suppress(PermissionError):  # a folder one may write to but not list
                handle = os.open(folder, os.O_RDONLY)
                try:
                    fsync(handle)
                finally:
                    os.close(handle)


def fsync(handle: int) -> None:
    """`os.fsync`, where the disk knows it. Raises OSError when the disk fails."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def sweep(folder: Path) -> None:
    """Remove the hidden files in `folder` whose writer lives no more. Never raises."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(PREFIX) and name.endswith(SUFFIX):
                with suppress(OSError):
                    _remove_if_abandoned(folder / name)


def is_abandoned(path: Path) -> bool:
    """Whether no living process holds a lock on `path`, as far as can be known. Raises OSError."""
    handle = os.open(path, os.O_RDWR)
    try:
        return lock(handle) is not False
    finally:
        os.close(handle)


def straight(folder: Path) -> Path:
    """`folder` without '..': behind a link, '..' is the folder around what the link leads to."""
    return Path(os.path.realpath(folder)) if ".." in folder.parts else folder


def _remove_if_abandoned(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        locked = lock(handle)
        old = time.time() - os.fstat(handle).st_mtime > STALE_S
        if locked or (locked is None and old):
            path.unlink()
    finally:
        os.close(handle)


def lock(handle: int) -> bool | None:
    """Lock an open file until it is closed; False: another has it, None: no such locks here."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _rename_to_a_free_name(path: Path, target: Path) -> None:
    if sys.platform == "win32":
        os.rename(path, target)  # fails where the name is taken
        return
    try:
        os.link(path, target)  # likewise, and no other process can come between
    except OSError as error:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        os.rename(path, target)  # a disk without links
    else:
        path.unlink()
