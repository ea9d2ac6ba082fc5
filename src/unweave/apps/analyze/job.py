"""One song from its file to its analysis, and the files that it becomes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared import batch, material, results
from unweave.apps._shared.batch import Watch
from unweave.apps._shared.material import Material
from unweave.apps.analyze import files, sounds
from unweave.apps.analyze.analysis import PASSES, Analysis, Estimate, analysed
from unweave.apps.analyze.events import Lane
from unweave.apps.analyze.measures import OCTAVES_HZ, Measured
from unweave.apps.analyze.names import note_name
from unweave.apps.remix.job import title_of
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import hashed, shown
from unweave.core.status import Status
from unweave.engine.executor import Executor, shared
from unweave.engine.limits import peak_memory_mb
from unweave.engine.measure import decibels
from unweave.engine.report import rounded, versions
from unweave.engine.source import Watched
from unweave.errors import InputError, UsageError
from unweave.jobs import InputFile, Job, Outcome, Watcher
from unweave.jobs.naming import same_file_key
from unweave.jobs.turns import clear, turn
from unweave.request import Output, SeparationRequest, run_options
from unweave.types import OnProgress, ShouldStop

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

SCHEMA_VERSION = 1
REVISION = 2  # goes up when an analysis finds something else than before
ANALYZE = "analyze"
REPORT = "analysis.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every song.

    model: None where nothing is separated. options: as of `separate_file`. request: of the
    separation; None where there is none, or the separator exists only in memory. stems_from: a
    folder of stems that are there. least: the confidence below which anything is left out; None:
    the lane's own. exports: some of `files.KINDS`.
    """

    model: str | AnySeparator | None
    options: Mapping[str, Any]
    output: Output
    request: SeparationRequest | None
    stems_from: Path | None
    least: float | None
    exports: tuple[str, ...]

    @property
    def separates(self) -> bool:
        return self.model is not None and self.stems_from is None


def ordered(
    model: str | AnySeparator | None,
    options: Mapping[str, Any],
    *,
    stems_from: Path | None = None,
    least: float | None = None,
    exports: Iterable[str] = files.USUAL,
) -> Order:
    """What is asked for, checked as far as it can be without a song. Raises UsageError."""
    output, inference, execution, own = run_options(options)
    if least is not None and not 0 <= least <= 1:
        raise UsageError(f"a confidence is a number from 0 to 1; got {least:g}")
    if stems_from is not None and output.region != Output().region:
        raise UsageError("stems that are there are analysed whole; leave out the start and the end")
    request = None
    if isinstance(model, str) and stems_from is None:
        seed = own.pop("seed", 0)
        part = Output(start=output.start, end=output.end)
        request = registry.request(
            model, own, seed=seed, output=part, inference=inference, execution=execution
        )
    return Order(
        model=model,
        options={k: value for k, value in options.items() if k not in ("format", "bit_depth")},
        output=output,
        request=request,
        stems_from=stems_from,
        least=least,
        exports=files.check(exports),
    )


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each song, in a folder of its own. Raises UsageError for two with one folder."""
    output_dir = straight(output_dir)
    jobs: dict[str, Job] = {}
    for item in found:
        title = title_of(item.path)
        folder = output_dir.joinpath(*map(safe, item.subfolder.parts), safe(title))
        outputs = {name: folder / file for name, file in files.names(order.exports).items()}
        key = same_file_key(folder)
        if key in jobs:
            raise UsageError(
                f"{shown(jobs[key].source)} and {shown(item.path)} would both be written to "
                f"{shown(folder)}; analyse them in two runs, each with its own -o"
            )
        jobs[key] = Job(item.path, outputs, folder / REPORT, overwrite)
    return list(jobs.values())


def run(
    jobs: Sequence[Job], order: Order, watcher: Watcher, should_stop: ShouldStop
) -> list[Outcome]:
    """Analyse every song, one after the other; the outcomes are in the order of `jobs`."""
    work = partial(worked, order=order, executor=Executor(keep_models=1))
    return batch.run(jobs, work, watcher, should_stop)


def worked(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    *,
    order: Order,
    executor: Executor | None = None,
) -> Outcome:
    """Analyse one song, unless that is done already. Raises what goes wrong."""
    started = time.perf_counter()
    executor = executor or shared()
    check = partial(executor.check, shown(job.source), should_stop)
    with turn(job):
        clear(job)
        sound = _as_it_is(job.source, order)
        source = job.source if sound is None else sound.source
        watched = Watched(source)
        identity = _identity(source, sound, order)
        existing = results.look(job, ANALYZE, identity, [source])
        if existing.report is not None:
            return Outcome(
                source=job.source,
                job=job,
                status=Status.SKIPPED,
                report=existing.report,
                report_path=job.report,
            )
        drawn = "png" in order.exports
        watch = Watch(on_progress, check, passes=PASSES + drawn + (sound is None))
        with results.scratch(job, ANALYZE) as scratch:
            if sound is None:
                sound = _separated(job.source, scratch, order, executor, should_stop, watch)
            rate_hz = sound.info.sample_rate_hz
            if sound.info.duration_s is not None:
                watch.total_s = watch.passes * sound.info.duration_s

            def on_samples(count: int, rate_hz: int = rate_hz) -> None:
                watch.add(count / rate_hz)

            found = analysed(sound, order.least, on_samples)
            title = title_of(job.source)
            wanted = {name: path.relative_to(job.report.parent).as_posix()
                      for name, path in job.outputs.items()}  # fmt: skip
            written = files.write(scratch, wanted, found, sound, title)
            if "png" in wanted:
                from unweave.apps.analyze.files import picture

                written["png"] = scratch / wanted["png"]
                picture.write(written["png"], found, sound, title, on_samples)
            recording = watched.hashed()
            said = {
                "schema_version": SCHEMA_VERSION,
                "use": ANALYZE,
                **_facts(sound, found, order),
                "identity": identity,
            }
            said["input"] |= {"sha256": recording.sha256, "bytes": recording.bytes}
            said["execution"]["seconds"] = {"total": round(time.perf_counter() - started, 3)}
            report = results.published(job, said, written, {}, existing.own)
        job = replace(job, outputs={name: job.outputs[name] for name in written})
    return Outcome(
        source=job.source, job=job, status=Status.DONE, report=report, report_path=job.report
    )


def _as_it_is(source: Path, order: Order) -> Material | None:
    """The sound where nothing has to be separated first: stems that are there, or the mix alone."""
    region = order.output.region
    if order.stems_from is not None:
        return sounds.of_stems(source, order.stems_from, title_of(source))
    if material.is_folder(source):
        material.check_region("folder of stems", source, region)
        return material.of_folder(source)
    if source.is_dir():
        raise InputError(
            f"{shown(source)}: is a folder without the report of a separation; name a recording, "
            "or a folder that 'unweave separate' wrote"
        )
    if material.is_stem_file(source):
        return material.of_stem_file(source, region)
    return None if order.separates else sounds.of_mix(source, region)


def _separated(
    source: Path,
    scratch: Path,
    order: Order,
    executor: Executor,
    should_stop: ShouldStop | None,
    watch: Watch,
) -> Material:
    from unweave.api import separate_file

    assert order.model is not None
    separate = partial(
        separate_file,
        model=order.model,
        on_progress=watch.separating,
        should_stop=should_stop,
        executor=executor,
    )
    return material.separated(source, scratch / "separated", separate, order.options)


def _identity(source: Path, sound: Material | None, order: Order) -> str | None:
    """One hash of what decides the files; None where the separator is in memory."""
    from unweave.apps.analyze.finders import FINDERS

    separation: Any = order.request and order.request.identity()
    if sound is not None:
        separation = [sound.kind, sound.facts.get("stems_sha256")]
        if order.stems_from is not None:
            stems = sounds.stem_files(order.stems_from, title_of(source))
            separation += [{stem: hashed(path) for stem, path in stems.items()}]
    elif separation is None:
        return None
    return results.identity(
        ANALYZE,
        REVISION,
        {
            "recording": hashed(source),
            "separation": separation,
            "region": [order.output.start, order.output.end],
            "least": order.least,
            "finders": [[asdict(each), each.has_weights] for each in FINDERS],
            "write": list(order.exports),
        },
    )


def _facts(sound: Material, found: Analysis, order: Order) -> dict[str, Any]:
    """The report but for what is known only when the files have their names."""
    from unweave import __version__

    info = sound.info
    return {
        "unweave": __version__,
        "input": {
            "path": os.path.abspath(sound.source),
            "kind": sound.kind,
            "container": info.container,
            "codec": info.codec,
            "sample_rate_hz": info.sample_rate_hz,
            "channels": info.channels,
            "layout": info.layout,
            "start": sound.start,
            "start_s": rounded(found.start_s, 6),
            "duration_s": rounded(found.duration_s, 6),
            "tags": dict(info.tags),
        },
        "separation": dict(sound.facts) or None,
        "tracks": [_track(name, track) for name, track in found.tracks.items()],
        **{name: _estimate(found.whole.get(name)) for name in ("tempo", "metre", "key")},
        "voice": found.compass
        and {name: note_name(midi) for name, midi in asdict(found.compass).items()},
        "lanes": [_lane(lane) for lane in found.lanes],
        "left_out": _left_out(found),
        "warnings": list(dict.fromkeys([*sound.said, *found.missing])),
        "execution": {"versions": versions(), "peak_memory_mb": rounded(peak_memory_mb(), 1)},
    }


def _track(name: str, track: Measured) -> dict[str, Any]:
    image, moments = track.image, track.momentary_lufs
    return {
        "stem": name,
        "peak_dbfs": rounded(decibels(track.peak**2)),
        "loudness_lufs": rounded(track.lufs),
        "range_lu": rounded(track.range_lu),
        "momentary_most_lufs": rounded(float(moments.max())) if len(moments) else None,
        "bands": [
            [rounded(float(hz), 2), rounded(float(db))]
            for hz, db in zip(OCTAVES_HZ, track.bands_db, strict=False)
        ],
        "image": None if image is None else {k: rounded(v, 3) for k, v in asdict(image).items()},
    }


def _estimate(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    value = rounded(found.value, 2) if isinstance(found.value, float) else found.value
    return {"value": value, "confidence": rounded(found.confidence, 3), "source": found.source}


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "lane": lane.name,
        "source": lane.source,
        "method": lane.method,
        "least_confidence": lane.least,
        "left_out": lane.left_out,
        "events": [
            [rounded(event.start_s, 4), rounded(event.end_s, 4), event.value,
             rounded(event.confidence, 3)]
            for event in lane.events
        ],
    }  # fmt: skip


def _left_out(found: Analysis) -> list[str]:
    """What was not sure enough, in words."""
    said = [
        f"{name}: {each.value if isinstance(each.value, str) else format(each.value, '.4g')} "
        f"has a confidence of {each.confidence:.2f}"
        for name, each in found.unsure.items()
    ]
    return said + [
        f"{lane.name}: {lane.left_out} with a confidence below {lane.least:g}"
        for lane in found.lanes
        if lane.left_out
    ]
