"""Every file that will be written, known and checked before any work starts.

Two inputs or two stems that would write the same file are refused here with both names and a
template that would keep them apart, and so is an output over a file that the work reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unweave import registry
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import shown
from unweave.errors import UsageError
from unweave.jobs.inputs import InputFile
from unweave.jobs.naming import (
    DEFAULT_TEMPLATE,
    check_template,
    fill,
    same_file_key,
)
from unweave.jobs.reports import REPORT
from unweave.request import SeparationRequest

_MOST_TOLD = 5  # of the pairs that clash


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the files it becomes: stem name -> file, and the report.

    The report gets a numbered name where another one lies under `report` (see `resume`).
    overwrite: replace conflicting files. beside: folders or files that are read besides the
    recording, by what they are.
    """

    source: Path
    outputs: Mapping[str, Path]
    report: Path
    overwrite: bool = False
    beside: Mapping[str, Path] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file this job writes."""
        return (*self.outputs.values(), self.report)


def plan(
    found: Sequence[InputFile],
    request: SeparationRequest,
    output_dir: Path,
    template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
) -> list[Job]:
    """One job per recording.

    Raises UsageError for a bad template, for two files that would be written to one name,
    and for an output over an input, an option's file, the model's card or its weights.
    """
    check_template(template)
    output_dir = straight(output_dir)
    jobs = [_job(item, request, output_dir, template, overwrite) for item in found]
    clashes = _clashes(jobs)
    if clashes:
        raise UsageError(_clash_message(clashes, found, request, output_dir, template))
    files = registry.files_read(request.separator)
    refuse_to_write_over(jobs, {**files, **{job.source: "an input" for job in jobs}})
    return jobs


def _job(
    item: InputFile,
    request: SeparationRequest,
    folder: Path,
    template: str,
    overwrite: bool = False,
) -> Job:
    path = namer(item, request.separator.name, folder, template)
    outputs = {stem: path(stem, request.output.format) for stem in request.stems}
    return Job(item.path, outputs, path(REPORT, "json"), overwrite)


def namer(item: InputFile, model: str, folder: Path, template: str) -> Callable[[str, str], Path]:
    """The place of a file of a recording, from its stem and extension, by a template."""
    source = item.path
    values = {
        "name": source.stem,
        "model": model,
        "input_ext": source.suffix[1:],
        "parent": Path(os.path.abspath(source)).parent.name,
    }
    subfolder = folder.joinpath(*map(safe, item.subfolder.parts))
    return lambda stem, ext: subfolder / fill(template, {**values, "stem": stem, "ext": ext})


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
    for job in jobs:  # a file where another path needs a folder is the same conflict
        for output in job.files:
            if same_file_key(output) in folders:
                clash(folders[same_file_key(output)], job.source, output)
    return list(found.values())


def _clash_message(
    clashes: Sequence[Clash],
    found: Sequence[InputFile],
    request: SeparationRequest,
    output_dir: Path,
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
        trial = [_job(item, request, output_dir, candidate) for item in found]
        if candidate != template and not _clashes(trial):
            return f"{told}; use --filename-template '{candidate}' to keep them apart"
    return (
        f"{told}; separate them in two runs, each with its own -o (a --filename-template with "
        "{input_ext} or {parent} is not enough here)"
    )


def refuse_to_write_over(jobs: Sequence[Job], read: Mapping[Path, str]) -> None:
    """Raises UsageError where a file that the work reads would be written over. read: what each
    is."""
    known = {identity: path for path in read if (identity := _identity(path))}
    for job in jobs:
        for output in job.files:
            identity = _identity(output)
            if identity in known:
                path = known[identity]
                raise UsageError(
                    f"{shown(path)}: is {read[path]}, and would be written over by what "
                    f"{shown(job.source)} becomes; choose another folder with -o"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    """What the file system itself goes by, so that links and letter case cannot hide a file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
