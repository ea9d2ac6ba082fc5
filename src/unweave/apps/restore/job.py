"""One recording from its file to the restored one, what was removed, and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unweave.apps._shared import batch, levels, material, songs
from unweave.apps._shared.batch import Ready, Use, Watch, output_facts
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
from unweave.core.files import hashed
from unweave.engine.measure import decibels
from unweave.engine.report import recording_facts, rounded
from unweave.engine.source import Watched
from unweave.jobs import InputFile, Job
from unweave.signal.blocks import in_step
from unweave.types import Wave

SCHEMA_VERSION = 1
REVISION = 3  # goes up when a restoration has other bytes than before
RESTORED, REMOVED = "restored", "removed"
REPORT = "restore.json"


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each recording, in a folder of its own. Raises UsageError for two of one name."""
    what = (RESTORED, REMOVED) if order.removed else (RESTORED,)
    names = {name: f"{name}.{order.output.format}" for name in what}
    return songs.planned(found, output_dir, lambda _: names, REPORT, overwrite)


def _looked_at(job: Job, order: Order, watch: Watch) -> Ready:
    watched = Watched(job.source)
    info = probe(job.source)
    output, noise = order.output, order.settings.noise_from
    how = encoding(output.format, output.bit_depth, info.sample_rate_hz, info.channels)
    each = [order.settings, *([order.stems.settings] if order.stems else [])]
    watch.passes = 2 + chain.passes(each)
    watch.total_s = info.duration_s and info.duration_s * watch.passes
    return Ready(
        job=job,
        watched=watched,
        facts=None if order.in_memory else _decisive(job, order),
        reads=[job.source, *([Path(noise)] if noise else [])],
        make=partial(_made, job, info, how, order, watch),
    )


USE = Use("restore", SCHEMA_VERSION, REVISION, look=_looked_at)


def _made(
    job: Job, info: SourceInfo, how: Encoding, order: Order, watch: Watch, scratch: Path
) -> batch.Made:
    given = _Given(job.source, info, order, scratch, watch)
    restored = _restored(given)
    paths = {name: scratch / path.name for name, path in job.outputs.items()}
    found = _written(restored, paths, how, info, given.start)
    sounds = {name: {"samples": found.samples} for name in paths}
    return batch.Made(report=_facts(given, restored, found, how), files=paths, sounds=sounds)


@dataclass(frozen=True)
class _Given:
    """What a recording is restored with."""

    source: Path
    info: SourceInfo
    order: Order
    scratch: Path
    watch: Watch

    @property
    def start(self) -> int:
        """The first sample of the part that is restored."""
        return self.order.output.region.samples(self.info.sample_rate_hz)[0]

    def on_block(self, count: int) -> None:
        self.watch.add(count / self.info.sample_rate_hz)


def _decisive(job: Job, order: Order) -> dict[str, Any]:
    """What decides the files."""
    return {
        "recording": hashed(job.source),
        "region": [order.output.start, order.output.end],
        "format": [order.output.format, order.output.bit_depth],
        "write": sorted(job.outputs),
        "separation": order.stems and order.stems.separation.identity,
        **order.facts(),
    }


def _restored(given: _Given) -> Restored:
    order, info, source = given.order, given.info, given.source
    settings, on_block = order.settings, given.on_block
    dry = None if order.dry is None else partial(_dried, given)
    if order.stems is not None:
        stems = order.stems
        folder = given.scratch / "separated"
        made = material.separated(source, folder, stems.separation, given.watch.separate)
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
    separate = partial(given.watch.separate, model=model, on_progress=None)
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
    return Writer.made_of(info, path, how, said)


def _facts(given: _Given, restored: Restored, found: _Written, how: Encoding) -> dict[str, Any]:
    """The report but for what is alike in all uses."""
    info, order = given.info, given.order
    request = order.stems and order.stems.separation.request
    notes = [*restored.said, *found.notes]
    if order.settings.fill:
        notes.append("the marked place was made anew from what is around it: it is not a recording")
    duration_s = found.samples / info.sample_rate_hz
    return {
        "input": {
            **recording_facts(given.source, info, given.start, duration_s),
            "samples": found.samples,
        },
        "restoration": order.facts(),
        "separation": request and {"request": request.as_json()},
        "tools": restored.facts(),
        "before": found.before.facts(),
        "after": found.after.facts(),
        "removed_db": rounded(found.removed_db, 2),
        "changed_samples": found.changed,
        "filled": order.settings.fill,
        "output": output_facts(how),
        "gain_db": rounded(decibels(found.gain**2), 4),
        "warnings": notes,
    }
