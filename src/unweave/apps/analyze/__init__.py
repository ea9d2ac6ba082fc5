"""What is in a song: its stems, rhythm, key, notes and form, each with how sure it is.

`sounds` says which sum of the mix and its stems is listened to; `features` keeps a few numbers for
each tenth of a second of it, on which `rhythm`, `key` and `form` are pure functions; `measures` and
`pitch` listen to the sound itself, and so do the finders of `finders`, where more plug in.
`analysis` brings everything together, `files` writes it, `job` does one song.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared.songs import is_separated, songs
from unweave.apps.analyze import files
from unweave.apps.analyze.job import USE, Order, ordered, planned
from unweave.jobs import InputFile
from unweave.options import names

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop, StrPath

__all__ = ["USE", "Order", "analyze", "is_separated", "ordered", "planned", "songs"]


def analyze(
    path: StrPath,
    output_dir: StrPath = "analyses",
    *,
    model: str | AnySeparator | None = registry.DEFAULT,
    stems_from: StrPath | None = None,
    least: float | None = None,
    export: str | Iterable[str] = files.USUAL,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> dict[str, Any]:
    """Analyse one song into files, and return the report, which is written too.

    path: a recording, which is separated by `model` first, or not where that is None; a stem file
    or a folder that `separate` wrote, whose stems are taken as they are. stems_from: a folder with
    the stems of the recording, files as `vocals.wav`. The files lie in `output_dir/name`:
    `analysis.json`, the report, and those of `export`: some of "jams", "csv", "mid", "labels",
    "rpp" and "png".

    least: the confidence, 0 to 1, below which anything is left out; each lane has its own.
    options: as of `unweave.separate_file`, the model's own among them. What is done already is not
    done again: its report is returned. on_progress, should_stop, executor: as of
    `unweave.separate_file`.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    order = ordered(
        model,
        options,
        stems_from=None if stems_from is None else Path(stems_from),
        least=least,
        exports=names(export),
    )
    [job] = planned([InputFile(Path(path))], order, Path(output_dir), overwrite)
    outcome = USE.do(job, on_progress, should_stop, order=order, executor=executor)
    assert outcome.report is not None
    return outcome.report
