"""Write a stem file, block by block, in one go and without another program.

FFmpeg encodes and writes the MP4, in ticks of one sample, so that the edit list of each stream says
how much AAC's encoder puts before the sound (its delay, the same in all five) and where the sound
ends. The index (`moov`) is the last box of the file. When it is complete, what FFmpeg cannot say is
put into it: the box `stem`, which tracks are enabled, and the tag `TAUT`, by which Native
Instruments' own tool marks such a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
from av import AudioStream
from av.stream import Disposition

from unweave.audio.encoders import Sink, attach, bit_rate, frame
from unweave.audio.formats import Encoding
from unweave.audio.formats import encoding as usual_encoding
from unweave.audio.info import Cover
from unweave.audio.stem_file.boxes import appended, box, changed, enabled_alone, rewrite_last
from unweave.audio.stem_file.metadata import Metadata, encoded
from unweave.audio.writer import Writer
from unweave.core.files import shown
from unweave.errors import OutputError, UsageError
from unweave.types import Wave

SUFFIXES = (".stem.mp4", ".stem.m4a")
MIXTURE = "Mixture"
STREAMS = 5
_ALAC_BITS = (16, 24)
_CHANNELS = 2
_MOST_ALAC_HZ = 192_000


def stem_encoding(codec: str, sample_rate_hz: int, bit_depth: int | None = None) -> Encoding:
    """How a stem file is written: `aac`, or `alac` with 16 (default) or 24 bits.

    A rate that the codec cannot hold becomes another, and a note says so. Raises UsageError.
    """
    if codec == "aac":
        return usual_encoding("m4a", bit_depth, sample_rate_hz, _CHANNELS)
    if codec != "alac":
        raise UsageError(f"a stem file has no codec {codec!r}; choose aac or alac")
    bit_depth = 16 if bit_depth is None else bit_depth
    if bit_depth not in _ALAC_BITS:
        raise UsageError(f"alac in a stem file cannot hold {bit_depth} bits; choose 16 or 24")
    rate_hz = min(sample_rate_hz, _MOST_ALAC_HZ)
    note = f"alac cannot hold {sample_rate_hz} Hz; resampled to {rate_hz} Hz"
    notes = () if rate_hz == sample_rate_hz else (note,)
    return Encoding("m4a", "stem.m4a", bit_depth, rate_hz, integer=True, notes=notes)


def stem_writer(
    path: Path,
    encoding: Encoding,
    sample_rate_hz: int,
    metadata: Metadata,
    *,
    tags: Mapping[str, str] | None = None,
    cover: Cover | None = None,
) -> Writer:
    """A `Writer` whose blocks are five stereo waves one below the other: `(10, time)`.

    The first is the mixture, the others are the stems of `metadata` in its order; `rows` makes such
    a block. The file appears under its name when it is complete. Raises UsageError for a name that
    no player takes for a stem file, OutputError for metadata that make none.
    """
    path = Path(path)
    if not path.name.lower().endswith(SUFFIXES):
        raise UsageError(f"{shown(path)}: a stem file's name ends in {' or '.join(SUFFIXES)}")
    try:
        description = encoded(metadata)
    except ValueError as error:
        raise OutputError(f"{shown(path)}: cannot be written: {error}") from error
    title = path.name[: -len(SUFFIXES[0])]
    said = {"title": title, **(tags or {})}
    names = [MIXTURE, *(label.name for label in metadata.labels)]
    return Writer(
        path,
        encoding,
        sample_rate_hz,
        STREAMS * _CHANNELS,
        encoder=lambda sink: _StemEncoder(sink, path, encoding, names, description, said, cover),
    )


def rows(mixture: Wave, stems: Wave) -> Wave:
    """Mixture `(channel, time)` and stems `(4, channel, time)` -> `(10, time)`, as written.

    Raises UsageError for another number of stems or of channels.
    """
    channels, time = mixture.shape
    if channels != _CHANNELS:
        raise UsageError(f"a stem file is stereo; this recording has {channels} channel(s)")
    if stems.shape != (STREAMS - 1, channels, time):
        raise UsageError(
            f"a stem file needs stems of shape {(STREAMS - 1, channels, time)}, not {stems.shape}"
        )
    return np.concatenate([mixture, stems.reshape((STREAMS - 1) * channels, time)])


class _StemEncoder:
    """Five streams in one MP4; blocks are `(10, time)`."""

    def __init__(
        self,
        sink: Sink,
        path: Path,
        encoding: Encoding,
        names: list[str],
        description: bytes,
        tags: Mapping[str, str],
        cover: Cover | None,
    ) -> None:
        self._sink = sink
        self._path = path
        self._bits = encoding.bit_depth
        self._rate_hz = encoding.sample_rate_hz
        self._description = description
        self._position = 0
        self._container = av.open(
            sink,
            "w",
            format="mp4",
            container_options={
                "fflags": "+bitexact",
                "movie_timescale": str(self._rate_hz),
                "brand": "M4A ",
            },
        )
        self._container.metadata.update(tags)
        self._streams = [self._stream(name, encoding) for name in names]
        self._streams[0].disposition = Disposition.default
        if cover is not None:
            attach(self._container, "m4a", cover)

    def write(self, block: Wave) -> None:
        for number, stream in enumerate(self._streams):
            wave = block[number * _CHANNELS : (number + 1) * _CHANNELS]
            made = frame(wave, self._bits, "stereo", self._rate_hz, self._position)
            self._container.mux(stream.encode(made))
        self._position += block.shape[1]

    def close(self) -> None:
        if not self._position:
            raise OutputError(f"{shown(self._path)}: cannot be written: there is no sound for it")
        for stream in self._streams:
            self._container.mux(stream.encode(None))
        self._container.close()
        if self._sink.error is None:
            rewrite_last(self._sink.file, b"moov", self._finished)

    def _finished(self, moov: bytes) -> bytes:
        mark = box(b"TAUT", box(b"data", (1).to_bytes(4, "big") + b"\0" * 4 + b"STEM"))
        moov = changed(moov, [b"udta", b"meta", b"ilst"], appended(mark))
        moov = changed(moov, [b"udta"], appended(box(b"stem", self._description)))
        return enabled_alone(moov)

    def _stream(self, name: str, encoding: Encoding) -> AudioStream:
        options = {"flags": "+bitexact"} | ({} if self._bits else {"aac_pns": "0"})
        codec = "alac" if self._bits else "aac"
        stream = self._container.add_stream(
            codec, rate=self._rate_hz, layout="stereo", options=options
        )
        assert isinstance(stream, AudioStream)
        if self._bits:
            stream.codec_context.format = "s16p" if self._bits == 16 else "s32p"
        else:
            stream.codec_context.bit_rate = bit_rate(encoding, _CHANNELS)
        stream.metadata["handler_name"] = name  # what players show that read no box `stem`
        return stream
