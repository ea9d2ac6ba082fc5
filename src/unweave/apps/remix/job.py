"""One song from its file to its remix, and the files that it becomes.

The hidden folder of `results` holds the stems of the separation, what is written, and the exports
that are made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps._shared import batch, material, songs
from unweave.apps._shared.batch import Ready, Use, Watch, output_facts
from unweave.apps._shared.material import Material
from unweave.apps._shared.separation import Separation, separation
from unweave.apps.remix import projects
from unweave.apps.remix.mix import Mix, Strip
from unweave.apps.remix.output import REMIX, Made, made
from unweave.audio.info import SourceInfo
from unweave.audio.reader import probe
from unweave.audio.writer import encoding
from unweave.core.files import hashed, shown
from unweave.core.stem_names import RESIDUAL
from unweave.engine.measure import decibels
from unweave.engine.report import recording_facts, rounded
from unweave.engine.source import Watched
from unweave.errors import UsageError
from unweave.exports.names import file_name
from unweave.jobs import InputFile, Job
from unweave.request import Output, run_options

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

SCHEMA_VERSION = 1
REVISION = 2  # goes up when a remix has other bytes than before
REPORT = "remix.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every song.

    references: the recordings that stems are matched to, with their SHA-256.
    """

    mix: Mix
    separation: Separation
    output: Output
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
    output = run_options(options)[0]
    kinds = tuple(dict.fromkeys(exports))
    projects.check(kinds, mix, output.format)
    how = separation(model, options)
    references = sorted({strip.match for strip in mix.stems.values() if strip.match})
    for path in references:
        probe(Path(path))
    return Order(
        mix=mix,
        separation=how,
        output=output,
        stems=stems or "rpp" in kinds,
        exports=kinds,
        references={path: hashed(Path(path)) for path in references},
    )


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each song, in a folder of its own; of its files, those known by now.

    Raises UsageError for two songs with one folder, and for a stem that the separator has not.
    """
    if any(songs.is_separated(item.path) for item in found):
        order.mix.strips(order.separation.stems, order.separation.name)

    def names(title: str) -> dict[str, str]:
        return {REMIX: f"{REMIX}.{order.output.format}", **projects.names(title, order.exports)}

    return songs.planned(found, output_dir, names, REPORT, overwrite)


def _looked_at(job: Job, order: Order, watch: Watch) -> Ready:
    stems = material.as_it_is(job.source, order.output.region)
    source = job.source if stems is None else stems.source
    watched = Watched(source)
    info = probe(source) if stems is None else stems.info
    names = order.separation.stems if stems is None else stems.stems
    owner = order.separation.name if stems is None else shown(job.source)
    strips = order.mix.strips(names, owner)
    _check_channels(job.source, info, strips, order)
    job = replace(job, outputs={**job.outputs, **_stem_files(job, order, names)})
    watch.passes, watch.total_s = 2, info.duration_s  # at least
    return Ready(
        job=job,
        watched=watched,
        facts=_decisive(source, stems, order),
        reads=[source, *(stems.files if stems else ()), *map(Path, order.references)],
        make=partial(_made, job, stems, strips, order, watch),
    )


USE = Use("remix", SCHEMA_VERSION, REVISION, look=_looked_at)


def _made(
    job: Job,
    stems: Material | None,
    strips: Mapping[str, Strip],
    order: Order,
    watch: Watch,
    scratch: Path,
) -> batch.Made:
    if stems is None:
        folder = scratch / "separated"
        stems = material.separated(job.source, folder, order.separation, watch.separate)
    rate_hz = stems.info.sample_rate_hz
    found = made(
        stems,
        order.mix,
        strips,
        job.outputs,
        scratch,
        output=order.output,
        exports=order.exports,
        files_of_stems=order.stems,
        title=songs.title_of(job.source),
        on_block=lambda count: watch.add(count / rate_hz),
    )
    samples = {"samples": found.rendered.samples}
    sounds = {name: samples | level for name, level in found.levels_of_files().items()}
    return batch.Made(report=_facts(stems, order, found), files=found.files, sounds=sounds)


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


def _decisive(source: Path, stems: Material | None, order: Order) -> dict[str, Any] | None:
    """What decides the files; None where the separator is in memory."""
    separated = order.separation.identity if stems is None else stems.kind
    if separated is None:
        return None
    return {
        "recording": hashed(source),
        "separation": separated,
        "stems": None if stems is None else stems.facts.get("stems_sha256"),
        "region": [order.output.start, order.output.end],
        "mix": order.mix.facts(),
        "references": dict(order.references),
        "format": [order.output.format, order.output.bit_depth],
        "write": [order.stems, sorted(order.exports)],
    }


def _facts(stems: Material, order: Order, found: Made) -> dict[str, Any]:
    """The report but for what is alike in all uses."""
    info, samples = stems.info, found.rendered.samples
    return {
        "input": {
            **recording_facts(stems.source, info, stems.start, samples / info.sample_rate_hz),
            "kind": stems.kind,
            "samples": samples,
        },
        "separation": dict(stems.facts) or None,
        "mix": order.mix.facts(),
        "references": dict(order.references),
        "output": output_facts(found.encoding),
        "levels": found.levels(),
        "match": found.matched(),
        "gain_db": rounded(decibels(found.rendered.gain**2), 4),
        "limited_db": rounded(found.rendered.limited_db, 2),
        "warnings": [*stems.said, *found.notes],
        "execution": {"passes": found.rendered.passes},
    }
