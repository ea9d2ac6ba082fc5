"""Every file that will be written, known and checked before any work starts.

Two inputs or two stems that would write the same file are refused here with both names and a
template that would keep them apart, and so is an output over a file that the work reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from unweave.apps.batch.inputs import Found
from unweave.apps.batch.names import (
    DEFAULT_TEMPLATE,
    check_template,
    fill,
    safe,
    same_file_key,
)
from unweave.apps.batch.reports import REPORT
from unweave.core.errors import UsageError
from unweave.core.region import WHOLE, Region
from unweave.core.request import IN_MEMORY, Origin
from unweave.core.stem_names import RESIDUAL, canonical
from unweave.core.whole import straight
from unweave.io.files import shown

DEFAULT_MODEL = "spleeter-2stems"
_MOST_TOLD = 5  # of the pairs that clash


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to separate: the same for every file of a batch. None leaves the choice to the engine.

    `settle` makes of what a person typed what is to be done.
    """

    model: str = DEFAULT_MODEL  # a name, or the path of a card
    options: Mapping[str, object] = field(default_factory=dict)  # once settled: all in force
    stems: tuple[str, ...] = ()  # as checked by `choose_stems`
    format: str = "wav"
    bit_depth: int | None = None
    device: str = "auto"
    batch: int | None = None
    max_memory_mb: int | None = None
    seed: int = 0
    region: Region = WHOLE  # the part that is separated
    overwrite: bool = False  # take what is in the way
    name: str = ""  # once settled: the separator's own
    origin: Origin = IN_MEMORY

    @property
    def request(self) -> dict[str, Any]:
        """What is asked for, in the fields of a report (see `core/request.py`)."""
        from unweave import __version__
        from unweave.io.formats import encoding

        separator = {
            "name": self.name,
            "model": self.origin.model,
            "card_sha256": self.origin.card_sha256,
            "weights_sha256": self.origin.weights_sha256,
            "options": dict(self.options),
            "files": [asdict(file) for file in self.origin.files],
        }
        # What is kept does not hang on the recording's rate and channels.
        target = encoding(self.format, self.bit_depth, 44100, 2)
        output = {
            "stems": list(self.stems),
            "format": target.format,
            "bit_depth": target.bit_depth,
        }
        part = None if self.region == WHOLE else asdict(self.region)
        return {
            "unweave": __version__,
            "input": {"region": part},
            "separator": separator,
            "output": output,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the files it becomes: stem name -> file, and the report.

    The report gets a numbered name where another one lies under `report` (see `finished`).
    """

    source: Path
    outputs: Mapping[str, Path]
    report: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file this job writes."""
        return (*self.outputs.values(), self.report)


def settle(settings: Settings, stems: str | Iterable[str] | None = None) -> Settings:
    """`settings` as they are carried out: all options in force, the stems, where all comes from.

    `stems` are names as the user wrote them (see `choose_stems`), none for all of the model's.
    Raises UsageError for a model, option or stem that there is not, WeightsError for weights that
    are not their card's, InputError for an option's file that cannot be read.
    """
    from unweave import catalog
    from unweave.apps import options
    from unweave.apps.origin import origin, with_absolute_paths

    model = settings.model
    given = with_absolute_paths(model, settings.options)
    in_force, outputs = options.settle(model, given, settings.seed)
    return replace(
        settings,
        name=catalog.describe(model).name,
        options=in_force,
        seed=options.applied_seed(in_force),
        stems=choose_stems(stems, outputs, model),
        origin=origin(model, given),
    )


def choose_stems(
    asked: str | Iterable[str] | None, outputs: Sequence[str], model: str
) -> tuple[str, ...]:
    """The stems to write, in the model's order: all but the residual where `asked` is None or ().

    `asked` holds names, or names joined by commas; a synonym such as 'instrumental' means
    the stem that the model has. `outputs` are the names that can be written (`Spec.outputs`).
    Raises UsageError for a name that is not among them, and for a word that names no stem.
    """
    words = [asked] if isinstance(asked, str) else list(() if asked is None else asked)
    for word in words:
        if not isinstance(word, str):
            raise UsageError(f"{model}: stems are names, as 'vocals' is; got {word!r:.80}")
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    if not all(word.strip(" ,") for word in words):
        raise UsageError(f"{model}: no stem is named; it has {', '.join(outputs)}")
    meant = {name if name in outputs else canonical(name): name for name in names}
    for stem, name in meant.items():
        if stem in outputs:
            continue
        if stem == RESIDUAL:
            raise UsageError(
                f"{model} has no residual, as its stems sum to the mix; it has {', '.join(outputs)}"
            )
        raise UsageError(f"{model} has no stem {name!r}; it has {', '.join(outputs)}")
    stems = tuple(stem for stem in outputs if stem in meant)
    return stems or tuple(stem for stem in outputs if stem != RESIDUAL)


def plan(
    found: Sequence[Found],
    settings: Settings,
    output_dir: Path,
    template: str = DEFAULT_TEMPLATE,
) -> list[Job]:
    """One job per recording.

    Raises UsageError for a bad template or format, for two files that would be written to one name,
    and for an output over an input, an option's file, the model's card or its weights.
    """
    from unweave.io.formats import encoding

    check_template(template)
    output_dir = straight(output_dir)
    # Rate and channels are not known yet; what no recording could have is refused now.
    extension = encoding(settings.format, settings.bit_depth, 44100, 2).ext
    jobs = [_job(item, settings, output_dir, extension, template) for item in found]
    clashes = _clashes(jobs)
    if clashes:
        raise UsageError(_clash_message(clashes, found, settings, output_dir, extension, template))
    _refuse_to_write_over(jobs, settings.origin)
    return jobs


def _job(item: Found, settings: Settings, folder: Path, extension: str, template: str) -> Job:
    source = item.path
    values = {
        "name": source.stem,
        "model": settings.name or settings.model,
        "input_ext": source.suffix[1:],
        "parent": Path(os.path.abspath(source)).parent.name,
    }
    subfolder = Path(*(safe(part) for part in item.subfolder.parts))

    def path(stem: str, ext: str) -> Path:
        return folder / subfolder / fill(template, {**values, "stem": stem, "ext": ext})

    outputs = {stem: path(stem, extension) for stem in settings.stems}
    return Job(source, outputs, path(REPORT, "json"))


Clash = tuple[Path, Path, Path]  # two sources (the same one for two stems) and their common file


def _clashes(jobs: Sequence[Job]) -> list[Clash]:
    """Every two sources that would write to one file, each pair once."""
    files: dict[str, Path] = {}
    folders: dict[str, Path] = {}
    found: dict[tuple[Path, Path], Clash] = {}

    def clash(first: Path, second: Path, output: Path) -> None:
        found.setdefault((first, second), (first, second, output))

    for job in jobs:
        for output in job.files:
            key = same_file_key(output)
            if key in files:
                clash(files[key], job.source, output)
                continue
            files[key] = job.source
            while (key := os.path.dirname(key)) not in folders:
                folders[key] = job.source
    for job in jobs:  # a file where another path needs a folder is the same trouble
        for output in job.files:
            if same_file_key(output) in folders:
                clash(folders[same_file_key(output)], job.source, output)
    return list(found.values())


def _clash_message(
    clashes: Sequence[Clash],
    found: Sequence[Found],
    settings: Settings,
    output_dir: Path,
    extension: str,
    template: str,
) -> str:
    for first, second, output in clashes:
        if first == second:
            return (
                f"{shown(first)}: two of its stems would both be written to {shown(output)}; "
                "write them one at a time, each into a folder of its own"
            )
    told = "; ".join(
        f"{shown(first)} and {shown(second)} would both be written to {shown(output)}"
        for first, second, output in clashes[:_MOST_TOLD]
    )
    if len(clashes) > _MOST_TOLD:
        told += f"; and {len(clashes) - _MOST_TOLD} more such pairs"
    for better in ("{name}.{input_ext}", "{parent}/{name}", "{parent}/{name}.{input_ext}"):
        candidate = f"{better}/{{stem}}.{{ext}}"
        trial = [_job(item, settings, output_dir, extension, candidate) for item in found]
        if candidate != template and not _clashes(trial):
            return f"{told}; use --filename-template '{candidate}' to keep them apart"
    return (
        f"{told}; separate them in two runs, each with its own -o (a --filename-template with "
        "{input_ext} or {parent} is not enough here)"
    )


def _refuse_to_write_over(jobs: Sequence[Job], origin: Origin) -> None:
    """Raises UsageError where a file that the work reads would be written over."""
    from unweave.apps.origin import files_read

    read = {**files_read(origin), **{job.source: "an input" for job in jobs}}
    known = {identity: path for path in read if (identity := _identity(path))}
    for job in jobs:
        for output in job.files:
            identity = _identity(output)
            if identity in known:
                path = known[identity]
                raise UsageError(
                    f"{shown(path)}: is {read[path]}, and a stem of {shown(job.source)} "
                    "would be written over it; choose another folder with -o"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    """What the file system itself goes by, so that links and letter case cannot hide a file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
