"""Decode one file block by block: any sound FFmpeg knows in, float32 `(channel, time)` out.

PyAV decodes everything, PCM included: its cost for each packet is small against the rest and one
decoder means one set of rules. Nothing but the current block is held, so memory is flat.

Length. FFmpeg takes off what encoders add (MP3 by its LAME header, Opus by its pre-skip, MP4 by
its edit list); this module takes off what FFmpeg leaves at the end, see `io.tail`. One limit: of
an MP4 that counts its edits in milliseconds, FFmpeg drops a last packet of less than one.

Damage. What cannot be decoded is left out and said in `warnings`; only a file that gives no sound
at all is an error. A stream that changes its rate or its channels on the way keeps the ones it
began with: see `io.steady`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av import AudioFrame, AudioStream, Packet
from av.codec.context import Flags2
from av.container import InputContainer

from unweave.core.errors import InputError, UsageError
from unweave.core.types import Wave
from unweave.io.container import opened
from unweave.io.files import shown
from unweave.io.headers import (
    is_protected,
    movie_timescale_hz,
    ogg_ends_early,
    vorbis_on_one_page,
)
from unweave.io.info import Cover, SourceInfo, cover_of, describe
from unweave.io.samples import frame_wave
from unweave.io.steady import Steady
from unweave.io.tail import Tail

__all__ = ["Cover", "Reader", "SourceInfo", "probe"]

_RATES_HZ = range(1000, 1_000_000)
_MOST_CHANNELS = 128


def probe(path: Path) -> SourceInfo:
    """The facts about the first stream of sound in `path`.

    Decodes only far enough to be sure that there is sound. Raises InputError.
    """
    with Reader(path) as reader:
        return reader.info


class Reader:
    """The samples of one stream of sound (`stream` counts the sound streams of the file from 0).

    A context manager. `info` is there at once; `blocks` can be read once; `warnings` are complete
    when the blocks are. Raises InputError where nothing can be decoded.
    """

    def __init__(self, path: Path, stream: int = 0) -> None:
        self.warnings: list[str] = []
        self._path = Path(path)
        self._damaged = 0
        with opened(self._path) as container:
            cover = cover_of(container)
        with ExitStack() as stack:
            self._container = stack.enter_context(opened(self._path))
            self._stream = _pick(self._path, self._container, stream)
            if self._stream.codec_context.name == "flac":  # else damage is decoded as noise
                self._stream.codec_context.options = {"err_detect": "crccheck+explode"}
            # FFmpeg cuts too much off the end of Vorbis on one page; Tail cuts exactly. Without
            # FFmpeg's help, what the first packet gives (it only prepares the second) must go too.
            self._one_page = self._stream.codec_context.name == "vorbis" and vorbis_on_one_page(
                self._path
            )
            if self._one_page:
                self._stream.codec_context.flags2 |= Flags2.skip_manual
            self._decoded = self._decode()
            first = next(self._decoded, None)
            if first is None:
                raise InputError(f"{shown(self._path)}: {self._why_silent()}")
            self._decoded = chain([first], self._decoded)
            self.info = describe(self._path, self._container, self._stream, cover)
            self._stack = stack.pop_all()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        """The decoded waves at one rate, with one channel count, cut at the end."""
        info = self.info
        steady = Steady(info.sample_rate_hz, info.channels)
        # Lossless codecs add no padding: what is there is sound. An MP4 can still cut it.
        declared = info.frames if info.lossy or info.container == "mp4" else None
        tail = Tail(declared, self._slack())
        for wave, rate_hz in self._decoded:
            yield tail.push(steady.push(wave, rate_hz))
        yield tail.push(steady.flush())
        rest = tail.finish()
        if rest is not None:
            yield rest
        self._judge(tail.length, steady.changes)

    def _slack(self) -> int:
        """Samples by which the declared length may fall short: MP4 counts in coarser ticks."""
        if self.info.container != "mp4":
            return 0
        ticks_hz = movie_timescale_hz(self._path) or self.info.sample_rate_hz
        return max(-(-self.info.sample_rate_hz // ticks_hz) - 1, 0)

    def _decode(self) -> Iterator[tuple[Wave, int]]:
        """Every decoded frame: its samples and its rate."""
        in_mp4 = self._container.format.name.startswith("mov")
        for number, (packet, is_last) in enumerate(_with_last(self._packets())):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._damaged += 1
                continue
            if self._one_page and number == 0:
                continue
            for frame in frames:
                if not isinstance(frame, AudioFrame) or not frame.samples:
                    continue
                wave = frame_wave(frame)
                if in_mp4 and is_last:
                    wave = wave[:, : _samples(packet, frame.sample_rate) or None]
                yield wave, frame.sample_rate

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """The packets of the stream; a file that breaks off ends the stream."""
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, OSError):
            self._damaged += 1

    def _judge(self, length: int, changes: list[str]) -> None:
        """Say in `warnings` what was not as it should be."""
        info, name = self.info, shown(self._path)
        rate = info.sample_rate_hz
        self.warnings += [f"{name}: {change}" for change in changes]
        lost_s = _lost_s(self._container, info, length)
        used = f"the {length / rate:.2f} s that could be decoded were used; get a complete copy"
        if lost_s > 0:
            whole_s = length / rate + lost_s
            self.warnings.append(
                f"{name}: {lost_s:.2f} s of its {whole_s:.2f} s are missing or damaged; {used}"
            )
        elif self._damaged:
            self.warnings.append(f"{name}: {self._damaged} part(s) of it are damaged; {used}")
        elif info.container == "ogg" and ogg_ends_early(self._path):
            self.warnings.append(f"{name}: its end is missing, how much of it is not known; {used}")

    def _why_silent(self) -> str:
        if self._damaged:
            return "nothing in it can be decoded; it is damaged, get another copy"
        return "holds no sound (0 samples); check that it is the right file"


def _pick(path: Path, container: InputContainer, index: int) -> AudioStream:
    """The stream of sound with that index, if it makes sense to decode it."""
    name, streams = shown(path), container.streams.audio
    if not streams:
        raise InputError(f"{name}: has no sound in it, only pictures or data; give a sound file")
    if not 0 <= index < len(streams):
        raise UsageError(f"{name}: has {len(streams)} stream(s) of sound, there is no {index}")
    context = streams[index].codec_context
    if container.format.name.startswith("mov") and is_protected(path):
        raise InputError(f"{name}: is protected (DRM); use a copy without protection")
    if context is None:
        raise InputError(f"{name}: its codec is not known; convert it to WAV or FLAC elsewhere")
    rate_hz, channels = context.sample_rate, context.layout.nb_channels
    if channels > _MOST_CHANNELS or (rate_hz and rate_hz not in _RATES_HZ):
        raise InputError(
            f"{name}: claims {channels} channels at {rate_hz} Hz, which makes no sense; "
            "the header is damaged, get another copy"
        )
    return streams[index]


def _samples(packet: Packet[AudioStream], rate_hz: int) -> int:
    """How many samples the container says are in the packet, 0 where it does not say."""
    if not packet.duration or packet.time_base is None:
        return 0
    return round(packet.duration * packet.time_base * rate_hz)


def _lost_s(container: InputContainer, info: SourceInfo, length: int) -> float:
    """Seconds that the file declares and does not hold, 0 where it does not declare any."""
    rate = info.sample_rate_hz
    if info.frames is not None:
        missing = info.frames - length
        return missing / rate if missing > (4096 if info.lossy else 0) else 0.0
    is_video = any(True for s in container.streams.video if not s.disposition)
    if info.duration_s is None or is_video or info.container not in ("asf", "matroska"):
        return 0.0
    missing_s = info.duration_s - length / rate
    return missing_s if missing_s > 0.5 else 0.0


def _with_last(
    packets: Iterator[Packet[AudioStream]],
) -> Iterator[tuple[Packet[AudioStream], bool]]:
    """Each packet, and whether it is the last that holds data."""
    before = None
    for packet in packets:
        if before is not None:
            yield before, packet.size == 0
        before = packet
    if before is not None:
        yield before, before.size > 0
