"""`unweave dataset`: which datasets there are, and whether a copy of one is whole."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unweave.cli.options import Json, JsonList, Quiet, dataset_names
from unweave.cli.session import Session, session

if TYPE_CHECKING:
    from unweave.apps.dataset import Checked
    from unweave.cli.progress import Display
    from unweave.types import Progress

_NAMED_ERRORS = 20

app = typer.Typer(help="Datasets: recordings with their stems, for scores and training.")


@app.callback(invoke_without_command=True)
def dataset(context: typer.Context) -> None:
    """Datasets, recordings with their stems: list (the default), check ROOT."""
    if context.invoked_subcommand is None:
        list_datasets()


@app.command("list")
def list_datasets(
    as_json: JsonList = False,
) -> None:
    """List every dataset with its stems, splits and licence."""
    with session(as_json=as_json) as current:
        from unweave.apps.dataset import facts

        found = facts()
        if as_json:
            current.emit(found)
            return
        for fact in found:
            current.result(f"{fact['name']}: {fact['title']}")
            stems = ", ".join(fact["stems"]) or "as the files are called"
            rows = {
                "stems": stems,
                "splits": ", ".join(fact["splits"]),
                "layout": fact["layout"],
                "licence": fact["licence"],
                "obtain": fact["obtain"],
            }
            for key, value in rows.items():
                if value:
                    current.result(f"  {key:<8} {value}")


@app.command("check", no_args_is_help=True)
def check(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder of the dataset.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", help="Name of the dataset, if its folder is ambiguous.",
            autocompletion=dataset_names, show_default=False,
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Its split.", show_default=False)] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Decode all files; check the sum of the stems.")
    ] = False,
    index: Annotated[
        Path | None,
        typer.Option(help="File of checksums to compare with.", show_default=False),
    ] = None,
    write_index: Annotated[
        Path | None,
        typer.Option(help="File of checksums to write.", show_default=False),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every track and error, and tracebacks.")
    ] = False,
) -> None:  # fmt: skip
    """Check that a dataset is complete: files, rates, lengths, and on demand sums and checksums.

    Exit code: 0 without errors, 1 with errors.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps import dataset as app_dataset
        from unweave.cli.progress import display
        from unweave.errors import UsageError

        if index is not None and write_index is not None:
            raise UsageError("--index compares and --write-index makes one; use one of them")
        known = None if index is None else app_dataset.read_index(index)
        with display(current) as progress:
            show = partial(_show, progress, root)

            verdict = app_dataset.check(
                root,
                dataset=dataset,
                split=split,
                decode=decode,
                index=known,
                on_progress=show,
            )
            if write_index is not None and verdict.is_whole:
                made = app_dataset.make_index(
                    root,
                    dataset=verdict.dataset,
                    split=split,
                    on_progress=show,
                )
                app_dataset.write_index(made, write_index)
        if as_json:
            current.emit(verdict.as_dict())
        _say(current, verdict, write_index)
        raise typer.Exit(0 if verdict.is_whole else 1)


def _show(display: "Display", root: Path, progress: "Progress") -> None:
    if not progress.done_s:  # the dataset could be listed
        display.start(root, root.name or str(root))
    display.update(root, progress.done_s, progress.total_s)


def _say(current: Session, verdict: "Checked", write_index: Path | None) -> None:
    """The verdict in words: what is wrong on stderr, the summary on stdout."""
    from unweave.core.files import shown

    for track in verdict.tracks if current.verbose else ():
        left = "" if track.sum_db is None else f", stems to {track.sum_db:.1f} dB below the mix"
        current.result(f"{shown(track.name)}: {track.split}, {track.duration_s:.3f} s{left}")
    errors = [*verdict.errors, *(each for track in verdict.tracks for each in track.errors)]
    named = errors if current.verbose else errors[:_NAMED_ERRORS]
    for error in named:
        current.error(error)
    if len(named) < len(errors):
        current.note(f"and {len(errors) - len(named)} more (-v shows all)")
    if current.as_json:
        return
    current.result(f"{verdict.dataset}: {_summary(verdict)}")
    if write_index is not None and verdict.is_whole:
        current.result(f"checksums written to {shown(write_index)}")
    current.result(f"{len(errors)} error{'s' * (len(errors) != 1)}" if errors else "no errors")


def _summary(verdict: "Checked") -> str:
    from unweave.cli.progress import clock

    tracks = verdict.tracks
    splits = Counter(track.split for track in tracks)
    formats = Counter((track.sample_rate_hz, track.channels) for track in tracks)
    words = [
        f"{len(tracks)} tracks ({', '.join(f'{name} {n}' for name, n in splits.items())})",
        clock(sum(track.duration_s for track in tracks)),
        *(
            f"{rate} Hz with {channels} channel{'s' * (channels != 1)}"
            for rate, channels in formats
        ),
    ]
    sums = sorted(track.sum_db for track in tracks if track.sum_db is not None)
    if sums:
        words.append(
            f"the mix less its stems is {sums[0]:.1f} dB below the mix at worst, "
            f"{sums[len(sums) // 2]:.1f} dB in the median"
        )
    return ", ".join(words) if tracks else "could not be listed"


EXAMPLES = {
    list_datasets: ("unweave dataset list",),
    check: ("unweave dataset check MUSDB18 --decode",),
}
