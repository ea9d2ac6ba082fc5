"""What is wrong with a stem file, one line for each thing. Nothing is decoded.

Names, order and settings are those of the box `stem`; the rest is what the streams say of
themselves: how many, of which codec, rate and channels, how long, how much an encoder put before
the sound, and which of them are enabled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from unweave.audio import mp4
from unweave.audio.container import regular
from unweave.audio.stem_file.metadata import document_of, problems
from unweave.audio.stem_file.writer import STREAMS, SUFFIXES

_CODECS = {b"mp4a": "AAC", b"alac": "ALAC"}


class Track(NamedTuple):
    """A stream of sound: what its headers say. `delay`, `length`: samples before the sound, and of
    the sound."""

    codec: bytes
    rate_hz: int
    channels: int
    enabled: bool
    delay: int
    length: int


def check(path: Path) -> list[str]:
    """All that is wrong with the file, nothing where it is a sound stem file. Raises InputError
    where there is no file to read."""
    with regular(path), mp4.mapped(path) as data:
        return list(_wrong(path, data))


def tracks(data: mp4.Data) -> list[Track]:
    """The streams of sound of an MP4, in the order of the file."""
    places = [trak for trak in mp4.find(data, b"moov", b"trak") if _kind(data, trak) == b"soun"]
    return [_track(data, trak, sound) for trak, sound in zip(places, mp4.sounds(data), strict=True)]


def _wrong(path: Path, data: mp4.Data) -> Iterator[str]:
    if not path.name.lower().endswith(SUFFIXES):
        yield f"its name does not end in {' or '.join(SUFFIXES)}"
    if data[4:8] != b"ftyp":
        yield "it is not an MP4"
        return
    if mp4.lacks_index(data):
        yield "its index (moov) is missing: it is cut short"
        return
    if _reaches(data) > len(data):
        yield f"it is cut short by {_reaches(data) - len(data)} bytes"
    found = tracks(data)
    if len(found) != STREAMS:
        yield f"it has {len(found)} stream(s) of sound, not {STREAMS}"
    yield from _of_tracks(found)
    yield from _of_box([data[at:end] for at, end in mp4.find(data, b"moov", b"udta", b"stem")])


def _of_tracks(found: Sequence[Track]) -> Iterator[str]:
    for number, track in enumerate(found):
        which = "the mixture" if number == 0 else f"stem {number}"
        if track.codec not in _CODECS:
            yield f"{which} is {track.codec.decode('latin-1').strip()!r}, not AAC or ALAC"
        if track.channels != 2:
            yield f"{which} has {track.channels} channel(s), not 2"
        if track.enabled != (number == 0):
            yield f"{which} is {'enabled' if track.enabled else 'not enabled'}"
        for name, unit in (("codec", ""), ("rate_hz", " Hz"), ("length", " samples")):
            own, first = getattr(track, name), getattr(found[0], name)
            if own != first and not (name == "codec" and own not in _CODECS):
                text = f"{_text(own)}{unit}, the mixture {_text(first)}{unit}"
                yield f"{which} has another {name.removesuffix('_hz')}: {text}"
        if track.delay != found[0].delay:
            yield (
                f"{which} begins after {track.delay} samples of delay, "
                f"the mixture after {found[0].delay}"
            )


def _of_box(found: Sequence[bytes]) -> Iterator[str]:
    if len(found) != 1:
        yield f"it has {len(found)} boxes moov/udta/stem, not one"
    for content in found[:1]:
        try:
            document = document_of(content)
        except ValueError as error:
            yield str(error)
        else:
            yield from problems(document)


def _text(value: bytes | int) -> str:
    return _CODECS.get(value, repr(value)) if isinstance(value, bytes) else str(value)


def _reaches(data: mp4.Data) -> int:
    """Where the last box of the file claims to end."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return len(data)
        if size < 8:
            return at
        at += size
    return at


def _kind(data: mp4.Data, trak: tuple[int, int]) -> bytes:
    return b"".join(
        data[at + 8 : at + 12] for at, _ in mp4.find(data, b"mdia", b"hdlr", places=[trak])
    )


def _track(data: mp4.Data, trak: tuple[int, int], sound: mp4.Sound) -> Track:
    flags = b"".join(data[at + 3 : at + 4] for at, _ in mp4.find(data, b"tkhd", places=[trak]))
    kinds = mp4.find(data, b"mdia", b"minf", b"stbl", b"stsd", places=[trak])
    # The first kind of sample: ISO/IEC 14496-12, 12.2.3.
    entry = data[kinds[0][0] + 8 : kinds[0][0] + 34] if kinds else b""
    return Track(
        codec=entry[4:8],
        rate_hz=sound.rate_hz,
        channels=int.from_bytes(entry[24:26], "big"),
        enabled=bool(flags and flags[0] & 1),
        delay=sound.skipped,
        length=sound.media - sound.skipped,
    )
