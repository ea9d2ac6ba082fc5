"""Weights that are not there yet are fetched before the work, and progress is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unweave.cli.progress import PLAIN_EVERY_S

if TYPE_CHECKING:
    from unweave.cli.session import Session
    from unweave.models.cards import Card


def fetch(
    current: Session,
    models: Iterable[str],
    bar: bool = True,
    stems: tuple[str, ...] = (),
    ask: bool = False,
) -> None:
    """Fetch what these models lack; techniques lack nothing.

    stems: those that are needed, all where none are named. bar: on a terminal a bar shows how far
    it is; without, lines do, as above bars of the caller's. ask: whether the user has to agree to
    a download of another model than the default.
    Raises UsageError for a wrong card, WeightsError when weights cannot be had or kept, Cancelled.
    """
    from unweave import registry
    from unweave.errors import Cancelled
    from unweave.models import store
    from unweave.models.store import sources
    from unweave.registry.facts import download

    for model in dict.fromkeys(models):
        needed = [c for c in registry.with_weights(model, stems) if store.needs_download(c)]
        for card in needed:
            sources.check_offered(card)
        if needed and model != registry.DEFAULT and not sources.offline():
            if ask:
                _agreed(current, model, needed)
            else:
                current.note(f"{model}: fetching its weights ({download(needed)})")
        for card in needed:
            with _shown(current, card.name, bar) as show:

                def on_bytes(
                    done: int, total: int, show: Callable[[int, int], None] = show
                ) -> None:
                    if current.should_stop():
                        raise Cancelled("interrupted")
                    show(done, total)

                store.pull(card, on_bytes)


def _agreed(current: Session, model: str, cards: Sequence[Card]) -> None:
    """The user agrees to a download. Raises WeightsError where not, or where nobody is asked."""
    import typer

    from unweave.errors import WeightsError
    from unweave.registry.facts import download

    what = download(cards)
    if not (_asks(current) and typer.confirm(f"{model}: fetch its weights ({what})?", err=True)):
        raise WeightsError(
            f"{model}: its weights are not here ({what}); run: unweave models pull {model}, or add "
            "--pull"
        )


def _asks(current: Session) -> bool:
    """Whether somebody is there to be asked."""
    quiet = current.quiet or current.as_json
    return not quiet and sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def _shown(current: Session, name: str, bar: bool) -> Iterator[Callable[[int, int], None]]:
    """A function to call with the bytes so far and in all: a bar on a terminal, lines elsewhere."""
    what = f"{name}: fetching its weights"
    if current.quiet or not bar or not sys.stderr.isatty():
        yield _lines(current, what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn(what, markup=False),
        BarColumn(24),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)


def _lines(current: Session, what: str) -> Callable[[int, int], None]:
    told_s = float("-inf")

    def show(done: int, total: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= PLAIN_EVERY_S:
            told_s = time.monotonic()
            of = f" of {total / 1e6:.0f}" if total else ""
            current.note(f"{what}, {done / 1e6:.0f}{of} MB")

    return show
