"""What a file says about its sound before all of it is decoded: `SourceInfo`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import av
from av import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from unweave.audio import mp4, mpeg
from unweave.audio.chunks import Layout
from unweave.audio.tags import readable

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
# Containers whose stated length FFmpeg passes on, to the sample. For those made of chunks and MP3
# it gives the file's size or the bit rate instead, so their headers are read here.
_EXACT = {"flac", "ogg", "mp4"}
# Containers that state how long they take, though not to the sample.
_TIMED = {"mp4", "matroska", "asf", "avi", "flv", "mxf"}
_LOSSLESS = re.compile(r"pcm_[fsu]\d|flac|alac|wmalossless|wavpack|tta|ape|tak|mlp|truehd")
_USUAL: dict[int, tuple[str, tuple[str, ...]]] = {1: ("mono", ("FC",)), 2: ("stereo", ("FL", "FR"))}
_MIME = {"mjpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "gif": "image/gif"}


@dataclass(frozen=True)
class Cover:
    """A picture as it lies in the file, with its MIME type."""

    data: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True)
class SourceInfo:
    """The facts about one stream of sound in one file.

    `frames` is the declared length in samples, None where nothing credible is declared: for a whole
    file it is what decoding gives. `most_frames` is a length to make room for: where nothing is
    declared, what the file can hold, None where that is not known either. `duration_s` may be an
    estimate. `bits` is None for lossy codecs. `channel_names` are FFmpeg's ('FL', 'FR', 'FC', ...),
    empty where the file does not say.
    """

    path: Path
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    channel_names: tuple[str, ...]
    layout: str
    bits: int | None
    is_float: bool
    lossy: bool
    frames: int | None
    most_frames: int | None
    duration_s: float | None
    tags: dict[str, str]
    cover: Cover | None
    audio_streams: int
    bit_rate: int | None


@dataclass(frozen=True)
class Headers:
    """What our own look at the headers found: chunks of WAV and its kin, or the first frame of an
    MP3."""

    chunks: Layout | None = None
    mp3: mpeg.Facts | None = None


def describe(
    path: Path,
    container: InputContainer,
    stream: AudioStream,
    cover: Cover | None,
    headers: Headers,
) -> SourceInfo:
    """Gather the facts about `stream` from its headers, decoding nothing."""
    context = stream.codec_context
    kind = _CONTAINERS.get(container.format.name, container.format.name)
    if headers.chunks is not None:
        kind = headers.chunks.container
    codec = context.codec.canonical_name
    rate, channels = context.sample_rate, context.layout.nb_channels
    names = tuple(channel.name for channel in context.layout.channels)
    layout = context.layout.name
    if "NONE" in names:  # not said: one or two channels can only mean one thing
        layout, names = _USUAL.get(channels, (layout, ()))
    lossy = not _LOSSLESS.match(codec)
    sample = context.format.name if context.format else ""
    index = container.streams.audio.index(stream)
    itunes = container.metadata.get("iTunSMPB", "")
    frames = _frames(path, kind, codec, stream, index, itunes, headers)
    seconds = container.duration / 1e6 if container.duration else None
    counted = headers.mp3.counted if headers.mp3 else None
    if counted:
        seconds = counted / rate
    most = frames or counted
    if most is None and kind in _TIMED and seconds:
        most = round(seconds * rate)
    bits = None if lossy else _bits(codec, sample, context.extradata or b"")
    if bits and headers.chunks is not None and headers.chunks.bits:
        bits = headers.chunks.bits
    return SourceInfo(
        path=path,
        container=kind,
        codec=codec,
        sample_rate_hz=rate,
        channels=channels,
        channel_names=names,
        layout=layout,
        bits=bits,
        is_float=sample[:3] in ("flt", "dbl") and not lossy,
        lossy=lossy,
        frames=frames,
        most_frames=most,
        duration_s=frames / rate if frames else seconds,
        tags=readable(stream.metadata | container.metadata),
        cover=cover,
        audio_streams=len(container.streams.audio),
        bit_rate=context.bit_rate or container.bit_rate or None,
    )


def cover_of(container: InputContainer) -> Cover | None:
    """The first picture that the file carries as its cover."""
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            try:  # FFmpeg queues attached pictures before all other packets
                packet = next(iter(container.demux(stream)))
            except (av.FFmpegError, OSError, StopIteration):
                return None  # a damaged picture is no reason to refuse the sound
            mime = _MIME.get(stream.codec_context.name if stream.codec_context else "")
            if packet.size and mime:
                return Cover(bytes(packet), mime)
    return None


def _frames(
    path: Path,
    kind: str,
    codec: str,
    stream: AudioStream,
    index: int,
    itunes: str,
    headers: Headers,
) -> int | None:
    """The declared length in samples after the encoder's delay and padding are taken off."""
    if headers.chunks is not None:
        return headers.chunks.frames or None
    if headers.mp3 is not None:
        return headers.mp3.frames
    if kind not in _EXACT or not stream.duration or stream.time_base is None:
        return None
    if kind == "ogg" and (stream.start_time or 0) > 0:
        return None  # FFmpeg counts from zero, the file does not
    rate_hz = stream.codec_context.sample_rate
    frames = round(stream.duration * stream.time_base * rate_hz)
    if kind == "mp4":
        with mp4.mapped(path) as data:
            sounds = mp4.sounds(data)
            if index < len(sounds) and (counts := mp4.itunes_counts(itunes, sounds[index].media)):
                return counts[1]
            return mp4.length(data, index, frames, rate_hz) or None
    if kind == "ogg" and codec == "opus":
        # OpusHead, bytes 10 and 11: samples to skip at the start
        frames -= int.from_bytes((stream.codec_context.extradata or b"")[10:12], "little")
    return frames if frames > 0 else None


def _bits(codec: str, sample: str, extradata: bytes) -> int | None:
    """Bits of a sample of a lossless codec, as stored."""
    if match := re.match(r"pcm_[fsu](\d+)", codec):
        return int(match[1])
    if codec == "flac" and len(extradata) >= 14:  # STREAMINFO
        return ((extradata[12] & 1) << 4 | extradata[13] >> 4) + 1
    if codec == "alac" and len(extradata) >= 18:  # ALACSpecificConfig after a box header
        return extradata[17]
    digits = re.search(r"\d+", sample)
    return int(digits[0]) if digits else None
