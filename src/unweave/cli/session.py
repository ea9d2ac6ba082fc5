"""What every command shares: where words go, how errors read, and how it is interrupted.

Results go to stdout and all else to stderr; with `--json` stdout holds exactly one JSON document.
An error is one line. Words that cannot be written stop no work: those on stdout cost the exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import typer

from unweave.cli import interrupt
from unweave.cli.interrupt import INTERRUPTED, PATIENCE_S

typed: ContextVar[Mapping[str, str]] = ContextVar("typed")
"""The options of the command that runs, as they are typed, by their names in Python."""

EXTRAS = {
    "scipy": "bench",
    "fastapi": "serve",
    "uvicorn": "serve",
    "ray": "cluster",
    "pyarrow": "cluster",
    "fsspec": "cluster",
}  # what only some commands need, and the extra that installs it


@dataclass(slots=True)
class Session:
    """One run of one command."""

    quiet: bool = False
    verbose: bool | None = False  # None: the command has no -v
    as_json: bool = False
    stdout_closed: bool = False  # the reader of stdout is gone
    documented: bool = False  # the one JSON document is begun
    # What that document is, should the command be ended from a thread.
    so_far: Callable[[], object] = field(
        default=lambda: error_document("Cancelled", "interrupted", INTERRUPTED)
    )
    should_stop: Callable[[], bool] = interrupt.asked
    # How lines reach the terminal; a progress display puts itself here while it is up.
    write: Callable[[str, bool], None] = field(default=lambda text, err: typer.echo(text, err=err))

    def result(self, text: str) -> None:
        """What the user asked for: stdout, unless that is for JSON."""
        if self.quiet:
            return
        if self.as_json:
            self.note(text)
        else:
            self._to_stdout(lambda: self.write(text, False))

    def note(self, text: str) -> None:
        """What is good to know: stderr."""
        if not self.quiet:
            with suppress(OSError):
                self.write(text, True)

    def error(self, message: str, details: str = "") -> None:
        """One line on stderr, and a traceback where there is one and `-v` asked for it."""
        from unweave.core.files import shown

        hint = " (-v shows where)" if self.verbose is False and details else ""
        with suppress(OSError):
            self.write(f"error: {shown(message)}{hint}", True)
            if self.verbose and details:
                self.write(details.rstrip(), True)

    def emit(self, document: object) -> None:
        """The one JSON document. ASCII, so that it survives any terminal and any file name."""

        self.documented = True

        def write() -> None:
            sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
            sys.stdout.flush()

        self._to_stdout(write)

    def last_words(self) -> None:
        """Say that it is interrupted, from a thread: past all locks and buffers."""
        # On a terminal a progress bar may stand in this line, and have hidden the cursor.
        with suppress(OSError):
            clear = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""
            os.write(2, f"{clear}error: interrupted\n".encode())
        if self.as_json and not self.documented:
            self.documented = True
            left = (json.dumps(self.so_far(), indent=2) + "\n").encode()
            with suppress(OSError):
                while left:
                    left = left[os.write(1, left) :]

    def _to_stdout(self, write: Callable[[], None]) -> None:
        if self.stdout_closed:
            return
        try:
            write()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.stdout_closed = True
            self.error(f"standard output: {error.strerror or error}; what it was to hold is lost")


@contextmanager
def session(
    *,
    quiet: bool = False,
    verbose: bool | None = None,
    as_json: bool = False,
    polls: bool = False,
    patience_s: float = PATIENCE_S,
) -> Iterator[Session]:
    """Run a command's body; whatever goes wrong becomes one line and an exit code.

    polls: the body looks at `Session.should_stop` all the time and ends by itself, within
    `patience_s`; any other is interrupted where it is.
    """
    from unweave.engine.limits import enough_memory
    from unweave.errors import UnweaveError, UsageError

    # `quiet` and `verbose` at once: the contradiction itself is said, and briefly.
    loud = None if verbose is None else verbose and not quiet
    current = Session(quiet and not verbose, loud, as_json)
    code = 0
    try:
        with interrupt.at_work(polls, patience_s, current.last_words), enough_memory():
            if quiet and verbose:
                raise UsageError("-q and -v contradict each other; use one of them")
            if not _folder_is_there():
                raise UsageError("the current folder is gone; change to another one with cd")
            yield current
    except (typer.Abort, BrokenPipeError):
        raise
    except typer.Exit as done:
        code = done.exit_code
    except UnweaveError as error:
        kind = getattr(error, "kind", type(error).__name__)
        words = error.told(_typed) if isinstance(error, UsageError) else str(error)
        code = _ended(current, kind, words, error.exit_code)
    except KeyboardInterrupt:
        code = _ended(current, "Cancelled", "interrupted", INTERRUPTED)
    except Exception as error:
        import traceback

        if interrupt.asked() and not polls:  # a library gave what interrupted it another name
            code = _ended(current, "Cancelled", "interrupted", INTERRUPTED)
            raise typer.Exit(code) from error
        kind = type(error).__name__
        message = f"unexpected {kind}: {error}"
        if isinstance(error, OSError) and isinstance(error.filename, str | os.PathLike):
            from unweave.core.files import advice

            message = f"{error.filename}: {advice(error)}"  # the system's own words do
        lacks = (getattr(error, "name", None) or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and lacks in EXTRAS:
            kind, code = "UsageError", UsageError.exit_code
            extra = EXTRAS[lacks]
            message = (
                f"this needs {lacks}, which is not installed; run: pip install 'unweave[{extra}]'"
            )
        details = "".join(traceback.format_exception(error))
        code = _ended(current, kind, message, code or 1, details)
    if code or current.stdout_closed:
        raise typer.Exit(code or 1)


def _typed(name: str) -> str:
    """An option as it is typed, by its name in Python: `guide_db` is `--guide`."""
    from unweave.options import UNITS

    names = typed.get({})
    unit = next((unit for unit in UNITS if name.endswith(unit)), "")
    return names.get(name) or names.get(name.removesuffix(unit)) or name


def _folder_is_there() -> bool:
    try:
        return bool(os.getcwd())
    except OSError:
        return False


def _ended(current: Session, kind: str, message: str, code: int, details: str = "") -> int:
    current.error(message, details)
    if current.as_json:
        current.emit(error_document(kind, message, code))
    return code


def error_document(kind: str, message: str, code: int) -> dict[str, Any]:
    """The JSON of a command that could do nothing at all."""
    return {"error": {"kind": kind, "message": message}, "exit_code": code}
