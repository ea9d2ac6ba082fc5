"""Decode one container: its best stream of sound, cut where the sound begins and ends.

Almost every file is one part; an Ogg file that was joined from several is one for each link.

Length. FFmpeg takes off what encoders add at the start (Opus by its pre-skip, MP4 by its edit list)
and some of it at the end; the rest is taken off here, see `audio.cut`. Of an MP3 both ends are cut
here, because FFmpeg cuts its end, or a hole into its middle, by a count that may be out of date.
One limit: of an MP4 that counts its edits in milliseconds, FFmpeg drops a last packet of less than
one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from io import FileIO
from itertools import chain
from pathlib import Path

import av
from av import AudioFrame, AudioStream, Packet
from av.codec.context import Flags2
from av.container import InputContainer
from av.stream import Disposition

from unweave.audio import links, mp4, mpeg
from unweave.audio.chunks import Layout
from unweave.audio.container import demuxed
from unweave.audio.cut import up_to, without_end, without_start
from unweave.audio.info import Headers, SourceInfo, cover_of, describe
from unweave.audio.samples import frame_wave
from unweave.audio.splice import Piece, Spliced, Stretch
from unweave.core.files import shown
from unweave.errors import InputError, UsageError
from unweave.types import Wave

_RATES_HZ = range(1000, 1_000_000)
_MOST_CHANNELS = 128
_LATE_S = 0.05  # sound and picture closer than a frame of film are together
_FREE_FORMAT = "is a free-format MP3, which is not read; convert it to WAV or FLAC elsewhere"


class Part:
    """One container in an open `file`, or in what `pieces` make of it.

    `stream` counts the sound streams from 0; None takes the default one, or the first that can be
    decoded. A context manager. `info` is there at once, `said` what a person should know of it;
    `waves` can be read once, `damaged` and `length` (samples at `info.sample_rate_hz`) are right
    when it is. Raises InputError where nothing can be decoded.
    """

    def __init__(
        self,
        file: FileIO,
        path: Path,
        pieces: tuple[Piece, ...] | None,
        layout: Layout | None,
        stream: int | None,
    ) -> None:
        self.said = list(layout.said) if layout else []
        self.damaged = 0
        self.length = 0
        self._path = path
        self._layout = layout
        self._pieces, self._format, self._mp3 = _mended(file, path, pieces)
        self._file = file
        with self._opened() as container:
            choice = [stream] if stream is not None else _candidates(container)
            cover = cover_of(container)
        for number in choice:
            with ExitStack() as stack:
                self._container = stack.enter_context(self._opened())
                try:
                    self._begin(number)
                except InputError:
                    if number == choice[-1]:
                        raise
                    continue
                self._stack = stack.pop_all()
                break
        headers = Headers(layout, self._mp3)
        self.info: SourceInfo = describe(path, self._container, self._stream, cover, headers)
        if stream is None:
            self._say_choice(number)
        self._say_late()

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the container. Closing twice does no harm."""
        self._stack.close()

    def waves(self) -> Iterator[tuple[Wave, int]]:
        """The decoded waves `(channel, time)`, each with its rate, cut at both ends."""
        info, waves = self.info, self._decoded
        if self._mp3 is not None:
            waves = without_start(waves, self._mp3.delay or 0)
            waves = without_end(waves, self._mp3.padding or 0, self._mp3.surplus)
        # Lossless codecs add no padding: what is there is sound. An MP4 can still cut it.
        elif info.frames is not None and (info.lossy or info.container == "mp4"):
            waves = up_to(waves, info.frames, self._slack())
        for wave, rate_hz in waves:
            self.length += round(wave.shape[1] * info.sample_rate_hz / rate_hz)
            yield wave, rate_hz

    def lost_s(self) -> float:
        """Seconds that the file declares and does not hold, 0 where it does not declare any."""
        info, rate_hz = self.info, self.info.sample_rate_hz
        if info.frames is not None:
            missing = info.frames - self.length
            # Codecs of long blocks drop one that is damaged, and some of their counts are coarse.
            in_blocks = info.lossy and not info.codec.startswith("pcm_")
            has_blocks = in_blocks and (self._layout is None or info.container == "caf")
            return missing / rate_hz if missing > (4096 if has_blocks else 0) else 0.0
        is_video = any(not s.disposition for s in self._container.streams.video)
        if info.duration_s is None or is_video or info.container not in ("asf", "matroska"):
            return 0.0
        start_s = max(0.0, (self._container.start_time or 0) / 1e6)
        missing_s = info.duration_s - start_s - self.length / rate_hz
        return missing_s if missing_s > 0.5 else 0.0

    def ends_early(self) -> bool:
        """Whether its end is missing, though nothing says how much of it."""
        if self._layout is not None:
            return self._layout.ends_early
        if self.info.container != "ogg":
            return False
        return links.ends_early(Spliced(self._file, self._pieces or self._everything()))

    def _opened(self) -> AbstractContextManager[InputContainer]:
        return demuxed(self._file, self._path, self._pieces, self._format)

    def _everything(self) -> tuple[Piece, ...]:
        return (Stretch(0, self._file.seek(0, os.SEEK_END)),)

    def _begin(self, number: int) -> None:
        """Decode the first of the stream with that number, to be sure that there is sound."""
        self._stream = _pick(self._path, self._container, number)
        context = self._stream.codec_context
        if context.name == "flac":  # else damage is decoded as noise
            context.options = {"err_detect": "crccheck+explode"}
        # FFmpeg cuts too much off the end of Vorbis on one page; `up_to` cuts exactly. Without
        # FFmpeg's help, what the first packet gives (it only prepares the second) must go too.
        self._one_page = context.name == "vorbis" and links.vorbis_on_one_page(
            Spliced(self._file, self._pieces or self._everything())
        )
        # Of ALAC in CAF it cuts what is missing in the last packet off once more.
        is_short = context.name == "alac" and self._layout is not None
        if self._one_page or is_short or self._mp3 is not None:
            context.flags2 |= Flags2.skip_manual
        self.damaged = 0
        decoded = self._decode()
        first = next(decoded, None)
        if first is None:
            raise InputError(f"{shown(self._path)}: {self._why_silent()}")
        self._decoded: Iterator[tuple[Wave, int]] = chain([first], decoded)

    def _slack(self) -> int:
        """Samples by which the declared length may fall short: MP4 counts in coarser ticks."""
        if self.info.container != "mp4":
            return 0
        with mp4.mapped(self._path) as data:
            ticks_hz = mp4.timescale_hz(data) or self.info.sample_rate_hz
        return max(-(-self.info.sample_rate_hz // ticks_hz) - 1, 0)

    def _decode(self) -> Iterator[tuple[Wave, int]]:
        """Every decoded frame: its samples and its rate."""
        in_mp4 = self._container.format.name.startswith("mov")
        for number, (packet, is_last) in enumerate(_with_last(self._packets())):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged += 1
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
            self.damaged += 1

    def _why_silent(self) -> str:
        if self.damaged:
            return "nothing in it can be decoded; it is damaged, get another copy"
        return "holds no sound (0 samples); check that it is the right file"

    def _say_choice(self, number: int) -> None:
        if number == 0:
            return
        streams = self._container.streams.audio
        is_default = bool(streams[number].disposition & Disposition.default)
        why = "the default one" if is_default else "the first that can be decoded"
        self.said.append(
            f"has {len(streams)} streams of sound; number {number + 1}, {why}, is used"
        )

    def _say_late(self) -> None:
        """Note that the sound starts later than the timeline of the film."""
        stream, container = self._stream, self._container
        is_film = any(not s.disposition & Disposition.attached_pic for s in container.streams.video)
        in_mp4 = self.info.container == "mp4"
        if stream.start_time is None or stream.time_base is None or not (is_film or in_mp4):
            return
        # The clock of an MP4 starts at zero, that of other films with the first stream.
        origin_s = 0.0 if in_mp4 else (container.start_time or 0) / 1e6
        late_s = float(stream.start_time * stream.time_base) - origin_s
        if late_s > _LATE_S:
            self.said.append(
                f"its sound starts {late_s:.3f} s after the beginning of the file's timeline; "
                "the stems start with the sound"
            )


_NEVER_MENDED = (b"RIFF", b"fLaC", b"OggS")  # to be opened once less


def _mended(
    file: FileIO, path: Path, pieces: tuple[Piece, ...] | None
) -> tuple[tuple[Piece, ...] | None, str | None, mpeg.Facts | None]:
    """What FFmpeg should be given, by which demuxer, and what an MP3 says of itself."""
    file.seek(0)
    if pieces is None and file.read(4) in _NEVER_MENDED:
        return None, None, None
    end = file.seek(0, os.SEEK_END)
    try:
        with demuxed(file, path, pieces) as container:
            format, itunes = container.format.name, container.metadata.get("iTunSMPB")
    except InputError:
        file.seek(0)
        # A tag in front that claims to be larger than it is hides the sound from FFmpeg.
        is_tagged = pieces is None and file.read(3) == b"ID3"
        facts = mpeg.facts(file) if is_tagged else None
        if facts is None:
            if mpeg.is_free_format(file):
                raise InputError(f"{shown(path)}: {_FREE_FORMAT}") from None
            raise
        return (Stretch(facts.start, end),), "mp3", facts
    if format == "mp3" and pieces is None:
        facts = mpeg.facts(file)
        if facts is None:
            if mpeg.is_free_format(file):
                raise InputError(f"{shown(path)}: {_FREE_FORMAT}")
            return None, None, None
        after = mpeg.after_id3(file)
        if facts.start > after:  # FFmpeg would take the tag of the first frame for sound
            return (Stretch(0, after), Stretch(facts.start, end)), "mp3", facts
        if facts.start < after:
            return (Stretch(facts.start, end),), "mp3", facts
        return None, "mp3", facts
    if format.startswith("mov") and itunes is not None and pieces is None:
        return _without_foreign_counts(path, itunes), None, None
    return pieces, None, None


def _without_foreign_counts(path: Path, itunes: str) -> tuple[Piece, ...] | None:
    """The MP4 without the name of its tag iTunSMPB, where that is about other media."""
    with mp4.mapped(path) as data:
        if any(mp4.itunes_counts(itunes, sound.media) for sound in mp4.sounds(data)):
            return None
        for start, end in mp4.find(data, b"moov"):
            if (at := data.find(b"iTunSMPB", start, end)) >= 0:
                return Stretch(0, at), b"unusable", Stretch(at + 8, len(data))
    return None


def _candidates(container: InputContainer) -> list[int]:
    """The numbers of the sound streams in the order in which to try them: default ones first."""
    streams = container.streams.audio
    numbers = range(len(streams))
    return sorted(
        numbers or [0], key=lambda n: not (numbers and streams[n].disposition & Disposition.default)
    )


def _pick(path: Path, container: InputContainer, index: int) -> AudioStream:
    """The stream of sound with that index, if it makes sense to decode it."""
    name, streams = shown(path), container.streams.audio
    if not streams:
        raise InputError(f"{name}: has no sound in it, only pictures or data; give a sound file")
    if not 0 <= index < len(streams):
        raise UsageError(f"{name}: has {len(streams)} stream(s) of sound, there is no {index}")
    context = streams[index].codec_context
    if container.format.name.startswith("mov"):
        with mp4.mapped(path) as data:
            if mp4.is_protected(data):
                raise InputError(f"{name}: is protected (DRM); use a copy without protection")
    if context is None:
        raise InputError(f"{name}: its codec is unknown; convert it to WAV or FLAC elsewhere")
    rate_hz, channels = context.sample_rate, context.layout.nb_channels
    if channels > _MOST_CHANNELS or (rate_hz and rate_hz not in _RATES_HZ):
        raise InputError(
            f"{name}: claims {channels} channels at {rate_hz} Hz, which is impossible; "
            "the header is damaged, get another copy"
        )
    return streams[index]


def _samples(packet: Packet[AudioStream], rate_hz: int) -> int:
    """How many samples the container says are in the packet, 0 where it does not say."""
    if not packet.duration or packet.time_base is None:
        return 0
    return round(packet.duration * packet.time_base * rate_hz)


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
