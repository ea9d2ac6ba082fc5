"""Make a backing track of a song to sing to: without its voice, in another key, with its words.

`settings` says what is asked of the sound and `order` of a song; `voices` chooses the stems,
`sound` takes them out of the recording block by block, with `intro`, `stretch`, `clicks` and
`levels`; `timing` knows where a moment of the song lies then; `picture` copies that of a video;
`making` makes the files of a song, `job` does one song from its file to its report.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps.karaoke.job import USE
from unweave.apps.karaoke.order import Order, Picture, ordered, planned
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.timing import Timing, backing_time_s, retimed
from unweave.jobs import DEFAULT_TEMPLATE, InputFile

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop, StrPath

__all__ = [
    "USE",
    "Order",
    "Picture",
    "Settings",
    "Timing",
    "backing_time_s",
    "karaoke",
    "ordered",
    "planned",
    "retimed",
]


def karaoke(
    path: StrPath,
    output_dir: StrPath = "karaoke",
    model: str | AnySeparator = registry.DEFAULT,
    *,
    key: float = 0.0,
    tempo: float = 1.0,
    guide_db: float | None = None,
    keep_backing: bool = False,
    count_in: int = 0,
    bpm: float | None = None,
    loudness: float | None = None,
    trim_intro_s: float | None = None,
    lyrics: StrPath | None = None,
    video: str | None = None,
    size: tuple[int, int] | None = None,
    rate_fps: float | None = None,
    background: str | None = None,
    font: str | None = None,
    cdg: bool = False,
    cdg_zip: bool = False,
    stems_dir: StrPath | None = None,
    filename_template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> dict[str, Any]:
    """Make the backing track of one song, and return the report, which is written too.

    path: a recording or a video. The files are `output_dir/name/backing.ext` and what is asked for
    besides, and `karaoke.json`, the report. The track is the recording minus the voice as `model`
    finds it.

    key: semitones up, -24 to 24, fractions too. tempo: 0.5 to 2, 1 being the recording's; n samples
    become `round(n / tempo)`. guide_db: leave the lead voice in, at this level. keep_backing: take
    out the lead alone; the model has to part it from backing voices. count_in: clicks before the
    song, at `bpm`, else at the tempo of UltraStar lyrics, else one each second. loudness: in LUFS
    (EBU R 128), with peaks limited to a true peak of -1 dBTP. trim_intro_s: cut what is longer
    than that before the first word, and fade in.

    lyrics: a file; it is written beside, in its own format, at the times of the backing track.
    video: "mp4" or "webm", of `size` pixels (1920 x 1080) and `rate_fps` (30) frames a second, with
    the words of `lyrics` on `background` (a picture, "#RRGGBB", or "cover"), in `font`; without
    lyrics with the picture of `path`. cdg: MP3 and CD+G; cdg_zip: both in a ZIP too. stems_dir:
    keep the voice's stems there, and take them from there. options: as of `unweave.separate_file`,
    `format` and the model's own among them. What is done already is not done again: its report is
    returned. on_progress, should_stop, executor: as of `unweave.separate_file`.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    settings = Settings(
        key=key,
        tempo=tempo,
        guide_db=guide_db,
        keep_backing=keep_backing,
        count_in=count_in,
        bpm=bpm,
        loudness=loudness,
        trim_intro_s=trim_intro_s,
    )
    picture = Picture(kind=video, size=size, rate_fps=rate_fps, background=background, font=font)
    order = ordered(
        settings,
        model,
        options,
        lyrics=None if lyrics is None else Path(lyrics),
        picture=picture,
        cdg=cdg,
        cdg_zip=cdg_zip,
        stems_dir=None if stems_dir is None else Path(stems_dir),
    )
    [job] = planned([InputFile(Path(path))], order, Path(output_dir), filename_template, overwrite)
    outcome = USE.do(job, on_progress, should_stop, order=order, executor=executor)
    assert outcome.report is not None
    return outcome.report
