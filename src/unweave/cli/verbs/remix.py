"""`unweave remix`: change the level, place and tone of the stems of songs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.declared import with_options
from unweave.cli.options import (
    MACHINE,
    MODEL,
    OUTPUT,
    JsonInPanel,
    Model,
    Overwrite,
    Pull,
    QuietInPanel,
    Seed,
    Settings,
    VerboseInPanel,
    Workers,
)
from unweave.cli.session import session
from unweave.request import Execution, Inference, Output

MIX = "Mix"
Words = list[str] | None


def _of_stems(metavar: str, help: str) -> Any:
    return typer.Option(metavar=metavar, help=help, show_default=False, rich_help_panel=MIX)


@with_options({Output: OUTPUT, Inference: MODEL, Execution: MACHINE})
def remix(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONGS...",
            help="Audio or video files, stem files, folders of stems that 'separate' wrote, "
            "folders of songs, or patterns in quotes.",
            show_default=False,
        ),
    ],
    gain: Annotated[Words, _of_stems("STEM=DB", "Louder, or quieter below 0: -60 to 60.")] = None,
    mute: Annotated[Words, _of_stems("STEMS", "Leave stems out.")] = None,
    solo: Annotated[Words, _of_stems("STEMS", "Leave all others out.")] = None,
    pan: Annotated[Words, _of_stems("STEM=PAN", "Place a stem: -1 left, 1 right.")] = None,
    width: Annotated[Words, _of_stems("STEM=WIDTH", "0 is mono, 1 as it is, up to 2.")] = None,
    tilt: Annotated[
        Words, _of_stems("STEM=DB", "Brighter, or darker below 0: dB for each octave, -6 to 6.")
    ] = None,
    match: Annotated[
        Words, _of_stems("STEM=FILE", "Bring a stem near the loudness and spectrum of a recording.")
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="0 to 1: below 1, less is changed where a stem is little of the mix.",
            show_default="1",
            rich_help_panel=MIX,
        ),
    ] = None,
    loudness: Annotated[
        float | None,
        typer.Option(
            metavar="LUFS",
            help="Loudness of the remix.",
            show_default="what comes out",
            rich_help_panel=MIX,
        ),
    ] = None,
    mix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Mix to start from, TOML; options win over it.",
            show_default=False,
            rich_help_panel=MIX,
        ),
    ] = None,
    write_mix: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the mix in force, as TOML.",
            show_default=False,
            rich_help_panel=MIX,
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for remixes.", rich_help_panel=OUTPUT
        ),
    ] = Path("remixes"),
    stems: Annotated[
        bool, typer.Option("--stems", help="Write the changed stems.", rich_help_panel=OUTPUT)
    ] = False,
    export: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KINDS",
            help="stem.mp4 (AAC), stem.m4a (ALAC), dawproject, rpp, labels or zip.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
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
    """Change the level, place and tone of the stems of songs, or hand them on to other programs."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.apps import remix as app
        from unweave.apps.remix import mix_file
        from unweave.cli.batch import check_model, work_through
        from unweave.core.files import shown
        from unweave.errors import UsageError
        from unweave.options import names, parse

        changes: dict[str, dict[str, Any]] = {
            "gain": _numbers("gain", gain),
            "pan": _numbers("pan", pan),
            "width": _numbers("width", width),
            "tilt": _numbers("tilt", tilt),
            "match": _pairs("match", "FILE", match),
            "mute": dict.fromkeys(names(mute), True),
            "solo": dict.fromkeys(names(solo), True),
        }
        wanted = app.in_force(mix, changes, sensitivity=sensitivity, loudness=loudness)
        name = model or registry.DEFAULT
        own = {**parse(settings or ()), "seed": seed}
        order = app.ordered(wanted, name, {**own, **options}, stems=stems, exports=names(export))
        found, lost, passed_over = app.songs(inputs, output)
        jobs = app.planned(found, order, output, overwrite)
        check_model(model, jobs, app.is_separated)
        if write_mix is not None:
            if write_mix.exists() and not overwrite:
                raise UsageError(f"{shown(write_mix)}: is there; use --overwrite, or another name")
            mix_file.write(write_mix, wanted)
        work_through(
            current,
            jobs,
            lost,
            passed_over,
            lambda watcher: app.USE.run(jobs, order, watcher, current.should_stop, workers),
            models=[name],
            pull=pull,
            takes_models=app.is_separated,
            lines=_lines,
        )


def _lines(outcome: Any, verbose: bool) -> list[str]:
    """A finished remix, for people."""
    from unweave.cli.outcomes import head, level, tail
    from unweave.core.files import shown

    report, lines = outcome.report, head(outcome)
    width = max(len(shown(item["stem"])) for item in report["levels"])
    for item in report["levels"]:
        name = "remix" if item["stem"] == "mix" else shown(item["stem"])
        lines.append(f"  {name:<{width}}  {level(item['after'])}")
    files = [*report["stems"], *report["exports"]]
    lines.append(f"  files  {', '.join(shown(item['path']) for item in files)}")
    if report["gain_db"]:
        limited = report["limited_db"]
        said = f", peaks limited by up to {limited:.1f} dB" if limited else ""
        lines.append(f"  gain of all files {report['gain_db']:+.2f} dB{said}")
    return lines + tail(report, verbose)


def _pairs(option: str, what: str, words: list[str] | None) -> dict[str, str]:
    from unweave.errors import UsageError

    found: dict[str, str] = {}
    for word in words or ():
        stem, equals, text = word.partition("=")
        if not (equals and stem.strip() and text.strip()):
            raise UsageError(f"--{option} takes STEM={what}, as in vocals=...; got {word!r}")
        found[stem.strip()] = text.strip()
    return found


def _numbers(option: str, words: list[str] | None) -> dict[str, float]:
    from unweave.errors import UsageError

    found = {}
    for stem, text in _pairs(option, "NUMBER", words).items():
        try:
            found[stem] = float(text)
        except ValueError:
            raise UsageError(
                f"--{option} takes STEM=NUMBER, as in {stem}=1; got {stem + '=' + text!r}"
            ) from None
    return found


EXAMPLES = (
    "unweave remix song.mp3 --gain vocals=-3",
    "unweave remix album/ -m hpss --mute percussive --export stem.mp4,rpp",
    "unweave remix song.stem.mp4 --solo vocals --format flac",
)
