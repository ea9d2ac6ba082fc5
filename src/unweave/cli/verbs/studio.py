"""`unweave studio`: the web page, served for this machine's own browser."""

from typing import Annotated

import typer

from unweave.cli.session import session
from unweave.cli.verbs.serve import PATIENCE_S, Data, KeepDays, KeepGb, MaxMemory, Threads


def studio(
    port: Annotated[int, typer.Option(metavar="NUMBER", help="0: any that is free.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    data: Data = None,
    keep_days: KeepDays = 30.0,
    keep_gb: KeepGb = 100.0,
    threads: Threads = None,
    max_memory: MaxMemory = None,
) -> None:
    """Open the studio in the browser: separate songs, listen, mix."""
    with session(polls=True, patience_s=PATIENCE_S) as current:
        import unweave

        unweave.studio(
            data,
            port=port,
            browser=browser,
            on_ready=lambda address, _: current.result(f"the studio is at {address}"),
            should_stop=current.should_stop,
            keep_days=keep_days,
            keep_bytes=int(keep_gb * 1e9),
            threads=threads,
            max_memory_mb=max_memory,
        )


ALONE = True
EXAMPLES = ("unweave studio", "unweave studio --no-browser")
