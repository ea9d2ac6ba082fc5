"""`unweave karaoke`: songs in, backing tracks to sing to out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.declared import with_options
from unweave.cli.options import (
    MACHINE,
    MODEL,
    OUTPUT,
    Chosen,
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


class Video(StrEnum):
    MP4 = "mp4"
    WEBM = "webm"


TRACK, WORDS = "Backing track", "Words and picture"


@with_options({Output: OUTPUT, Inference: MODEL, Execution: MACHINE})
def karaoke(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONGS...",
            help="Audio or video files, folders of them, or patterns in quotes.",
            show_default=False,
        ),
    ],
    key: Annotated[
        float,
        typer.Option(
            metavar="SEMITONES",
            help="Higher, or lower below 0: -24 to 24, fractions too.",
            rich_help_panel=TRACK,
        ),
    ] = 0.0,
    tempo: Annotated[
        float,
        typer.Option(
            metavar="FACTOR", help="Faster, or slower below 1: 0.5 to 2.", rich_help_panel=TRACK
        ),
    ] = 1.0,
    guide: Annotated[
        float | None,
        typer.Option(
            metavar="DB",
            help="Leave the lead voice in, at this level, as in -12.",
            show_default="no voice",
            rich_help_panel=TRACK,
        ),
    ] = None,
    keep_backing: Annotated[
        bool,
        typer.Option(
            "--keep-backing",
            help="Keep the backing voices, where the model parts the lead from them.",
            rich_help_panel=TRACK,
        ),
    ] = False,
    count_in: Annotated[
        int, typer.Option(metavar="BEATS", help="Clicks before the song.", rich_help_panel=TRACK)
    ] = 0,
    bpm: Annotated[
        float | None,
        typer.Option(
            metavar="BPM",
            help="Tempo of the song, for the clicks.",
            show_default="that of UltraStar lyrics, else a click each second",
            rich_help_panel=TRACK,
        ),
    ] = None,
    loudness: Annotated[
        float | None,
        typer.Option(
            metavar="LUFS",
            help="Loudness, as in -14; the true peak stays below -1 dBTP.",
            show_default="as it comes",
            rich_help_panel=TRACK,
        ),
    ] = None,
    trim_intro: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Longest time before the first word: what is longer is cut, with a fade.",
            show_default="no limit",
            rich_help_panel=TRACK,
        ),
    ] = None,
    lyrics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Lyrics of the song (.lrc, .txt, .ass, .srt), written at the track's times.",
            show_default=False,
            rich_help_panel=WORDS,
        ),
    ] = None,
    video: Annotated[
        Video | None,
        typer.Option(
            help="Video with the words; without lyrics, with the picture of the input.",
            show_default=False,
            rich_help_panel=WORDS,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Pixels of the video.",
            show_default="1920x1080",
            rich_help_panel=WORDS,
        ),
    ] = None,
    rate_fps: Annotated[
        float | None,
        typer.Option(
            "--fps",
            metavar="NUMBER",
            help="Frames of the video a second.",
            show_default="30",
            rich_help_panel=WORDS,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Behind the words: a picture, a colour as #203040, or 'cover'.",
            show_default=False,
            rich_help_panel=WORDS,
        ),
    ] = None,
    font: Annotated[
        str | None,
        typer.Option(
            metavar="FONT",
            help="Font of the words: a file.",
            show_default="found",
            rich_help_panel=WORDS,
        ),
    ] = None,
    cdg: Annotated[
        bool,
        typer.Option("--cdg", help="MP3 and CD+G, for karaoke machines.", rich_help_panel=WORDS),
    ] = False,
    cdg_zip: Annotated[
        bool, typer.Option("--cdg-zip", help="Both in a ZIP too.", rich_help_panel=WORDS)
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the tracks.",
            rich_help_panel=OUTPUT,
        ),
    ] = Path("karaoke"),
    stems_dir: Annotated[
        Path | None,
        typer.Option(
            "--keep-stems",
            metavar="FOLDER",
            help="Keep the voice's stems there; what is there is not separated again.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    filename_template: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="Path of each file in the output folder, as of 'separate'.",
            rich_help_panel=OUTPUT,
        ),
    ] = "{name}/{stem}.{ext}",
    overwrite: Overwrite = False,
    model: Model = None,
    quality: Chosen = None,
    pull: Pull = False,
    settings_: Settings = None,
    seed: Seed = 0,
    workers: Workers = 1,
    as_json: JsonInPanel = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Make backing tracks to sing to: songs without their voice, in your key, with the words."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.apps import karaoke as app
        from unweave.cli.batch import chosen, work_through
        from unweave.core.stem_names import VOCALS
        from unweave.jobs import find
        from unweave.options import parse

        model = chosen(current, model, quality, (VOCALS,))
        wanted = app.Settings(
            key=key,
            tempo=tempo,
            guide_db=guide,
            keep_backing=keep_backing,
            count_in=count_in,
            bpm=bpm,
            loudness=loudness,
            trim_intro_s=trim_intro,
        )
        picture = app.Picture(
            kind=None if video is None else str(video),
            size=None if size is None else _size_of(size),
            rate_fps=rate_fps,
            background=background,
            font=font,
        )
        order = app.ordered(
            wanted,
            model,
            {**parse(settings_ or ()), "seed": seed, **options},
            lyrics=lyrics,
            picture=picture,
            cdg=cdg,
            cdg_zip=cdg_zip,
            stems_dir=stems_dir,
        )
        found, lost, passed_over = find(inputs, output)
        jobs = app.planned(found, order, output, filename_template, overwrite)
        work_through(
            current,
            jobs,
            lost,
            passed_over,
            lambda watcher: app.USE.run(jobs, order, watcher, current.should_stop, workers),
            models=[model],
            stems=order.needs,
            pull=pull,
            lines=_lines,
        )


def _lines(outcome: Any, verbose: bool) -> list[str]:
    """A finished backing track, for people."""
    from unweave.cli.outcomes import head, level, tail
    from unweave.core.files import shown

    report, lines = outcome.report, head(outcome)
    for item in report["stems"]:
        lines.append(f"  {shown(item['path'])}  {level(item)}")
    lines += [f"  {shown(item['path'])}" for item in report["exports"]]
    return lines + tail(report, verbose)


def _size_of(text: str) -> tuple[int, int]:
    """`1280x720` as two numbers. Raises UsageError."""
    from unweave.errors import UsageError

    width, by, height = text.lower().partition("x")
    if not (by and width.isdecimal() and height.isdecimal() and len(text) < 12):
        raise UsageError(f"--size is width and height in pixels, as in 1280x720; got {text!r:.40}")
    return int(width), int(height)


EXAMPLES = (
    "unweave karaoke song.mp3",
    "unweave karaoke song.mp3 --key -3 --guide -12 --loudness -14",
    "unweave karaoke song.mp3 --lyrics song.txt --count-in 4 --format flac",
)
