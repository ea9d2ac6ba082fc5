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
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from unweave.cli.session import Session

PLAIN_EVERY_S = 10.0
NAME_WIDTH = 32
REDRAW_EVERY_S = 0.1


class Display(Protocol):
    """What shows how far each task is. A key is whatever the caller tells its tasks apart by."""

    def start(self, key: object, name: str) -> None: ...
    def update(self, key: object, done_s: float, total_s: float | None) -> None: ...
    def end(self, key: object, worked: bool = True) -> None: ...


@dataclass(slots=True)
class Pace:
    """How far and how fast: seconds of sound done, against the clock."""

    began_s: float
    done_s: float = 0.0
    fraction: float | None = None  # of the work; None: not known

    def words(self, now_s: float) -> tuple[str, str, str]:
        """Percent, speed and time left, as far as they are known."""
        elapsed_s = max(1e-6, now_s - self.began_s)
        speed = times_real_time(self.done_s, elapsed_s) if self.done_s else ""
        if not self.fraction:
            return clock(self.done_s) if self.done_s else "", speed, ""
        left_s = elapsed_s * (1.0 - self.fraction) / self.fraction
        return f"{100 * self.fraction:.0f} %", speed, f"{clock(left_s)} left"


@dataclass(slots=True)
class Tally:
    """How far a whole batch is, files weighted by their size, skipped ones left out."""

    weights: dict[object, int]
    pace: Pace = field(default_factory=lambda: Pace(time.monotonic()))
    ended: int = 0
    done_weight: float = 0.0
    sound_s: float = 0.0
    partly: dict[object, tuple[float, float]] = field(default_factory=dict)  # fraction, seconds

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        fraction = min(1.0, done_s / total_s) if total_s else 0.0
        self.partly[key] = fraction, done_s
        self._count()

    def end(self, key: object, worked: bool) -> None:
        _, done_s = self.partly.pop(key, (0.0, 0.0))
        self.ended += 1
        self.sound_s += done_s
        if worked:
            self.done_weight += self.weights.get(key, 0)
        else:
            self.weights.pop(key, None)
        self._count()

    def _count(self) -> None:
        now = sum(self.weights.get(key, 0) * part for key, (part, _) in self.partly.items())
        self.pace.fraction = (self.done_weight + now) / max(1, sum(self.weights.values()))
        self.pace.done_s = self.sound_s + sum(done_s for _, done_s in self.partly.values())


@contextmanager
def display(session: Session, weights: Mapping[Any, int] | None = None) -> Iterator[Display]:
    """Show progress while the body runs; `weights` are the tasks of a batch and their sizes."""
    if session.quiet:
        yield _Silent()
    elif sys.stderr.isatty():
        yield from _on_terminal(session, weights or {})
    else:
        yield _Lines(session, len(weights or {}))


class _Silent:
    def start(self, key: object, name: str) -> None: ...
    def update(self, key: object, done_s: float, total_s: float | None) -> None: ...
    def end(self, key: object, worked: bool = True) -> None: ...


class _Lines:
    """For logs: a line at the start of each file, then one every ten seconds."""

    def __init__(self, session: Session, count: int) -> None:
        self.session = session
        self.count = count
        self.ended = 0
        self.tasks: dict[object, tuple[str, Pace]] = {}
        self.told_s: dict[object, float] = {}

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = name, Pace(time.monotonic())
        self.told_s[key] = time.monotonic()
        place = f" ({self.ended + len(self.tasks)} of {self.count})" if self.count > 1 else ""
        self.session.note(f"{name}: at work{place}")

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        now_s = time.monotonic()
        name, pace = self.tasks[key]
        _advance(pace, done_s, total_s)
        if now_s - self.told_s[key] >= PLAIN_EVERY_S:
            self.told_s[key] = now_s
            self.session.note(f"{name}: {', '.join(filter(None, pace.words(now_s)))}")

    def end(self, key: object, worked: bool = True) -> None:
        self.tasks.pop(key, None)
        self.ended += 1


class _Bars:
    """For people: a bar for each file at work, and one for the whole batch below them."""

    def __init__(self, bars: Bars, weights: Mapping[object, int], lock: threading.RLock) -> None:
        self.bars = bars
        self.lock = lock
        self.count = len(weights)
        self.tally = Tally(dict(weights))
        self.tasks: dict[object, tuple[Any, Pace]] = {}
        self.batch = self._add(self._batch_name()) if self.count > 1 else None

    def start(self, key: object, name: str) -> None:
        self.tasks[key] = self._add(name), Pace(time.monotonic())

    def update(self, key: object, done_s: float, total_s: float | None) -> None:
        task, pace = self.tasks[key]
        _advance(pace, done_s, total_s)
        self._show(task, pace)
        self.tally.update(key, done_s, total_s)
        self._show_batch()

    def end(self, key: object, worked: bool = True) -> None:
        if key in self.tasks:
            with self.lock:
                self.bars.remove_task(self.tasks.pop(key)[0])
        self.tally.end(key, worked)
        self._show_batch()

    def _add(self, name: str) -> Any:
        short = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
        with self.lock:
            return self.bars.add_task(short, total=None, percent="", speed="starting", left="")

    def _show(self, task: Any, pace: Pace) -> None:
        percent, speed, left = pace.words(time.monotonic())
        total = 1.0 if pace.fraction is not None else None
        self.bars.update(
            task,
            completed=pace.fraction or 0.0,
            total=total,
            percent=percent,
            speed=speed or "starting",
            left=left,
        )

    def _show_batch(self) -> None:
        if self.batch is not None:
            self.bars.update(self.batch, description=self._batch_name())
            self._show(self.batch, self.tally.pace)

    def _batch_name(self) -> str:
        return f"{self.tally.ended} of {self.count} files"


def _on_terminal(session: Session, weights: Mapping[object, int]) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[percent]:>5}", markup=False),
        TextColumn("{task.fields[speed]}", style="cyan", markup=False),
        TextColumn("{task.fields[left]}", style="dim", markup=False),
    )
    # Without redirection: what goes to stdout must not turn up on stderr. Without rich's own
    # refreshing: it may redraw between a print's measuring and its writing, and eat a line.
    bars = Progress(
        *columns,
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    lock = threading.RLock()

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


def _advance(pace: Pace, done_s: float, total_s: float | None) -> None:
    pace.done_s = done_s
    pace.fraction = min(1.0, done_s / total_s) if total_s else None


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
