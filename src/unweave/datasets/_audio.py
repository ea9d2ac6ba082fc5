"""Any stretch of any sound file, exact to the sample, and its length before decoding.

WAV and FLAC go through libsndfile, which can start anywhere; everything else is decoded from its
beginning by `audio.reader` and stops where the stretch ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import soundfile

from unweave.audio import chunks
from unweave.audio.reader import Reader
from unweave.audio.splice import Spliced
from unweave.core.files import shown
from unweave.errors import InputError
from unweave.types import Wave

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
        with _libsndfile(path) as file:
            if file is not None and 0 < file.frames < _UNKNOWN:
                lossy = not file.subtype.startswith(_LOSSLESS)
                codec = file.subtype.lower()
                return Header(file.samplerate, file.channels, file.frames, 1, codec, lossy)
    with Reader(path, stream) as reader:
        info = reader.info
        samples = info.frames
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
        with suppress(soundfile.LibsndfileError), _libsndfile(path) as file:
            if file is not None and file.seekable() and start <= file.frames < _UNKNOWN:
                file.seek(start)
                wave = file.read(length, dtype="float32", always_2d=True)
                return _whole(np.ascontiguousarray(wave.T), path, start, length)
    return _whole(_decode(path, start, length, stream), path, start, length)


def decoded_samples(path: Path, stream: int = 0) -> int:
    """How many samples there really are, by decoding everything. Raises InputError."""
    with Reader(path, stream) as reader:
        return sum(block.shape[1] for block in reader.blocks(_BLOCK))


@contextmanager
def _libsndfile(path: Path) -> Iterator[soundfile.SoundFile | None]:
    """The file opened by libsndfile, with the header of `audio.reader`; None where it cannot.

    Then the reader says what is wrong with it, or can read it after all.
    """
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(open(path, "rb"))
            layout = chunks.layout(raw)
            source: Path | BufferedReader = path
            if layout is not None and layout.pieces:
                source = BufferedReader(Spliced(raw, layout.pieces))
            file = stack.enter_context(soundfile.SoundFile(source))
            # libsndfile gives the filling of the last block of ADPCM and GSM as sound.
            if layout is not None and layout.frames and layout.frames < file.frames:
                file = None
        except (OSError, InputError, soundfile.LibsndfileError):
            file = None
        yield file


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
