"""`unweave analyze`: what is in songs, stem by stem."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.analyses import Exports, Least, NoSeparate
from unweave.cli.declared import with_options
from unweave.cli.options import (
    MACHINE,
    MODEL,
    OUTPUT,
    End,
    JsonInPanel,
    Model,
    Overwrite,
    Pull,
    QuietInPanel,
    Seed,
    Settings,
    Start,
    VerboseInPanel,
    Workers,
)
from unweave.cli.session import session
from unweave.request import Execution, Inference


@with_options({Inference: MODEL, Execution: MACHINE})
def analyze(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONGS...",
            help="Audio or video files, stem files, folders of stems that 'separate' wrote, "
            "folders of songs, or patterns in quotes.",
            show_default=False,
        ),
    ],
    stems_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Stems that are there, files as vocals.wav, or in a folder by the song's name.",
            show_default=False,
        ),
    ] = None,
    no_separate: NoSeparate = False,
    least: Least = None,
    start: Start = None,
    end: End = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for analyses.",
            rich_help_panel=OUTPUT,
        ),
    ] = Path("analyses"),
    export: Exports = None,
    overwrite: Overwrite = False,
    model: Model = None,
    pull: Pull = False,
    settings: Settings = None,
    seed: Seed = 0,
    workers: Workers = 1,
    as_json: JsonInPanel = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Find tempo, beats, key, melody, bass and form of songs, and measure their stems."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.apps import analyze as app
        from unweave.apps.analyze.files import USUAL
        from unweave.cli.batch import check_model, work_through
        from unweave.errors import UsageError
        from unweave.options import names, parse

        said = {"--no-separate": no_separate, "--stems-from": stems_from, "--model": model}
        if len(ways := [option for option, value in said.items() if value]) > 1:
            raise UsageError(f"{ways[0]} and {ways[1]} exclude each other; leave out one")
        name = None if no_separate else model or registry.DEFAULT
        own = {**parse(settings or ()), "seed": seed} if name else {}
        part = {key: time for key, time in (("start", start), ("end", end)) if time is not None}
        order = app.ordered(
            name,
            {**own, **options, **part},
            stems_from=stems_from,
            least=least,
            exports=names(export) or USUAL,
        )
        found, lost, passed_over = app.songs(inputs, output)
        jobs = app.planned(found, order, output, overwrite)
        check_model(model, jobs, app.is_separated)
        work_through(
            current,
            jobs,
            lost,
            passed_over,
            lambda watcher: app.USE.run(jobs, order, watcher, current.should_stop, workers),
            models=[name] if name is not None and stems_from is None else [],
            pull=pull,
            takes_models=app.is_separated,
            lines=_lines,
        )


def _lines(outcome: Any, verbose: bool) -> list[str]:
    """A finished analysis, for people."""
    from unweave.cli.outcomes import head, tail
    from unweave.cli.progress import counted
    from unweave.core.files import shown

    report, lines = outcome.report, head(outcome)
    for name, unit in (("tempo", " bpm"), ("metre", " beats a bar"), ("key", "")):
        if (found := report[name]) is not None:
            sure = f"confidence {found['confidence']:.2f}, on {shown(found['source'])}"
            lines.append(f"  {name:<6}  {found['value']}{unit}  ({sure})")
    if (voice := report["voice"]) is not None:
        lines.append(
            f"  voice   {voice['lowest']} to {voice['highest']}, "
            f"half of it {voice['low']} to {voice['high']}"
        )
    found = {lane["lane"]: len(lane["events"]) for lane in report["lanes"]}
    counts = [counted(count, NOUNS.get(lane, f"{lane} event")) for lane, count in found.items()]
    lines.append(f"  found   {', '.join(counts)}")
    width = max(len(shown(track["stem"])) for track in report["tracks"])
    for track in report["tracks"]:
        lufs, spread = track["loudness_lufs"], track["range_lu"]
        loud = "silent" if lufs is None else f"{lufs:.1f} LUFS"
        wide = "" if spread is None else f", range {spread:.1f} LU"
        lines.append(f"  {shown(track['stem']):<{width}}  {loud}{wide}")
    lines += [f"  left out: {said}" for said in report["left_out"]]
    return lines + tail(report, verbose)


NOUNS = {  # what an event of each lane is
    "beats": "beat",
    "downbeats": "bar",
    "key": "key",
    "form": "section",
    "activity": "passage",
    "melody": "melody note",
    "bass": "bass note",
    "chords": "chord",
    "notes": "note",
    "drums": "drum hit",
}

EXAMPLES = (
    "unweave analyze song.mp3 --export png,jams",
    "unweave analyze album/ --no-separate --json",
    "unweave analyze song.wav --stems-from stems/song",
)
