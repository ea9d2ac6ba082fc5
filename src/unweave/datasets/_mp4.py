"""The exact length of a sound stream in an MP4, from its boxes.

An MP4 states its edits in coarse ticks, often of a millisecond, but the length of its media in
samples: the media without what the edit skips at the start is the length to the sample. What
counts is what `io.reader` gives: it takes more than the ticks can express for padding, and FFmpeg
drops a last packet that begins where the edit already ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

from unweave.io.headers import movie_timescale_hz

_LONGEST_PADDING = 8192  # samples, as in io.tail


def length(path: Path, stream: int, declared: int, sample_rate_hz: int) -> int:
    """Samples of the sound stream number `stream`; `declared` where the boxes do not tell.

    declared: the length by the edit list, in samples.
    """
    with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        sounds = list(_sounds(data))
    if stream >= len(sounds):
        return declared
    media, rate_hz, skipped, last = sounds[stream]
    samples = media - skipped
    if samples - last >= declared:
        samples -= last
    if rate_hz != sample_rate_hz or samples <= 0:
        return declared
    ticks_hz = movie_timescale_hz(path) or sample_rate_hz
    slack = max(-(-sample_rate_hz // ticks_hz) - 1, 0)
    is_padded = declared + slack < samples <= declared + _LONGEST_PADDING
    return declared if is_padded else samples


def _sounds(data: mmap) -> Iterator[tuple[int, int, int, int]]:
    """The media of each sound track: samples, Hz, samples skipped, samples of the last packet."""
    for trak in _find(data, [(0, len(data))], b"moov", b"trak"):
        kinds = [data[at + 8 : at + 12] for at, _ in _find(data, [trak], b"mdia", b"hdlr")]
        if kinds != [b"soun"]:
            continue
        media = rate_hz = skipped = last = 0
        for at, _ in _find(data, [trak], b"mdia", b"mdhd"):
            wide = data[at] == 1  # 64-bit times
            first, size = (at + 20, 8) if wide else (at + 12, 4)
            rate_hz, media = _number(data, first, 4), _number(data, first + 4, size)
        for at, end in _find(data, [trak], b"edts", b"elst"):
            skipped = _skipped(data[at:end])
        for _, end in _find(data, [trak], b"mdia", b"minf", b"stbl", b"stts"):
            last = _number(data, end - 4, 4)  # the length of packets, run by run
        yield media, rate_hz, skipped, last


def _skipped(edits: bytes) -> int:
    """Media samples before the first edit that is not a pause."""
    size = 8 if edits[:1] == b"\x01" else 4
    for at in range(8 + size, len(edits), 2 * size + 4):
        start = int.from_bytes(edits[at : at + size], "big", signed=True)
        if start >= 0:
            return start
    return 0


def _find(data: mmap, places: list[tuple[int, int]], *kinds: bytes) -> list[tuple[int, int]]:
    """The contents, as (start, end), of the boxes down that path of kinds."""
    for wanted in kinds:
        places = [
            (start, end)
            for outer in places
            for kind, start, end in _boxes(data, *outer)
            if kind == wanted
        ]
    return places


def _boxes(data: mmap, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box from `at` to `end`."""
    while at + 8 <= end:
        size, start = _number(data, at, 4), at + 8
        if size == 1:
            size, start = _number(data, at + 8, 8), at + 16
        elif size == 0:  # reaches to the end
            size = end - at
        if size < start - at or at + size > end:
            return
        yield data[at + 4 : at + 8], start, at + size
        at += size


def _number(data: mmap, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
