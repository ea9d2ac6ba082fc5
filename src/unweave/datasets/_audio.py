"""Any stretch of any sound file, exact to the sample, and its length before decoding.

WAV and FLAC go through libsndfile, which can start anywhere; everything else is decoded from its
beginning by `io.reader` and stops where the stretch ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from unweave.core.errors import InputError
from unweave.core.types import Wave
from unweave.datasets import _mp4
from unweave.io.files import shown
from unweave.io.reader import Reader

_SEEKABLE = (".wav", ".flac")
_UNKNOWN = 2**63 - 1  # libsndfile's length of a stream that does not say its own
_LOSSLESS = ("PCM", "FLOAT", "DOUBLE", "ALAC")  # how libsndfile's names of such samples begin
_BLOCK = 1 << 16  # samples


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of one stream: `samples` per channel, and how many streams there are."""

    sample_rate_hz: int
    channels: int
    samples: int
    streams: int
    codec: str
    lossy: bool


def header(path: Path, stream: int = 0) -> Header:
    """The rate, channels and exact length of a stream without decoding it.

    Only a file that does not say its length (an MP3 without a count, a FLAC that came out of a
    pipe) is decoded to count it.
    Raises InputError.
    """
    if path.suffix.lower() in _SEEKABLE:
        try:
            found = soundfile.info(path)
        except soundfile.LibsndfileError:
            pass  # the reader says what is wrong with it, or can read it after all
        else:
            if 0 < found.frames < _UNKNOWN:
                lossy = not found.subtype.startswith(_LOSSLESS)
                codec = found.subtype.lower()
                return Header(found.samplerate, found.channels, found.frames, 1, codec, lossy)
    with Reader(path, stream) as reader:
        info = reader.info
        samples = info.frames
        if samples is not None and info.container == "mp4":
            samples = _mp4.length(path, stream, samples, info.sample_rate_hz)
        if samples is None:
            samples = sum(block.shape[1] for block in reader.blocks(_BLOCK))
    return Header(
        info.sample_rate_hz, info.channels, samples, info.audio_streams, info.codec, info.lossy
    )


def read(path: Path, start: int, length: int, stream: int = 0) -> Wave:
    """`length` samples from `start` on, float32 `(channel, time)`.

    Raises InputError where the file cannot be read or ends before `start + length`.
    """
    if path.suffix.lower() in _SEEKABLE:
        try:
            with soundfile.SoundFile(path) as file:
                if file.seekable() and start <= file.frames:
                    file.seek(start)
                    wave = file.read(length, dtype="float32", always_2d=True)
                    return _whole(np.ascontiguousarray(wave.T), path, start, length)
        except soundfile.LibsndfileError:
            pass
    return _whole(_decode(path, start, length, stream), path, start, length)


def decoded_samples(path: Path, stream: int = 0) -> int:
    """How many samples there really are, by decoding everything. Raises InputError."""
    with Reader(path, stream) as reader:
        return sum(block.shape[1] for block in reader.blocks(_BLOCK))


def _decode(path: Path, start: int, length: int, stream: int) -> Wave:
    with Reader(path, stream) as reader:
        wave = np.empty((reader.info.channels, length), np.float32)
        at = 0  # of the file, where the next block begins
        for block in reader.blocks(_BLOCK):
            first, last = max(at, start), min(at + block.shape[1], start + length)
            if first < last:
                wave[:, first - start : last - start] = block[:, first - at : last - at]
            at += block.shape[1]
            if at >= start + length:
                return wave
    return wave[:, : max(0, at - start)]


def _whole(wave: Wave, path: Path, start: int, length: int) -> Wave:
    if wave.shape[1] < length:
        raise InputError(
            f"{shown(path)}: ends after {start + wave.shape[1]} samples, {start + length} were "
            "expected; get a complete copy"
        )
    return wave
