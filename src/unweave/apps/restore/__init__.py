"""Restore a recording: clipping, clicks, hum, rumble, noise, sibilants, reverberation.

`settings` says what is done and `order` what is asked of a batch; `tools` are the tools, each a
generator from blocks to blocks, and `chain` puts them one behind the other; `place` and `fill` are
for a marked place, `dereverb` for what only a model does; `sources` puts all of that together;
`figures` measure before and after; `job` does one recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps.restore.job import USE, planned
from unweave.apps.restore.order import Order, ordered
from unweave.apps.restore.settings import PRESETS, TOOLS, Settings, settings
from unweave.jobs import InputFile

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop, StrPath

__all__ = ["PRESETS", "TOOLS", "USE", "Order", "Settings", "ordered", "planned", "restore",
           "settings"]  # fmt: skip


def restore(
    path: StrPath,
    output_dir: StrPath = "restored",
    *,
    preset: str | None = None,
    tools: str | Iterable[str] | None = None,
    strength: float | None = None,
    noise: str | tuple[float, float] | None = None,
    noise_from: StrPath | None = None,
    method: str | None = None,
    region: str | tuple[float, float] | None = None,
    band: str | tuple[float, float] | None = None,
    fill: bool = False,
    removed: bool = False,
    by_stem: bool = False,
    model: str | AnySeparator = registry.DEFAULT,
    voice: str | Iterable[str] = "vocals",
    voice_preset: str | None = None,
    dereverb_model: str | AnySeparator | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> dict[str, Any]:
    """Restore one recording into a file, and return the report, which is written too.

    The files are `output_dir/name/restored.ext`, as long as the recording, and `restore.json`.

    preset: "tape", "vinyl", "telephone" or "podcast", which name tools and their strength. tools:
    of `apps.restore.TOOLS`. strength: 0 to 1; 0.5 is gentle, at 0 nothing is done. noise: seconds
    from and to between which only noise is to be heard; noise_from: a recording of it; neither: it
    is looked for. method: "log-mmse", "wiener" or "subtraction". region: seconds; only there, and
    with band (Hz) only in those frequencies, is anything changed. fill: make the region anew from
    what is around it. removed: write what was removed, `removed.ext`.

    by_stem: separate by `model`, and restore the stems `voice`, with voice_preset where it is
    given, and the rest apart. dereverb_model: for the tool "dereverb"; the first model that is
    installed and offers it where None. options: as of `unweave.separate_file`. What is done already
    is not done again: its report is returned. on_progress, should_stop, executor: as of
    `unweave.separate_file`.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    how = settings(
        preset=preset,
        tools=tools,
        strength=strength,
        noise=noise,
        noise_from=noise_from,
        method=method,
        place=region,
        band=band,
        fill=fill,
    )
    own = None if voice_preset is None else settings(preset=voice_preset, strength=strength)
    order = ordered(
        how,
        options,
        removed=removed,
        by_stem=by_stem,
        model=model,
        voice=voice,
        voice_settings=own,
        dereverb_model=dereverb_model,
    )
    [job] = planned([InputFile(Path(path))], order, Path(output_dir), overwrite)
    outcome = USE.do(job, on_progress, should_stop, order=order, executor=executor)
    assert outcome.report is not None
    return outcome.report
