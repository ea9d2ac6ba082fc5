"""Sound and picture in one MP4 or WebM, block by block.

The clock of the picture has the ticks of the sound's samples and of its own frames, so that the
last frame ends with the last sample. FFmpeg's muxers note what the encoder of the sound puts before
it: MP4 in an edit list, WebM as the codec's delay.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
from av import AudioStream, Packet, VideoStream
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from unweave.audio.encoders import Sink, bit_rate, frame
from unweave.audio.formats import Encoding, encoding
from unweave.audio.layouts import layout_for
from unweave.errors import UsageError
from unweave.types import Wave

_KEY_S = 5.0  # between pictures that can be sought
_MOST_THREADS = 8
_HEAD_BYTES = 4096  # in which the facts of a WebM lie
_DURATION = b"\x44\x89\x88"  # the element's ID and size: milliseconds, as 64-bit float

# Fast settings: almost nothing moves in these pictures. Without pictures from the future (B) the
# order of writing is the order of showing.
_ENCODERS = {
    "libx264": {"preset": "veryfast", "crf": "20", "bf": "0", "rc-lookahead": "10"},
    "libvpx-vp9": {
        **{"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "tile-columns": "2"},
        **{"lag-in-frames": "0", "crf": "30", "b": "0"},
    },
    "libsvtav1": {"preset": "10", "crf": "35", "svtav1-params": "pred-struct=1:lookahead=0"},
}
_CONTAINERS = {
    ".mp4": ("mp4", "m4a", ("libx264", "libvpx-vp9", "libsvtav1")),
    ".webm": ("webm", "opus", ("libvpx-vp9", "libsvtav1")),
}
SUFFIXES = tuple(_CONTAINERS)


@dataclass(frozen=True, slots=True)
class Format:
    """How a film is written. `video`: FFmpeg's name of the encoder; `audio`: its sound."""

    container: str
    video: str
    audio: Encoding


def film_format(suffix: str, sample_rate_hz: int, channels: int) -> Format:
    """For a file with that extension: the first encoder that this build of FFmpeg has.

    Raises UsageError for another extension, or where no encoder is there.
    """
    if suffix.lower() not in _CONTAINERS:
        raise UsageError(f"no video has the extension {suffix!r}; choose {' or '.join(SUFFIXES)}")
    container, audio, encoders = _CONTAINERS[suffix.lower()]
    found = next((name for name in encoders if name in av.codecs_available), None)
    if found is None:
        raise UsageError(
            f"PyAV has no encoder for {container} here ({', '.join(encoders)}); install its wheel"
        )
    return Format(container, found, encoding(audio, None, sample_rate_hz, channels))


class Film:
    """An encoder, as `audio.writer.Writer` takes one: blocks of sound in, and the pictures for them
    are asked for as time goes on.

    picture: the picture at a time in seconds; a frame shows the middle of its time.
    """

    def __init__(
        self,
        sink: Sink,
        format: Format,
        size: tuple[int, int],
        rate_fps: Fraction,
        channels: int,
        layout: str | None,
        picture: Callable[[float], av.VideoFrame],
        *,
        tags: dict[str, str],
        threads: int,
    ) -> None:
        self.frames = 0
        self.samples = 0
        self._sink = sink
        self._is_webm = format.container == "webm"
        self._rate_fps, self._rate_hz = rate_fps, format.audio.sample_rate_hz
        self._picture = picture
        self._ticks_hz = math.lcm(self._rate_hz, rate_fps.numerator)
        self._held: Packet[VideoStream] | None = None
        self._layout = layout_for(format.audio.format, layout, channels)
        ticks = {
            "movie_timescale": str(self._ticks_hz),
            "video_track_timescale": str(self._ticks_hz),
        }
        self._container = av.open(
            sink,
            "w",
            format=format.container,
            container_options={
                "fflags": "+bitexact",
                **({} if self._is_webm else ticks),
            },
        )
        self._container.metadata.update(tags)
        self._video = self._video_stream(format.video, size, threads)
        self._audio = self._audio_stream(format.audio, channels)

    def write(self, block: Wave) -> None:
        """The next samples, `(channel, time)`, and the pictures that begin before their end."""
        made = frame(block, None, self._layout, self._rate_hz, self.samples)
        self._container.mux(self._audio.encode(made))
        self.samples += block.shape[1]
        while Fraction(self.frames) / self._rate_fps < Fraction(self.samples, self._rate_hz):
            self._draw()

    def close(self) -> None:
        self._container.mux(self._audio.encode(None))
        for packet in self._video.encode(None):
            self._put(packet)
        if self._held is not None:
            start = Fraction(self.frames - 1) / self._rate_fps
            left = Fraction(self.samples, self._rate_hz) - start
            assert self._held.time_base is not None
            self._held.duration = round(left / self._held.time_base)
            self._container.mux(self._held)
        self._container.close()
        if self._is_webm and self._sink.error is None:
            _settle_length(self._sink.file, Fraction(self.samples, self._rate_hz))

    def _draw(self) -> None:
        picture = self._picture(float((self.frames + Fraction(1, 2)) / self._rate_fps))
        picture.time_base = Fraction(1, self._ticks_hz)
        picture.pts = int(self.frames * self._ticks_hz / self._rate_fps)
        self.frames += 1
        for packet in self._video.encode(picture):
            self._put(packet)

    def _put(self, packet: Packet[VideoStream]) -> None:
        """Write the packet before: how long the last one lasts is known at the end."""
        if self._held is not None:
            self._container.mux(self._held)
        self._held = packet

    def _video_stream(self, name: str, size: tuple[int, int], threads: int) -> VideoStream:
        stream = self._container.add_stream(name, rate=self._rate_fps, options=_ENCODERS[name])
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, self._ticks_hz)
        context.framerate = self._rate_fps
        context.gop_size = max(1, round(_KEY_S * self._rate_fps))
        context.thread_count = min(threads, _MOST_THREADS)
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        return stream

    def _audio_stream(self, encoding: Encoding, channels: int) -> AudioStream:
        codec, options = ("aac", {"aac_pns": "0"}) if encoding.format == "m4a" else ("libopus", {})
        stream = self._container.add_stream(
            codec, rate=self._rate_hz, layout=self._layout, options=options
        )
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = bit_rate(encoding, channels)
        return stream


def _settle_length(file: BinaryIO, length_s: Fraction) -> None:
    """Write into a WebM how long it is: FFmpeg adds what the encoder put before the sound."""
    file.seek(0)
    at = file.read(_HEAD_BYTES).find(_DURATION)
    if at >= 0:
        file.seek(at + len(_DURATION))
        file.write(struct.pack(">d", float(1000 * length_s)))
