"""What a file says about its sound before all of it is decoded: `SourceInfo`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import av
from av import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from unweave.io.headers import has_mp3_frame_count
from unweave.io.tags import readable

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
# Containers that state the length of the sound to the sample (MP3: if it has a Xing header).
_EXACT = {"wav", "w64", "aiff", "flac", "caf", "au", "ogg", "mp4", "mp3"}
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

    `frames` is the declared length in samples, None where the container does not say it (an MP4
    with coarse ticks may say a millisecond too little); `duration_s` may be an estimate. `bits` is
    None for lossy codecs. `channel_names` are FFmpeg's ('FL', 'FR', 'FC', 'LFE', ...), empty where
    the file does not say.
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
    duration_s: float | None
    tags: dict[str, str]
    cover: Cover | None
    audio_streams: int
    bit_rate: int | None


def describe(
    path: Path, container: InputContainer, stream: AudioStream, cover: Cover | None
) -> SourceInfo:
    """Gather the facts about `stream` from its headers, decoding nothing."""
    context = stream.codec_context
    kind = _CONTAINERS.get(container.format.name, container.format.name)
    codec = context.codec.canonical_name
    rate, channels = context.sample_rate, context.layout.nb_channels
    names = tuple(channel.name for channel in context.layout.channels)
    layout = context.layout.name
    if "NONE" in names:  # not said: one or two channels can only mean one thing
        layout, names = _USUAL.get(channels, (layout, ()))
    lossy = not _LOSSLESS.match(codec)
    sample = context.format.name if context.format else ""
    frames = _frames(path, kind, codec, stream, container.metadata.get("iTunSMPB", ""))
    seconds = container.duration / 1e6 if container.duration else None
    return SourceInfo(
        path=path,
        container=kind,
        codec=codec,
        sample_rate_hz=rate,
        channels=channels,
        channel_names=names,
        layout=layout,
        bits=None if lossy else _bits(codec, sample, context.extradata or b""),
        is_float=sample[:3] in ("flt", "dbl") and not lossy,
        lossy=lossy,
        frames=frames,
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


def _frames(path: Path, kind: str, codec: str, stream: AudioStream, itunes: str) -> int | None:
    """The declared length in samples after the encoder's delay and padding are taken off."""
    if kind not in _EXACT or not stream.duration or stream.time_base is None:
        return None
    if kind == "mp3" and not has_mp3_frame_count(path):
        return None  # FFmpeg's guess from the bit rate
    if kind == "mp4" and (counts := re.match(r"\s*(?:[0-9A-Fa-f]{8}\s+){3}([0-9A-Fa-f]+)", itunes)):
        return int(counts[1], 16)  # iTunes' own way: flags, delay, padding, samples between them
    frames = round(stream.duration * stream.time_base * stream.codec_context.sample_rate)
    if kind == "ogg" and codec == "opus":
        # OpusHead, bytes 10 and 11: samples at the start that are not to be heard
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
