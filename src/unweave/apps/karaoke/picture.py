"""The picture of a video over the backing track: copied as it is, each frame at its new time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import AudioStream, VideoStream
from av.container import InputContainer
from av.stream import Disposition

from unweave.audio.container import demuxed, regular
from unweave.audio.encoders import bit_rate, frame
from unweave.audio.formats import encoding
from unweave.audio.reader import Reader
from unweave.audio.resampler import Resampler
from unweave.core.files import advice, shown
from unweave.errors import InputError, OutputError, UsageError

# The codecs of pictures that a container is played with, and the format of the sound beside them.
HOLDS = {
    "mp4": ({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video"}, "m4a"),
    "webm": ({"vp8", "vp9", "av1"}, "opus"),
}
_CODECS = {"m4a": "aac", "opus": "libopus"}
TICKS_HZ = 90_000  # of the copied picture: exact for the usual rates, fine for any tempo
LATE_S = 0.05
_BLOCK = 4096


def check(source: Path, kind: str, part: bool) -> None:
    """Whether the picture of `source` can be copied into a file of that kind.

    part: whether only a part of the recording is used, whose picture would have to be cut between
    two frames. Raises InputError where there is no such picture, UsageError for a part.
    """
    with regular(source) as file, demuxed(file, source) as container:
        found = _picture(container)
        codec = None if found is None else found.codec_context.codec.canonical_name
    if codec is None:
        raise InputError(
            f"{shown(source)}: has no picture; leave out --video, or give lyrics to be drawn"
        )
    if codec not in HOLDS[kind][0]:
        kinds = [name for name, (codecs, _) in HOLDS.items() if codec in codecs]
        instead = f"take --video {kinds[0]}" if kinds else "convert the video first"
        raise UsageError(f"{shown(source)}: its picture is {codec}, not for {kind}; {instead}")
    if part:
        raise UsageError(
            f"{shown(source)}: its picture is copied whole; leave out the start, the end and "
            "--trim-intro, or give lyrics to be drawn"
        )


def put_under(
    source: Path,
    sound: Path,
    target: Path,
    tempo: float,
    lead_s: float,
    check: Callable[[], None],
) -> None:
    """Write `target`, .mp4 or .webm: the picture of `source` and the recording `sound`.

    tempo, lead_s: how much faster the picture is shown, and how much later it begins. check: raises
    Cancelled where it is asked to. Raises InputError, OutputError.
    """
    kind = target.suffix[1:].lower()
    with regular(source) as file, demuxed(file, source) as container:
        found = _picture(container)
        assert found is not None
        begins_s = _sound_begins_s(container)
        try:
            with Reader(sound) as reader:
                _write(
                    container, found, reader, target, kind, tempo, lead_s - begins_s / tempo, check
                )
        except av.FFmpegError as error:
            reason = " ".join(str(error).split())
            raise OutputError(f"{shown(target)}: cannot be written: {reason}") from error
        except OSError as error:
            raise OutputError(f"{shown(target)}: cannot be written: {advice(error)}") from error


def _picture(container: InputContainer) -> VideoStream | None:
    """The first moving picture."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context:
            return stream
    return None


def _sound_begins_s(container: InputContainer) -> float:
    """When the first sample of sound is heard, on the clock of the picture.

    A few milliseconds are what an encoder put before the sound, which is not heard.
    """
    sounds = container.streams.audio
    stream = next((s for s in sounds if s.disposition & Disposition.default), sounds[0])
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    begins_s = float(stream.start_time * stream.time_base)
    return begins_s if begins_s > LATE_S else 0.0


def _write(
    container: InputContainer,
    found: VideoStream,
    reader: Reader,
    target: Path,
    kind: str,
    tempo: float,
    offset_s: float,
    check: Callable[[], None],
) -> None:
    info = reader.info
    how = encoding(HOLDS[kind][1], None, info.sample_rate_hz, info.channels)
    rate_hz = how.sample_rate_hz
    options = {"movie_timescale": str(rate_hz)} if kind == "mp4" else {}
    with av.open(
        str(target), "w", format=kind, container_options={"fflags": "+bitexact", **options}
    ) as out:
        copy = out.add_stream_from_template(found)
        copy.time_base = Fraction(1, TICKS_HZ)
        codec = _CODECS[how.format]
        stream = out.add_stream(codec, rate=rate_hz, layout=info.layout)
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = bit_rate(how, info.channels)
        packets = _in_time(container.demux(found))
        first = next(packets, None)
        # No time is negative: where the picture begins before the sound, silence comes first.
        begins_s = 0.0 if first is None else first.pts * float(first.time_base) / tempo + offset_s
        wait_s = max(0.0, -begins_s)
        offset_s += wait_s
        sounds = _sounds(stream, reader, rate_hz, round(wait_s * rate_hz))
        sound = next(sounds, None)
        for packet in chain([] if first is None else [first], packets):
            _move(packet, tempo, offset_s)
            packet.stream = copy
            while sound is not None and _at_s(sound) <= _at_s(packet):
                out.mux(sound)
                sound = next(sounds, None)
                check()
            out.mux(packet)
            check()
        while sound is not None:
            out.mux(sound)
            sound = next(sounds, None)
            check()


def _in_time(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets with the times at which they are decoded, which Matroska leaves out at the start.

    Those without one are decoded a frame before the next, or after the last.
    """
    early: list[Any] = []
    last: int | None = None
    for packet in packets:
        if not packet.size:  # the end
            continue
        if packet.dts is None and last is None:
            early.append(packet)
            continue
        if packet.dts is None and last is not None:
            packet.dts = last + max(1, packet.duration or 1)
        for n, one in enumerate(early):
            one.dts = packet.dts - (len(early) - n) * max(1, one.duration or 1)
            yield one
        early, last = [], packet.dts
        yield packet
    for one in early:
        one.dts = one.pts
        yield one


def _sounds(stream: AudioStream, reader: Reader, rate_hz: int, silence: int) -> Iterator[Any]:
    """The packets of so many samples of silence, and of the sound."""
    info = reader.info
    resampler = Resampler(info.sample_rate_hz, rate_hz, info.channels)
    position = 0

    def encoded(wave: Any) -> Iterator[Any]:
        nonlocal position
        if wave.shape[1]:
            made = frame(wave, None, info.layout, rate_hz, position)
            position += wave.shape[1]
            yield from stream.encode(made)

    for at in range(0, silence, _BLOCK):
        size = min(_BLOCK, silence - at)
        yield from encoded(np.zeros((info.channels, size), np.float32))
    for block in reader.blocks(_BLOCK):
        yield from encoded(resampler.push(block))
    yield from encoded(resampler.flush())
    yield from stream.encode(None)


def _at_s(packet: Any) -> float:
    at = packet.dts if packet.dts is not None else packet.pts
    return float((at or 0) * packet.time_base)


def _move(packet: Any, tempo: float, offset_s: float) -> None:
    """Show a packet at its new time."""
    before, after = packet.time_base, Fraction(1, TICKS_HZ)

    def ticks(time: int, offset: float) -> int:
        return round((float(time * before) / tempo + offset) * TICKS_HZ)

    pts, dts, duration = packet.pts, packet.dts, packet.duration
    packet.time_base = after
    packet.pts = None if pts is None else ticks(pts, offset_s)
    packet.dts = ticks(dts, offset_s)
    packet.duration = ticks(duration or 0, 0.0)
