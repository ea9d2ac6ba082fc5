"""What the file itself tells: programs that wrote it, and packets that do not follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

import av

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.audio.container import demuxed, regular
from unweave.core.files import shown
from unweave.errors import InputError

PROGRAMS = re.compile(r"encod|software|tool|handler|vendor|writing|originator", re.IGNORECASE)
MARKS = re.compile(rb"LAME[\d.]+(?: ?\((?:alpha|beta)[ \d]*\))?|Lavc[\d.]+|Lavf[\d.]+|FAAC [\d.]+")
MOST_MARKS = 20
# Samples by which packets may be apart. Vorbis has blocks of two lengths, between which the times
# of packets are guessed from those of whole pages.
APART, APART_VORBIS = 1.5, 512

WRITER = Kind(
    name="writing-program",
    title="Programs that left their name",
    measures="Names of programs in the file's tags and in its packets.",
    limits="Tags can be changed by anybody. Many devices write names of libraries, which editing "
    "programs use too.",
)
GAP = Kind(
    name="packet-gap",
    title="Packets that do not follow each other",
    measures="The time between the end of a packet and the beginning of the next.",
    limits="Damaged copies and streams that lost packets have such gaps too.",
)
MIXED = Kind(
    name="packets-changed",
    title="Packets change within the file",
    measures="How often the bit rate, the rate or the mode of MP3 frames changes.",
    limits="Files of variable bit rate change all the time, which is said.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds. Raises InputError where the file cannot be opened."""
    try:
        with regular(recording.path) as file, demuxed(file, recording.path) as container:
            stream = container.streams.audio[0]
            tags = {**container.metadata, **stream.metadata}
            yield from _named(tags)
            yield from _packets(container, stream, lossy=recording.info.lossy)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise InputError(f"{shown(recording.path)}: its packets cannot be read: {error}") from error


def _named(tags: dict[str, str]) -> Iterator[Finding]:
    for name, value in sorted(tags.items()):
        if PROGRAMS.search(name) and value.strip():
            yield Finding(
                kind=WRITER.name,
                words=f"The tag {name} says: {value.strip()[:200]}",
                details={"tag": name, "value": value.strip()[:200]},
            )


def _packets(
    container: av.container.InputContainer, stream: av.AudioStream, *, lossy: bool
) -> Iterator[Finding]:
    base = float(stream.time_base or Fraction(1, 1))
    apart_s = (APART_VORBIS if stream.codec_context.name == "vorbis" else APART) / (
        stream.rate or 1
    )
    expected: int | None = None
    marks: dict[str, float] = {}
    headers: dict[int, int] = {}
    changes, last = 0, None
    for packet in _until_damage(container, stream):
        if packet.size == 0 or packet.pts is None:
            continue
        if expected is not None and packet.duration and abs(packet.pts - expected) > 1:
            gap_s = (packet.pts - expected) * base
            if abs(gap_s) > apart_s:
                yield Finding(
                    kind=GAP.name,
                    words=f"A packet begins {abs(1000 * gap_s):.2f} ms "
                    f"{'after' if gap_s > 0 else 'before'} the end of the one before it.",
                    start_s=round(expected * base, 5),
                    end_s=round(packet.pts * base, 5),
                    figure=round(1000 * gap_s, 3),
                    unit="ms",
                )
        expected = packet.pts + packet.duration if packet.duration else None
        if not lossy:
            continue
        data = bytes(packet)
        if len(marks) < MOST_MARKS:
            for mark in MARKS.findall(data):
                marks.setdefault(mark.decode("ascii"), packet.pts * base)
        if stream.codec_context.name.startswith("mp3") and len(data) >= 4:
            header = data[2] & 0xF0 | data[3] >> 6
            headers[header] = headers.get(header, 0) + 1
            changes += last is not None and header != last
            last = header
    for mark, at_s in marks.items():
        yield Finding(
            kind=WRITER.name,
            words=f"Packets name the encoder {mark}.",
            start_s=round(max(0.0, at_s), 3),
            end_s=round(max(0.0, at_s), 3),
            details={"encoder": mark},
        )
    if changes:
        yield Finding(
            kind=MIXED.name,
            words=f"MP3 frames of {len(headers)} sorts of bit rate and mode alternate.",
            figure=float(changes),
            unit="changes",
            limit=0.0,
            details={"sorts": len(headers), "frames": sum(headers.values())},
        )


def _until_damage(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[av.Packet]:
    """All packets, or those before damage, which the reading of the sound reports."""
    packets = container.demux(stream)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError):
            return


FINDER = Finder(
    name="container",
    kinds=(WRITER, GAP, MIXED),
    find=find,
    parameters={"apart_samples": APART, "apart_samples_vorbis": APART_VORBIS},
    revision=2,
)
