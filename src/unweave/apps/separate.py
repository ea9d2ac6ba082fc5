"""The door from Python: `separate` for what is in memory, `separate_file` for files of any length.

Both call the engine that the command line calls. All names are those of the package, as in
`unweave.load`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.batch import (
    DEFAULT_MODEL,
    DEFAULT_TEMPLATE,
    Found,
    Settings,
    choose_stems,
    do,
    plan,
    settle,
)
from unweave.apps.stems import Stems
from unweave.core.errors import UsageError
from unweave.core.region import Region, region
from unweave.core.waves import as_wave, whole_rate_hz

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from unweave.core.types import Audio, OnProgress, Separator, ShouldStop, Wave

__all__ = ["Stems", "list_separators", "load", "separate", "separate_file"]


def list_separators() -> list[str]:
    """The name of every separator, sorted."""
    from unweave import catalog

    return catalog.names()


def load(name: str = DEFAULT_MODEL, **options: object) -> Separator:
    """The separator called `name`, its weights in memory; options are the model's own.

    Raises UsageError for an unknown name or option, WeightsError when the weights are missing.
    """
    from unweave.apps import options as given

    return given.load(name, options)


def separate(
    mix: str | os.PathLike[str] | npt.NDArray[Any] | Tensor | Audio,
    sample_rate_hz: int | None = None,
    model: str | Separator = DEFAULT_MODEL,
    device: str = "auto",
    stems: str | Iterable[str] | None = None,
    on_progress: OnProgress | None = None,
    start: str | float | None = None,
    end: str | float | None = None,
    **options: object,
) -> Stems:
    """Separate a recording in memory and return its stems by name.

    mix: a path (decoded at its own rate), or an array or tensor `(channel, time)`, or `(time,)` for
    mono, of floats where full scale is 1.0 or of integers. sample_rate_hz: needed with an array.
    model: a name from `list_separators`, or what `load` returned. stems: names to return, all by
    default; 'residual' is what the stems leave of the mix. options: the model's own, where `model`
    is a name; what `load` returned has got its options there. start, end: of the part to separate,
    in seconds or as in "1:30.5"; the whole mix by default.

    The stems have the mix's rate, channels and exact length; the mix is not changed. Raises
    ValueError for an array of a wrong shape or type, and UnweaveError as `separate_file` does.
    """
    from unweave.engine.run import separate_array

    _check_model(model, options)
    if isinstance(model, str):
        from unweave import catalog
        from unweave.apps.options import resolve

        resolved = resolve(model, options)
        name, outputs = model, catalog.in_force(model, resolved)[1]
    else:
        name, outputs = model.spec.name, model.spec.outputs
    names = choose_stems(stems, outputs, name)
    wave, rate_hz, speakers = _as_wave(mix, sample_rate_hz, region(start, end))
    separator = catalog.load(model, **resolved) if isinstance(model, str) else model
    waves = separate_array(
        separator,
        wave,
        rate_hz,
        channel_names=speakers,
        device=device,
        warn=warnings.warn,
        on_progress=on_progress,
    )
    return Stems({name: waves[name] for name in names}, rate_hz)


def separate_file(
    path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = "stems",
    model: str | Separator = DEFAULT_MODEL,
    *,
    stems: str | Iterable[str] | None = None,
    format: str = "wav",
    bit_depth: int | None = None,
    device: str = "auto",
    batch: int | None = None,
    max_memory_mb: int | None = None,
    seed: int = 0,
    filename_template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
    start: str | float | None = None,
    end: str | float | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    **options: object,
) -> dict[str, Any]:
    """Separate one file of any length into files, and return the report, which is written too.

    The files are `output_dir/name/stem.ext` unless `filename_template` says otherwise. A file that
    is finished already is not separated again: its report is returned. That holds for a `model`
    given by name; no report can tell a separator in memory, or an option's sound in memory, from
    another. Parameters are those of `unweave separate`; options are the model's own.

    Raises InputError, OutputError, UsageError, WeightsError, MemoryLimitError or Cancelled, each
    with one line that says what to do. Nothing half-written is left.
    """
    from unweave.apps.origin import check
    from unweave.core.types import Audio

    _check_model(model, options, seed)
    settings = Settings(
        model=model if isinstance(model, str) else model.spec.name,
        options=options if isinstance(model, str) else model.spec.options,
        format=format,
        bit_depth=bit_depth,
        device=device,
        batch=batch,
        max_memory_mb=max_memory_mb,
        seed=seed,
        region=region(start, end),
        overwrite=overwrite,
    )
    if isinstance(model, str):
        settings = settle(settings, stems)
    else:
        from unweave.apps.options import applied_seed

        settings = replace(
            settings,
            name=model.spec.name,
            stems=choose_stems(stems, model.spec.outputs, model.spec.name),
            seed=applied_seed(model.spec.options),
        )

    def separator() -> Separator:
        if not isinstance(model, str):
            return model
        # Sound in memory is an option, but a report can only say that it was one.
        sound = {name: value for name, value in options.items() if isinstance(value, Audio)}
        loaded = load(model, **{**settings.options, **sound})
        check(model, settings.origin, loaded)
        return loaded

    [job] = plan([Found(Path(path))], settings, Path(output_dir), filename_template)
    report = do(job, on_progress, should_stop, settings=settings, load=separator).report
    assert report is not None
    return report


def _check_model(model: object, options: Mapping[str, object], seed: int = 0) -> None:
    """Refuse what is no separator, and options that a separator in memory would not hear of."""
    if isinstance(model, str):
        return
    spec = getattr(model, "spec", None)
    if spec is None or not (callable(model) or hasattr(model, "separate")):
        raise UsageError(
            f"model must be a name, or a separator as unweave.load gives it; got {model!r:.80}"
        )
    given = {**options, "seed": seed} if seed != spec.options.get("seed", 0) and seed else options
    if given:
        raise UsageError(
            f"{spec.name} is loaded already, {next(iter(given))!r} would not be applied; "
            "give options to unweave.load"
        )


def _as_wave(
    mix: object, sample_rate_hz: int | None, part: Region
) -> tuple[Wave, int, tuple[str, ...]]:
    """The wave, its rate, and the names of its speakers where a file says them."""
    from unweave.core.types import Audio

    if isinstance(mix, (str, os.PathLike)):
        if sample_rate_hz is not None:
            raise ValueError("sample_rate_hz goes with an array; a file has its own rate")
        from unweave.apps.options import decoded

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
