"""Turn blocks of samples into the bytes of a file: one small class for each library we rest on.

FFmpeg (through PyAV) writes everything but Vorbis: it turns WAV into RF64 past 4 GB, and records
the encoder's delay and padding where players look for them (LAME header, edit list, pre-skip), so
the decoded length is exact. Its own Vorbis encoder is poor, so libsndfile encodes that. All run in
their bit-exact modes: no version, time or random number gets into the file.

Errors of the disk are not raised in here: the sink keeps them, see `audio.writer`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

import av
import numpy as np
import numpy.typing as npt
import soundfile
from av import AudioStream
from av.container import OutputContainer
from av.stream import Disposition

from unweave.audio.formats import Encoding
from unweave.audio.info import Cover
from unweave.audio.lame import settle_length
from unweave.audio.layouts import VORBIS_ORDER, layout_for
from unweave.audio.ogg import VorbisRetagger, picture_block
from unweave.audio.samples import interleaved_ints
from unweave.types import Wave

_VORBIS_QUALITY = 0.8  # of 1.0; about 256 kbit/s for stereo music
_VORBIS_CHUNK = 4096  # samples; libvorbis keeps what one call brings on its stack
_COVER_FORMATS = {"image/jpeg": "jpeg_pipe", "image/png": "png_pipe"}
_MUXERS = {"wav": "wav", "flac": "flac", "mp3": "mp3", "m4a": "mp4", "opus": "opus"}
_CODECS = {"flac": "flac", "mp3": "libmp3lame", "m4a": "aac", "opus": "libopus"}
_PCM = {16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_f32le"}


class Sink(Protocol):
    """Where the bytes go: a seekable `file` whose first error is kept instead of raised."""

    file: BinaryIO
    error: OSError | None

    def write(self, data: bytes, /) -> int: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...


class Encoder(Protocol):
    """Takes blocks `(channel, time)` at the encoding's rate, in order, then is closed."""

    def write(self, block: Wave) -> None: ...

    def close(self) -> None: ...


class FFmpegEncoder:
    """Any format but Ogg Vorbis. A cover that is neither JPEG nor PNG, or broken, is left out."""

    def __init__(
        self,
        sink: Sink,
        encoding: Encoding,
        channels: int,
        layout: str | None,
        tags: Mapping[str, str],
        cover: Cover | None,
    ) -> None:
        self._sink = sink
        self._format = encoding.format
        self._bits = encoding.bit_depth if encoding.integer else None
        self._rate_hz = encoding.sample_rate_hz
        self._position = 0
        self._layout = layout_for(encoding.format, layout, channels)
        self._container = av.open(
            sink,
            "w",
            format=_MUXERS[encoding.format],
            container_options={"fflags": "+bitexact", **_muxer_options(encoding, tags)},
        )
        self._container.metadata.update(_bext(tags) if _is_placed(encoding, tags) else tags)
        stream = self._container.add_stream(
            _CODECS.get(encoding.format) or _PCM[encoding.bit_depth or 32],
            rate=self._rate_hz,
            layout=self._layout,
            options={"flags": "+bitexact", **_codec_options(encoding.format, self._layout)},
        )
        assert isinstance(stream, AudioStream)
        self._stream = stream
        context = stream.codec_context
        if self._bits and encoding.format == "flac":
            context.format = "s16" if self._bits == 16 else "s32"
        if rate := bit_rate(encoding, channels):
            context.bit_rate = rate
        if cover is not None:
            attach(self._container, encoding.format, cover)

    def write(self, block: Wave) -> None:
        made = frame(block, self._bits, self._layout, self._rate_hz, self._position)
        self._position += block.shape[1]
        self._container.mux(self._stream.encode(made))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        if self._format == "mp3" and self._sink.error is None:
            settle_length(self._sink.file, self._position, self._rate_hz)


def frame(block: Wave, bits: int | None, layout: str, rate_hz: int, position: int) -> av.AudioFrame:
    """A block `(channel, time)` as FFmpeg's encoders take it; `bits`: 16 or 24, None for float."""
    samples: npt.NDArray[Any]
    if bits is None:
        kind, samples = "flt", np.ascontiguousarray(block.T)
    elif bits == 16:
        kind, samples = "s16", interleaved_ints(block, 16).astype(np.int16)
    else:  # 24 bits lie in the upper part of 32
        kind, samples = "s32", interleaved_ints(block, 24) << 8
    made = av.AudioFrame.from_ndarray(samples.reshape(1, -1), kind, layout)
    made.sample_rate = rate_hz
    made.time_base = Fraction(1, rate_hz)
    made.pts = position
    return made


def attach(container: OutputContainer, format: str, cover: Cover) -> None:
    """Put a cover into a file of that format, before its sound; one it cannot hold is left out."""
    if format == "opus":
        container.metadata["METADATA_BLOCK_PICTURE"] = picture_block(cover)
    elif format in ("mp3", "m4a", "flac") and cover.mime in _COVER_FORMATS:
        try:
            with av.open(io.BytesIO(cover.data), "r", format=_COVER_FORMATS[cover.mime]) as picture:
                source = picture.streams.video[0]
                packet = next(picture.demux(source))
                if not (packet.size and source.codec_context.width):
                    return
                stream = container.add_stream_from_template(source)
        except (av.FFmpegError, StopIteration, IndexError):
            return
        stream.disposition = Disposition.attached_pic
        packet.stream = stream
        container.mux(packet)


class VorbisEncoder:
    """Ogg Vorbis by libsndfile, with our tags put in on the way to the sink."""

    def __init__(
        self,
        sink: Sink,
        encoding: Encoding,
        channels: int,
        tags: Mapping[str, str],
        cover: Cover | None,
    ) -> None:
        self._order = VORBIS_ORDER.get(channels)
        self._file = soundfile.SoundFile(
            _Forward(VorbisRetagger(sink.write, tags, cover)),
            "w",
            encoding.sample_rate_hz,
            channels,
            format="OGG",
            subtype="VORBIS",
            compression_level=1.0 - _VORBIS_QUALITY,
        )

    def write(self, block: Wave) -> None:
        if self._order is not None:
            block = block[list(self._order)]
        for at in range(0, block.shape[1], _VORBIS_CHUNK):
            self._file.write(np.ascontiguousarray(block[:, at : at + _VORBIS_CHUNK].T))

    def close(self) -> None:
        self._file.close()


class _Forward(io.RawIOBase):
    """The file that libsndfile believes to write: in order, from the first byte to the last."""

    def __init__(self, retagger: VorbisRetagger) -> None:
        super().__init__()
        self._retagger = retagger
        self._size = 0

    def write(self, data: object, /) -> int:
        written = bytes(data)  # type: ignore[call-overload]
        self._retagger.push(written)
        self._size += len(written)
        return len(written)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._size

    def tell(self) -> int:
        return self._size


def _is_placed(encoding: Encoding, tags: Mapping[str, str]) -> bool:
    """Whether a WAV is to say where on a timeline it begins: Broadcast WAV, in the chunk `bext`."""
    return encoding.format == "wav" and tags.get("time_reference", "").isdecimal()


def _bext(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags for a Broadcast WAV: it has a description of its own, and its identifier and coding
    history are about the recording's file alone."""
    kept = {name: text for name, text in tags.items() if name not in ("umid", "coding_history")}
    date = tags.get("date", "")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        kept.setdefault("origination_date", date)
    return {**kept, "description": tags.get("comment", "")}


def _muxer_options(encoding: Encoding, tags: Mapping[str, str]) -> dict[str, str]:
    if encoding.format == "wav":
        return {"rf64": "auto"} | ({"write_bext": "1"} if _is_placed(encoding, tags) else {})
    if encoding.format == "m4a":
        # Ticks of one sample, so that the edit list gives the end to the sample.
        return {"movie_timescale": str(encoding.sample_rate_hz), "brand": "M4A "}
    return {}


def _codec_options(format: str, layout: str) -> dict[str, str]:
    if format == "m4a":
        return {"aac_pns": "0"}  # noise stays the recording's noise, not one that sounds like it
    if format == "opus" and layout.endswith("channels"):
        return {"mapping_family": "255"}  # channels without places: nothing is filtered or moved
    return {}


def bit_rate(encoding: Encoding, channels: int) -> int | None:
    """Bits a second of a lossy format, None for a lossless one."""
    if encoding.format == "mp3":  # LAME takes its highest where a low sample rate allows less
        return 320_000 if channels == 2 else 192_000
    if encoding.format == "m4a":
        return round(128_000 * channels * max(1.0, encoding.sample_rate_hz / 48_000))
    if encoding.format == "opus":
        return 128_000 if channels == 1 else 96_000 * channels
    return None
