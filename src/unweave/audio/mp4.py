"""What the boxes of an MP4 say that FFmpeg does not pass on: protection, ticks, the exact length.

An MP4 states its edits in coarse ticks, often of a millisecond, but the length of its media in
samples: the media without what the edit skips at the start is the length to the sample. The
length that counts is that of `audio.reader`: it takes more than the ticks can express for padding,
and FFmpeg drops a last packet that begins where the edit already ends.

Every size is checked against the box around it, so that no file can lead out of itself or keep the
search going.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

LONGEST_PADDING = 8192  # samples: the longest block of Vorbis; AAC, MP3 and Opus have shorter ones
_MOST_BOXES = 1 << 17  # side by side; a film in fragments of a second has two for each
_COUNTS = re.compile(r"\s*[0-9A-Fa-f]{8}\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{16})")

Data = mmap | bytes


class Sound(NamedTuple):
    """The media of a sound track: `media` samples at `rate_hz`, of which the edit skips `skipped`
    at the start; `last` is how many its last packet holds."""

    media: int
    rate_hz: int
    skipped: int
    last: int


@contextmanager
def mapped(path: Path) -> Iterator[Data]:
    """The bytes of a file, read where they are looked at."""
    with open(path, "rb") as file:
        try:
            data = mmap(file.fileno(), 0, access=ACCESS_READ)
        except ValueError:  # an empty file
            yield b""
        else:
            with data:
                yield data


def is_protected(data: Data) -> bool:
    """Whether an MP4 says that its sound is encrypted (Apple FairPlay, Audible, common)."""
    # A kind of sound, then six bytes that are always zero.
    pattern = re.compile(rb"(drms|aavd|enca)\x00{6}")
    return any(pattern.search(data, start, end) for start, end in find(data, b"moov"))


def lacks_index(data: Data) -> bool:
    """Whether the file begins as an MP4 and has no `moov` box, which often stands at its end."""
    return data[4:8] == b"ftyp" and not find(data, b"moov")


def timescale_hz(data: Data) -> int | None:
    """Ticks a second in which an MP4 states its edits; coarse ones cannot place a sample."""
    for start, end in find(data, b"moov", b"mvhd"):
        at = start + (20 if data[start] == 1 else 12)
        if at + 4 <= end:
            return _number(data, at, 4) or None
    return None


def length(data: Data, stream: int, declared: int, sample_rate_hz: int) -> int:
    """Samples of the sound stream number `stream`; `declared` where the boxes do not tell.

    declared: the length by the edit list, in samples.
    """
    known = sounds(data)
    if stream >= len(known):
        return declared
    media, rate_hz, skipped, last = known[stream]
    samples = media - skipped
    if samples - last >= declared:
        samples -= last
    if rate_hz != sample_rate_hz or samples <= 0:
        return declared
    ticks_hz = timescale_hz(data) or sample_rate_hz
    slack = max(-(-sample_rate_hz // ticks_hz) - 1, 0)
    is_padded = declared + slack < samples <= declared + LONGEST_PADDING
    return declared if is_padded else samples


def itunes_counts(tag: str, media: int) -> tuple[int, int] | None:
    """Delay and length in samples by the tag iTunSMPB, None if it is not about these media.

    The tag gives delay, padding and what lies between them; together they are the `media`. A tag
    that was copied from another song, or a length of zero, is not believed.
    """
    if not (counts := _COUNTS.match(tag)):
        return None
    delay, padding, samples = (int(count, 16) for count in counts.groups())
    is_own = abs(delay + padding + samples - media) <= _ITUNES_SLACK
    return (delay, samples) if samples and is_own else None


_ITUNES_SLACK = 2048  # samples: some writers leave the last packet's filling out


def sounds(data: Data) -> list[Sound]:
    """The media of each sound track, in the order of the file."""
    found = []
    for trak in find(data, b"moov", b"trak"):
        kinds = [data[at + 8 : at + 12] for at, _ in find(data, b"mdia", b"hdlr", places=[trak])]
        if kinds != [b"soun"]:
            continue
        media = rate_hz = skipped = last = 0
        for at, end in find(data, b"mdia", b"mdhd", places=[trak]):
            if end - at >= 20:
                wide = data[at] == 1  # 64-bit times
                first, size = (at + 20, 8) if wide else (at + 12, 4)
                rate_hz, media = _number(data, first, 4), _number(data, first + 4, size)
        for at, end in find(data, b"edts", b"elst", places=[trak]):
            skipped = _skipped(data[at:end])
        for at, end in find(data, b"mdia", b"minf", b"stbl", b"stts", places=[trak]):
            if end - at >= 16:
                last = _number(data, end - 4, 4)  # the length of packets, run by run
        found.append(Sound(media, rate_hz, skipped, last))
    return found


def find(
    data: Data, *kinds: bytes, places: Sequence[tuple[int, int]] | None = None
) -> list[tuple[int, int]]:
    """The contents, as (start, end), of the boxes down that path of kinds, from the top of the file
    or from inside the boxes at `places`."""
    found = list(places) if places is not None else [(0, len(data))]
    for wanted in kinds:
        found = [
            (start, end)
            for outer in found
            for kind, start, end in _boxes(data, *outer)
            if kind == wanted
        ]
    return found


def _skipped(edits: bytes) -> int:
    """Media samples before the first edit that is not a pause."""
    size = 8 if edits[:1] == b"\x01" else 4
    for at in range(8 + size, len(edits) - size + 1, 2 * size + 4):
        start = int.from_bytes(edits[at : at + size], "big", signed=True)
        if start >= 0:
            return start
    return 0


def _boxes(data: Data, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box from `at` to `end`; the last may be cut."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, start = _number(data, at, 4), at + 8
        if size == 1:
            size, start = _number(data, at + 8, 8), at + 16
        elif size == 0:  # reaches to the end
            size = end - at
        if size < start - at:
            return
        yield data[at + 4 : at + 8], min(start, end), min(at + size, end)
        at += size


def _number(data: Data, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
