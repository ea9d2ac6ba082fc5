"""The picture of an UltraStar song, which its text names: where the song goes, it goes too.

It is only taken from beside the text, by its mere name and where it is a picture: a text from
elsewhere has no other file of the user copied.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from unweave.core.atomic import atomic_path
from unweave.core.files import readable, writable
from unweave.lyrics.model import Lyrics

TAG = "cover"
LARGEST = 64 << 20  # bytes
# How JPEG, PNG, GIF, WebP and BMP begin; a BMP's second header is 40 bytes or more, in 4 bytes.
_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM.{8}....[\x28-\x7c]\0\0\0", re.DOTALL
)


def beside(lyrics: Lyrics, path: Path) -> Path | None:
    """The picture that lyrics of the file `path` name, None where none is there."""
    name = lyrics.tags.get(TAG, "").strip()
    if not name or name in (".", "..") or any(mark in name for mark in "/\\\0"):
        return None
    file = path.parent / name
    if not file.is_file() or file.is_symlink() or file.stat().st_size > LARGEST:
        return None
    with readable(file), file.open("rb") as opened:
        return file if _PICTURE.match(opened.read(32)) else None


def copied(lyrics: Lyrics, source: Path, target: Path, *, overwrite: bool = False) -> Path | None:
    """Copy the picture of the song `source` to beside the song `target`.

    The copy; None where there is no picture, or one of its name that stays. Raises InputError,
    OutputError.
    """
    picture = beside(lyrics, source)
    if picture is None:
        return None
    copy = target.parent / picture.name
    if copy.name.casefold() == target.name.casefold():  # the song has that name
        return None
    if copy.exists() and (not overwrite or copy.samefile(picture)):
        return None
    with readable(picture), writable(copy), atomic_path(copy) as hidden:
        shutil.copyfile(picture, hidden)
    return copy
