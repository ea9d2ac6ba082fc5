"""What every command shares: where words go, how errors read, and what Ctrl-C does.

Results go to stdout and all else to stderr; with `--json` stdout holds exactly one JSON document.
An error is one line. Ctrl-C and SIGTERM ask the work to stop; a second one stops it at once.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import typer

INTERRUPTED = 130


@dataclass(slots=True)
class Session:
    """One run of one command."""

    quiet: bool = False
    verbose: bool = False
    as_json: bool = False
    stopping: bool = False
    # How lines reach the terminal; a progress display puts itself here while it is up.
    write: Callable[[str, bool], None] = field(default=lambda text, err: typer.echo(text, err=err))

    def should_stop(self) -> bool:
        return self.stopping

    def result(self, text: str) -> None:
        """What the user asked for: stdout, unless that is for JSON."""
        if not self.quiet:
            self.write(text, self.as_json)

    def note(self, text: str) -> None:
        """What is good to know: stderr."""
        if not self.quiet:
            self.write(text, True)

    def error(self, message: str, details: str = "") -> None:
        """One line on stderr, and a traceback where there is one and `-v` asked for it."""
        from unweave.apps.batch import shown

        hint = "" if self.verbose or not details else " (-v shows where)"
        self.write(f"error: {shown(message)}{hint}", True)
        if self.verbose and details:
            self.write(details.rstrip(), True)

    def emit(self, document: object) -> None:
        """The one JSON document. ASCII, so that it survives any terminal and any file name."""
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()


@contextmanager
def session(
    *, quiet: bool = False, verbose: bool = False, as_json: bool = False
) -> Iterator[Session]:
    """Run a command's body; whatever goes wrong becomes one line and an exit code."""
    from unweave.core.errors import UnweaveError, UsageError

    # `quiet` and `verbose` at once: the contradiction itself is said, and briefly.
    current = Session(quiet and not verbose, verbose and not quiet, as_json)
    try:
        with _signals(current):
            if quiet and verbose:
                raise UsageError("-q and -v contradict each other; use one of them")
            yield current
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except UnweaveError as error:
        kind = getattr(error, "kind", type(error).__name__)
        raise _ended(current, kind, str(error), error.exit_code) from None
    except KeyboardInterrupt:
        raise _ended(current, "Cancelled", "interrupted", INTERRUPTED) from None
    except Exception as error:
        import traceback

        kind = type(error).__name__
        details = "".join(traceback.format_exception(error))
        raise _ended(current, kind, f"unexpected {kind}: {error}", 1, details) from None


def _ended(current: Session, kind: str, message: str, code: int, details: str = "") -> typer.Exit:
    current.error(message, details)
    if current.as_json:
        current.emit(error_document(kind, message, code))
    return typer.Exit(code)


def error_document(kind: str, message: str, code: int) -> dict[str, Any]:
    """The JSON of a command that could do nothing at all."""
    return {"error": {"kind": kind, "message": message}, "exit_code": code}


@contextmanager
def _signals(current: Session) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        if current.stopping:
            raise KeyboardInterrupt
        current.stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
