"""One recording from its file to the restored one, what was removed, and the report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unweave.apps._shared import batch, levels, material, results
from unweave.apps._shared.batch import Watch
from unweave.apps.restore import chain, dereverb, sources
from unweave.apps.restore.chain import Source
from unweave.apps.restore.figures import Figures, Figuring
from unweave.apps.restore.order import Order
from unweave.apps.restore.settings import Settings
from unweave.apps.restore.sources import Restored
from unweave.audio import tags
from unweave.audio.broadcast import stamped
from unweave.audio.info import SourceInfo
from unweave.audio.reader import probe
from unweave.audio.writer import Encoding, Writer, encoding
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import hashed, shown
from unweave.core.status import Status
from unweave.engine.executor import Executor, shared
from unweave.engine.limits import peak_memory_mb
from unweave.engine.measure import decibels
from unweave.engine.report import rounded, versions
from unweave.engine.source import Watched
from unweave.errors import UsageError
from unweave.jobs import InputFile, Job, Outcome, Watcher
from unweave.jobs.naming import same_file_key
from unweave.jobs.turns import clear, turn
from unweave.signal.blocks import in_step
from unweave.types import OnProgress, ShouldStop, Wave

USE = "restore"
SCHEMA_VERSION = 1
REVISION = 2  # goes up when a restoration has other bytes than before
RESTORED, REMOVED = "restored", "removed"
REPORT = "restore.json"


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each recording, in a folder of its own. Raises UsageError for two of one name."""
    output_dir = straight(output_dir)
    names = (RESTORED, REMOVED) if order.removed else (RESTORED,)
    jobs: dict[str, Job] = {}
    for item in found:
        folder = output_dir.joinpath(*map(safe, item.subfolder.parts), safe(item.path.stem))
        outputs = {name: folder / f"{name}.{order.output.format}" for name in names}
        key = same_file_key(folder)
        if key in jobs:
            raise UsageError(
                f"{shown(jobs[key].source)} and {shown(item.path)} would both be written to "
                f"{shown(folder)}; restore them in two runs, each with its own -o"
            )
        jobs[key] = Job(item.path, outputs, folder / REPORT, overwrite)
    return list(jobs.values())


def run(
    jobs: Sequence[Job], order: Order, watcher: Watcher, should_stop: ShouldStop
) -> list[Outcome]:
    """Restore every recording, one after the other; the outcomes are in the order of `jobs`."""
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
    """Restore one recording, unless that is done already. Raises what goes wrong."""
    started = time.perf_counter()
    executor = executor or shared()
    check = partial(executor.check, shown(job.source), should_stop)
    each = [order.settings, *([order.stems.settings] if order.stems else [])]
    watch = Watch(on_progress, check, passes=2 + chain.passes(each))
    with turn(job):
        clear(job)
        watched = Watched(job.source)
        info = probe(job.source)
        rate_hz = info.sample_rate_hz
        how = encoding(order.output.format, order.output.bit_depth, rate_hz, info.channels)
        identity = _identity(job, order)
        noise = order.settings.noise_from
        existing = results.look(job, USE, identity, [job.source, *([Path(noise)] if noise else [])])
        if existing.report is not None:
            return Outcome(
                source=job.source,
                job=job,
                status=Status.SKIPPED,
                report=existing.report,
                report_path=job.report,
            )
        watch.total_s = None if info.duration_s is None else info.duration_s * watch.passes
        with results.scratch(job, USE) as scratch:
            given = _Given(job.source, info, order, scratch, executor, should_stop, watch)
            restored = _restored(given)
            paths = {name: scratch / path.name for name, path in job.outputs.items()}
            found = _written(restored, paths, how, info, given.start)
            recording = watched.hashed()
            said = _facts(given, restored, found, how)
            said["input"] |= {"sha256": recording.sha256, "bytes": recording.bytes}
            said["identity"] = identity
            said["execution"]["seconds"] = {"total": round(time.perf_counter() - started, 3)}
            sounds = {name: {"samples": found.samples} for name in paths}
            report = results.published(job, said, paths, sounds, existing.own)
    return Outcome(
        source=job.source, job=job, status=Status.DONE, report=report, report_path=job.report
    )


@dataclass(frozen=True)
class _Given:
    """What a recording is restored with."""

    source: Path
    info: SourceInfo
    order: Order
    scratch: Path
    executor: Executor
    should_stop: ShouldStop | None
    watch: Watch

    @property
    def start(self) -> int:
        """The first sample of the part that is restored."""
        return self.order.output.region.samples(self.info.sample_rate_hz)[0]

    def on_block(self, count: int) -> None:
        self.watch.add(count / self.info.sample_rate_hz)

    def separate(self) -> Callable[..., dict[str, Any]]:
        from unweave.api import separate_file

        return partial(separate_file, should_stop=self.should_stop, executor=self.executor)


def _identity(job: Job, order: Order) -> str | None:
    """One hash of what decides the files; None where a separator is in memory."""
    if order.in_memory:
        return None
    stems = order.stems
    return results.identity(
        USE,
        REVISION,
        {
            "recording": hashed(job.source),
            "region": [order.output.start, order.output.end],
            "format": [order.output.format, order.output.bit_depth],
            "write": sorted(job.outputs),
            "separation": stems and stems.request and stems.request.identity(),
            **order.facts(),
        },
    )


def _restored(given: _Given) -> Restored:
    order, info, source = given.order, given.info, given.source
    settings, on_block = order.settings, given.on_block
    dry = None if order.dry is None else partial(_dried, given)
    if order.stems is not None:
        stems = order.stems
        separate = partial(given.separate(), model=stems.model, on_progress=given.watch.separating)
        made = material.separated(source, given.scratch / "separated", separate, stems.options)
        each = stems.settings, settings
        return sources.by_stem(made, stems.voice, each, on_block, dry)
    said: list[str] = []
    region = order.output.region
    before = partial(sources.recording, source, info, region, said, on_block)
    wanted = "denoise" in settings.tools and settings.strength > 0
    noise = sources.noise_of(source, settings, info, given.start) if wanted else None
    if settings.place is not None:
        restored, tools = sources.in_place(source, info, before, settings, given.start, noise, dry)
    else:
        restored, tools = sources.whole(source, before, settings, info.sample_rate_hz, noise, dry)
    return Restored(before, restored, {"recording": tools}, said)


def _dried(given: _Given, source: Source, settings: Settings) -> Source:
    assert given.order.dry is not None
    model, stem = given.order.dry
    folder = given.scratch / f"reverb {len(list(given.scratch.glob('reverb *')))}"
    separate = partial(given.separate(), model=model)
    return dereverb.dried(source, given.info, folder, stem, separate, settings.strength)


@dataclass(frozen=True)
class _Written:
    """What was found while the files were written. removed: what was taken, relative to the
    recording in dB; gain: of all files."""

    before: Figures
    after: Figures
    removed_db: float
    changed: int
    gain: float
    samples: int
    notes: Sequence[str]


def _written(
    restored: Restored, paths: Mapping[str, Path], how: Encoding, info: SourceInfo, start: int
) -> _Written:
    """Write the files; twice where integers would clip, with one gain for all of them."""
    gain, notes = 1.0, list[str]()
    for _ in range(2):
        found, peak = _once(restored, paths, how, info, start, gain)
        if gain != 1.0 or not how.integer:
            break
        gain, notes = levels.unclipped(peak, 1.0, "all files are")
        if gain == 1.0:
            break
    return replace(found, notes=notes)


def _once(
    restored: Restored,
    paths: Mapping[str, Path],
    how: Encoding,
    info: SourceInfo,
    start: int,
    gain: float,
) -> tuple[_Written, float]:
    """One pass, and the highest sample of the files before their gain."""
    rate_hz, names = info.sample_rate_hz, info.channel_names
    before, after = (Figuring(rate_hz, info.channels, names) for _ in range(2))
    energy, taken, peak = 0.0, 0.0, 0.0
    samples = changed = 0
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(_writer(path, name, how, info, start))
            for name, path in paths.items()
        }
        for was, now in in_step([restored.before(), restored.source()]):
            gone = was - now
            before.push(was)
            after.push(now)
            energy += float(np.sum(np.square(was, dtype=np.float64)))
            taken += float(np.sum(np.square(gone, dtype=np.float64)))
            changed += int(np.any(gone, axis=0).sum())
            samples += was.shape[1]
            waves: dict[str, Wave] = {RESTORED: now, REMOVED: gone}
            for name, writer in writers.items():
                wave = waves[name]
                peak = max(peak, float(np.abs(wave).max(initial=0.0)))
                writer.write(wave if gain == 1.0 else wave * np.float32(gain))
    relative = decibels(taken / energy) if energy else decibels(taken)
    figures = before.figures(), after.figures()
    return _Written(*figures, relative, changed, gain, samples, ()), peak


def _writer(path: Path, name: str, how: Encoding, info: SourceInfo, start: int) -> Writer:
    """A WAV says where in the recording it begins."""
    said = tags.of_part(info.tags, start)
    if name == REMOVED:
        said = tags.for_stem(said, name)
    if how.format == "wav":
        place = said.get("time_reference", "")
        said = stamped(said, int(place) if place.isdecimal() else start)
    return Writer(
        path,
        how,
        info.sample_rate_hz,
        info.channels,
        layout=info.layout,
        tags=said,
        cover=info.cover,
    )


def _facts(given: _Given, restored: Restored, found: _Written, how: Encoding) -> dict[str, Any]:
    """The report but for what is known only when the files have their names."""
    from unweave import __version__

    info, order = given.info, given.order
    stems = order.stems
    notes = [*restored.said, *found.notes]
    if order.settings.fill:
        notes.append("the marked place was made anew from what is around it: it is not a recording")
    return {
        "schema_version": SCHEMA_VERSION,
        "unweave": __version__,
        "use": USE,
        "input": {
            "path": os.path.abspath(given.source),
            "container": info.container,
            "codec": info.codec,
            "sample_rate_hz": info.sample_rate_hz,
            "channels": info.channels,
            "layout": info.layout,
            "duration_s": round(found.samples / info.sample_rate_hz, 6),
            "start": given.start,
            "samples": found.samples,
            "tags": dict(info.tags),
        },
        "restoration": order.facts(),
        "separation": None
        if stems is None or stems.request is None
        else {"request": stems.request.as_json()},
        "tools": restored.facts(),
        "before": found.before.facts(),
        "after": found.after.facts(),
        "removed_db": rounded(found.removed_db, 2),
        "changed_samples": found.changed,
        "filled": order.settings.fill,
        "output": {
            "format": order.output.format,
            "bit_depth": order.output.bit_depth,
            "sample_rate_hz": how.sample_rate_hz,
            "notes": list(how.notes),
        },
        "gain_db": rounded(decibels(found.gain**2), 4),
        "warnings": list(dict.fromkeys(notes)),
        "execution": {
            "versions": versions(),
            "peak_memory_mb": rounded(peak_memory_mb(), 1),
        },
    }
