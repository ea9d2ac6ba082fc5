"""`unweave lyrics`: what is in a file of lyrics, the same in another format, and lyrics for a song.

`unweave lyrics IN [OUT]` is short for `unweave lyrics convert IN [OUT]`.
"""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.help import WithDefault
from unweave.cli.options import Json, Quiet, Tracebacks, model_names
from unweave.cli.session import Session, session

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMAT = "ass, srt, lrc, ultrastar or text"

app = typer.Typer(
    help="Timed lyrics: show or convert them ('lyrics IN [OUT]'), lay words along a song, find its "
    "notes.",
    no_args_is_help=True,
)
GROUP = WithDefault


@app.command("convert", no_args_is_help=True)
def convert(
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
        from unweave.lyrics import by_lines, cover, read, shifted, summary, write
        from unweave.lyrics.files import format_for

        if output is None and format is not None:
            raise UsageError(
                f"--format is for a file to write: unweave lyrics {shown(file)} OUT "
                f"--format {shown(format)}"
            )
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
            _told(current, output, losses)
            if (format or format_for(output, changed)) == "ultrastar":
                copy = cover.copied(changed, file, output, overwrite=overwrite)
                facts["cover"] = copy and str(copy)
                if copy is not None:
                    current.result(shown(copy))
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


_Song = Annotated[Path, typer.Argument(metavar="SONG", help="Recording or video.")]
_Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Separator that finds the voice; see 'unweave models'.",
        autocompletion=model_names,
        show_default="spleeter-2stems",
    ),
]
_Pull = Annotated[
    bool,
    typer.Option("--pull", help="Fetch the model's weights where they are not here, unasked."),
]
_Voice = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The song's voice alone: nothing is separated."),
]
_Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Option of the separator."),
]
_Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of the lyrics, such as cp1250.", show_default="found out"),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file.")]


@app.command("align", no_args_is_help=True)
def align(
    song: _Song,
    words: Annotated[
        Path,
        typer.Argument(metavar="WORDS", help="Lyrics: a line in each line, stanzas apart."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", show_default="SONG.lrc, here"),
    ] = None,
    model: _Model = None,
    pull: _Pull = False,
    voice: _Voice = None,
    settings: _Settings = None,
    encoding: _Encoding = None,
    overwrite: _Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Lay plain lyrics along the singing: a first draft of timed lyrics, to be corrected.

    Each line has a confidence. In an LRC, a tag names each line that is doubtful.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.apps.align import DOUBTFUL, RESTS
        from unweave.apps.align import align as lay
        from unweave.core.files import shown

        output = output or Path(f"{song.stem}.lrc")
        with _separated(current, song, model, pull, voice, settings) as how:
            draft = lay(song, words, output, encoding=encoding, overwrite=overwrite, **how)
        _told(current, output, draft.losses)
        if draft.rests < RESTS:
            current.note(
                f"note: {shown(output)}: the voice rests before {draft.rests:.0%} of the lines "
                "only, so that all may have moved: listen to the first ones"
            )
        if draft.doubtful:
            current.note(
                f"note: {shown(output)}: {len(draft.doubtful)} of {len(draft.confidence)} lines "
                f"have a confidence below {DOUBTFUL:g}: look at them first"
            )
        if as_json:
            lines = [
                {
                    "text": line.text,
                    "start_s": round(line.start_s or 0.0, 3),
                    "end_s": round(line.end_s or 0.0, 3),
                    "confidence": round(value, 3),
                }
                for line, value in zip(draft.lyrics.lines, draft.confidence, strict=True)
            ]
            passages = [[round(at_s, 3) for at_s in passage] for passage in draft.passages]
            current.emit(
                {
                    "output": str(output),
                    "losses": list(draft.losses),
                    "lines": lines,
                    "rests": round(draft.rests, 3),
                    "passages_s": passages,
                }
            )


@app.command("notes", no_args_is_help=True)
def notes(
    song: _Song,
    words: Annotated[
        Path,
        typer.Argument(metavar="LYRICS", help="Lyrics of any format, with times or without."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", show_default="SONG.txt, here"),
    ] = None,
    bpm: Annotated[
        float | None,
        typer.Option(help="Tempo of the song.", show_default="none: a beat is 10 ms"),
    ] = None,
    model: _Model = None,
    pull: _Pull = False,
    voice: _Voice = None,
    settings: _Settings = None,
    encoding: _Encoding = None,
    overwrite: _Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Write a song for singing games: the notes of the voice under the syllables of its lyrics."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.apps.ultrastar import ultrastar
        from unweave.lyrics import summary

        output = output or Path(f"{song.stem}.txt")
        with _separated(current, song, model, pull, voice, settings) as how:
            made = ultrastar(
                song, words, output, bpm=bpm, encoding=encoding, overwrite=overwrite, **how
            )
        _told(current, output, made.losses)
        if as_json:
            facts = {**summary(made.lyrics), "output": str(output), "losses": list(made.losses)}
            current.emit(facts)


@contextmanager
def _separated(
    current: Session,
    song: Path,
    model: str | None,
    pull: bool,
    voice: Path | None,
    settings: list[str] | None,
) -> "Iterator[dict[str, Any]]":
    """How the voice is found, for `align` and `ultrastar`, with progress shown meanwhile."""
    from unweave import registry
    from unweave.apps.align.voice import VOICE, need_tracker
    from unweave.cli.progress import display
    from unweave.cli.weights import fetch
    from unweave.core.files import shown
    from unweave.options import parse

    need_tracker()
    model = model or registry.DEFAULT
    if voice is None:
        fetch(current, [model], stems=(VOICE,), ask=not pull)
    with display(current) as progress:
        progress.start(song, shown(song.name))
        yield {
            "model": model,
            "voice": voice,
            "on_progress": lambda at: progress.update(song, at.done_s, at.total_s),
            "should_stop": current.should_stop,
            **parse(settings or ()),
        }
        progress.end(song)


def _told(current: Session, output: Path, losses: tuple[str, ...]) -> None:
    from unweave.core.files import shown

    for loss in losses:
        current.note(f"note: {shown(output)}: {shown(loss)}")
    current.result(shown(output))


EXAMPLES = {
    convert: (
        "unweave lyrics song.txt",
        "unweave lyrics song.txt song.lrc",
        "unweave lyrics song.lrc later.ass --shift 0.5",
    ),
    align: (
        "unweave lyrics align song.mp3 words.txt",
        "unweave lyrics align song.mp3 words.txt --voice voice.wav -o song.lrc",
    ),
    notes: ("unweave lyrics notes song.mp3 song.lrc -o song.txt",),
}
