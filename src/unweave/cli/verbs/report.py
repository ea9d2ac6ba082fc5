"""`unweave report`: the scores of a benchmark as one page to read and to hand on."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import Quiet, Tracebacks
from unweave.cli.session import session


def report(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder of scores, as `unweave benchmark` writes it."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="HTML page to write.", show_default="DIR/report.html"),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Markdown page to write.", show_default="beside the page, as .md"),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="System that all others are tested against.", show_default="each separator"
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV file of all tables to write, a line per value."),
    ] = None,
    latex: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="LaTeX file of the tables, without those by track, to write."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All tables as JSON on stdout.")] = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Write tables, plots and tests of a benchmark's scores: an HTML page, and Markdown.

    The page needs no network and no other file. Oracles and, on MUSDB18's test songs, the 30
    systems of SiSEC 2018 stand beside yours.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.core.files import shown
        from unweave.errors import UsageError
        from unweave.evaluation import report as pages
        from unweave.evaluation.report import render

        page = output or folder / "report.html"
        files = {"html": page, "markdown": markdown or page.with_suffix(".md"), "csv": csv,
                 "latex": latex}  # fmt: skip
        wanted = {name: file for name, file in files.items() if file is not None}
        if len(set(wanted.values())) < len(wanted):
            raise UsageError(
                f"{shown(page)}: cannot be both page and another file; end -o in .html"
            )
        found = pages.build(folder, baseline=baseline)
        for line in found.left_out:
            current.note(f"note: {shown(line)}")
        forms = {"html": render.html, "markdown": render.markdown, "csv": pages.to_csv,
                 "latex": pages.to_latex}  # fmt: skip
        pages.write({file: forms[name](found) for name, file in wanted.items()})
        for file in wanted.values():
            current.result(shown(file))
        if as_json:
            names = {name: str(file) for name, file in wanted.items()}
            current.emit({"files": names, **pages.document(found)})


EXAMPLES = ("unweave report scores",)
