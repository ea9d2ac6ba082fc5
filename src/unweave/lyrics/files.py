"""Files of lyrics: read by what is in them and by their name, written by their name."""

from __future__ import annotations

from pathlib import Path

from unweave.core.files import readable, shown, writable
from unweave.errors import InputError, OutputError, UsageError
from unweave.lyrics.encoding import decoded
from unweave.lyrics.formats import FORMATS
from unweave.lyrics.model import Lyrics

LARGEST = 16 << 20  # bytes


def read(path: Path | str, *, format: str | None = None, encoding: str | None = None) -> Lyrics:
    """The lyrics of a file.

    format: a name of `FORMATS`; without it what is in the file decides, then its extension.
    encoding: as in 'cp1252'; without it as `unweave.lyrics.encoding` finds it. Raises InputError,
    which names the line, and UsageError for a format that there is not.
    """
    path = Path(path)
    text, warnings = text_of(path, encoding)
    name = format or format_of(path, text)
    if name not in FORMATS:
        raise UsageError(f"no format of lyrics is called {name!r}; there are {', '.join(FORMATS)}")
    try:
        found = FORMATS[name].read(text)
    except ValueError as error:
        raise InputError(f"{shown(path)}: {shown(str(error))}") from error
    if not any(line.text for line in found.lines):
        raise InputError(f"{shown(path)}: no words are in it; give a file of lyrics")
    return Lyrics(found.lines, found.tags, found.grid, (*warnings, *found.warnings))


def format_of(path: Path, text: str) -> str:
    """The name of the format of a file with this text. Raises InputError."""
    for name, each in FORMATS.items():
        if each.recognises(text):
            return name
    suffix = path.suffix.lower()
    for name, each in reversed(FORMATS.items()):
        if suffix in each.SUFFIXES:
            return name
    raise InputError(f"{shown(path)}: neither its name nor its lines say what it is; {_ADVICE}")


def write(
    lyrics: Lyrics, path: Path | str, *, format: str | None = None, overwrite: bool = True
) -> tuple[str, ...]:
    """A file in the format of its extension, or in `format`; `.txt` is UltraStar's where the lyrics
    have times. Returns what the file does not say of the lyrics.

    Raises OutputError, UsageError for a format that there is not.
    """
    path = Path(path)
    name = format or format_for(path, lyrics)
    if name not in FORMATS:
        raise UsageError(f"no format of lyrics is called {name!r}; there are {', '.join(FORMATS)}")
    try:
        written = FORMATS[name].write(lyrics)
    except ValueError as error:
        raise OutputError(f"{shown(path)}: {error}, which these lyrics do not have") from error
    _save(path, written.text.encode("utf-8", errors="replace"), overwrite)
    return written.losses


def check_output(path: Path | str, *, overwrite: bool = True) -> None:
    """What `write` would say of a place before there are lyrics to write.

    Raises OutputError for a file that is there and stays, UsageError for an unknown extension.
    """
    path = Path(path)
    if not any(path.suffix.lower() in each.SUFFIXES for each in FORMATS.values()):
        raise UsageError(f"{shown(path)}: no format of lyrics has this extension; {_ADVICE}")
    if not overwrite and path.exists():
        raise OutputError(f"{shown(path)}: {_THERE}")


def format_for(path: Path, lyrics: Lyrics) -> str:
    """The name of the format in which a file is written. Raises UsageError."""
    suffix = path.suffix.lower()
    names = [name for name, each in FORMATS.items() if suffix in each.SUFFIXES]
    if not names:
        raise UsageError(f"{shown(path)}: no format of lyrics has this extension; {_ADVICE}")
    return names[0] if lyrics.timed else names[-1]


_THERE = "is there already; choose another name, or --overwrite"
_ADVICE = "extensions are .lrc, .txt, .ass and .srt, and --format names one of " + ", ".join(
    FORMATS
)


def text_of(path: Path, encoding: str | None = None) -> tuple[str, tuple[str, ...]]:
    """What stands in a file, and what to warn of. Raises InputError."""
    with readable(path), path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(
            f"{shown(path)}: has more than {LARGEST >> 20} MB; no lyrics are that long, give "
            "another file"
        )
    try:
        return decoded(data, encoding)
    except ValueError as error:
        raise InputError(f"{shown(path)}: {shown(str(error))}") from error


def _save(path: Path, content: bytes, overwrite: bool) -> None:
    from unweave.core.atomic import atomic_path

    try:
        with writable(path), atomic_path(path, replace=overwrite) as hidden:
            hidden.write_bytes(content)
    except OutputError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise OutputError(f"{shown(path)}: {_THERE}") from error
        raise
