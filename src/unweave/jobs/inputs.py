"""From what a person typed to the recordings meant: files, folders, and globs the shell left alone.

A file that is named is taken whatever it is called; a folder is searched for files with the name of
audio or video, and for others that begin as sound does, sorted, each real folder once (so that a
symlink loop ends), without hidden files and without the stems that unweave wrote itself.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unweave.core.files import advice as advice_on
from unweave.core.stem_names import RESIDUAL, SYNONYMS, canonical
from unweave.jobs.reports import named_stems

AUDIO_EXTENSIONS = frozenset(
    ".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .au .snd .caf .flac .wv .ape .tta .tak .alac "
    ".ogg .oga .opus .spx .mp1 .mp2 .mp3 .m4a .m4b .m4r .aac .adts .ac3 .eac3 .dts .wma .asf "
    ".amr .mka .mpc .ra .dsf .dff "
    ".mp4 .m4v .mov .mkv .webm .avi .flv .wmv .mpg .mpeg .ts .m2ts .mts .ogv .3gp .3g2 .vob".split()
)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A recording, and the sub-folder of the folder argument it lay in (`.` for a named file)."""

    path: Path
    subfolder: Path = Path(".")


@dataclass(frozen=True, slots=True)
class Missed:
    """An argument, or a place below one, that gave no recording, and why."""

    path: Path
    reason: str
    empty: bool = False  # there was nothing to find, rather than something that failed


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file in a folder argument that neither has the name of a recording nor begins as one."""

    path: Path


def expand(
    arguments: Sequence[str | os.PathLike[str]], output_dir: Path
) -> tuple[list[InputFile], list[Missed], list[PassedOver]]:
    """Every recording that `arguments` mean, each once, in the order given; what was none.

    `output_dir` is not searched when it lies inside a folder argument.
    """
    found: dict[str, InputFile] = {}
    missed: list[Missed] = []
    passed_over: list[PassedOver] = []
    for argument in arguments:
        for item in _expand_one(os.fspath(argument), os.path.realpath(output_dir)):
            if isinstance(item, Missed):
                missed.append(item)
            elif isinstance(item, PassedOver):
                passed_over.append(item)
            else:
                found.setdefault(os.path.abspath(item.path), item)
    return list(found.values()), missed, passed_over


def in_words(files: Sequence[PassedOver]) -> str:
    """How many files of which kinds were passed over, in one line; empty for none."""
    if not files:
        return ""
    kinds = Counter(item.path.suffix.lower() or "no extension" for item in files)
    counts = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))
    are = "1 file that is" if len(files) == 1 else f"{len(files)} files that are"
    return f"passed over {are} no sound ({counts}); to take one anyway, give its name"


def _expand_one(argument: str, output_dir: str) -> Iterator[InputFile | Missed | PassedOver]:
    if not argument or "\0" in argument:
        yield Missed(Path(argument.replace("\0", "?")), "is not a path; check what was passed")
    elif argument == "-":
        yield Missed(Path(argument), "recordings are not read from standard input; name a file")
    elif _LINK.match(argument):
        yield Missed(
            Path(argument), f"{argument} is a link; unweave reads files only, so download it first"
        )
    elif os.path.lexists(argument):  # a real name wins over its reading as a pattern
        yield from _named(Path(argument), output_dir)
    elif glob.has_magic(argument):
        matches = sorted(glob.glob(os.path.expanduser(argument), recursive=True))
        for match in matches:
            yield from _named(Path(match), output_dir)
        if not matches:
            yield Missed(Path(argument), "no file matches; check the spelling", empty=True)
    else:
        advice = "check the spelling and the folder"
        if canonical(argument) in (*SYNONYMS.values(), RESIDUAL):
            advice = "several stems are joined by commas, as in --stems vocals,accompaniment"
        yield Missed(Path(argument), f"no such file; {advice}")


_LINK = re.compile(r"(https?|ftp)://", re.IGNORECASE)


def _named(path: Path, output_dir: str) -> Iterator[InputFile | Missed | PassedOver]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield Missed(path, f"cannot be opened: {advice_on(error)}")
        return
    if stat.S_ISDIR(mode):
        yield from _walk(path, output_dir)
    elif stat.S_ISREG(mode):
        yield InputFile(path)
    else:
        yield Missed(path, "is not a regular file; save it as a file first")


def _walk(root: Path, output_dir: str) -> Iterator[InputFile | Missed | PassedOver]:
    # The output folder itself may be named as input (stems of stems); inside another it is ours.
    seen = {os.path.realpath(root), output_dir}
    failures: list[OSError] = []
    visited: list[tuple[str, list[str]]] = []
    ours: set[str] = set()
    for here, folders, names in os.walk(root, followlinks=True, onerror=failures.append):
        folders[:] = [name for name in sorted(folders) if _first_visit(here, name, seen)]
        visited.append((here, names))
        ours |= _own_stems(here, names)  # which may lie in folders that come sooner or later
    nothing, what = True, "no audio or video file"
    for here, names in visited:
        for name in sorted(names):
            if name.startswith("."):
                continue
            if os.path.normpath(os.path.join(here, name)) in ours:
                what = "no recording but what unweave wrote"
                continue
            if not _is_recording(here, name):
                yield PassedOver(Path(here, name))
            else:
                nothing = False
                yield InputFile(Path(here, name), Path(os.path.relpath(here, root)))
    for failure in failures:
        yield Missed(Path(failure.filename), f"cannot be searched: {advice_on(failure)}")
    if nothing and not failures:
        yield Missed(root, f"holds {what}; name the files themselves", empty=True)


def _first_visit(here: str, name: str, seen: set[str]) -> bool:
    real = os.path.realpath(os.path.join(here, name))
    if name.startswith(".") or real in seen:
        return False
    seen.add(real)
    return True


def _is_recording(here: str, name: str) -> bool:
    path = Path(here, name)
    if path.suffix.lower() in AUDIO_EXTENSIONS:
        # A broken link is kept, so that it is named as failed rather than passed over.
        return os.path.isfile(path) or os.path.islink(path)
    from unweave.audio.sniff import (
        begins_as_sound,  # imports numpy, which words of error do without
    )

    return os.path.isfile(path) and begins_as_sound(path)


def _own_stems(here: str, names: Sequence[str]) -> set[str]:
    """Paths of the stems that reports in the folder `here` say unweave wrote."""
    ours: set[str] = set()
    for name in names:
        if not name.lower().endswith(".json"):
            continue
        ours.update(map(str, named_stems(Path(here, name))))
    return ours
