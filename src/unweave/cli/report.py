"""`unweave report`: the scores of a benchmark as one page to read and to hand on."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import Quiet, Tracebacks
from unweave.cli.session import session


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that `unweave benchmark` wrote.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page.", show_default="DIR/report.html"),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Its twin in Markdown.", show_default="beside the page, as .md"),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="Test all systems against this one.", show_default="each separator"),
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
        from unweave.apps.batch import shown
        from unweave.bench import report as pages
        from unweave.core.errors import UsageError

        page = pages.build(folder, baseline=baseline)
        html_file = output or folder / "report.html"
        markdown_file = markdown or html_file.with_suffix(".md")
        if markdown_file == html_file:
            raise UsageError(
                f"{shown(html_file)}: cannot be both page and Markdown; end -o in .html"
            )
        for line in page.left_out:
            current.note(f"note: {shown(line)}")
        pages.write(page, html_file, markdown_file)
        for file in (html_file, markdown_file):
            current.result(shown(file))
        if as_json:
            files = {"html": str(html_file), "markdown": str(markdown_file)}
            current.emit({"files": files, **pages.document(page)})
