"""Whether the first bytes of a file are those of an audio container that `audio.reader` opens.

The content may still be damaged. MPEG audio without a container is recognised by its consecutive
frames.
"""

from __future__ import annotations

import re
from pathlib import Path

from unweave.audio import mpeg

_HEAD_BYTES = 400
_ROW_BYTES = 1 << 15  # more than the frames take that are looked at
_IN_A_ROW = 4
_AAC_HEAD_BYTES = 7
_AAC = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")  # a frame of ADTS
_PICTURES = rb"avif|avis|heic|heix|hevc|hevx|heim|heis|mif1|msf1|crx "  # in the frame of an MP4
_NAMES = re.compile(
    rb"(RIFF|RF64|BW64|RIFX).{4}WAVE|RIFF.{4}AVI |riff.{20}wave|FORM.{4}AIF[FC]|caff\0\x01|\.snd\0"
    rb"|fLaC[\0\x80]|OggS\0|wvpk|MAC .[\x0e\x0f]|TTA1|tBaK|MPCK|MP\+[\x07\x17]|DSD \x1c|#!AMR"
    rb"|Creative Voice File|\.RMF|FLV\x01|\x1aE\xdf\xa3|0&\xb2u\x8ef\xcf\x11|\0\0\x01\xba|\x0bw"
    rb"|\x7f\xfe\x80\x01|.{4}ftyp(?!" + _PICTURES + rb")|.{4}(moov|mdat|wide)|G.{187}G.{187}G"
    rb"|ID3[\x02-\x04]",
    re.DOTALL,
)


def begins_as_sound(path: Path) -> bool:
    """Whether the file is to be taken for sound; reads a few kilobytes. False where it cannot."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
            if _NAMES.match(head):
                return True
            if _AAC.match(head) or mpeg.header(head[:4]):
                row = head + file.read(_ROW_BYTES)
                return mpeg.in_a_row(row) or _aac_in_a_row(row)
    except OSError:
        pass
    return False


def _aac_in_a_row(data: bytes) -> bool:
    """Whether frames of ADTS follow each other, each of the size that the one before says."""
    at = 0
    for number in range(_IN_A_ROW):
        if not _AAC.match(data, at) or len(data) < at + _AAC_HEAD_BYTES:
            return number > 0 and at >= len(data)
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if size < _AAC_HEAD_BYTES:
            return False
        at += size
    return True
