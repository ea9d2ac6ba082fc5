"""Progress on stderr: bars on a terminal, plain lines elsewhere.

It is on screen before torch is imported, so that a command that takes seconds to start says so.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from unweave.cli.session import Session

PLAIN_EVERY_S = 10.0
NAME_WIDTH = 32
REDRAW_EVERY_S = 0.1


@dataclass(slots=True)
class Pace:
    """How far and how fast: seconds of sound done, against the clock."""

    began_s: float = field(default_factory=lambda: time.monotonic())
    done_s: float = 0.0
    fraction: float | None = None  # of the work; None: not known

    def update(self, done_s: float, total_s: float | None) -> None:
        self.done_s = done_s
        self.fraction = min(1.0, done_s / total_s) if total_s else None

    def words(self, now_s: float) -> str:
        """Percent, speed and time left, as far as they are known."""
        elapsed_s = max(1e-6, now_s - self.began_s)
        speed = times_real_time(self.done_s, elapsed_s) if self.done_s else ""
        if not self.fraction:
            return ", ".join(filter(None, [clock(self.done_s) if self.done_s else "", speed]))
        left_s = elapsed_s * (1.0 - self.fraction) / self.fraction
        return f"{100 * self.fraction:.0f} %, {speed}, {clock(left_s)} left"


class Batch:
    """How far a whole batch is, files weighted by their size, skipped ones left out."""

    def __init__(self, weights: Mapping[Any, int]) -> None:
        self.weights = dict(weights)
        self.count, self.ended, self.pace = len(weights), 0, Pace()
        self.parts: dict[object, tuple[float, float]] = {}  # of each file: fraction and seconds

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        self.parts[key] = min(1.0, done_s / total_s) if total_s else 0.0, done_s
        self._count()

    def end(self, key: object, worked: bool) -> None:
        self.ended += 1
        if worked:
            self.parts[key] = 1.0, self.parts.get(key, (0.0, 0.0))[1]
        else:
            self.weights.pop(key, None)
        self._count()

    def _count(self) -> None:
        done = sum(self.weights.get(key, 0) * part for key, (part, _) in self.parts.items())
        self.pace.fraction = done / max(1, sum(self.weights.values()))
        self.pace.done_s = sum(done_s for _, done_s in self.parts.values())


class Display:
    """Shows how far each task is; this one shows nothing.

    A key is whatever the caller tells its tasks apart by.
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
        self.tasks: dict[object, tuple[str, Pace]] = {}
        self.told_s: dict[object, float] = {}

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = name, Pace()
        self.told_s[key] = time.monotonic()
        place = f" ({self.ended + len(self.tasks)} of {self.count})" if self.count > 1 else ""
        self.session.note(f"{name}: at work{place}")

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        name, pace = self.tasks[key]
        pace.update(done_s, total_s)
        self._note(key, f"{name}: {pace.words(time.monotonic())}")

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
    """For people: a bar for each file at work, and one for the whole batch below them."""

    def __init__(self, bars: Bars, weights: Mapping[object, int], lock: threading.RLock) -> None:
        self.bars, self.lock, self.batch = bars, lock, Batch(weights)
        self.tasks: dict[object, tuple[Any, Pace]] = {}
        self.line = self._add(self._batch_name()) if len(weights) > 1 else None

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = self._add(name), Pace()

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        line, pace = self.tasks[key]
        pace.update(done_s, total_s)
        self._show(line, pace)
        self.batch.update(key, done_s, total_s)
        self._show_batch()

    def end(self, key: object, worked: bool = True) -> None:
        if key in self.tasks:
            with self.lock:
                self.bars.remove_task(self.tasks.pop(key)[0])
        self.batch.end(key, worked)
        self._show_batch()

    def say(self, text: str) -> None:
        if self.line is None:
            self.line = self._add("")
        self.bars.update(self.line, words=text)

    def _add(self, name: str) -> Any:
        short = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
        with self.lock:
            return self.bars.add_task(short, total=None, words="starting")

    def _show(self, line: Any, pace: Pace) -> None:
        total = None if pace.fraction is None else 1.0
        words = pace.words(time.monotonic()) or "starting"
        self.bars.update(line, completed=pace.fraction or 0.0, total=total, words=words)

    def _show_batch(self) -> None:
        if self.line is not None:
            self.bars.update(self.line, description=self._batch_name())
            self._show(self.line, self.batch.pace)

    def _batch_name(self) -> str:
        return f"{self.batch.ended} of {self.batch.count} files"


def _on_terminal(session: Session, weights: Mapping[object, int]) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console, lock = Console(stderr=True), threading.RLock()
    # Without redirection: what goes to stdout must not turn up on stderr. Without rich's own
    # refreshing: it may redraw between a print's measuring and its writing, and eat a line.
    bars = Progress(
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}", style="cyan", markup=False),
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
