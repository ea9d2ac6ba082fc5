"""`benchmark`: a dataset's tracks against separators and oracles, one file of scores for each pair.

What has its scores already is not done again: a run that was stopped or killed goes on where it
was, and ends in the same files as one that never was. A pair that fails is named and does not stop
the others.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from unweave.core import stem_names
from unweave.core.files import shown
from unweave.core.status import Status
from unweave.datasets.track import Track
from unweave.errors import InputError, UnweaveError, UsageError
from unweave.evaluation import foreign, pairing, scores, scoring
from unweave.evaluation.entries import Entry, entries
from unweave.evaluation.pool import run_in_processes
from unweave.evaluation.result import BenchmarkResult
from unweave.evaluation.rounding import AUTO, bits
from unweave.evaluation.scores import BSS_EVAL_V4, MIR_1K
from unweave.evaluation.work import Job, Outcome, Request, Scorer, outcome
from unweave.types import Separator, ShouldStop

PROTOCOLS = (BSS_EVAL_V4, MIR_1K)
_SHOWN = 5  # tracks that are named before the rest is counted


class Watcher(Protocol):
    """Callbacks for the progress of a benchmark."""

    def warned(self, text: str) -> None:
        """A line on what will not be scored, before the work begins."""
        ...

    def planned(self, to_do_s: float, skipped: Sequence[Outcome]) -> None:
        """Seconds of sound to score, each track counting once for each entry; what was done."""
        ...

    def finished(self, outcome: Outcome) -> None: ...


def benchmark(
    dataset: str | None = None,
    root: str | os.PathLike[str] | None = None,
    split: str | None = None,
    *,
    separators: Iterable[str | Separator] = (),
    oracles: Iterable[str] = (),
    estimates: Mapping[str, str | os.PathLike[str]] | None = None,
    settings: Mapping[str, object] | None = None,
    output: str | os.PathLike[str] = "benchmark",
    tracks: int | str | Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    protocol: str | None = None,
    rounding: str = AUTO,
    device: str = "auto",
    jobs: int = 1,
    watcher: Watcher | None = None,
    should_stop: ShouldStop = lambda: False,
) -> BenchmarkResult:
    """Score every separator and oracle on every track; outcomes in the order tracks, entries.

    dataset: its name, or None to tell it by its folder `root`. separators: names, with options as
    in `repet-sim:distance_s=2`, import paths such as `package.module:Class`, or separators in
    memory; settings: options of all of them. estimates: `{name: folder}` of stems made elsewhere,
    as `folder/TRACK/STEM.wav`. tracks: a number, or names.
    mapping: see `pairing.pair`. protocol: instead of the dataset's own. rounding: see
    `rounding.bits`. jobs: tracks at a time, in processes that share the processor's cores.

    A track without a stem that the dataset's other tracks have is left out, because its mix is
    another kind of mix; so is an entry on a track without any of its stems. The watcher is warned.

    Raises UsageError or InputError before any work starts: for names, options or a dataset that
    there are not, and for a separator none of whose stems is in the dataset. What goes wrong later
    is in the outcomes.
    """
    from unweave import datasets

    root, output = Path(root) if root is not None else None, Path(output)
    folders = {name: Path(folder) for name, folder in (estimates or {}).items()}
    listed = entries(separators, oracles, settings, folders)
    if jobs > 1 and (own := [entry.label for entry in listed if entry.separator is not None]):
        raise UsageError(f"{own[0]} is in memory and takes jobs=1; name it as module:Class")
    if protocol not in (None, *PROTOCOLS):
        raise UsageError(f"unknown protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    bits(rounding, ())  # raises for a choice that there is not
    if dataset is None:
        if root is None:
            raise UsageError("name the dataset: --dataset NAME, or --root FOLDER")
        dataset = datasets.guess(root)
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        if watcher is not None:
            watcher.warned(text)

    wanted = [str(tracks)] if isinstance(tracks, (int, str)) else tracks
    chosen = _complete(dataset, datasets.load(dataset, root, split), wanted, warn)
    if any(entry.separates for entry in listed):
        from unweave.engine.resources import choose_device

        device = choose_device(device)
    request = Request(
        dataset=dataset,
        output=output,
        mapping=_checked(mapping or {}, listed, chosen),
        protocol=protocol,
        rounding=rounding,
        device=device,
        jobs=jobs,
    )
    plan = _matching(request, chosen, listed, warn)
    _check_paths(request.path(job.track, entry) for job in plan for entry in job.entries)

    found: dict[Path, Outcome] = {}
    for done in _finished(request, plan, should_stop):
        found[done.path] = done
    todo = [
        Job(job.track, left)
        for job in plan
        if (left := tuple(e for e in job.entries if request.path(job.track, e) not in found))
    ]
    if watcher is not None:
        to_do_s = sum(job.track.duration_s * len(job.entries) for job in todo)
        watcher.planned(to_do_s, list(found.values()))
    # Never by how much is left: rounding depends on threads, and so on the way of working.
    work = run_in_processes if jobs > 1 else _run_here
    for result in work(todo, request, jobs, should_stop):
        found[result.path] = result
        if watcher is not None:
            watcher.finished(result)
    cancelled = (
        outcome(request, job.track, entry, Status.CANCELLED)
        for job in plan
        for entry in job.entries
    )
    outcomes = tuple(found.get(result.path, result) for result in cancelled)
    return BenchmarkResult(outcomes, output, tuple(warnings))


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 when all is well, 130 when interrupted, 1 when something failed."""
    found = {outcome.status for outcome in outcomes}
    return 130 if Status.CANCELLED in found else int(Status.FAILED in found)


def select(tracks: Sequence[Track], wanted: Sequence[str]) -> list[Track]:
    """The first N of the tracks, or those with the names asked for. Raises UsageError."""
    if not tracks:
        raise UsageError("the dataset has no tracks there; see unweave dataset check")
    if not wanted:
        return list(tracks)
    by_name = {track.name: track for track in tracks}
    if len(wanted) == 1 and wanted[0].isdecimal() and wanted[0] not in by_name:
        if int(wanted[0]) == 0:
            raise UsageError("--tracks takes a number above 0, or names")
        return list(tracks[: int(wanted[0])])
    for name in wanted:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=3, cutoff=0.4) or list(by_name)[:3]
            raise UsageError(f"unknown track {name!r}; there are {', '.join(near)}, ...")
    return [track for track in tracks if track.name in wanted]


def _complete(
    dataset: str, tracks: Sequence[Track], wanted: Sequence[str], warn: Callable[[str], None]
) -> list[Track]:
    """The tracks asked for, without those that lack a stem."""
    from unweave import datasets

    lacking = datasets.lacking(dataset, tracks)
    chosen = []
    for track in select(tracks, wanted):
        if stems := lacking.get((track.split, track.name)):
            warn(f"{track.name}: left out, it has no {', '.join(stems)} as other tracks have")
        else:
            chosen.append(track)
    if not chosen:
        raise UsageError("no track has all stems; see unweave dataset check")
    return chosen


def _matching(
    request: Request, tracks: Sequence[Track], entries: Sequence[Entry], warn: Callable[[str], None]
) -> list[Job]:
    """Which entries each track is scored on: those that give one of its stems at least.

    Raises UsageError for an entry without a stem of any track, and for an unfit protocol.
    """
    for track in tracks:
        scoring.check_protocol(request.protocol or track.protocol, track.channels)
    left: dict[str, dict[str, list[Track]]] = {}  # [entry][why]
    absent: dict[str, str] = {}  # [entry]: why, as of the first track without a folder
    for entry in entries:
        for track in tracks:
            given = entry.given(track) or (track.stem_names if entry.kind == "oracle" else ())
            try:
                if not given and entry.folder is not None:
                    why = absent.setdefault(entry.label, _without_folder(entry.folder, track))
                    raise UsageError(why)
                pairing.pair(track.stem_names, given, request.renamed(track, entry))
            except UsageError as error:
                left.setdefault(entry.label, {}).setdefault(str(error), []).append(track)
    out: dict[str, list[Track]] = {}
    for label, whys in left.items():
        out[label] = [track for some in whys.values() for track in some]
        if len(out[label]) == len(tracks):
            raise UsageError(f"{label}: {next(iter(whys))}")
        for why, some in whys.items():
            warn(f"{label}: left out of {_names(t.name for t in some)}: {why}")
    for entry in entries:
        if entry.folder is not None:
            own = [track for track in tracks if track not in out.get(entry.label, [])]
            foreign.check(entry.folder, own)
            for stem, names in foreign.incomplete(entry.folder, own, request.mapping).items():
                warn(f"{entry.label}: has no {stem} of {_names(names)}")
    return [
        Job(track, tuple(entry for entry in entries if track not in out.get(entry.label, [])))
        for track in tracks
    ]


def _without_folder(folder: Path, track: Track) -> str:
    """That a folder has no estimates of a track: what was looked for, and what there is."""
    places = (folder / track.split / scores.safe(track.name), folder / scores.safe(track.name))
    wanted = " or ".join(dict.fromkeys(str(place.relative_to(folder)) for place in places))
    split = folder / track.split
    held = sorted(p for p in (split if split.is_dir() else folder).iterdir() if p.is_dir())
    found = _names(str(path.relative_to(folder)) for path in held) or "no folder"
    return f"{shown(folder)} holds no estimates of it: there is no {wanted}, but {found}"


def _names(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _checked(
    mapping: Mapping[str, str], entries: Sequence[Entry], tracks: Sequence[Track]
) -> dict[str, str]:
    """A mapping with its stems spelled as separators spell them.

    One that can mean nothing is a mistake in spelling: raises UsageError.
    """
    given = (entry.given(track) for entry in entries for track in tracks)
    stems = sorted({stem_names.RESIDUAL}.union(*given))
    names = {stem_names.canonical(name) for track in tracks for name in track.stem_names}
    for stem, target in mapping.items():
        if stem_names.canonical(target) not in names:
            raise UsageError(f"--map {stem}={target}: the dataset has no {target!r}; it has "
                             f"{', '.join(sorted(names))}")  # fmt: skip
    return pairing.renamed(mapping, stems)


def _check_paths(paths: Iterable[Path]) -> None:
    """Two results in one file would be a result lost."""
    seen: set[str] = set()
    for path in paths:
        if str(path).casefold() in seen:
            raise InputError(f"{path}: is the file of two tracks or entries; rename one of them")
        seen.add(str(path).casefold())


def _finished(request: Request, plan: Iterable[Job], should_stop: ShouldStop) -> Iterator[Outcome]:
    """What has valid scores of exactly this work."""
    for track, some in ((job.track, job.entries) for job in plan):
        checksum: str | None = None
        lossy: tuple[str, ...] | None = None
        for entry in some:
            path = request.path(track, entry)
            if should_stop() or not entry.has_identity or not path.is_file():
                continue
            try:
                facts = scores.load_json(path).get("unweave", {})
                if facts.get("version") != scores.VERSION:
                    continue
                lossy = track.lossy_codecs() if lossy is None else lossy
                wanted = request.identity(track, entry, facts.get("checksum", ""), lossy)
                if any(facts.get(key, {}) != value for key, value in wanted.items()):
                    continue
                checksum = checksum or track.checksum()  # reads all of the track: last
                if facts["checksum"] == checksum:
                    yield outcome(request, track, entry, Status.SKIPPED, scores=scores.read(path))
            except UnweaveError:
                continue  # broken: it is done again, and what is wrong with the track said then


def _run_here(
    jobs: Iterable[Job], request: Request, _workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    scorer = Scorer(request, should_stop)
    for job in jobs:
        if should_stop():
            return
        yield from scorer.run(job)
