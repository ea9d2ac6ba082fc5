"""One song from its file to its backing track, its words and its picture.

The hidden folder of `results` holds the voice's stems, the scratch file and what is written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from unweave.apps._shared import batch, results
from unweave.apps._shared.batch import Watch
from unweave.apps.karaoke import clicks, intro, levels, picture, sound, timing
from unweave.apps.karaoke.levels import Levels
from unweave.apps.karaoke.order import BACKING, CDG, COVER, LYRICS, MP3, VIDEO, ZIP, Order, Words
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.sound import Material
from unweave.apps.karaoke.timing import Timing
from unweave.audio import tags
from unweave.audio.info import SourceInfo
from unweave.audio.reader import probe
from unweave.audio.writer import Encoding, Writer, encoding
from unweave.core.atomic import straight
from unweave.core.files import hashed, shown
from unweave.core.status import Status
from unweave.engine.executor import Executor, shared
from unweave.engine.limits import peak_memory_mb
from unweave.engine.measure import decibels
from unweave.engine.report import rounded, versions
from unweave.engine.source import Watched
from unweave.errors import InputError, OutputError
from unweave.jobs import Job, Outcome, Watcher
from unweave.jobs.naming import safe
from unweave.jobs.reports import REPORT, output_files
from unweave.jobs.turns import clear, turn
from unweave.lyrics import FORMATS, Lyrics, write
from unweave.types import OnProgress, ShouldStop

USE = "karaoke"
SCHEMA_VERSION = 1
REVISION = 1  # goes up when a backing track has other bytes than before
TAG = "karaoke"  # what a title gains
_SOUND = (BACKING, MP3)


def run(
    jobs: Sequence[Job], order: Order, watcher: Watcher, should_stop: ShouldStop
) -> list[Outcome]:
    """Make every backing track, one after the other; the outcomes are in the order of `jobs`."""
    work = partial(made, order=order, executor=Executor(keep_models=1))
    return batch.run(jobs, work, watcher, should_stop)


def made(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    *,
    order: Order,
    executor: Executor | None = None,
) -> Outcome:
    """The backing track of one song, unless it is there already. Raises what goes wrong."""
    started = time.perf_counter()
    executor = executor or shared()
    check = partial(executor.check, shown(job.source), should_stop)
    watch = Watch(on_progress, check, passes=3)
    with turn(job):
        clear(job)
        watched = Watched(job.source)
        info = probe(job.source)
        encodings = _encodings(job, order, info)
        _check(job, order, info)
        identity = _identity(job, order)
        existing = results.look(job, USE, identity)
        if existing.report is not None:
            return Outcome(
                source=job.source,
                job=job,
                status=Status.SKIPPED,
                report=existing.report,
                report_path=job.report,
            )
        with results.scratch(job, USE) as scratch:
            material, separation = _separated(job, order, scratch, executor, should_stop, watch)
            if order.words is not None and order.output.end is None:
                _check_end(job.source, order.words, material.start + material.length, info)
            result = _files(job, order, material, encodings, scratch, watch)
            recording = watched.hashed()
            said = _facts(job, order, material, separation, result, encodings)
            said["input"] |= {"sha256": recording.sha256, "bytes": recording.bytes}
            said["identity"] = identity
            said["execution"]["seconds"] = {"total": round(time.perf_counter() - started, 3)}
            heard = {"samples": result.timing.samples, **result.levels.facts()}
            sounds = {name: heard for name in _SOUND if name in result.files}
            report = results.published(job, said, result.files, sounds, existing.own)
    return Outcome(
        source=job.source, job=job, status=Status.DONE, report=report, report_path=job.report
    )


@dataclass(frozen=True, kw_only=True)
class _Made:
    """files: by what they are. levels: of the backing track as written. losses: what the format of
    the lyrics has no place for. cut_s: of the intro."""

    files: Mapping[str, Path]
    timing: Timing
    levels: Levels
    gain: float
    bpm: float
    cut_s: float
    notes: Sequence[str]
    losses: Sequence[str] = ()


def _encodings(job: Job, order: Order, info: SourceInfo) -> dict[str, Encoding]:
    """How each file of sound is written. Raises OutputError for channels that a format lacks."""
    rate_hz, channels, output = info.sample_rate_hz, info.channels, order.output
    found = {BACKING: encoding(output.format, output.bit_depth, rate_hz, channels)}
    if MP3 in job.outputs:
        found[MP3] = encoding("mp3", None, rate_hz, channels)
    return found


def _check(job: Job, order: Order, info: SourceInfo) -> None:
    """What can be known before any work. Raises UsageError, InputError."""
    words, wanted = order.words, order.picture
    if words is not None and info.frames and order.output.end is None:
        _check_end(job.source, words, info.frames, info)
    if wanted is not None and words is None:
        trimmed = order.settings.trim_intro_s is not None or order.output.start > 0
        picture.check(job.source, wanted.kind, trimmed or order.output.end is not None)
    if wanted is not None and wanted.background == COVER and info.cover is None:
        raise InputError(
            f"{shown(job.source)}: has no cover; give a picture or a colour with --background"
        )


def _check_end(source: Path, words: Words, end: int, info: SourceInfo) -> None:
    """Raises InputError where a line begins after the recording's last sample."""
    last, length_s = timing.last_line(words.lyrics), end / info.sample_rate_hz
    if last is not None and last.start_s is not None and last.start_s >= length_s:
        raise InputError(
            f"{shown(words.path)}: the line {last.text[:40]!r} begins at {last.start_s:.2f} s and "
            f"{shown(source)} ends at {length_s:.2f} s; give the lyrics of this recording, or move "
            "them with 'unweave lyrics --shift'"
        )


def _identity(job: Job, order: Order) -> str | None:
    """One hash of what decides the files; None where the separator is in memory."""
    separation = order.request and order.request.identity()
    if separation is None:
        return None
    read = {"recording": job.source}
    if order.words is not None:
        read["lyrics"] = order.words.path
    if order.picture is not None:
        read |= order.picture.files()
    return results.identity(
        USE,
        REVISION,
        {
            "separation": separation,
            "format": [order.output.format, order.output.bit_depth],
            "files": {name: hashed(path) for name, path in read.items()},
            "write": sorted(job.outputs),
            **order.facts(),
        },
    )


def _separated(
    job: Job,
    order: Order,
    scratch: Path,
    executor: Executor,
    should_stop: ShouldStop | None,
    watch: Watch,
) -> tuple[Material, dict[str, Any]]:
    """The recording with the files of its voices, and the report of their separation."""
    from unweave.api import separate_file

    kept = order.stems_dir
    folder = scratch / "voices" if kept is None else straight(kept) / safe(job.source.stem)
    report = separate_file(
        job.source,
        folder,
        order.model,
        stems=order.voices.stems,
        filename_template="{stem}.{ext}",
        on_progress=watch.separating,
        should_stop=should_stop,
        executor=executor,
        **{**order.options, "format": "wav", "bit_depth": 32},
    )
    files = output_files(report, folder / f"{REPORT}.json")
    material = Material(
        source=job.source,
        info=probe(job.source),
        voices=order.voices,
        files={stem: files[stem] for stem in order.voices.stems},
        start=report["input"]["start"],
        length=report["input"]["samples"],
        said=[],
    )
    return material, report


def _files(
    job: Job,
    order: Order,
    material: Material,
    encodings: Mapping[str, Encoding],
    scratch: Path,
    watch: Watch,
) -> _Made:
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
    raw = scratch / "backing.wav"
    found, presence = sound.made(material, settings, when, raw, watch.add)
    if not presence.is_there():
        notes.append("hardly any voice was found: the backing track is nearly the recording")
    integer = encodings[BACKING].integer
    gain, more = levels.gain_for(found, settings.loudness, integer)
    notes += more
    loudness = None if found.lufs is None else found.lufs + decibels(gain**2)
    click = (settings.count_in, bpm, levels.click_peak(loudness))
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
        written = sound.finished(raw, writers, info, gain, click, watch.add)
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
        from unweave.exports.archive import write_zip

        pair = (MP3 if MP3 in paths else BACKING, CDG)
        write_zip(paths[ZIP], {job.outputs[name].name: paths[name] for name in pair})
    return _Made(
        files=paths,
        timing=when,
        levels=written,
        gain=gain,
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
    first_s = None if order.words is None else timing.first_word_s(order.words.lyrics)
    if first_s is not None:
        first_s = max(0.0, first_s - material.start / rate_hz)
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
    return Writer(
        path,
        how,
        info.sample_rate_hz,
        info.channels,
        layout=info.layout,
        tags=tags.for_stem(kept, TAG, title),
        cover=info.cover,
    )


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
    named = {**info.tags, **moved.tags}
    title, artist = named.get("title", job.source.stem), named.get("artist")
    wanted = order.picture
    if wanted is not None:
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
            size=wanted.size,
            rate_fps=wanted.rate_fps,
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
            paths[CDG], moved, when.samples / when.rate_hz, title=title, artist=artist
        )
        said += [*drawn.get("notes", ()), *drawn.get("warnings", ())]
    return said


def _facts(
    job: Job,
    order: Order,
    material: Material,
    separation: Mapping[str, Any],
    found: _Made,
    encodings: Mapping[str, Encoding],
) -> dict[str, Any]:
    """The report but for what is known only when the files have their names."""
    from unweave import __version__

    info, when = material.info, found.timing
    words = order.words
    return {
        "schema_version": SCHEMA_VERSION,
        "unweave": __version__,
        "use": USE,
        "input": {
            "path": os.path.abspath(job.source),
            "container": info.container,
            "codec": info.codec,
            "sample_rate_hz": info.sample_rate_hz,
            "channels": info.channels,
            "layout": info.layout,
            "duration_s": round(material.length / info.sample_rate_hz, 6),
            "start": material.start,
            "samples": material.length,
            "tags": dict(info.tags),
        },
        "separation": {name: separation[name] for name in ("request", "execution")},
        "karaoke": order.facts(),
        "lyrics": None
        if words is None
        else {"path": os.path.abspath(words.path), "sha256": hashed(words.path)},
        "timing": {
            "start": when.start,
            "length": when.length,
            "tempo": when.tempo,
            "lead": when.lead,
            "samples": when.samples,
            "count_in_bpm": rounded(found.bpm, 3) if order.settings.count_in else None,
            "cut_s": rounded(found.cut_s, 3),
        },
        "output": {
            "format": order.output.format,
            "bit_depth": order.output.bit_depth,
            "sample_rate_hz": encodings[BACKING].sample_rate_hz,
            "notes": [note for how in encodings.values() for note in how.notes],
        },
        "gain_db": rounded(decibels(found.gain**2), 4),
        "warnings": [
            *dict.fromkeys(
                [
                    *material.said,
                    *separation["warnings"],
                    *found.notes,
                    *([] if words is None else words.lyrics.warnings),
                    *(f"lyrics: {loss}" for loss in found.losses),
                ]
            )
        ],
        "execution": {
            "versions": {**versions(), **_stretch_version(order.settings)},
            "peak_memory_mb": rounded(peak_memory_mb(), 1),
        },
    }


def _stretch_version(settings: Settings) -> dict[str, str]:
    """That of the library of key and tempo, where it was used."""
    if not settings.changes_sound:
        return {}
    try:
        return {"python-stretch": metadata.version("python-stretch")}
    except metadata.PackageNotFoundError:  # on the path, never installed
        return {"python-stretch": "unknown"}
