"""`unweave evaluate`: how good are these stems, against those?"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import ROUNDING, Quiet, Rounding, Verbose
from unweave.cli.session import session


class Metric(StrEnum):
    V4 = "v4"
    V3 = "v3"
    V3_SOURCES = "v3-sources"
    GLOBAL = "global"


def evaluate(
    references: Annotated[
        Path, typer.Argument(metavar="REFERENCES", help="Folder of true stems, or one file.")
    ],
    estimates: Annotated[
        Path, typer.Argument(metavar="ESTIMATES", help="Folder of estimates, or one file.")
    ],
    metric: Annotated[
        Metric,
        typer.Option(
            help="v4: BSS Eval v4, one-second frames; v3: its images version, whole length; "
            "v3-sources: for one channel; global: only metrics without filters."
        ),
    ] = Metric.V4,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ESTIMATE=REFERENCE",
            help="Reference of an estimate, where names differ; several of one are added.",
        ),
    ] = None,
    rounding: Annotated[Rounding, typer.Option(help=ROUNDING)] = Rounding.AUTO,
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
        from unweave.evaluation.text import plain

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
                    "stems": {
                        stem: {name: plain(value) for name, value in found[stem].items()}
                        for stem in found.stems
                    },
                    "tables": [table.document() for table in found.tables()],
                    "rounded_to_bits": found.scores.rounded_to_bits,
                    "lossy_references": list(found.scores.lossy_references),
                    "missing": list(found.scores.missing),
                    "unscored": list(found.scores.unscored),
                    "warnings": list(found.warnings),
                    "exit_code": 0,
                }
            )


EXAMPLES = ("unweave evaluate true_stems/ stems/song",)
