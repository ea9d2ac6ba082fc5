"""State the exact length in the LAME header of an MP3.

FFmpeg writes the header, but never a padding longer than one frame and the decoder's delay, though
one sample in 24 ends such that there is more; decoded, such a file is up to 46 samples too long.
Here the padding is worked out from the number of samples, and the header's checksum renewed.
"""

from __future__ import annotations

from typing import BinaryIO

from unweave.audio.mpeg import after_id3

# Places in the header, counted from its mark 'Xing' or 'Info'.
_FRAMES, _DELAYS, _CHECKSUM = 8, 141, 154
_MOST_PADDING = 4095  # twelve bits


def settle_length(file: BinaryIO, samples: int, sample_rate_hz: int) -> None:
    """Make the finished MP3 in `file` (readable and writable) say that it holds `samples`."""
    start = after_id3(file)
    file.seek(start)
    frame = bytearray(file.read(512))
    mark = max(frame.find(b"Xing", 0, 64), frame.find(b"Info", 0, 64))
    if mark < 0:
        return
    frames = int.from_bytes(frame[mark + _FRAMES : mark + _FRAMES + 4], "big")
    field = mark + _DELAYS
    delay = int.from_bytes(frame[field : field + 3], "big") >> 12
    padding = frames * (1152 if sample_rate_hz >= 32_000 else 576) - delay - samples
    if not 0 <= padding <= _MOST_PADDING:
        return
    frame[field : field + 3] = (delay << 12 | padding).to_bytes(3, "big")
    end = mark + _CHECKSUM
    frame[end : end + 2] = _crc16(frame[:end]).to_bytes(2, "big")
    file.seek(start)
    file.write(frame[: end + 2])


def _crc16(data: bytes | bytearray) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
