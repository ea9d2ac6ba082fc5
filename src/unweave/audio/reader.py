"""Decode one file block by block: any sound FFmpeg knows in, float32 `(channel, time)` out.

PyAV decodes everything, PCM included: its cost for each packet is small, and one decoder means one
set of rules. Only the current block is in memory. Where FFmpeg would misread a header, it gets a
corrected one: see `audio.chunks` and `audio.splice`. `audio.part` decides which stream is read and
what is cut off at the ends.

Damage. What cannot be decoded is left out and named in `warnings`; only a file without any sound is
an error. A stream that changes its rate or its channels is converted to those of its start: see
`audio.format_converter`. The links of a chained Ogg file are joined in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import FileIO
from pathlib import Path

import numpy as np

from unweave.audio import chunks, links
from unweave.audio.container import regular
from unweave.audio.format_converter import FormatConverter
from unweave.audio.info import Cover, SourceInfo
from unweave.audio.mp4 import mapped
from unweave.audio.part import Part
from unweave.audio.resampler import resampled_length
from unweave.audio.splice import Stretch
from unweave.core.files import shown
from unweave.core.region import WHOLE, Region
from unweave.errors import InputError
from unweave.types import Audio, Wave

__all__ = ["Cover", "Reader", "SourceInfo", "decoded", "probe"]


def probe(path: Path) -> SourceInfo:
    """The facts about the stream of sound in `path` that a `Reader` takes.

    Decodes only far enough to be sure that there is sound. Raises InputError.
    """
    with Reader(path) as reader:
        return reader.info


class Reader:
    """The samples of one stream of sound.

    `stream` counts the sound streams of the file from 0; None takes the one that the file calls its
    default, or the first that can be decoded. A context manager. `info` is there at once; `blocks`
    can be read once; `warnings` are complete when the blocks are. Raises InputError where nothing
    can be decoded.
    """

    def __init__(self, path: Path, stream: int | None = None) -> None:
        self._path = Path(path)
        self._stream = stream
        with ExitStack() as stack:
            self._file = stack.enter_context(regular(self._path))
            self._layout = _layout(self._file, self._path)
            self._links = _links(self._path)
            self._first = stack.enter_context(self._part(0))
            self.info = self._first.info
            self.warnings = [f"{shown(self._path)}: {said}" for said in self._first.said]
            if len(self._links) > 1:
                frames = self._chained_frames()
                duration_s = frames / self.info.sample_rate_hz if frames else None
                self.info = replace(
                    self.info, frames=frames, most_frames=frames, duration_s=duration_s
                )
            self._stack = stack.pop_all()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Closing twice does no harm."""
        self._stack.close()

    def blocks(self, frames: int) -> Iterator[Wave]:
        """Everything in order as blocks `(channel, time)` of `frames` samples, the last may be
        shorter. Each block is the caller's to keep or change."""
        if frames < 1:
            raise ValueError(f"frames must be at least 1, got {frames}")
        channels = self.info.channels
        block, filled = np.empty((channels, frames), np.float32), 0
        for wave in self._waves():
            taken = 0
            while taken < wave.shape[1]:
                part = wave[:, taken : taken + frames - filled]
                block[:, filled : filled + part.shape[1]] = part
                filled += part.shape[1]
                taken += part.shape[1]
                if filled == frames:
                    yield block
                    block, filled = np.empty((channels, frames), np.float32), 0
        if filled:
            yield np.ascontiguousarray(block[:, :filled])

    def _waves(self) -> Iterator[Wave]:
        """The decoded waves of all parts, at one rate, with one channel count."""
        converter = FormatConverter(self.info.sample_rate_hz, self.info.channels)
        length, lost_s, damaged, ends_early = 0, 0.0, 0, False
        for number in range(len(self._links)):
            try:
                part = self._first if number == 0 else self._part(number)
            except InputError:
                damaged += 1
                continue
            with part:
                for wave, rate_hz in part.waves():
                    ready = converter.push(wave, rate_hz)
                    length += ready.shape[1]
                    yield ready
                lost_s += part.lost_s()
                damaged += part.damaged
                ends_early |= part.ends_early()
        rest = converter.flush()
        yield rest
        self.warnings += [f"{shown(self._path)}: {change}" for change in converter.changes]
        self._judge(length + rest.shape[1], lost_s, damaged, ends_early)

    def _judge(self, length: int, lost_s: float, damaged: int, ends_early: bool) -> None:
        """Say in `warnings` what was not as it should be."""
        name, length_s = shown(self._path), length / self.info.sample_rate_hz
        used = f"the {length_s:.2f} s that could be decoded were used; get a complete copy"
        if lost_s > 0:
            self.warnings.append(
                f"{name}: {lost_s:.2f} s of its {length_s + lost_s:.2f} s are missing or damaged; "
                f"{used}"
            )
        elif damaged:
            self.warnings.append(f"{name}: {damaged} part(s) of it are damaged; {used}")
        elif ends_early:
            self.warnings.append(f"{name}: its end is missing, how much of it is not known; {used}")

    def _part(self, number: int) -> Part:
        """One link of a chain, or the whole file."""
        pieces = self._layout.pieces if self._layout else None
        if len(self._links) > 1:
            pieces = (Stretch(*self._links[number]),)
        return Part(self._file, self._path, pieces, self._layout, self._stream)

    def _chained_frames(self) -> int | None:
        """Samples of all links together at the rate of the first, None if one does not say it."""
        rate_hz, frames = self._first.info.sample_rate_hz, self._first.info.frames or 0
        for number in range(1, len(self._links)):
            try:
                with self._part(number) as part:
                    info = part.info
            except InputError:
                continue
            if info.frames is None:
                return None
            frames += resampled_length(info.frames, info.sample_rate_hz, rate_hz)
        return frames


def decoded(path: Path, region: Region = WHOLE) -> tuple[Audio, tuple[str, ...]]:
    """A recording in memory, or a part of it, and the names of its speakers. Raises InputError."""
    with Reader(path) as reader:
        info = reader.info
        rate = info.sample_rate_hz
        blocks = list(region.cut(reader.blocks(rate), rate, shown(path)))
    if not blocks:
        raise InputError(f"{shown(path)}: holds no sound")
    audio = Audio(np.concatenate(blocks, axis=-1), info.sample_rate_hz, str(path))
    return audio, info.channel_names


def _layout(file: FileIO, path: Path) -> chunks.Layout | None:
    try:
        return chunks.layout(file)
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from error


def _links(path: Path) -> list[tuple[int, int]]:
    with mapped(path) as data:
        return links.links(data)
