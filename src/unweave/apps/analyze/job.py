"""One song from its file to its analysis, and the files that it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps._shared import batch, material, songs
from unweave.apps._shared.batch import Ready, Use, Watch
from unweave.apps._shared.material import Material
from unweave.apps._shared.separation import Separation, separation
from unweave.apps._shared.songs import title_of
from unweave.apps.analyze import files, sounds
from unweave.apps.analyze.analysis import PASSES, Analysis, Estimate, analysed
from unweave.apps.analyze.events import Lane
from unweave.apps.analyze.measures import OCTAVES_HZ, Measured
from unweave.apps.analyze.names import note_name
from unweave.core.files import hashed
from unweave.engine.measure import decibels
from unweave.engine.report import recording_facts, rounded
from unweave.engine.source import Watched
from unweave.errors import OptionName, UsageError
from unweave.jobs import InputFile, Job
from unweave.request import Output, run_options

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

SCHEMA_VERSION = 1
REVISION = 3  # goes up when an analysis finds something else than before
REPORT = "analysis.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every song.

    separation: None where nothing is separated. stems_from: a folder of stems that are there.
    least: the confidence below which anything is left out; None: the lane's own. exports: some of
    `files.KINDS`.
    """

    separation: Separation | None
    output: Output
    stems_from: Path | None
    least: float | None
    exports: tuple[str, ...]


def ordered(
    model: str | AnySeparator | None,
    options: Mapping[str, Any],
    *,
    stems_from: Path | None = None,
    least: float | None = None,
    exports: Iterable[str] = files.USUAL,
) -> Order:
    """What is asked for, checked as far as it can be without a song. Raises UsageError."""
    output = run_options(options)[0]
    if least is not None and not 0 <= least <= 1:
        raise UsageError(OptionName("least"), f" must be a number from 0 to 1; got {least:g}")
    if stems_from is not None and output.region != Output().region:
        raise UsageError("stems that are there are analysed whole; leave out the start and the end")
    how = None if model is None or stems_from is not None else separation(model, options)
    return Order(
        separation=how,
        output=output,
        stems_from=stems_from,
        least=least,
        exports=files.check(exports),
    )


def planned(
    found: Sequence[InputFile], order: Order, output_dir: Path, overwrite: bool = False
) -> list[Job]:
    """One job for each song, in a folder of its own. Raises UsageError for two with one folder."""
    names = files.names(order.exports)
    return songs.planned(found, output_dir, lambda _: names, REPORT, overwrite)


def _looked_at(job: Job, order: Order, watch: Watch) -> Ready:
    sound = _as_it_is(job.source, order)
    source = job.source if sound is None else sound.source
    return Ready(
        job=job,
        watched=Watched(source),
        facts=_decisive(source, sound, order),
        reads=[source, *(sound.files if sound else ())],
        make=partial(_made, job, sound, order, watch),
    )


USE = Use("analyze", SCHEMA_VERSION, REVISION, look=_looked_at)


def _made(
    job: Job, sound: Material | None, order: Order, watch: Watch, scratch: Path
) -> batch.Made:
    drawn = "png" in order.exports
    watch.passes = PASSES + drawn + (sound is None)
    if sound is None:
        assert order.separation is not None
        folder = scratch / "separated"
        sound = material.separated(job.source, folder, order.separation, watch.separate)
    rate_hz, duration_s = sound.info.sample_rate_hz, sound.info.duration_s
    watch.total_s = duration_s and watch.passes * duration_s

    def on_samples(count: int) -> None:
        watch.add(count / rate_hz)

    found = analysed(sound, order.least, on_samples)
    title = title_of(job.source)
    wanted = {
        name: path.relative_to(job.report.parent).as_posix() for name, path in job.outputs.items()
    }
    written = files.write(scratch, wanted, found, sound, title)
    if drawn:
        from unweave.apps.analyze.files import picture

        written["png"] = scratch / wanted["png"]
        picture.write(written["png"], found, sound, title, on_samples)
    return batch.Made(report=_facts(sound, found), files=written, sounds={})


def _as_it_is(source: Path, order: Order) -> Material | None:
    """The sound where nothing has to be separated first: stems that are there, or the mix alone."""
    region = order.output.region
    if order.stems_from is not None:
        return sounds.of_stems(source, order.stems_from, title_of(source))
    there = material.as_it_is(source, region)
    if there is None and order.separation is None:
        return sounds.of_mix(source, region)
    return there


def _decisive(source: Path, sound: Material | None, order: Order) -> dict[str, Any] | None:
    """What decides the files; None where the separator is in memory."""
    from unweave.apps.analyze.finders import FINDERS

    separated: Any = order.separation and order.separation.identity
    if sound is not None:
        separated = [sound.kind, sound.facts.get("stems_sha256")]
        if order.stems_from is not None:
            stems = sounds.stem_files(order.stems_from, title_of(source))
            separated += [{stem: hashed(path) for stem, path in stems.items()}]
    elif separated is None:
        return None
    return {
        "recording": hashed(source),
        "separation": separated,
        "region": [order.output.start, order.output.end],
        "least": order.least,
        "finders": [[asdict(each), each.has_weights] for each in FINDERS],
        "write": list(order.exports),
    }


def _facts(sound: Material, found: Analysis) -> dict[str, Any]:
    """The report but for what is alike in all uses."""
    return {
        "input": {
            **recording_facts(sound.source, sound.info, sound.start, found.duration_s),
            "kind": sound.kind,
            "start_s": rounded(found.start_s, 6),
        },
        "separation": dict(sound.facts) or None,
        "tracks": [_track(name, track) for name, track in found.tracks.items()],
        **{name: _estimate(found.whole.get(name)) for name in ("tempo", "metre", "key")},
        "voice": found.compass
        and {name: note_name(midi) for name, midi in asdict(found.compass).items()},
        "lanes": [_lane(lane) for lane in found.lanes],
        "left_out": _left_out(found),
        "warnings": [*sound.said, *found.missing],
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
