"""Progress on stderr: bars on a terminal, plain lines elsewhere.

It is on screen before torch is imported, so that a command that takes seconds to start says so.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from unweave.cli.session import Session

PLAIN_EVERY_S = 10.0
NAME_WIDTH = 32
REDRAW_EVERY_S = 0.1


class Display:
    """Shows how far each task is; this one shows nothing.

    A key is any value that identifies a task.
    """

    def start(self, key: object, name: str) -> None: ...
    def update(self, key: object, done_s: float, total_s: float | None) -> None: ...
    def end(self, key: object, worked: bool = True) -> None: ...
    def say(self, text: str) -> None:
        """How far the work is, in words of the caller's own."""


@contextmanager
def display(session: Session, weights: Mapping[Any, int] | None = None) -> Iterator[Display]:
    """Show progress while the body runs; `weights` are the tasks of a batch and their sizes."""
    if session.quiet:
        yield Display()
    elif sys.stderr.isatty():
        yield from _on_terminal(session, weights or {})
    else:
        yield _Lines(session, len(weights or {}))


class _Lines(Display):
    """For logs: a line at the start of each file, then one every ten seconds."""

    def __init__(self, session: Session, count: int) -> None:
        self.session, self.count, self.ended = session, count, 0
        self.tasks: dict[object, tuple[str, float]] = {}  # name, and when it began
        self.told_s: dict[object, float] = {}

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = name, time.monotonic()
        self.told_s[key] = time.monotonic()
        place = f" ({self.ended + len(self.tasks)} of {self.count})" if self.count > 1 else ""
        self.session.note(f"{name}: at work{place}")

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        name, began_s = self.tasks[key]
        self._note(key, f"{name}: {words(done_s, total_s, time.monotonic() - began_s)}")

    def end(self, key: object, worked: bool = True) -> None:
        self.tasks.pop(key, None)
        self.ended += 1

    def say(self, text: str) -> None:
        self._note(None, text)

    def _note(self, key: object, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self.told_s.get(key, -PLAIN_EVERY_S) >= PLAIN_EVERY_S:
            self.told_s[key] = now_s
            self.session.note(text)


class _Bars(Display):
    """For people: a bar for each file at work, and one for the whole batch below them.

    The batch counts files by their size and leaves out those that were skipped.
    """

    def __init__(self, bars: Bars, weights: Mapping[object, int], lock: threading.RLock) -> None:
        self.bars, self.lock, self.weights = bars, lock, dict(weights)
        self.count, self.ended = len(weights), 0
        self.tasks: dict[object, TaskID] = {}
        self.parts: dict[object, tuple[float, float]] = {}  # of each file: part done, seconds
        self.line = self._add(self._batch_name()) if self.count > 1 else None

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = self._add(name)

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        done = min(done_s, total_s) if total_s else done_s  # a declared length may be short
        self.bars.update(self.tasks[key], completed=done, total=total_s or None, sound_s=done_s)
        self.parts[key] = done / total_s if total_s else 0.0, done_s
        self._show_batch()

    def end(self, key: object, worked: bool = True) -> None:
        if key in self.tasks:
            with self.lock:
                self.bars.remove_task(self.tasks.pop(key))
        self.ended += 1
        self.parts[key] = 1.0, self.parts.get(key, (0.0, 0.0))[1]
        if not worked:
            self.weights.pop(key, None)
        self._show_batch()

    def say(self, text: str) -> None:
        if self.line is None:
            self.line = self._add(text)
        self.bars.update(self.line, description=text, sound_s=None)

    def _add(self, name: str) -> TaskID:
        short = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
        with self.lock:
            return self.bars.add_task(short, total=None, sound_s=0.0)

    def _show_batch(self) -> None:
        if self.line is not None:
            done = sum(part * self.weights.get(key, 0) for key, (part, _) in self.parts.items())
            self.bars.update(
                self.line,
                description=self._batch_name(),
                completed=done,
                total=sum(self.weights.values()) or None,
                sound_s=sum(done_s for _, done_s in self.parts.values()),
            )

    def _batch_name(self) -> str:
        return f"{self.ended} of {self.count} files"


def _on_terminal(session: Session, weights: Mapping[object, int]) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            sound_s, took_s = task.fields["sound_s"], task.elapsed
            if sound_s is None:
                return Text()
            speed = times_real_time(sound_s, took_s) if sound_s and took_s else "starting"
            return Text(speed, style="cyan")

    console, lock = Console(stderr=True), threading.RLock()
    # Without redirection: what goes to stdout must not turn up on stderr. Without rich's own
    # refreshing: it may redraw between a print's measuring and its writing, and eat a line.
    bars = Progress(
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        Speed(),
        TimeRemainingColumn(compact=True),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def write(text: str, err: bool) -> None:
        if err or sys.stdout.isatty():  # above the bars
            with lock:
                console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
        else:
            typer.echo(text)

    before, session.write = session.write, write
    try:
        with bars, _redrawn(session, bars, lock):
            yield _Bars(bars, weights, lock)
    finally:
        session.write = before


@contextmanager
def _redrawn(session: Session, bars: Bars, lock: threading.RLock) -> Iterator[None]:
    """Redraw the bars in the background, also while the main thread imports torch."""
    over = threading.Event()

    def redraw() -> None:
        told = False
        while not over.wait(REDRAW_EVERY_S):
            if session.should_stop() and not told:
                told = True
                session.note("stopping, nothing half-written is kept (Ctrl-C again: at once)")
            with lock:
                bars.refresh()

    thread = threading.Thread(target=redraw, name="unweave-bars", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def words(done_s: float, total_s: float | None, took_s: float) -> str:
    """Percent, speed and time left, as far as they are known."""
    if not done_s:
        return "starting"
    speed = times_real_time(done_s, max(1e-6, took_s))
    if not total_s:
        return f"{clock(done_s)}, {speed}"
    part = min(1.0, done_s / total_s)
    return f"{100 * part:.0f} %, {speed}, {clock(took_s * (1.0 - part) / part)} left"


def times_real_time(sound_s: float, took_s: float) -> str:
    """How many times as fast as the sound lasts, to two digits: `0.034x real time`, `120x ...`."""
    return f"{float(f'{sound_s / took_s:.2g}'):.15g}x real time"


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`; a noun that ends in a hiss adds `es`."""
    end = "" if count == 1 else "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{count} {noun}{end}"


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    minutes, secs = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"
