"""`unweave lyrics`: what is in a file of lyrics, and the same in another format."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.options import Json, Quiet, Tracebacks
from unweave.cli.session import Session, session

_FORMAT = "ass, srt, lrc, ultrastar or text"


def lyrics(
    file: Annotated[
        Path, typer.Argument(metavar="IN", help="Lyrics: .lrc, .txt, .ass, .ssa or .srt.")
    ],
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OUT]",
            help="File to write, in the format of its extension; without it, facts are shown.",
            show_default=False,
        ),
    ] = None,
    shift: Annotated[
        float, typer.Option(metavar="SECONDS", help="Make everything later, or earlier below 0.")
    ] = 0.0,
    lines: Annotated[
        bool, typer.Option("--lines", help="Leave out the times of words, keep those of lines.")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(help=f"Format of OUT: {_FORMAT}.", show_default="by its extension"),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Encoding of IN, such as cp1250.", show_default="found out"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Show what is in timed lyrics, or convert them: LRC, UltraStar, ASS, SubRip, plain text.

    What the format of OUT has no place for is named.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.core.files import shown
        from unweave.errors import UsageError
        from unweave.lyrics import by_lines, read, shifted, summary, write

        if output is None and format is not None:
            raise UsageError("--format is of the file to write; name that after the other")
        found = read(file, encoding=encoding)
        try:
            changed = shifted(found, shift)
        except ValueError as error:
            raise UsageError(f"--shift {shift:g}: {error}; shift by less") from error
        changed = by_lines(changed) if lines else changed
        facts: dict[str, Any] = {"path": str(file), **summary(changed)}
        for warning in found.warnings:
            current.note(f"warning: {shown(file)}: {shown(warning)}")
        if output is None:
            _print(current, facts)
        else:
            losses = write(changed, output, format=format, overwrite=overwrite)
            facts |= {"output": str(output), "losses": list(losses)}
            for loss in losses:
                current.note(f"note: {shown(output)}: {shown(loss)}")
            current.result(shown(output))
        if as_json:
            current.emit(facts)


def _print(current: Session, facts: dict[str, Any]) -> None:
    from unweave.core.files import shown

    rows = {
        "lines": facts["lines"],
        "words": facts["words"],
        "syllables": facts["syllables"],
        "times of": facts["times"],
        "from, to": None if facts["start_s"] is None else _span(facts["start_s"], facts["end_s"]),
        "singers": " and ".join(map(_singer, facts["singers"])),
        "notes": ", ".join(f"{count} {kind}" for kind, count in facts["notes"].items()) or None,
        "pitches": facts["pitches"] and "{:+} to {:+} from middle C".format(*facts["pitches"]),
        "tempo": None if facts["bpm"] is None else _tempo(facts["bpm"], facts["gap_s"]),
    }
    rows |= {f"tag {name}": value for name, value in facts["tags"].items()}
    current.result(shown(facts["path"]))
    width = max(len(shown(name)) for name in rows)
    for name, value in rows.items():
        if value is not None:
            current.result(f"  {shown(name):<{width}}  {shown(str(value))}")


def _span(start_s: float, end_s: float) -> str:
    return f"{_clock(start_s)}, {_clock(end_s)}"


def _clock(at_s: float) -> str:
    minutes, rest_s = divmod(at_s, 60)
    return f"{minutes:.0f}:{rest_s:06.3f}"


def _singer(singer: int) -> str:
    return str(singer) if singer else "both"


def _tempo(bpm: float, gap_s: float) -> str:
    return f"{bpm:g} BPM, beat 0 at {gap_s:.3f} s"


EXAMPLES = (
    "unweave lyrics song.txt",
    "unweave lyrics song.txt song.lrc",
    "unweave lyrics song.lrc later.ass --shift 0.5",
)
