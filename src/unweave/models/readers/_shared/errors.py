"""One line that names the file, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from unweave.errors import WeightsError


class Refused(Exception):
    """The content has something that weights do not need, or that contradicts itself."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every error in a `with` block that reads `path` into a WeightsError of one line.

    Damaged content fails in as many ways as there are bytes. A lack of memory is passed on: what
    readers take grows with the size of the file, so that it says nothing about the content.
    """
    try:
        yield
    except (WeightsError, MemoryError):
        raise
    except Refused as error:
        raise WeightsError(f"{path}: refused, {error}") from error
    except OSError as error:
        place = error.filename or path
        raise WeightsError(f"{place}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {plain(str(error))}".split())
        raise WeightsError(
            f"{path}: damaged, not readable weights ({reason:.120}); get it anew"
        ) from error


def plain(text: str, length: int = 100) -> str:
    """Text out of a file, fit for a line: without control characters, and cut."""
    return repr(text[:length])[1:-1]


def check_members(names: Iterable[str]) -> None:
    """Raises Refused for an archive with a member that would lie outside of its folder."""
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if not parts[0] or ".." in parts or ":" in parts[0]:
            raise Refused(f"its member {plain(name)!r} lies outside of the archive's folder")
