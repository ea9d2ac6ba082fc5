"""Where the sound of an MP3 begins, and what its encoder says about the length.

An MP3 is a row of frames, each with a header of four bytes, behind any number of ID3v2 tags. The
first frame may hold a tag instead of sound: Xing or Info (how many frames and bytes there are),
which LAME extends by the samples that it added at both ends, or VBRI. The place of that tag follows
from the frame's header, so nothing is searched for by its letters.

The added samples are trusted: they are properties of the encoder. The counts are claims, which
tools that cut files forget to renew: nothing is cut because of them, see `audio.cut`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from unweave.audio.splice import Bytes

DECODER_DELAY = 529  # samples by which every decoder is late; LAME's delay does not count them
_BIT_RATES_KBPS = {  # (version 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MOST_TAGS = 64
_SEARCHED_BYTES = 4 << 20  # behind a damaged tag, for the first frame
_LONGEST_FRAME = 8192  # bytes; more than any header can state
_IN_A_ROW = 4  # frames that fit together are no chance
_ENCODERS = (b"LAME", b"Lavf", b"Lavc", b"L3.9")


class Header(NamedTuple):
    """The header of a frame. `size` in bytes, None where it is not said (free format)."""

    version: int  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    layer: int
    sample_rate_hz: int
    is_mono: bool
    samples: int  # of one channel in the frame
    size: int | None
    smallest: int  # bytes that a frame of this rate has at least


class Facts(NamedTuple):
    """`start`: the byte of the first frame, tag or not; `tag`: where its tag begins in the file;
    `delay`, `padding`: samples that were added at both ends, None where that is not said; `frames`:
    samples that the tag claims without them, None where it claims nothing that could be, or less
    than there is; `counted`: samples in all frames of sound; `is_joined`: the tag is that of the
    first of several files, so that its padding is not at the end."""

    start: int
    header: Header
    tag: int | None
    delay: int | None
    padding: int | None
    frames: int | None
    counted: int
    is_joined: bool

    def surplus(self, decoded: int) -> int:
        """How many of the samples that came without the delay are padding."""
        padding = self.padding or 0
        if self.frames is None:
            return 0 if self.is_joined else padding
        return min(padding, max(0, decoded - self.frames))


def after_id3(file: Bytes) -> int:
    """Where the sound of an MP3 begins, behind all ID3v2 tags by the sizes they state."""
    at = 0
    for _ in range(_MOST_TAGS):
        file.seek(at)
        tag = file.read(10)
        if tag[:3] != b"ID3" or len(tag) < 10 or max(tag[6:]) > 127:
            break
        size = sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


@lru_cache(maxsize=4096)
def header(data: bytes) -> Header | None:
    """What the four bytes say, None if they are no header of a frame."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    rate, kind = data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or kind == 15:
        return None
    rate_hz = _RATES_HZ[version][rate]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    rates_kbps = _BIT_RATES_KBPS[version == 3, layer]
    slot = 4 if layer == 1 else 1

    def size(kbps: int) -> int:
        return samples // 8 * kbps * 1000 // rate_hz // slot * slot

    length = size(rates_kbps[kind - 1]) + (data[2] >> 1 & 1) * slot if kind else None
    return Header(version, layer, rate_hz, data[3] >> 6 == 3, samples, length, size(rates_kbps[0]))


def is_free_format(file: Bytes) -> bool:
    """Whether the audio begins with a free-format frame, whose header lacks the size."""
    file.seek(after_id3(file))
    head = header(file.read(4))
    return head is not None and head.size is None


def first_frame(file: Bytes, at: int) -> int | None:
    """Where the first frames that fit together begin, from byte `at` on; None if there are none."""
    file.seek(at)
    data = file.read(_SEARCHED_BYTES)
    found = -1
    while (found := data.find(b"\xff", found + 1)) >= 0:
        if in_a_row(data, found):
            return at + found
    return None


def facts(file: Bytes) -> Facts | None:
    """What the file says of itself, None if there is no MP3 in it that can be recognised."""
    length = file.seek(0, os.SEEK_END)
    at = after_id3(file)
    # A tag that claims more than is there is believed as far as its own ten bytes.
    start = first_frame(file, at) if at < length else None
    if start is None and at > 10:
        start = first_frame(file, 10)
    if start is None:
        return None
    file.seek(start)
    frame = file.read(1024)
    head = header(frame[:4])
    assert head is not None
    place = _tag_at(frame, head)
    if place is None:
        counted = counted_samples(file, start)
        return Facts(start, head, None, None, None, None, counted, False)
    count, stated, delay, padding = _tag(frame[place:])
    frames = None
    if count and count * head.smallest <= max(stated or 0, length - start):
        frames = count * head.samples - (delay or 0) - (padding or 0)
    counted = counted_samples(file, start) - head.samples  # the tag's own frame is silent
    # Where there is more than the tag counts, it is out of date, or about the first of several
    # files that were joined; then there are more bytes than it counts, too.
    is_joined = False
    if frames and counted > frames + (delay or 0) + (padding or 0):
        is_joined = bool(stated) and length - start > (stated or 0) + (head.size or 0)
        frames = None
    return Facts(start, head, start + place, delay, padding, frames or None, counted, is_joined)


def counted_samples(file: Bytes, start: int) -> int:
    """Samples of one channel in the file by the headers of all frames from byte `start` on.

    What lies between frames and is none is passed over, a frame that is cut is left out.
    """
    samples, window, at = 0, b"", 0
    file.seek(start)
    while True:
        if len(window) - at < _LONGEST_FRAME:
            window, at = window[at:] + file.read(1 << 20), 0
        if len(window) - at < 4:
            return samples
        head = header(window[at : at + 4])
        if head is None or not head.size:
            found = window.find(b"\xff", at + 1)
            at = found if found >= 0 else len(window)
        else:
            at += head.size
            samples += head.samples if at <= len(window) else 0


def in_a_row(data: bytes, at: int = 0) -> bool:
    """Whether frames of one kind follow each other from `at` on (to the end of a short file)."""
    first = header(data[at : at + 4])
    for number in range(_IN_A_ROW):
        head = header(data[at : at + 4])
        if first is None or head is None:
            return number > 0 and len(data) - at < 4
        if head[:3] != first[:3] or not head.size:
            return False
        at += head.size
    return True


def _tag_at(frame: bytes, head: Header) -> int | None:
    """Where the tag lies in the first frame: behind the header and the side information."""
    if head.layer != 3:
        return None
    side = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[
        head.version == 3, head.is_mono
    ]
    checked = 2 if not frame[1] & 1 else 0
    for place in (4 + side, 4 + checked + side):
        if frame[place : place + 4] in (b"Xing", b"Info"):
            return place
    return 36 if frame[36:40] == b"VBRI" else None


def _tag(tag: bytes) -> tuple[int | None, int | None, int | None, int | None]:
    """Frames, bytes, samples to take off at the start and at the end, by a tag."""

    def number(at: int, size: int = 4) -> int:
        return int.from_bytes(tag[at : at + size], "big")

    if tag[:4] == b"VBRI":
        return number(14) or None, number(10) or None, None, None
    flags, at = number(4), 8
    frames = size = None
    for flag, width in ((1, 4), (2, 4), (4, 100), (8, 4)):
        if flags & flag:
            frames = number(at) if flag == 1 else frames
            size = number(at) if flag == 2 else size
            at += width
    # Some tools clear a flag and leave its field: the encoder's part is then where it always is.
    for place in (at, 120):
        if tag[place : place + 4] in _ENCODERS and len(tag) >= place + 24:
            both = number(place + 21, 3)
            delay = (both >> 12) + DECODER_DELAY
            return frames or None, size or None, delay, max(0, (both & 0xFFF) - DECODER_DELAY)
    return frames or None, size or None, None, None
