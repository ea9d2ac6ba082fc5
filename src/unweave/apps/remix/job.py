"""One song from its file to its remix, and the files that it becomes.

The hidden folder of `results` holds the stems of the separation, what is written, and the exports
that are made of it.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared import batch, material, results
from unweave.apps._shared.batch import Watch
from unweave.apps._shared.material import Material
from unweave.apps.remix import projects
from unweave.apps.remix.mix import Mix, Strip
from unweave.apps.remix.output import Made, made
from unweave.audio.info import SourceInfo
from unweave.audio.reader import probe
from unweave.audio.stem_file.writer import SUFFIXES
from unweave.audio.writer import encoding
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import hashed, shown
from unweave.core.status import Status
from unweave.core.stem_names import RESIDUAL
from unweave.engine.executor import Executor, shared
from unweave.engine.limits import peak_memory_mb
from unweave.engine.measure import decibels
from unweave.engine.report import rounded, versions
from unweave.engine.source import Watched
from unweave.errors import InputError, UsageError
from unweave.exports.names import file_name
from unweave.jobs import InputFile, Job, Missed, Outcome, PassedOver, Watcher, find
from unweave.jobs.naming import same_file_key
from unweave.jobs.turns import clear, turn
from unweave.request import Output, SeparationRequest, run_options
from unweave.types import OnProgress, ShouldStop, StrPath

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

SCHEMA_VERSION = 1
REVISION = 2  # goes up when a remix has other bytes than before
REMIX = "remix"
REPORT = "remix.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every song.

    options: as of `separate_file`, without the format. request: of the separation; None where the
    separator exists only in memory. references: the recordings that stems are matched to, with
    their SHA-256.
    """

    mix: Mix
    model: str | AnySeparator
    options: Mapping[str, Any]
    output: Output
    request: SeparationRequest | None
    stems: bool
    exports: tuple[str, ...]
    references: Mapping[str, str]


def ordered(
    mix: Mix,
    model: str | AnySeparator,
    options: Mapping[str, Any],
    *,
    stems: bool = False,
    exports: Iterable[str] = (),
) -> Order:
    """What is asked for, checked as far as it can be without a song.

    Raises UsageError, InputError for a reference that cannot be read.
    """
    output, inference, execution, own = run_options(options)
    kinds = tuple(dict.fromkeys(exports))
    projects.check(kinds, mix, output.format)
    request = None
    if isinstance(model, str):
        seed = own.pop("seed", 0)
        part = Output(start=output.start, end=output.end)
        request = registry.request(
            model, own, seed=seed, output=part, inference=inference, execution=execution
        )
    references = sorted({strip.match for strip in mix.stems.values() if strip.match})
    for path in references:
        probe(Path(path))
    return Order(
        mix=mix,
        model=model,
        options={k: value for k, value in options.items() if k not in ("format", "bit_depth")},
        output=output,
        request=request,
        stems=stems or "rpp" in kinds,
        exports=kinds,
        references={path: hashed(Path(path)) for path in references},
    )


def songs(
    inputs: Sequence[StrPath], output_dir: Path
) -> tuple[list[InputFile], list[Missed], list[PassedOver]]:
    """The recordings that `inputs` mean, as for `separate`, and folders of stems among them.

    Raises UsageError where nothing is found.
    """
    arguments = [part for each in inputs for part in _meant(os.fspath(each))]
    folders = [Path(each) for each in arguments if material.is_folder(Path(each))]
    others = [each for each in arguments if Path(each) not in folders]
    found, missed, passed_over = find(others, output_dir) if others or not folders else ([], [], [])
    return [*map(InputFile, folders), *found], missed, passed_over


def _meant(argument: str) -> list[str]:
    """What a pattern means where folders of stems are among it, else the argument itself."""
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return [argument]
    matches = sorted(glob.glob(os.path.expanduser(argument), recursive=True))
    of_stems = [match for match in matches if material.is_folder(Path(match))]
    rest = [match for match in matches if match not in of_stems]
    return [*of_stems, *rest] if of_stems else [argument]


def is_separated(path: Path) -> bool:
    """Whether a song has to be separated: it brings no stems."""
    try:
        return not (material.is_folder(path) or material.is_stem_file(path))
    except InputError:
        return False


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each song, in a folder of its own; of its files, those known by now.

    Raises UsageError for two songs with one folder, and for a stem that the separator has not.
    """
    output_dir = straight(output_dir)
    if any(is_separated(item.path) for item in found):
        order.mix.strips(_names(order), _owner(order))
    jobs: dict[str, Job] = {}
    for item in found:
        title = title_of(item.path)
        folder = output_dir.joinpath(*map(safe, item.subfolder.parts), safe(title))
        outputs = {REMIX: folder / f"{REMIX}.{order.output.format}"}
        names = projects.names(title, order.exports)
        outputs |= {kind: folder / name for kind, name in names.items()}
        key = same_file_key(folder)
        if key in jobs:
            raise UsageError(
                f"{shown(jobs[key].source)} and {shown(item.path)} would both be written to "
                f"{shown(folder)}; remix them in two runs, each with its own -o"
            )
        jobs[key] = Job(item.path, outputs, folder / REPORT, overwrite)
    return list(jobs.values())


def title_of(path: Path) -> str:
    """The name of a song: of its file, or of the folder of its stems."""
    if path.is_dir():
        return Path(os.path.abspath(path)).name
    end = next((end for end in SUFFIXES if path.name.lower().endswith(end)), path.suffix)
    return path.name[: len(path.name) - len(end)] or path.name


def run(
    jobs: Sequence[Job], order: Order, watcher: Watcher, should_stop: ShouldStop
) -> list[Outcome]:
    """Remix every song, one after the other; the outcomes are in the order of `jobs`."""
    work = partial(remixed, order=order, executor=Executor(keep_models=1))
    return batch.run(jobs, work, watcher, should_stop)


def remixed(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    *,
    order: Order,
    executor: Executor | None = None,
) -> Outcome:
    """Remix one song, unless that is done already. Raises what goes wrong."""
    started = time.perf_counter()
    executor = executor or shared()
    check = partial(executor.check, shown(job.source), should_stop)
    watch = Watch(on_progress, check, passes=2)  # at least
    with turn(job):
        clear(job)
        stems = _as_they_are(job.source, order)
        source = job.source if stems is None else stems.source
        watched = Watched(source)
        info = probe(source) if stems is None else stems.info
        names = _names(order) if stems is None else stems.stems
        owner = _owner(order) if stems is None else shown(job.source)
        strips = order.mix.strips(names, owner)
        _check_channels(job.source, info, strips, order)
        job = replace(job, outputs={**job.outputs, **_stem_files(job, order, names)})
        identity = _identity(source, stems, order)
        reads = [source, *map(Path, order.references)]
        existing = results.look(job, REMIX, identity, reads)
        if existing.report is not None:
            return Outcome(
                source=job.source,
                job=job,
                status=Status.SKIPPED,
                report=existing.report,
                report_path=job.report,
            )
        watch.total_s = info.duration_s
        with results.scratch(job, REMIX) as scratch:
            if stems is None:
                stems = _separated(job.source, scratch, order, executor, should_stop, watch)
            found = made(
                stems,
                order.mix,
                strips,
                job.outputs,
                scratch,
                output=order.output,
                exports=order.exports,
                files_of_stems=order.stems,
                title=title_of(job.source),
                on_block=lambda count: watch.add(count / info.sample_rate_hz),
            )
            recording = watched.hashed()
            said = {
                "schema_version": SCHEMA_VERSION,
                "use": REMIX,
                **_facts(stems, order, found),
                "identity": identity,
            }
            said["input"] |= {"sha256": recording.sha256, "bytes": recording.bytes}
            said["execution"]["seconds"] = {"total": round(time.perf_counter() - started, 3)}
            samples = {"samples": said["input"]["samples"]}
            sounds = {name: samples | level for name, level in found.levels_of_files().items()}
            report = results.published(job, said, found.files, sounds, existing.own)
        written = {name: job.outputs[name] for name in found.files}
    return Outcome(
        source=job.source,
        job=replace(job, outputs=written),
        status=Status.DONE,
        report=report,
        report_path=job.report,
    )


def _as_they_are(source: Path, order: Order) -> Material | None:
    """The stems of a stem file or a folder; None for a recording that is to be separated."""
    region = order.output.region
    if material.is_folder(source):
        material.check_region("folder of stems", source, region)
        return material.of_folder(source)
    if source.is_dir():
        raise InputError(
            f"{shown(source)}: is a folder without the report of a separation; name a recording, "
            "or a folder that 'unweave separate' wrote"
        )
    return material.of_stem_file(source, region) if material.is_stem_file(source) else None


def _names(order: Order) -> tuple[str, ...]:
    """The stems of the separator, without the residual."""
    if order.request is not None:
        return order.request.stems
    assert not isinstance(order.model, str)
    return order.model.spec.stems


def _owner(order: Order) -> str:
    return order.model if isinstance(order.model, str) else order.model.spec.name


def _check_channels(
    source: Path, info: SourceInfo, strips: Mapping[str, Strip], order: Order
) -> None:
    """Raise UsageError for what needs two channels, OutputError for too many for the format."""
    output = order.output
    encoding(output.format, output.bit_depth, info.sample_rate_hz, info.channels)
    if info.channels == 2:
        return
    placed = [stem for stem, strip in strips.items() if strip.places]
    kinds = [kind for kind in order.exports if kind in projects.CODECS]
    if placed or kinds:
        what = f"pan and width of {placed[0]}" if placed else f"a {kinds[0]} file"
        raise UsageError(f"{shown(source)}: has {info.channels} channel(s); {what} takes stereo")


def _stem_files(job: Job, order: Order, names: Sequence[str]) -> dict[str, Path]:
    """The file of each stem, and of the residual, where they are written."""
    if not order.stems:
        return {}
    folder, ext = job.report.parent, order.output.format
    return {
        stem: folder / file_name(number, stem, ext)
        for number, stem in enumerate((*names, RESIDUAL), 1)
    }


def _identity(source: Path, stems: Material | None, order: Order) -> str | None:
    """One hash of what decides the files; None where the separator is in memory."""
    separation = order.request and order.request.identity() if stems is None else stems.kind
    if separation is None:
        return None
    return results.identity(
        REMIX,
        REVISION,
        {
            "recording": hashed(source),
            "separation": separation,
            "stems": None if stems is None else stems.facts.get("stems_sha256"),
            "region": [order.output.start, order.output.end],
            "mix": order.mix.facts(),
            "references": dict(order.references),
            "format": [order.output.format, order.output.bit_depth],
            "write": [order.stems, sorted(order.exports)],
        },
    )


def _separated(
    source: Path,
    scratch: Path,
    order: Order,
    executor: Executor,
    should_stop: ShouldStop | None,
    watch: Watch,
) -> Material:
    from unweave.api import separate_file

    separate = partial(
        separate_file,
        model=order.model,
        on_progress=watch.separating,
        should_stop=should_stop,
        executor=executor,
    )
    return material.separated(source, scratch / "separated", separate, order.options)


def _facts(stems: Material, order: Order, found: Made) -> dict[str, Any]:
    """The report but for what is known only when the files have their names."""
    from unweave import __version__

    info, samples = stems.info, found.rendered.samples
    return {
        "unweave": __version__,
        "input": {
            "path": os.path.abspath(stems.source),
            "kind": stems.kind,
            "container": info.container,
            "codec": info.codec,
            "sample_rate_hz": info.sample_rate_hz,
            "channels": info.channels,
            "layout": info.layout,
            "duration_s": round(samples / info.sample_rate_hz, 6),
            "start": stems.start,
            "samples": samples,
            "tags": dict(info.tags),
        },
        "separation": dict(stems.facts) or None,
        "mix": order.mix.facts(),
        "references": dict(order.references),
        "output": {
            "format": order.output.format,
            "bit_depth": order.output.bit_depth,
            "sample_rate_hz": found.encoding.sample_rate_hz,
            "notes": list(found.encoding.notes),
        },
        "levels": found.levels(),
        "match": found.matched(),
        "gain_db": rounded(decibels(found.rendered.gain**2), 4),
        "limited_db": rounded(found.rendered.limited_db, 2),
        "warnings": list(dict.fromkeys([*stems.said, *found.notes])),
        "execution": {
            "passes": found.rendered.passes,
            "versions": versions(),
            "peak_memory_mb": rounded(peak_memory_mb(), 1),
        },
    }
