"""Songs that the user named: recordings, stem files, folders of stems; a title and a job each."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from unweave.apps._shared import results
from unweave.apps._shared.material import is_folder, is_stem_file
from unweave.audio.stem_file.writer import SUFFIXES
from unweave.core.atomic import straight
from unweave.core.file_names import safe
from unweave.core.files import shown
from unweave.errors import InputError, UsageError
from unweave.jobs import InputFile, Job, Missed, PassedOver, find
from unweave.jobs.naming import same_file_key
from unweave.jobs.plan import refuse_to_write_over
from unweave.types import StrPath


def songs(
    inputs: Sequence[StrPath], output_dir: Path
) -> tuple[list[InputFile], list[Missed], list[PassedOver]]:
    """The recordings that `inputs` mean, as for `separate`, and folders of stems among them.

    Raises UsageError where nothing is found.
    """
    arguments = [part for each in inputs for part in _meant(os.fspath(each))]
    folders = [Path(each) for each in arguments if is_folder(Path(each))]
    others = [each for each in arguments if Path(each) not in folders]
    found, missed, passed_over = find(others, output_dir) if others or not folders else ([], [], [])
    return [*map(InputFile, folders), *found], missed, passed_over


def _meant(argument: str) -> list[str]:
    """What a pattern means where folders of stems are among it, else the argument itself."""
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return [argument]
    matches = sorted(glob.glob(os.path.expanduser(argument), recursive=True))
    of_stems = [match for match in matches if is_folder(Path(match))]
    rest = [match for match in matches if match not in of_stems]
    return [*of_stems, *rest] if of_stems else [argument]


def is_separated(path: Path) -> bool:
    """Whether a song has to be separated: it brings no stems."""
    try:
        return not (is_folder(path) or is_stem_file(path))
    except InputError:
        return False


def title_of(path: Path) -> str:
    """The name of a song: of its file, or of the folder of its stems."""
    if path.is_dir():
        return Path(os.path.abspath(path)).name
    end = next((end for end in SUFFIXES if path.name.lower().endswith(end)), path.suffix)
    return path.name[: len(path.name) - len(end)] or path.name


def planned(
    found: Sequence[InputFile],
    output_dir: Path,
    names: Callable[[str], Mapping[str, str]],
    report: str,
    overwrite: bool,
) -> list[Job]:
    """One job for each song, in a folder of its own.

    names: of its files, by what they are, from its title. report: the name of its report. Raises
    UsageError for two songs with one folder, and for a file over one that is read.
    """
    output_dir = straight(output_dir)
    jobs: dict[str, Job] = {}
    for item in found:
        title = title_of(item.path)
        folder = output_dir.joinpath(*map(safe, item.subfolder.parts), safe(title))
        outputs = {what: folder / name for what, name in names(title).items()}
        key = same_file_key(folder)
        if key in jobs:
            raise UsageError(
                f"{shown(jobs[key].source)} and {shown(item.path)} would both be written to "
                f"{shown(folder)}; name the folder above both, or take them in two runs, each with "
                "its own -o"
            )
        jobs[key] = Job(item.path, outputs, folder / report, overwrite)
    refuse_to_write_over(list(jobs.values()), {item.path: "an input" for item in found})
    results.refuse_to_remove(jobs.values(), [item.path for item in found])
    return list(jobs.values())
