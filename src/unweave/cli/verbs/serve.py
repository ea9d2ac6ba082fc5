"""`unweave serve`: an HTTP service that separates recordings for others."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.session import session

ACCESS, LIMITS, KEEPING, MACHINE = "Who may use it", "Limits", "What it keeps", "Machine"
PATIENCE_S = 60.0  # for jobs and answers to come to an end

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of everything that the service keeps.",
        show_default="the user's data folder",
        rich_help_panel=KEEPING,
    ),
]
KeepDays = Annotated[
    float,
    typer.Option(metavar="DAYS", help="Finished jobs go after that.", rich_help_panel=KEEPING),
]
KeepGb = Annotated[
    float,
    typer.Option(
        metavar="GB", help="The oldest go when all take more than that.", rich_help_panel=KEEPING
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        help="Segments computed in parallel.",
        show_default="one per core",
        rich_help_panel=MACHINE,
    ),
]
MaxMemory = Annotated[
    int | None,
    typer.Option(
        "--max-memory",
        metavar="MB",
        help="Memory limit of the worker.",
        show_default="free memory",
        rich_help_panel=MACHINE,
    ),
]


def serve(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen at. Any but this machine's own needs a token.",
            rich_help_panel=ACCESS,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", help="0: any that is free.", rich_help_panel=ACCESS)
    ] = 8750,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tokens of clients, one a line; each sees its own jobs.",
            show_default="none, or a new one",
            rich_help_panel=ACCESS,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name that the service is called by.",
            show_default="localhost",
            rich_help_panel=ACCESS,
        ),
    ] = None,
    allow_path: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder whose files jobs may name.",
            show_default="none",
            rich_help_panel=ACCESS,
        ),
    ] = None,
    allow_urls: Annotated[
        bool,
        typer.Option(
            "--allow-urls",
            help="Jobs may name the address of a sound file on the public network.",
            rich_help_panel=ACCESS,
        ),
    ] = False,
    kinds: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Kinds of jobs, as in separate,karaoke.",
            show_default="all",
            rich_help_panel=ACCESS,
        ),
    ] = "",
    most_gb: Annotated[
        float, typer.Option(metavar="GB", help="Of a file.", rich_help_panel=LIMITS)
    ] = 4.0,
    most_hours: Annotated[
        float, typer.Option(metavar="HOURS", help="Of a recording.", rich_help_panel=LIMITS)
    ] = 12.0,
    most_channels: Annotated[
        int, typer.Option(metavar="NUMBER", help="Of a recording.", rich_help_panel=LIMITS)
    ] = 16,
    most_waiting: Annotated[
        int, typer.Option(metavar="NUMBER", help="Jobs of one client.", rich_help_panel=LIMITS)
    ] = 200,
    requests_per_s: Annotated[
        float,
        typer.Option(metavar="NUMBER", help="Of one client, on average.", rich_help_panel=LIMITS),
    ] = 100.0,
    data: Data = None,
    keep_days: KeepDays = 30.0,
    keep_gb: KeepGb = 100.0,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            help="Jobs at a time, each of another client.",
            rich_help_panel=MACHINE,
        ),
    ] = 2,
    threads: Threads = None,
    max_memory: MaxMemory = None,
) -> None:
    """Serve separations over HTTP, for the web page and for programs."""
    with session(polls=True, patience_s=PATIENCE_S) as current:
        import unweave

        def ready(address: str, token: str | None) -> None:
            current.result(f"unweave serves at {address}")
            if token is not None:
                current.result(f"token: {token}")

        unweave.serve(
            data,
            token_file=token_file,
            on_ready=ready,
            should_stop=current.should_stop,
            host=host,
            port=port,
            allow_hosts=tuple(allow_host or ()),
            allow_paths=tuple(allow_path or ()),
            allow_urls=allow_urls,
            kinds=tuple(kind.strip() for kind in kinds.split(",") if kind.strip()),
            most_bytes=int(most_gb * 1e9),
            most_s=most_hours * 3600,
            most_channels=most_channels,
            most_waiting=most_waiting,
            requests_per_s=requests_per_s,
            keep_days=keep_days,
            keep_bytes=int(keep_gb * 1e9),
            jobs=jobs,
            threads=threads,
            max_memory_mb=max_memory,
        )


ALONE = True
EXAMPLES = (
    "unweave serve",
    "unweave serve --host 0.0.0.0 --token-file tokens.txt --allow-host music.example.org",
)
