"""`unweave evaluate`: how good are these stems, against those?"""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.evaluations import Map, Metric, Protocol, RoundTo
from unweave.cli.options import Quiet, Rounding, Verbose
from unweave.cli.session import session


def evaluate(
    references: Annotated[
        Path, typer.Argument(metavar="REFERENCES", help="Folder of true stems, or one file.")
    ],
    estimates: Annotated[
        Path, typer.Argument(metavar="ESTIMATES", help="Folder of estimates, or one file.")
    ],
    metric: Metric = Protocol.V4,
    map_: Map = None,
    rounding: RoundTo = Rounding.AUTO,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.JSON",
            help="Write the scores of every frame, in museval's format.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Score estimates against references; stems are matched by the names of their files."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.core.files import shown
        from unweave.evaluation.evaluate import evaluate_files
        from unweave.evaluation.names import parse_mapping

        mapping = parse_mapping(map_ or ())
        found = evaluate_files(references, estimates, str(metric), mapping, str(rounding))
        for warning in found.warnings:
            current.note(f"warning: {shown(warning)}")
        if output is not None:
            found.save(output)
        for table in found.tables():
            for line in table.lines():
                current.result(shown(line))
        if as_json:
            current.emit(
                {
                    "references": str(references),
                    "estimates": str(estimates),
                    **found.document(),
                    "exit_code": 0,
                }
            )


EXAMPLES = ("unweave evaluate true_stems/ stems/song",)
