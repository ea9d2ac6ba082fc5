"""The files of one song: the backing track, its words, its picture.

Everything is made in one folder; a file gets its name when all are complete.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from unweave.apps._shared import levels
from unweave.apps._shared.batch import Watch
from unweave.apps._shared.levels import Levels
from unweave.apps.karaoke import clicks, intro, picture, sound, timing
from unweave.apps.karaoke.order import BACKING, CDG, COVER, LYRICS, MP3, VIDEO, ZIP, Order
from unweave.apps.karaoke.sound import Material
from unweave.apps.karaoke.timing import Timing
from unweave.audio import tags
from unweave.audio.info import SourceInfo
from unweave.audio.writer import Encoding, Writer, encoding
from unweave.core.files import shown
from unweave.engine.measure import decibels
from unweave.errors import InputError, OutputError
from unweave.jobs import Job
from unweave.lyrics import FORMATS, Lyrics, write

TAG = "karaoke"  # what a title gains


@dataclass(frozen=True, kw_only=True)
class Made:
    """files: by what they are. levels: of the backing track as written. limited_db: the most that
    its peaks were limited. losses: what the format of the lyrics has no place for. cut_s: of the
    intro."""

    files: Mapping[str, Path]
    timing: Timing
    levels: Levels
    gain: float
    limited_db: float
    bpm: float
    cut_s: float
    notes: Sequence[str]
    losses: Sequence[str] = ()


def made(
    job: Job,
    order: Order,
    material: Material,
    encodings: Mapping[str, Encoding],
    scratch: Path,
    watch: Watch,
) -> Made:
    """Make all files of a song in the folder `scratch`."""
    info, settings, words = material.info, order.settings, order.words
    paths = {
        name: scratch / f"{n} {path.name}" for n, (name, path) in enumerate(job.outputs.items())
    }
    cut, notes = _cut(order, material, watch)
    bpm, leads = _count_in(order, info.sample_rate_hz)
    when = Timing(
        rate_hz=info.sample_rate_hz,
        start=material.start + cut,
        length=material.length - cut,
        tempo=settings.tempo,
        lead=leads,
    )
    if when.samples == when.lead:
        raise InputError(
            f"{shown(job.source)}: nothing is left at a tempo of {settings.tempo:g} of "
            f"{when.length} samples; take a longer part, or less tempo"
        )
    raw = scratch / "backing.wav"
    found, presence = sound.made(material, settings, when, raw, watch.add)
    if not presence.is_there():
        notes.append("hardly any voice was found: the backing track is nearly the recording")
    integer = encodings[BACKING].integer
    track = "the backing track"
    heard = found

    def limited_lufs(gain: float) -> float:
        nonlocal heard
        heard, _ = sound.finished(raw, [], info, gain, True, None, watch.add)
        return -math.inf if heard.lufs is None else heard.lufs

    setting = levels.setting(found, settings.loudness, track, limited_lufs)
    gain = setting.gain
    notes += setting.notes
    loudness = heard.lufs
    if not setting.limited:
        if integer:
            gain, more = levels.unclipped(found.peak, gain, "it is")
            notes += [f"{track} {line}" for line in more]
        loudness = None if loudness is None else loudness + decibels(gain**2)
    click = (settings.count_in, bpm, clicks.click_peak(loudness)) if settings.count_in else None
    master = scratch / "master.wav"  # what a video is made with, without a loss
    plain = encoding("wav", 32, info.sample_rate_hz, info.channels)
    with ExitStack() as undo:
        writers = [
            _writer(paths[name], how, info, job.source.stem) for name, how in encodings.items()
        ]
        if VIDEO in paths:
            writers.append(_writer(master, plain, info, job.source.stem))
        for writer in writers:
            undo.callback(writer.discard)
        written, limited_db = sound.finished(
            raw, writers, info, gain, setting.limited, click, watch.add
        )
        for writer in writers:
            writer.close()
            if writer.samples != when.samples:
                raise OutputError(
                    f"{shown(job.outputs[BACKING])}: would hold {writer.samples} of {when.samples} "
                    "samples, so nothing is kept; this is a fault of unweave, please report it"
                )
            writer.commit()
    raw.unlink()
    losses: tuple[str, ...] = ()
    if words is not None:
        moved = timing.retimed(words.lyrics, when, settings.key)
        left = len(words.lyrics.lines) - len(moved.lines)
        if not moved.lines:
            raise InputError(
                f"{shown(words.path)}: no line lies in the part that is used; choose another part"
            )
        if left:
            notes.append(f"lines of the lyrics outside of the part that is used: {left}")
        losses = _write_words(order, moved, job, paths)
        if words.cover is not None and COVER in paths:
            shutil.copyfile(words.cover, paths[COVER])
        notes += _write_pictures(order, moved, job, info, when, paths, master, watch)
    elif VIDEO in paths:
        picture.put_under(
            job.source,
            master,
            paths[VIDEO],
            settings.tempo,
            leads / info.sample_rate_hz,
            watch.check,
        )
    if ZIP in paths:
        from unweave.apps.karaoke.cdg import zipped

        sung_to = paths[MP3 if MP3 in paths else BACKING]
        zipped(paths[ZIP], paths[CDG], sung_to, name=job.outputs[ZIP].stem)
    return Made(
        files=paths,
        timing=when,
        levels=written,
        gain=gain,
        limited_db=limited_db,
        bpm=bpm,
        cut_s=cut / info.sample_rate_hz,
        notes=notes,
        losses=losses,
    )


def _cut(order: Order, material: Material, watch: Watch) -> tuple[int, list[str]]:
    """How many samples of the intro go, and what there is to say. The first word is that of the
    lyrics, else where the voice comes in."""
    longest_s, rate_hz = order.settings.trim_intro_s, material.info.sample_rate_hz
    if longest_s is None:
        return 0, []
    begin_s = material.start / rate_hz
    first_s = None if order.words is None else timing.first_word_s(order.words.lyrics, begin_s)
    if first_s is not None:
        first_s -= begin_s
    else:
        first_s = sound.listened(material, watch.add).onset_s()
    if first_s is None:
        return 0, ["no voice was found, so the intro was not trimmed"]
    cut = round(intro.cut_s(first_s, longest_s) * rate_hz)
    return min(cut, material.length - 1), []


def _count_in(order: Order, rate_hz: int) -> tuple[float, int]:
    """Beats a minute of the clicks, and the samples that they take."""
    settings = order.settings
    lyrics = None if order.words is None else order.words.lyrics
    song_bpm = settings.bpm or clicks.tempo_of(lyrics)
    bpm = clicks.SECONDS_BPM if song_bpm is None else song_bpm * settings.tempo
    return bpm, clicks.starts(settings.count_in, bpm, rate_hz)[-1]


def _writer(path: Path, how: Encoding, info: SourceInfo, title: str) -> Writer:
    # Where in the recording it begins would be wrong at another tempo.
    kept = {name: text for name, text in info.tags.items() if name != "time_reference"}
    return Writer.made_of(info, path, how, tags.for_stem(kept, TAG, title))


def _write_words(
    order: Order, moved: Lyrics, job: Job, paths: Mapping[str, Path]
) -> tuple[str, ...]:
    """Write the lyrics in the format that they came in; what they lose that they had in it."""
    words = order.words
    assert words is not None
    named = timing.sung_to(moved, job.outputs[BACKING].name)
    losses = write(named, paths[LYRICS], format=words.format)
    before = FORMATS[words.format].write(words.lyrics).losses
    return tuple(loss for loss in losses if loss not in before)


def titled(job: Job, info: SourceInfo, lyrics: Lyrics) -> tuple[str, str | None]:
    """Title and artist of a song, as the screen shows them."""
    named = {**info.tags, **lyrics.tags}
    return named.get("title", job.source.stem), named.get("artist")


def _write_pictures(
    order: Order,
    moved: Lyrics,
    job: Job,
    info: SourceInfo,
    when: Timing,
    paths: Mapping[str, Path],
    master: Path,
    watch: Watch,
) -> list[str]:
    """Write the video with the words, and CD+G; what there is to say about them."""
    said: list[str] = []
    title, artist = titled(job, info, moved)
    wanted = order.picture
    if VIDEO in paths:
        background = wanted.background
        if background == COVER and info.cover is not None:
            cover = paths[VIDEO].with_name("cover")
            cover.write_bytes(info.cover.data)
            background = str(cover)
        from unweave.apps.karaoke import video

        drawn = video.write(
            paths[VIDEO],
            moved,
            master,
            size=wanted.size or video.SIZE_PX,
            rate_fps=wanted.rate_fps or video.RATE_FPS,
            background=background,
            font=wanted.font,
            title=title,
            artist=artist,
            on_progress=lambda *_: watch.check(),
        )
        said += [*drawn.get("notes", ()), *drawn.get("warnings", ())]
    if CDG in paths:
        from unweave.apps.karaoke import cdg

        drawn = cdg.write(
            paths[CDG],
            moved,
            when.samples / when.rate_hz,
            title=title,
            artist=artist,
            font=wanted.font,
        )
        said += [*drawn.get("notes", ()), *drawn.get("warnings", ())]
    return said
