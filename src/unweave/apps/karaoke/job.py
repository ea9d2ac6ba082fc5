"""One song from its file to its backing track, its words and its picture.

The hidden folder of `results` holds the voice's stems and what `making` makes there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from unweave.apps._shared import batch
from unweave.apps._shared.batch import Ready, Use, Watch, output_facts
from unweave.apps.karaoke import making, picture, timing
from unweave.apps.karaoke.order import BACKING, COVER, MP3, Order, Words, kept_in
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.sound import Material
from unweave.audio.info import SourceInfo
from unweave.audio.reader import probe
from unweave.audio.writer import Encoding, encoding
from unweave.core.files import hashed, shown
from unweave.engine.measure import decibels
from unweave.engine.report import recording_facts, rounded, versions
from unweave.engine.source import Watched
from unweave.errors import InputError, InTheWayError
from unweave.jobs import Job
from unweave.jobs.reports import REPORT, output_files

SCHEMA_VERSION = 1
REVISION = 3  # goes up when a backing track has other bytes than before
_SOUND = (BACKING, MP3)


def _looked_at(job: Job, order: Order, watch: Watch) -> Ready:
    watched = Watched(job.source)
    info = probe(job.source)
    encodings = _encodings(job, order, info)
    _check(job, order, info)
    watch.passes = 3
    return Ready(
        job=job,
        watched=watched,
        facts=_decisive(job, order),
        reads=_read(job, order).values(),
        make=partial(_made, job, info, encodings, order, watch),
    )


USE = Use("karaoke", SCHEMA_VERSION, REVISION, look=_looked_at)


def _made(
    job: Job,
    info: SourceInfo,
    encodings: Mapping[str, Encoding],
    order: Order,
    watch: Watch,
    scratch: Path,
) -> batch.Made:
    material, separated = _separated(job, order, scratch, watch)
    if order.words is not None and order.output.end is None:
        _check_end(job.source, order.words, material.start + material.length, info)
    found = making.made(job, order, material, encodings, scratch, watch)
    heard = {"samples": found.timing.samples, **found.levels.facts()}
    return batch.Made(
        report=_facts(order, material, separated, found, encodings),
        files=found.files,
        sounds={name: heard for name in _SOUND if name in found.files},
    )


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
    if wanted.kind is not None and words is None:
        trimmed = order.settings.trim_intro_s is not None or order.output.start > 0
        picture.check(job.source, wanted.kind, trimmed or order.output.end is not None)
    if words is not None and (wanted.kind is not None or order.cdg):
        _check_letters(job, words, info, wanted.font)
    if wanted.background == COVER and info.cover is None:
        raise InputError(
            f"{shown(job.source)}: has no cover; give a picture or a colour with --background"
        )


def _check_letters(job: Job, words: Words, info: SourceInfo, font: str | None) -> None:
    """Raises InputError where no font has a letter of the words, before the long work."""
    from unweave.apps.karaoke.screen.words import drawable

    title, artist = making.titled(job, info, words.lyrics)
    try:
        drawable(words.lyrics, [title, artist or ""], None if font is None else Path(font))
    except InputError as error:
        raise InputError(f"{shown(words.path)}: {error}") from error


def _check_end(source: Path, words: Words, end: int, info: SourceInfo) -> None:
    """Raises InputError where a line begins after the recording's last sample."""
    last, length_s = timing.last_line(words.lyrics), end / info.sample_rate_hz
    if last is not None and last.start_s is not None and last.start_s >= length_s:
        raise InputError(
            f"{shown(words.path)}: the line {last.text[:40]!r} begins at {last.start_s:.2f} s and "
            f"{shown(source)} ends at {length_s:.2f} s; give the lyrics of this recording, or move "
            "them with 'unweave lyrics --shift'"
        )


def _decisive(job: Job, order: Order) -> dict[str, Any] | None:
    """What decides the files; None where the separator is in memory."""
    if order.separation.identity is None:
        return None
    return {
        "separation": order.separation.identity,
        "format": [order.output.format, order.output.bit_depth],
        "files": {name: hashed(path) for name, path in _read(job, order).items()},
        "write": sorted(job.outputs),
        **order.facts(),
    }


def _read(job: Job, order: Order) -> dict[str, Path]:
    """Every file that the work reads."""
    words = {} if order.words is None else {"lyrics": order.words.path, COVER: order.words.cover}
    named = {name: path for name, path in words.items() if path is not None}
    return {"recording": job.source, **named, **order.picture.files()}


def _separated(
    job: Job, order: Order, scratch: Path, watch: Watch
) -> tuple[Material, dict[str, Any]]:
    """The recording with the files of its voices, and the report of their separation."""
    folder = kept_in(job.source, order) or scratch / "voices"
    separate = partial(
        watch.separate,
        job.source,
        folder,
        order.separation.model,
        stems=order.voices.stems,
        filename_template="{stem}.{ext}",
        **order.separation.options,
    )
    try:
        report = separate()
    except InTheWayError as error:  # stems that were kept are of something else
        if not job.overwrite:
            raise InTheWayError(error.what, "--keep-stems") from error
        report = separate(overwrite=True)
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


def _facts(
    order: Order,
    material: Material,
    separated: Mapping[str, Any],
    found: making.Made,
    encodings: Mapping[str, Encoding],
) -> dict[str, Any]:
    """The report but for what is alike in all uses."""
    info, when, words = material.info, found.timing, order.words
    duration_s = material.length / info.sample_rate_hz
    backing, *others = encodings.values()
    return {
        "input": {
            **recording_facts(material.source, info, material.start, duration_s),
            "samples": material.length,
        },
        "separation": {name: separated[name] for name in ("request", "execution")},
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
        "output": output_facts(backing, *others),
        "gain_db": rounded(decibels(found.gain**2), 4),
        "limited_db": rounded(found.limited_db, 2),
        "warnings": [
            *material.said,
            *separated["warnings"],
            *found.notes,
            *([] if words is None else words.lyrics.warnings),
            *(f"lyrics: {loss}" for loss in found.losses),
        ],
        "execution": {"versions": {**versions(), **_stretch_version(order.settings)}},
    }


def _stretch_version(settings: Settings) -> dict[str, str]:
    """That of the library of key and tempo, where it was used."""
    if not settings.changes_sound:
        return {}
    try:
        return {"python-stretch": metadata.version("python-stretch")}
    except metadata.PackageNotFoundError:  # on the path, never installed
        return {"python-stretch": "unknown"}
