"""Where the stems of a song come from: a separation, a stem file, a folder that `separate` wrote.

All are files, which can be read as often as a use needs: to measure, to mix, and once more where a
gain was found too late. So memory holds a few blocks of the song and never the song.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from unweave.apps._shared.separation import Separation
from unweave.audio.info import SourceInfo
from unweave.audio.reader import Reader, probe
from unweave.audio.stem_file.reader import StemReader, read_metadata
from unweave.audio.stem_file.slots import SILENCE
from unweave.audio.stem_file.writer import STREAMS, SUFFIXES
from unweave.core.atomic import sha256
from unweave.core.files import readable, shown
from unweave.core.region import Region
from unweave.core.stem_names import RESIDUAL, canonical
from unweave.engine.measure import SampleSanitizer
from unweave.errors import InputError, UsageError
from unweave.jobs.reports import REPORT, find_recording, output_files, read_report
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

BLOCK = 1 << 17  # samples that are mixed at once: a multiple of every hop

_TAKEN = ("mix", "remix", "stem.mp4", "stem.m4a", "dawproject", "rpp", "labels", "zip")
_CUSTOMARY = ("drums", "bass", "other", "vocals")
_SILENT = re.compile(rf"{SILENCE}( \d+)?")


@dataclass(frozen=True, kw_only=True)
class Material:
    """A recording and its stems.

    kind: in words, for the report. start: the recording's first sample that is mixed. blocks: from
    the beginning each time, `(1 + stem, channel, time)` of BLOCK samples, the last shorter, the mix
    first. files: those of the stems. said: what is wrong with the recording; complete when its
    blocks were read once. facts: what the report says of it besides.
    """

    kind: str
    source: Path
    info: SourceInfo
    stems: tuple[str, ...]
    start: int
    blocks: Callable[[], Iterator[Wave]]
    files: tuple[Path, ...] = ()
    said: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder of stems with the report that `separate` wrote."""
    return (path / f"{REPORT}.json").is_file()


def is_stem_file(path: Path) -> bool:
    """Whether `path` is a stem file, by its name or by what is in it. Raises InputError."""
    return path.name.lower().endswith(SUFFIXES) or read_metadata(path) is not None


def of_stem_file(path: Path, region: Region) -> Material:
    """The stems of a stem file by the names that it gives them, without its named silence.

    A file without names, as those of MUSDB18, has them in the customary order. Raises InputError.
    """
    with StemReader(path) as reader:
        info, metadata = reader.info, reader.metadata
    said: list[str] = []
    if metadata is None:
        labels = list(_CUSTOMARY)
        said.append(f"{shown(path)}: names no stems; they are taken as {', '.join(labels)}")
    else:
        labels = [label.name for label in metadata.labels]
    kept = [n for n, name in enumerate(labels) if not _SILENT.fullmatch(name)]

    def blocks() -> Iterator[Wave]:
        with StemReader(path) as reader:
            whole = reader.blocks(BLOCK)
            rows = (block.reshape(-1, block.shape[-1]) for block in whole)
            cut = region.cut(rows, info.sample_rate_hz, shown(path))
            for block in in_blocks(cut, BLOCK):
                tracks = np.nan_to_num(block, posinf=0.0, neginf=0.0)
                tracks = tracks.reshape(STREAMS, info.channels, -1)
                yield tracks[[0, *(1 + n for n in kept)]]
            _say(said, reader.warnings)

    return Material(
        kind="stem file",
        source=path,
        info=info,
        stems=_apart([labels[n] for n in kept]),
        start=region.samples(info.sample_rate_hz)[0],
        blocks=blocks,
        said=said,
    )


def of_folder(folder: Path) -> Material:
    """The stems that `separate` wrote into a folder, and the recording that they were made from.

    Raises InputError where a file is not there, or not what the report says it is.
    """
    report_path = folder / f"{REPORT}.json"
    report = read_report(report_path)
    try:
        source = find_recording(report, report_path)
    except InputError as error:
        raise InputError(
            f"{shown(folder)}: the recording that its stems were made from, "
            f"{shown(Path(report['input']['path']).name)}, is not there as it was; put it back"
        ) from error
    files = output_files(report, report_path)
    files = {stem: file for stem, file in files.items() if stem != RESIDUAL}
    if not files:
        raise InputError(f"{shown(report_path)}: names no stem; separate the recording again")
    for item in report["stems"]:
        if (file := files.get(item["stem"])) is not None:
            with readable(file):
                if sha256(file) != item["sha256"]:
                    raise InputError(
                        f"{shown(file)}: has changed since {shown(report_path)} was written; "
                        "separate the recording again"
                    )
    start, samples = report["input"]["start"], report["input"]["samples"]
    facts = {name: report[name] for name in ("request", "null_test_db", "execution")}
    hashes = {item["stem"]: item["sha256"] for item in report["stems"]}
    made = of_files(source, files, start, samples, 10 ** (-report["gain_db"] / 20))
    return replace(made, kind="folder of stems", facts={**facts, "stems_sha256": hashes})


def of_files(
    source: Path,
    files: Mapping[str, Path],
    start: int,
    samples: int,
    gain: float = 1.0,
) -> Material:
    """A recording, from its sample `start` on, and the files of its stems, each times `gain`.

    Raises InputError where they have another rate or other channels.
    """
    info = probe(source)
    for file in files.values():
        other = probe(file)
        if (other.sample_rate_hz, other.channels) != (info.sample_rate_hz, info.channels):
            raise InputError(
                f"{shown(file)}: has another sample rate or other channels than {shown(source)}; "
                "separate again, to WAV or FLAC"
            )
    rate_hz, said = info.sample_rate_hz, list[str]()
    region = Region(start / rate_hz, (start + samples) / rate_hz)

    def blocks() -> Iterator[Wave]:
        sanitizer = SampleSanitizer(rate_hz, info.bits)
        with ExitStack() as stack:
            mix = stack.enter_context(Reader(source))
            stems = [stack.enter_context(Reader(file)) for file in files.values()]
            cut = region.cut(mix.blocks(BLOCK), rate_hz, shown(source))
            rows = [in_blocks(map(sanitizer.clean, cut), BLOCK)]
            rows += [stem.blocks(BLOCK) for stem in stems]
            try:
                for block in zip(*rows, strict=True):
                    tracks = np.stack(block)
                    if gain != 1:
                        tracks[1:] *= np.float32(gain)
                    yield tracks
            except ValueError as error:
                raise InputError(
                    f"{shown(source)}: its stems are not as long as it is; separate it again"
                ) from error
            _say(said, [*mix.warnings, *sanitizer.warnings()])

    return Material(
        kind="recording",
        source=source,
        info=info,
        stems=tuple(files),
        start=start,
        blocks=blocks,
        files=tuple(files.values()),
        said=said,
    )


def as_it_is(source: Path, region: Region) -> Material | None:
    """The stems of a stem file or a folder; None for a recording, which brings none.

    Raises InputError for another folder, UsageError for a region of stems that are there.
    """
    if is_folder(source):
        check_region("folder of stems", source, region)
        return of_folder(source)
    if source.is_dir():
        raise InputError(
            f"{shown(source)}: is a folder without the report of a separation; name a recording, "
            "or a folder that 'unweave separate' wrote"
        )
    return of_stem_file(source, region) if is_stem_file(source) else None


def separated(
    source: Path, scratch: Path, how: Separation, separate: Callable[..., dict[str, Any]]
) -> Material:
    """A recording whose stems are made now, into `scratch`.

    separate: `unweave.separate_file`, with what watches over it. Raises what that raises.
    """
    report = separate(source, scratch, how.model, filename_template="{stem}.{ext}", **how.options)
    files = output_files(report, scratch / f"{REPORT}.json")
    files = {stem: file for stem, file in files.items() if stem != RESIDUAL}
    made = of_files(source, files, report["input"]["start"], report["input"]["samples"])
    facts = {name: report[name] for name in ("request", "null_test_db", "execution")}
    return replace(made, facts=facts)


def check_region(kind: str, path: Path, region: Region) -> None:
    """Raise UsageError where a part is asked of what is a part already."""
    if region != Region():
        raise UsageError(f"{shown(path)}: is a {kind}; leave out the start and the end")


def _say(said: list[str], more: list[str]) -> None:
    said += [line for line in more if line not in said]


def _apart(names: list[str]) -> tuple[str, ...]:
    """Names that differ in their customary form, and from what else a remix has: of two alike, the
    second gets a number."""
    found: list[str] = []
    taken = {RESIDUAL, *_TAKEN}
    for name in names:
        apart, n = name, 2
        while canonical(apart) in taken:
            apart, n = f"{name} {n}", n + 1
        taken.add(canonical(apart))
        found.append(apart)
    return tuple(found)
