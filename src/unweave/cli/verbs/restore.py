"""`unweave restore`: take clicks, hum, noise and other damage out of recordings."""

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

RESTORATION, NOISE, PLACE = "Restoration", "Noise", "Marked place"
Text = str | None


def _option(panel: str, metavar: str, help: str, default: str | bool = False) -> Any:
    return typer.Option(metavar=metavar, help=help, show_default=default, rich_help_panel=panel)


@with_options({Output: OUTPUT, Inference: MODEL, Execution: MACHINE})
def restore(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...",
            help="Audio or video files, folders of them, or patterns in quotes.",
            show_default=False,
        ),
    ],
    preset: Annotated[
        Text, _option(RESTORATION, "NAME", "tape, vinyl, telephone or podcast: tools and strength.")
    ] = None,
    tools: Annotated[
        list[str] | None,
        _option(
            RESTORATION,
            "TOOLS",
            "Of declip, declick, decrackle, dehum, rumble, wow, denoise, deess, dereverb.",
            "declip,declick,dehum,rumble,denoise",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        _option(RESTORATION, "NUMBER", "0 to 1: 0 changes nothing, 0.5 is gentle.", "0.5"),
    ] = None,
    noise: Annotated[
        Text, _option(NOISE, "FROM-TO", "Passage with noise alone, as 0-1.5.", "looked for")
    ] = None,
    noise_from: Annotated[Path | None, _option(NOISE, "FILE", "Recording of the noise.")] = None,
    method: Annotated[
        Text, _option(NOISE, "NAME", "log-mmse, wiener or subtraction.", "log-mmse")
    ] = None,
    region: Annotated[
        Text, _option(PLACE, "FROM-TO", "Restore only this, as 12.5-13.1.", "everything")
    ] = None,
    band: Annotated[
        Text, _option(PLACE, "HZ-HZ", "Only these frequencies there, as 200-4000.", "all")
    ] = None,
    fill: Annotated[
        bool,
        typer.Option("--fill", help="Make it anew from what is around it.", rich_help_panel=PLACE),
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for files.", rich_help_panel=OUTPUT
        ),
    ] = Path("restored"),
    removed: Annotated[
        bool,
        typer.Option("--removed", help="Write what was removed, too.", rich_help_panel=OUTPUT),
    ] = False,
    overwrite: Overwrite = False,
    by_stem: Annotated[
        bool,
        typer.Option(
            "--by-stem",
            help="Separate first; restore voice and rest apart.",
            rich_help_panel=MODEL,
        ),
    ] = False,
    voice: Annotated[
        list[str] | None,
        _option(MODEL, "STEMS", "Stems that are the voice, with --by-stem.", "vocals"),
    ] = None,
    voice_preset: Annotated[
        Text, _option(MODEL, "NAME", "Preset for the voice, with --by-stem.", "as the rest")
    ] = None,
    dereverb_model: Annotated[
        Text, _option(MODEL, "NAME", "Separator that dereverb uses.", "one that offers it")
    ] = None,
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
    """Take clicks, hum, noise and other damage out of recordings, gently."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.apps import restore as app
        from unweave.cli.batch import work_through
        from unweave.errors import UsageError
        from unweave.jobs import find
        from unweave.options import parse

        how = app.settings(
            preset=preset,
            tools=tools,
            strength=strength,
            noise=noise,
            noise_from=noise_from,
            method=method,
            place=region,
            band=band,
            fill=fill,
        )
        if not by_stem and (model or voice or voice_preset or settings):
            raise UsageError("-m, --set, --voice and --voice-preset go with --by-stem; add it")
        own = {**parse(settings or ()), "seed": seed}
        of_voice = None
        if voice_preset is not None:
            of_voice = app.settings(preset=voice_preset, strength=strength)
        order = app.ordered(
            how,
            {**own, **options},
            removed=removed,
            by_stem=by_stem,
            model=model or registry.DEFAULT,
            voice=voice or "vocals",
            voice_settings=of_voice,
            dereverb_model=dereverb_model,
        )
        needed = [model or registry.DEFAULT] if by_stem else []
        if dereverb_model is not None:
            needed.append(dereverb_model)
        found, lost, passed_over = find(inputs, output)
        jobs = app.planned(found, order, output, overwrite)
        work_through(
            current,
            jobs,
            lost,
            passed_over,
            lambda watcher: app.USE.run(jobs, order, watcher, current.should_stop, workers),
            models=needed,
            pull=pull,
            lines=_lines,
        )


FIGURES = (
    ("noise floor", "noise_floor_dbfs", "dBFS", ".1f"),
    ("clicks", "clicks", "", ".0f"),
    ("hum", "hum_dbfs", "dBFS", ".1f"),
    ("loudness", "loudness_lufs", "LUFS", ".1f"),
    ("true peak", "true_peak_dbtp", "dBTP", ".1f"),
)


def _lines(outcome: Any, verbose: bool) -> list[str]:
    """A finished restoration, for people."""
    from unweave.cli.outcomes import head, tail
    from unweave.core.files import shown

    report, lines = outcome.report, head(outcome)
    for name, key, unit, form in FIGURES:
        before, after = (_said(report[when][key], form) for when in ("before", "after"))
        lines.append(f"  {name:<11}  {before:>7} -> {after:>7} {unit}".rstrip())
    share = report["changed_samples"] / max(1, report["input"]["samples"])
    what = f"{report['removed_db']:.1f} dB of the recording, in {100 * share:.1f} % of its samples"
    lines.append(f"  removed  {what if share else 'nothing'}")
    tools = dict.fromkeys(step["tool"] for step in report["tools"])
    at_work = {step["tool"] for step in report["tools"] if _did_something(step)}
    if idle := [tool for tool in tools if tool not in at_work]:
        lines.append(f"  found nothing  {', '.join(idle)}")
    lines.append(f"  files  {', '.join(shown(item['path']) for item in report['stems'])}")
    if report["gain_db"]:
        lines.append(f"  gain of all files {report['gain_db']:+.2f} dB")
    if verbose:
        lines += [f"  tool  {_words(step)}" for step in report["tools"]]
    return lines + tail(report, verbose)


def _did_something(step: dict[str, Any]) -> bool:
    """Whether a tool had something to do, as far as it counts that: clicks, seconds, samples."""
    return not step["idle"] and any(step.get("found", {"": True}).values())


def _said(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def _words(step: dict[str, Any]) -> str:
    """What a tool learned and found, its figures one after the other."""
    facts = {**step.get("learned", {}), **step.get("found", {})}
    figures = ", ".join(f"{name} {value}" for name, value in facts.items())
    return f"{step['tool']} ({step['of']})" + (f": {figures}" if figures else "")


EXAMPLES = (
    "unweave restore record.flac --preset vinyl --removed",
    "unweave restore interviews/ --preset podcast --noise 0-1.5",
    "unweave restore concert.wav --region 12.5-13.1 --band 200-4000 --fill",
)
