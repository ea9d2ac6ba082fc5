"""Options that mean the same in every verb that has them, and the names that complete them."""

from enum import StrEnum
from typing import Annotated

import typer

# Panels, in verbs whose help has them.
OUTPUT, MODEL, MACHINE, MESSAGES = "Output", "Model", "Machine", "Messages"

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
JsonList = Annotated[bool, typer.Option("--json", help="JSON on stdout: a list.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
QuietInPanel = Annotated[
    bool, typer.Option("--quiet", "-q", help="Errors only.", rich_help_panel=MESSAGES)
]
Tracebacks = Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More messages, and tracebacks.")]
VerboseInPanel = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="More messages, and tracebacks.", rich_help_panel=MESSAGES
    ),
]
JsonInPanel = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document on stdout; messages on stderr.",
        rich_help_panel=MESSAGES,
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Start of the part, in seconds, m:ss or h:mm:ss.",
        show_default="the beginning",
    ),
]
End = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="End of the part.", show_default="the end"),
]


DEVICE = "Processor that computes: auto, cpu, mps, cuda, or one card as cuda:1"


class Rounding(StrEnum):
    """The choices of `bench.rounding`."""

    AUTO = "auto"
    SIXTEEN = "16-bit"
    NONE = "none"


ROUNDING = (
    "Score samples of 16 bits (as SiSEC did), or as they are. auto: 16 bits if a reference is AAC, "
    "MP3 or another lossy file."
)


def model_names() -> list[str]:
    """For shell completion."""
    from unweave import registry

    return registry.names()


class Quality(StrEnum):
    """The choices of `registry.quality`."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Overwrite existing files.", rich_help_panel=OUTPUT)
]
Chosen = Annotated[
    Quality | None,
    typer.Option(
        help="Have a model chosen, of those whose weights are here.",
        show_default=False,
        rich_help_panel=MODEL,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Separator; see 'unweave models'.",
        autocompletion=model_names,
        show_default="spleeter-2stems",
        rich_help_panel=MODEL,
    ),
]
Pull = Annotated[
    bool,
    typer.Option(
        "--pull",
        help="Fetch the weights of the model where they are not here, without a question.",
        rich_help_panel=MODEL,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Option of the separator; see 'unweave models show NAME'.",
        rich_help_panel=MODEL,
    ),
]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Random seed.", rich_help_panel=MACHINE)]
Workers = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        help="Number of files in parallel.",
        rich_help_panel=MACHINE,
    ),
]


def dataset_names(incomplete: str) -> list[str]:
    """For completion."""
    from unweave.apps.dataset import names

    return [name for name in names() if name.startswith(incomplete)]
