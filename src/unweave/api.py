"""The Python API: `separate` for what is in memory, `separate_file` for files of any length.

Both call the engine that the command line calls. All names are those of the package, as in
`unweave.load`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.core.region import Region
from unweave.core.waves import as_wave, whole_rate_hz
from unweave.errors import UsageError
from unweave.jobs import DEFAULT_TEMPLATE, InputFile, do, plan
from unweave.jobs.stream import StemStream
from unweave.options import SEED
from unweave.request import SeparationRequest, SeparatorRef, run_options
from unweave.stems import Stems
from unweave.types import Audio, Separator

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnBlock, OnProgress, ShouldStop, Wave

# What `separate` does not take, and what takes it.
_OF_FILES = {
    "format": "Stems.save or separate_file",
    "bit_depth": "Stems.save or separate_file",
    "output_dir": "Stems.save or separate_file",
    "overwrite": "Stems.save or separate_file",
    "filename_template": "separate_file",
    "on_block": "separate_file, or use stream",
}

__all__ = ["StemStream", "Stems", "list_separators", "load", "separate", "separate_file", "stream"]


def list_separators() -> list[str]:
    """The name of every separator, sorted."""
    return registry.names()


def load(name: str = registry.DEFAULT, **options: object) -> AnySeparator:
    """The separator called `name`, its weights in memory; options are the model's own.

    `separate`, `separate_file` and `stream` take it as `model`. A technique or a model is an
    `unweave.Separator`, which can also be called with a batch of segments. A preset has no call.
    `isinstance(separator, unweave.Separator)` tells, and tells type checkers too.

    Raises UsageError for an unknown name or option, WeightsError when the weights are missing.
    """
    return registry.load(name, **options)


def separate(
    mix: str | os.PathLike[str] | npt.NDArray[Any] | Tensor | Audio,
    sample_rate_hz: int | None = None,
    model: str | AnySeparator = registry.DEFAULT,
    stems: str | Iterable[str] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> Stems:
    """Separate a recording in memory and return its stems by name.

    mix: a path (decoded at its own rate), or an array or tensor `(channel, time)`, or `(time,)` for
    mono, of floats where full scale is 1.0 or of integers. sample_rate_hz: needed with an array.
    model: a name from `list_separators`, or what `load` returned. stems: names to return, all by
    default; 'residual' is what the stems leave of the mix. options: the model's own, where `model`
    is a name (what `load` returned has got its options there), and of every separation `device`,
    `batch`, `overlap`, `shifts` with a `seed`, `tta`, `precision`, `complement` (the name of what
    `stems` leave of the mix), and `start` and `end` of the part to separate, in seconds or as in
    "1:30.5"; `then`, as "drums:drumsep", separates a stem further (docs/ensembles.md).
    on_progress: gets an `unweave.Progress` after each block. should_stop: is asked after each
    block; where it says so, Cancelled is raised. executor: an `unweave.Executor`, whose models
    stay loaded from one call to the next.

    The stems have the mix's rate, channels and exact length; the mix is not changed. Raises
    ValueError for an array of a wrong shape or type, and UnweaveError as `separate_file` does.
    """
    from unweave.engine.executor import shared
    from unweave.engine.run import separate_array

    for name, where in _OF_FILES.items():
        if name in options:
            raise UsageError(f"{name!r} is an option of files: give it to {where}")
    request, ready = _request(model, stems, options)
    wave, rate_hz, speakers = _as_wave(mix, sample_rate_hz, request.output.region)
    executor = executor or shared()
    with executor.loaded(request.separator, ready, request.execution, request.needed) as separator:
        waves = separate_array(
            separator,
            wave,
            rate_hz,
            channel_names=speakers,
            inference=request.inference,
            stems=request.taken,
            execution=request.execution,
            warn=warnings.warn,
            on_progress=on_progress,
            should_stop=should_stop,
            executor=executor,
        )
    return Stems({name: waves[name] for name in request.stems}, rate_hz)


def separate_file(
    path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = "stems",
    model: str | AnySeparator = registry.DEFAULT,
    *,
    stems: str | Iterable[str] | None = None,
    filename_template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    on_block: OnBlock | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> dict[str, Any]:
    """Separate one file of any length into files, and return the report, which is written too.

    The files are `output_dir/name/stem.ext` unless `filename_template` says otherwise. A file that
    is finished already is not separated again: its report is returned. That holds for a `model`
    given by name; no report can tell a separator in memory, or an option's sound in memory, from
    another. on_progress: gets an `unweave.Progress` after each block. on_block: gets the stems as
    they are finished (`unweave.Block`), before a gain that they may share; the work goes on when
    it returns. should_stop: is asked after each block; where it says so, Cancelled is raised.
    executor: an `unweave.Executor`, whose models stay loaded from one call to the next. options:
    those of every separation (the fields of `unweave.request.Output`, `Inference` and `Execution`,
    as `format="flac"`), `seed`, and the model's own.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    request, ready = _request(model, stems, options)
    [job] = plan([InputFile(Path(path))], request, Path(output_dir), filename_template, overwrite)
    outcome = do(
        job,
        on_progress,
        should_stop,
        request=request,
        load=ready,
        executor=executor,
        on_block=on_block,
    )
    assert outcome.report is not None
    return outcome.report


def stream(
    path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = "stems",
    model: str | AnySeparator = registry.DEFAULT,
    *,
    stems: str | Iterable[str] | None = None,
    filename_template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
    **options: object,
) -> StemStream:
    """Separate one file into files as `separate_file` does, and iterate over its blocks meanwhile.

    Takes what `separate_file` takes, besides `on_block`: the iteration gives the blocks. The job
    waits for a reader that is slow. What `separate_file` raises comes out of the iteration, so
    does Cancelled where `should_stop` says so. A file that is finished already gives no blocks,
    unless `overwrite` says so. Raises UsageError for `on_block`.
    """
    if "on_block" in options:
        raise UsageError("stream takes no 'on_block': iterate over it, or use separate_file")
    return StemStream(
        lambda on_block, closed: separate_file(
            path,
            output_dir,
            model,
            stems=stems,
            filename_template=filename_template,
            overwrite=overwrite,
            on_progress=on_progress,
            on_block=on_block,
            should_stop=lambda: closed() or (should_stop is not None and should_stop()),
            executor=executor,
            **options,
        )
    )


def _request(
    model: str | AnySeparator, stems: str | Iterable[str] | None, options: Mapping[str, object]
) -> tuple[SeparationRequest, Callable[[], AnySeparator]]:
    """What is asked for, and what gives its separator. Raises UsageError."""
    output, inference, execution, own = run_options(options)
    if isinstance(model, str):
        seed = own.pop(SEED.name, 0)
        request = registry.request(
            model,
            own,
            stems=stems,
            seed=seed,
            output=output,
            inference=inference,
            execution=execution,
        )
        # Sound in memory is an option, but a report can only say that it was one.
        sound = {name: value for name, value in own.items() if isinstance(value, Audio)}
        return request, partial(registry.load_pinned, request.separator, sound)
    from unweave.engine.compose import Composition

    if not isinstance(model, (Separator, Composition)):
        raise UsageError(
            "model must be a name, or a separator as unweave.load gives it, with spec, to and a "
            f"call; got {model!r:.80}"
        )
    spec = model.spec
    seed = SEED.check(own.get(SEED.name, 0), spec.name)
    if inference.shifts or seed == spec.options.get(SEED.name, 0):
        own.pop(SEED.name, None)
    if own:
        raise UsageError(
            f"{spec.name} is loaded already, {next(iter(own))!r} would not be applied; "
            "give options to unweave.load"
        )
    separator = SeparatorRef(
        name=spec.name, weights_sha256=spec.weights_sha256, options=dict(spec.options)
    )
    names, inference = registry.asked(model, spec.name, stems, inference, execution, seed=seed)
    request = SeparationRequest(
        separator=separator, stems=names, output=output, inference=inference, execution=execution
    )
    return request, lambda: model


def _as_wave(
    mix: object, sample_rate_hz: int | None, part: Region
) -> tuple[Wave, int, tuple[str, ...]]:
    """The wave, its rate, and the names of its speakers where a file says them."""
    if isinstance(mix, (str, os.PathLike)):
        if sample_rate_hz is not None:
            raise ValueError("sample_rate_hz goes with an array; a file has its own rate")
        from unweave.audio.reader import decoded

        audio, speakers = decoded(Path(mix), part)
        return audio.samples, audio.sample_rate_hz, speakers
    if isinstance(mix, Audio):
        return _part(mix.samples, mix.sample_rate_hz, part), mix.sample_rate_hz, ()
    if hasattr(mix, "read"):
        raise ValueError(
            f"expected a path, an array or a tensor, got an open file ({type(mix).__name__}); "
            "give its path, or save it first"
        )
    if sample_rate_hz is None:
        raise ValueError("an array needs sample_rate_hz, as in separate(wave, 44100)")
    rate_hz = whole_rate_hz(sample_rate_hz)
    return _part(as_wave(mix), rate_hz, part), rate_hz, ()


def _part(wave: Wave, sample_rate_hz: int, part: Region) -> Wave:
    (inside,) = part.cut([wave], sample_rate_hz, "the mix")
    return inside
