"""`unweave forensic`: examine recordings as evidence."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli import blas
from unweave.cli.declared import with_options
from unweave.cli.options import (
    MACHINE,
    MODEL,
    JsonInPanel,
    Pull,
    QuietInPanel,
    Seed,
    VerboseInPanel,
)
from unweave.cli.session import session
from unweave.request import Execution

CASE = "Case"


@with_options({Execution: MACHINE})
def forensic(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...",
            help="Recordings, or patterns in quotes. They are only read.",
            show_default=False,
        ),
    ],
    case: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the case; one that is there is added to.",
            show_default="NAME-case, for one file",
            rich_help_panel=CASE,
        ),
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who does the examination.",
            show_default="name of the account",
            rich_help_panel=CASE,
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Sign the log: an Ed25519 key in PEM.",
            show_default=False,
            rich_help_panel=CASE,
        ),
    ] = None,
    mains_hz: Annotated[
        float | None,
        typer.Option(
            metavar="HZ",
            help="Frequency of the mains, 50 or 60.",
            show_default="the stronger one",
            rich_help_panel=CASE,
        ),
    ] = None,
    mains_reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Recording of the mains, or CSV of seconds and hertz, to compare with.",
            show_default=False,
            rich_help_panel=CASE,
        ),
    ] = None,
    technique: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:STEM]",
            help="Separator whose stem brings voices forward, as a mask; repeat it for several; "
            "none.",
            show_default="spectral-subtraction",
            rich_help_panel=MODEL,
        ),
    ] = None,
    pull: Pull = False,
    seed: Seed = 0,
    as_json: JsonInPanel = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Examine recordings as evidence: findings, voices brought forward, a report, and a log.

    The recordings are only read, and everything is done on copies. 'unweave verify CASE' checks a
    case, and repeats it.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        blas.one_thread()
        from unweave.apps import forensic as app
        from unweave.cli.batch import work_through
        from unweave.core.files import shown

        folder, jobs, lost = app.planned(inputs, case)
        order = app.ordered(
            technique or (),
            options,
            operator=operator,
            mains_hz=mains_hz,
            mains_reference=mains_reference,
            sign=sign,
            seed=seed,
        )

        def closed(outcomes: list[Any]) -> None:
            made = [o.report["case"] for o in outcomes if o.report and "case" in o.report]
            if made:
                current.result(f"case  {shown(made[0]['folder'])}")
                current.result(f"  report  {made[0]['report']}, {made[0]['certificate']}")
                if made[0]["signature"]:
                    current.result(f"  signed  {made[0]['signature']}")
                current.result(f"  log     entry {made[0]['entry']}, {made[0]['log_hash']}")

        work_through(
            current,
            jobs,
            lost,
            [],
            lambda watcher: app.run(jobs, lost, order, folder, watcher, current.should_stop),
            models=[each.request.separator.model or "" for each in order.techniques],
            pull=pull,
            lines=_lines,
            after=closed,
        )


def _lines(outcome: Any, verbose: bool) -> list[str]:
    """What was found in a recording, for people."""
    from collections import Counter

    from unweave.apps.forensic.findings import describing
    from unweave.core.files import shown

    report = outcome.report
    lines = [f"{shown(outcome.source)}: SHA-256 {report['evidence']['sha256']}"]
    lines.append(f"  folder    {shown(report['evidence']['copy'].split('/')[0])}")
    kinds = [finding["kind"] for finding in report["findings"]]
    counts = Counter(kind for kind in kinds if kind not in describing())
    found = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    lines.append(f"  findings  {found or 'none'}")
    if verbose:
        lines += [f"    {_finding(finding)}" for finding in report["findings"]]
    return lines + [f"  warning: {shown(warning)}" for warning in report["warnings"]]


def _finding(finding: dict[str, Any]) -> str:
    from unweave.core.files import shown

    at = "" if finding["start_s"] is None else f"{finding['start_s']:.3f} s: "
    return f"{at}{shown(finding['words'])}"


EXAMPLES = (
    "unweave forensic call.wav --operator 'A. Smith'",
    "unweave forensic one.wav two.mp3 --case matter-12 --sign key.pem",
    "unweave forensic talk.wav --technique spectral-subtraction --technique rpca",
)
