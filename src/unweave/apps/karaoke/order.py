"""What is asked for of every song, and the files that each song becomes, known before any work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared import results
from unweave.apps._shared.separation import Separation, separation
from unweave.apps.karaoke import voices
from unweave.apps.karaoke.screen import need_pillow
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.video import RATE_FPS, SIZE_PX, checked_rate, checked_size
from unweave.apps.karaoke.voices import Voices
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import check_file, readable, shown
from unweave.errors import InputError, OptionName, UsageError
from unweave.jobs import InputFile, Job
from unweave.jobs.naming import check_template, same_file_key
from unweave.jobs.plan import namer, refuse_to_write_over
from unweave.jobs.reports import REPORT as STEMS_REPORT
from unweave.lyrics import Lyrics, cover, read
from unweave.lyrics.encoding import decoded
from unweave.lyrics.files import format_of
from unweave.options import in_force
from unweave.request import Output, run_options

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

BACKING, LYRICS, VIDEO, CDG, ZIP, MP3 = "backing", "lyrics", "video", "cdg", "zip", "mp3"
REPORT = "karaoke"
VIDEOS = ("mp4", "webm")
COVER = "cover"  # as a background: the recording's own; as a file: that of UltraStar lyrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is seen. kind: the ending of the video, None for none. size, rate_fps, background: of
    a video with words, as `video.write` has them; font: of the words, in CD+G too.

    Raises UsageError for a wrong value.
    """

    kind: str | None = None
    size: tuple[int, int] | None = None
    rate_fps: float | None = None
    background: str | None = None
    font: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *VIDEOS):
            raise UsageError(f"a video is {' or '.join(VIDEOS)}; got {self.kind!r:.80}")
        checked_size(self.size or SIZE_PX)
        checked_rate(RATE_FPS if self.rate_fps is None else self.rate_fps)
        back = self.background or ""
        if back.startswith("#") and not re.fullmatch(r"#[0-9a-fA-F]{6}", back):
            raise UsageError(f"a colour is written as '#203040', in quotes; got {back!r:.80}")

    def facts(self) -> dict[str, Any] | None:
        """Of the video, as plain data."""
        if self.kind is None:
            return None
        return {
            "kind": self.kind,
            "size": list(self.size or SIZE_PX),
            "rate_fps": self.rate_fps or RATE_FPS,
            "background": self.background,
            "font": self.font,
        }

    def check_use(self, *, words: bool, cdg: bool) -> None:
        """Raises UsageError for what would change nothing. words: whether there are lyrics."""
        told = ["size", "rate_fps", "background", *([] if cdg else ["font"])]
        of_words = [OptionName(name) for name in told if getattr(self, name) is not None]
        if of_words and not (self.kind and words):
            video, lyrics = OptionName("video"), OptionName("lyrics")
            why = " is of a video with words: ask for one with "
            raise UsageError(of_words[0], why, video, " and ", lyrics)

    def files(self) -> dict[str, Path]:
        """The files that are named, by what they are."""
        back = self.background
        named = {
            "background": None if back == COVER or (back or "").startswith("#") else back,
            "font": self.font,
        }
        return {name: Path(text) for name, text in named.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A file of lyrics, as it was read. format: its name among `unweave.lyrics.FORMATS`. cover: the
    picture of an UltraStar song, which goes with it."""

    path: Path
    lyrics: Lyrics
    format: str
    cover: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for of every song.

    stems_dir: where the voice's stems stay; None: nowhere.
    """

    settings: Settings
    separation: Separation
    output: Output
    voices: Voices
    words: Words | None = None
    picture: Picture = Picture()
    cdg: bool = False
    cdg_zip: bool = False
    stems_dir: Path | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The stems that decide which weights are needed."""
        return () if self.separation.request is None else self.separation.request.needed

    def facts(self) -> dict[str, Any]:
        """What is asked for besides the separation, as plain data."""
        return {
            **in_force(self.settings),
            "voice": list(self.voices.removed),
            "guide": list(self.voices.guide) if self.settings.guide_db is not None else [],
            "lyrics": None if self.words is None else self.words.format,
            "video": self.picture.facts(),
            "cdg": self.cdg,
            "cdg_zip": self.cdg_zip,
        }


def ordered(
    settings: Settings,
    model: str | AnySeparator,
    options: Mapping[str, Any],
    *,
    lyrics: Path | None = None,
    picture: Picture = Picture(),
    cdg: bool = False,
    cdg_zip: bool = False,
    stems_dir: Path | None = None,
) -> Order:
    """What is asked for, checked as far as it can be without a song.

    Raises UsageError, InputError for lyrics that cannot be read.
    """
    output, inference, _, own = run_options(options)
    if inference.complement is not None:
        name = OptionName("complement")
        raise UsageError("the backing track is the complement already: leave out ", name)
    if settings.changes_sound and find_spec("python_stretch") is None:
        raise UsageError(
            "key and tempo need python-stretch, which is not installed; run: pip install "
            "'unweave[karaoke]'"
        )
    if (cdg or cdg_zip) and lyrics is None:
        raise UsageError("CD+G shows words: give them with ", OptionName("lyrics"))
    picture.check_use(words=lyrics is not None, cdg=cdg or cdg_zip)
    words = None if lyrics is None else read_words(lyrics)
    if words is not None and (picture.kind or cdg or cdg_zip):
        need_pillow()
        if not words.lyrics.timed:
            raise InputError(
                f"{shown(words.path)}: not every line has a time, which a video and CD+G need; "
                "give timed lyrics, such as .lrc"
            )
    for path in picture.files().values():
        with readable(path):
            check_file(path)
    own.pop("seed", None)
    if isinstance(model, str):
        _, outputs = registry.resolve(model, own)
        parts = voices.choose(outputs, model, settings.keep_backing)
    else:
        parts = voices.choose(model.spec.outputs, model.spec.name, settings.keep_backing)
    return Order(
        settings=settings,
        separation=separation(model, options, parts.stems),
        output=output,
        voices=parts,
        words=words,
        picture=picture,
        cdg=cdg or cdg_zip,
        cdg_zip=cdg_zip,
        stems_dir=stems_dir,
    )


def read_words(path: Path) -> Words:
    """A file of lyrics. Raises InputError, which names the line."""
    with readable(path):
        check_file(path)
    found = read(path)
    with readable(path):
        text, _ = decoded(path.read_bytes(), None)
    name = format_of(path, text)
    picture = cover.beside(found, path) if name == "ultrastar" else None
    return Words(path=path, lyrics=found, format=name, cover=picture)


def planned(
    found: Sequence[InputFile],
    order: Order,
    output_dir: Path,
    template: str,
    overwrite: bool = False,
) -> list[Job]:
    """One job for each song. Raises UsageError for a bad template, for lyrics of several songs, for
    two files of one name, and for a file over one that is read."""
    check_template(template)
    if order.words is not None and len(found) > 1:
        raise UsageError(
            f"{shown(order.words.path)}: the lyrics are of one song and there are {len(found)}; "
            "give the songs one at a time"
        )
    folder = straight(output_dir)
    jobs = [_job(item, order, folder, template, overwrite) for item in found]
    taken: dict[str, Path] = {}
    for job in jobs:
        for file in job.files:
            other = taken.setdefault(same_file_key(file), job.source)
            if other is not job.source:
                raise UsageError(
                    f"{shown(other)} and {shown(job.source)} would both be written to "
                    f"{shown(file)}; use --filename-template '{{name}}.{{input_ext}}/{{stem}}."
                    "{ext}', or two runs, each with its own -o"
                )
    read_too = {path: f"the {name}" for name, path in order.picture.files().items()}
    if order.words is not None:
        read_too[order.words.path] = "the lyrics"
        if order.words.cover is not None:
            read_too[order.words.cover] = "the cover of the lyrics"
    read = {**{job.source: "the song" for job in jobs}, **read_too}
    refuse_to_write_over([*jobs, *_kept(jobs, order)], read)
    results.refuse_to_remove(jobs, read)
    return jobs


def kept_in(source: Path, order: Order) -> Path | None:
    """The folder in which the stems of a song are kept, None where they are not."""
    return None if order.stems_dir is None else straight(order.stems_dir) / safe(source.stem)


def _kept(jobs: list[Job], order: Order) -> list[Job]:
    """The separations whose stems are kept. Raises UsageError for two in one folder."""
    kept: dict[str, Job] = {}
    for job in jobs:
        folder = kept_in(job.source, order)
        if folder is None:
            return []
        other = kept.get(same_file_key(folder))
        if other is not None:
            raise UsageError(
                f"{shown(other.source)} and {shown(job.source)} would both keep their stems in "
                f"{shown(folder)}; take them in two runs, each with its own --keep-stems"
            )
        outputs = {stem: folder / f"{stem}.wav" for stem in order.voices.stems}
        kept[same_file_key(folder)] = Job(job.source, outputs, folder / f"{STEMS_REPORT}.json")
    return list(kept.values())


def _job(item: InputFile, order: Order, folder: Path, template: str, overwrite: bool) -> Job:
    path = namer(item, order.separation.name, folder, template)
    outputs = {BACKING: path(BACKING, order.output.format)}
    if order.words is not None:
        outputs[LYRICS] = path(LYRICS, order.words.path.suffix[1:].lower() or "txt")
    if order.picture.kind is not None:
        outputs[VIDEO] = path(VIDEO, order.picture.kind)
    if order.cdg:
        if order.output.format != "mp3":
            outputs[MP3] = path(BACKING, "mp3")
        outputs[CDG] = path(BACKING, "cdg")
    if order.cdg_zip:
        outputs[ZIP] = path(BACKING, "zip")
    report = path(REPORT, "json")
    if order.words is not None and order.words.cover is not None:
        picture = outputs[LYRICS].with_name(order.words.cover.name)
        if same_file_key(picture) not in map(same_file_key, (*outputs.values(), report)):
            outputs[COVER] = picture
    return Job(item.path, outputs, report, overwrite)
