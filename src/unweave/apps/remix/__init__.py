"""Remix a song: change the level, place and tone of its stems, and hand them on to other programs.

`mix` says what is done to each stem and `mix_file` reads that from TOML; `material` gets the stems,
`desk` changes them, with `filters` and `spectrum`; `render` reads and writes the sound, `output`
the files, `projects` stem files and projects; `job` does one song.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared.songs import is_separated, songs
from unweave.apps.remix import mix_file
from unweave.apps.remix.job import USE, Order, ordered, planned
from unweave.apps.remix.mix import Mix, Strip, Value, merged
from unweave.jobs import InputFile
from unweave.options import names

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop, StrPath

__all__ = [
    "USE",
    "Mix",
    "Order",
    "Strip",
    "in_force",
    "is_separated",
    "ordered",
    "planned",
    "remix",
    "songs",
]


def remix(
    path: StrPath,
    output_dir: StrPath = "remixes",
    *,
    mix: StrPath | Mix | None = None,
    gain: Mapping[str, Value] | None = None,
    mute: str | Iterable[str] = (),
    solo: str | Iterable[str] = (),
    pan: Mapping[str, Value] | None = None,
    width: Mapping[str, Value] | None = None,
    tilt: Mapping[str, float] | None = None,
    match: Mapping[str, StrPath] | None = None,
    sensitivity: float | None = None,
    loudness: float | None = None,
    model: str | AnySeparator = registry.DEFAULT,
    stems: bool = False,
    export: str | Iterable[str] = (),
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> dict[str, Any]:
    """Remix one song into files, and return the report, which is written too.

    path: a recording, which is separated by `model`; a stem file or a folder that `separate` wrote,
    whose stems are taken as they are. The files are `output_dir/name/remix.ext` and what is asked
    for besides, and `remix.json`, the report.

    mix: a TOML file, or a `Mix`; what follows wins over it, each by the name of the stem. gain: dB,
    -60 to 60. mute, solo: names. pan: -1 to 1. width: 0 (mono) to 2. tilt: dB for each octave, -6
    to 6. match: a recording whose loudness and spectrum the stem is brought near. Gain, pan and
    width may be points, `[(seconds, value), ...]`, linear between. sensitivity: 0 to 1; below 1 the
    changes are smaller where a stem is little of the mix. loudness: of the remix, in LUFS.

    stems: write the changed stems too. export: some of "stem.mp4", "stem.m4a", "dawproject", "rpp",
    "labels" and "zip". options: as of `unweave.separate_file`, the model's own among them. What is
    done already is not done again: its report is returned. on_progress, should_stop, executor: as
    of `unweave.separate_file`.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    changes = {
        "gain": gain,
        "mute": dict.fromkeys(names(mute), True),
        "solo": dict.fromkeys(names(solo), True),
        "pan": pan,
        "width": width,
        "tilt": tilt,
        "match": match,
    }
    order = ordered(
        in_force(mix, changes, sensitivity=sensitivity, loudness=loudness),
        model,
        options,
        stems=stems,
        exports=names(export),
    )
    [job] = planned([InputFile(Path(path))], order, Path(output_dir), overwrite)
    outcome = USE.do(job, on_progress, should_stop, order=order, executor=executor)
    assert outcome.report is not None
    return outcome.report


def in_force(
    mix: StrPath | Mix | None,
    changes: Mapping[str, Mapping[str, Any] | None],
    **shared: float | None,
) -> Mix:
    """A mix, or that of a file, with changes: field of a strip -> stem -> value.

    shared: `sensitivity` and `loudness`, None where they stay. Raises UsageError, InputError.
    """
    found = mix if isinstance(mix, Mix) else Mix() if mix is None else mix_file.read(Path(mix))
    return merged(found, {name: each or {} for name, each in changes.items()}, **shared)
