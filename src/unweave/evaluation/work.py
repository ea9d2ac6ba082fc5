"""One track against several entries of a benchmark: decode once, separate, score, write.

A `Scorer` keeps the separators that it has loaded, so that each process loads each of them once.
Whatever goes wrong with one entry becomes an outcome that names it; the others go on.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import datasets
from unweave.core.status import Status
from unweave.datasets.track import Track
from unweave.engine.compose import AnySeparator
from unweave.errors import Cancelled, UnweaveError
from unweave.evaluation import foreign, oracles, pairing, rounding, scores, scoring
from unweave.evaluation.entries import Entry
from unweave.evaluation.scores import Identity, Timing, TrackScores
from unweave.request import SeparatorRef
from unweave.types import Progress, ShouldStop, Wave

if TYPE_CHECKING:
    from unweave.engine.executor import Executor
    from unweave.evaluation.metrics import ReferenceCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What holds for the whole benchmark."""

    dataset: str
    output: Path
    mapping: Mapping[str, str] = field(default_factory=dict)
    protocol: str | None = None  # None: the dataset's own
    rounding: str = rounding.AUTO  # one of `rounding.CHOICES`
    device: str = "auto"
    jobs: int = 1  # tracks at a time

    def path(self, track: Track, entry: Entry) -> Path:
        return scores.path_of(self.output, self.dataset, entry.label, track.split, track.name)

    def renamed(self, track: Track, entry: Entry) -> dict[str, str]:
        """The part of the mapping that is about an entry's stems."""
        stems = entry.given(track)
        return {stem: to for stem, to in self.mapping.items() if stem in stems}

    def identity(
        self, track: Track, entry: Entry, checksum: str, lossy: Collection[str]
    ) -> Identity:
        """What a file of scores must say to be that of this track and entry.

        checksum, lossy: see `Track.checksum` and `Track.lossy_codecs`.
        """
        from unweave import __version__

        return {
            "software": __version__,
            "dataset": self.dataset,
            "split": track.split,
            "track": track.name,
            "checksum": checksum,
            "protocol": self.protocol or track.protocol,
            "rounded_to_bits": rounding.bits(self.rounding, lossy),
            "separator": entry.label,
            "kind": entry.kind,
            "identity": entry.identity,
            "mapping": self.renamed(track, entry),
            "estimates": foreign.hashes(entry.estimates(track)),
        }


def _facts(entry: Entry, dataset: str, split: str) -> dict[str, Any]:
    """What a file of scores says of an entry besides its identity, for people."""
    separator = entry.ref
    source = entry.imported or (entry.folder.resolve().name if entry.folder is not None else "")
    if separator is None:
        return {"name": entry.name, "source": source, "environment": environment()}
    return {
        "source": source,
        "environment": environment(),
        "name": separator.name,
        "options": dict(separator.options),
        "files": {file.option: file.sha256 for file in separator.files},
        "card_sha256": separator.card_sha256,
        "weights_sha256": separator.weights_sha256,
        "seen_in_training": datasets.songs(dataset, split) in _trained_on(separator),
    }


def _trained_on(separator: SeparatorRef) -> frozenset[str]:
    """What its card says of that; nothing is known of what exists in memory only."""
    from unweave import registry

    return frozenset() if separator.model is None else registry.trained_on(separator.model)


@cache
def environment() -> dict[str, str]:
    """What scores are made with: the versions of Python, torch and numpy, and the machine."""
    from unweave.engine.report import versions

    found = versions()
    return {name: found[name] for name in ("python", "torch", "numpy", "platform")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one track and entry."""

    track: str
    label: str
    path: Path
    status: Status
    sound_s: float = 0.0
    scores: TrackScores | None = None  # of what is done or skipped
    error: str = ""  # one line that names track and entry
    details: str = ""  # the traceback of an unexpected error


@dataclass(frozen=True, slots=True)
class Job:
    """A track, and the entries that it has no scores of yet."""

    track: Track
    entries: tuple[Entry, ...]


class Scorer:
    """Scores jobs, one after the other."""

    def __init__(
        self,
        request: Request,
        should_stop: ShouldStop = lambda: False,
        executor: Executor | None = None,
    ) -> None:
        self.request = request
        self.should_stop = should_stop
        self.executor = executor
        self.loaded: dict[str, AnySeparator | Exception] = {}

    def run(self, job: Job) -> Iterator[Outcome]:
        """An outcome for each entry of the job, written when it comes."""
        sound: Sound | None = None
        for entry in job.entries:
            try:
                if self.should_stop():
                    raise Cancelled("stopped")
                if sound is None:
                    sound = Sound.of(job.track, self.request.rounding)
                found = self._score(job.track, entry, sound)
                path = self.request.path(job.track, entry)
                scores.write(found, path)
            except Exception as error:
                yield failed(self.request, job.track, entry, error)
            else:
                yield outcome(self.request, job.track, entry, Status.DONE, scores=found)

    def _score(self, track: Track, entry: Entry, sound: Sound) -> TrackScores:
        request = self.request
        protocol = request.protocol or track.protocol
        identity = request.identity(track, entry, sound.checksum, sound.lossy)
        bits = identity["rounded_to_bits"]
        notes: list[str] = []
        timing: Timing = {}
        if entry.kind == "oracle":
            stems = {name: sound.references[name] for name in track.stems}
            given: Mapping[str, Wave] = oracles.oracle(entry.name, sound.mix, stems, protocol)
        elif not entry.separates:
            given = foreign.read(entry.estimates(track), track.samples, notes)
        else:
            given, timing = self._separate(entry, track, sound.mix, notes.append)
        mapping = {stem: to for stem, to in identity["mapping"].items() if stem in given}
        pairs = pairing.pair(track.stem_names, tuple(given), mapping)
        notes += pairs.warnings(entry.label)
        compared = {name for parts in pairs.sources.values() for name in parts}
        notes += rounding.warnings({n: w for n, w in given.items() if n in compared}, bits)
        given = {name: rounding.rounded(wave, bits) for name, wave in given.items()}
        estimates = {name: pairing.total(given, parts) for name, parts in pairs.sources.items()}
        del given
        scored = scoring.score(
            sound.references,
            estimates,
            track.sample_rate_hz,
            protocol,
            rounding.rounded(sound.mix, bits),
            sound.caches,
        )
        return TrackScores(
            **identity,
            **_facts(entry, request.dataset, track.split),
            lossy_references=sound.lossy,
            samples=track.samples,
            sample_rate_hz=track.sample_rate_hz,
            missing=pairs.missing,
            unscored=pairs.unscored,
            warnings=(*notes, *scored.warnings),
            **scored.as_arguments(),
            **timing,
        )

    def _separate(
        self, entry: Entry, track: Track, mix: Wave, warn: Callable[[str], None]
    ) -> tuple[dict[str, Wave], Timing]:
        """All stems by name, and what it cost; loading and decoding do not count."""
        import torch

        from unweave.engine.resources import choose_device
        from unweave.engine.run import separate_array
        from unweave.request import Execution

        device = choose_device(self.request.device)
        separator = self._load(entry, device)

        def progress(_: Progress) -> None:
            if self.should_stop():
                raise Cancelled("stopped")

        started = time.perf_counter()
        stems = separate_array(
            separator,
            mix,
            track.sample_rate_hz,
            execution=Execution(device=device),
            warn=warn,
            on_progress=progress,
            executor=self.executor,
        )
        seconds = time.perf_counter() - started
        return stems, {
            "device": device,
            "jobs": self.request.jobs,
            "threads": torch.get_num_threads(),
            "seconds_separate": round(seconds, 4),
            "real_time_factor": round(seconds / track.duration_s, 5),
        }

    def _load(self, entry: Entry, device: str) -> AnySeparator:
        """The separator, loaded once; one that cannot be is not tried again."""
        if entry.label not in self.loaded:
            try:
                self.loaded[entry.label] = entry.load().to(device)
            except Exception as error:
                self.loaded[entry.label] = error
        found = self.loaded[entry.label]
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class Sound:
    """A track in memory: the mix and every reference, the derived accompaniment among them.

    References are rounded already; the mix is what separators get and is not.
    """

    mix: Wave
    references: dict[str, Wave]
    checksum: str
    lossy: tuple[str, ...]
    caches: dict[tuple[str, ...], ReferenceCache] = field(
        default_factory=dict
    )  # see `scoring.score`

    @staticmethod
    def of(track: Track, choice: str = rounding.AUTO) -> Sound:
        """Decode a track. choice: see `rounding.bits`. Raises InputError."""
        lossy = track.lossy_codecs()
        bits = rounding.bits(choice, lossy)
        references = {
            name: rounding.rounded(track.stem(name), bits)
            for name in track.stem_names
            if name in track.sources
        }
        for name in track.stem_names:
            if name not in references:  # the sum of what is decoded already
                parts = [stem for stem in track.stems if stem != pairing.VOCALS]
                references[name] = pairing.total(references, parts)
        return Sound(track.mix(), references, track.checksum(), lossy)


def outcome(
    request: Request,
    track: Track,
    entry: Entry,
    status: Status,
    *,
    scores: TrackScores | None = None,
    error: str = "",
    details: str = "",
) -> Outcome:
    """The outcome of an entry of a track."""
    return Outcome(
        track=track.name,
        label=entry.label,
        path=request.path(track, entry),
        status=status,
        sound_s=track.duration_s,
        scores=scores,
        error=error,
        details=details,
    )


def failed(request: Request, track: Track, entry: Entry, error: Exception) -> Outcome:
    """The outcome of an entry that ended in `error`."""
    if isinstance(error, Cancelled):
        return outcome(request, track, entry, Status.CANCELLED)
    foreseen = isinstance(error, (UnweaveError, OSError))
    reason = str(error) if foreseen else f"unexpected {type(error).__name__}: {error}"
    details = "" if foreseen else "".join(traceback.format_exception(error))
    message = " ".join(f"{track.name}: {entry.label}: {reason}".split())
    return outcome(request, track, entry, Status.FAILED, error=message, details=details)
