"""One track of a dataset: what it is before anything is decoded, and its sound when asked.

A `Source` says where one signal comes from: a file, a stream or a channel of one, or a sum of
others. A `Track` is a mix and its stems as sources. Both are plain data that can be sent to
another process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from unweave.core.files import hashed, shown
from unweave.datasets import _audio
from unweave.errors import InputError, UsageError
from unweave.types import Wave

BSS_EVAL_V4 = "bss-eval-v4"
MIR_1K = "mir-1k"
ACCOMPANIMENT = "accompaniment"
_NAMED_ERRORS = 5  # that the one line of an error names


class Source(Protocol):
    """Where one signal comes from."""

    def read(self, start: int, length: int) -> Wave:
        """`length` samples from sample `start` on, float32 `(channel, time)`, the caller's own."""
        ...

    def parts(self) -> tuple[Part, ...]:
        """The pieces of files that it is made of; none if it is made of nothing stored."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A stream of a file: all its channels, or one."""

    path: Path
    stream: int = 0
    channel: int | None = None

    def read(self, start: int, length: int) -> Wave:
        wave = _audio.read(self.path, start, length, self.stream)
        if self.channel is None:
            return wave
        return np.ascontiguousarray(wave[self.channel : self.channel + 1])

    def parts(self) -> tuple[Part, ...]:
        return (self,)

    def header(self) -> _audio.Header:
        """What the file says of the stream. Raises InputError."""
        return _audio.header(self.path, self.stream)

    def decoded_samples(self) -> int:
        """How many samples really are in the stream, by decoding all. Raises InputError."""
        return _audio.decoded_samples(self.path, self.stream)


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of sources, added up in their order."""

    sources: tuple[Source, ...]

    def read(self, start: int, length: int) -> Wave:
        total = self.sources[0].read(start, length)
        for source in self.sources[1:]:
            total += source.read(start, length)
        return total

    def parts(self) -> tuple[Part, ...]:
        return tuple(part for source in self.sources for part in source.parts())


@dataclass(frozen=True, kw_only=True)
class Track:
    """A mix and its stems. Nothing is decoded until `mix` or `stem` is called.

    `samples` is the length, known from headers. `stems` are the names that make up the mix;
    `stem_names` has the accompaniment besides, where there are vocals to leave out. `files` are
    in a fixed order. `protocol` names the metric that scores of its stems use by default:
    "bss-eval-v4" for music stems, "mir-1k" for voice and music (BSS Eval v3 sources, NSDR).
    """

    name: str
    split: str
    sample_rate_hz: int
    channels: int
    samples: int
    stems: tuple[str, ...]
    files: tuple[Path, ...]
    protocol: str = BSS_EVAL_V4
    mixture: Source = field(repr=False)
    sources: Mapping[str, Source] = field(repr=False, hash=False)

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz

    @property
    def stem_names(self) -> tuple[str, ...]:
        """All names that `stem` takes: the stems, and what is derived from them."""
        derivable = "vocals" in self.stems and len(self.stems) > 1
        if ACCOMPANIMENT in self.stems or not (derivable or ACCOMPANIMENT in self.sources):
            return self.stems
        return (*self.stems, ACCOMPANIMENT)

    def mix(self, start: int = 0, length: int | None = None) -> Wave:
        """The mix, float32 `(channel, time)`: all of it, or `length` samples from `start` on.

        Raises InputError where a file cannot be read or ends early, ValueError for samples that
        are not within the track.
        """
        return self._read(self.mixture, start, length)

    def stem(self, name: str, start: int = 0, length: int | None = None) -> Wave:
        """A stem, like `mix`. "accompaniment" is the sum of all stems but the vocals, unless the
        dataset has one of its own. Raises UsageError for a name that is not in `stem_names`."""
        if name not in self.stem_names:
            has = ", ".join(self.stem_names)
            raise UsageError(f"{shown(self.name)}: has no stem {name!r}; it has {has}")
        return self._read(self.source(name), start, length)

    def source(self, name: str) -> Source:
        """Where the stem with that name comes from."""
        if name in self.sources:
            return self.sources[name]
        return Sum(tuple(self.sources[stem] for stem in self.stems if stem != "vocals"))

    def parts(self) -> tuple[Part, ...]:
        """Every stream of every file that mix and stems are made of, once, with all channels."""
        sources = (self.mixture, *self.sources.values())
        parts = (part for source in sources for part in source.parts())
        return tuple(dict.fromkeys(Part(part.path, part.stream) for part in parts))

    def lossy_codecs(self) -> tuple[str, ...]:
        """The lossy codecs that stems were stored with, by name: `("aac",)`. Raises InputError."""
        parts = dict.fromkeys(part for source in self.sources.values() for part in source.parts())
        headers = (part.header() for part in parts)
        return tuple(sorted({header.codec for header in headers if header.lossy}))

    def checksum(self) -> str:
        """SHA-256 over the hashes of all files; over the samples of all stems where there are no
        files. Reads all of them. Raises InputError."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(hashed(file).encode())
        if not self.files:
            for name in self.stems:
                digest.update(self.stem(name).tobytes())
        return digest.hexdigest()

    def _read(self, source: Source, start: int, length: int | None) -> Wave:
        length = self.samples - start if length is None else length
        if start < 0 or length < 0 or start + length > self.samples:
            raise ValueError(
                f"{self.name}: samples {start} to {start + length} are not within 0 to "
                f"{self.samples}"
            )
        return source.read(start, length)


class IncompleteError(InputError):
    """A dataset with files that are missing or wrong; `errors` has all of them, a line each."""

    def __init__(self, root: Path, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        named = "; ".join(errors[:_NAMED_ERRORS])
        more = len(errors) - _NAMED_ERRORS
        rest = f"; and {more} more" if more > 0 else ""
        count = f"{len(errors)} error{'s' * (len(errors) > 1)}"
        super().__init__(f"{shown(root)}: {count}: {named}{rest}; get a complete copy")


@dataclass(frozen=True, kw_only=True)
class About:
    """The facts about a dataset that its file states.

    `counts` gives for a split every number of tracks that a complete copy may have. Where stems
    add up to the mix, `sum_db_at_least` is how far below the mix the rest must be. Where
    `any_stems`, tracks may have different stems by nature.
    """

    stems: tuple[str, ...]
    splits: tuple[str, ...]
    layout: str
    protocol: str
    licence: str
    obtain: str
    paper: str = ""
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    sum_db_at_least: float | None = None
    needs_root: bool = True
    any_stems: bool = False
    songs_of: str = ""  # the dataset that has the same songs in splits of the same names
    within: Mapping[str, str] = field(default_factory=dict)  # [split]: the one that it is a part of
