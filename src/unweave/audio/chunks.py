"""WAV and its kin, AIFF, CAF and AU: what lies in the file, whatever its header claims.

These containers are rows of chunks, one of which holds the sound. FFmpeg believes some of their
sizes blindly, passes the file's size off as the stated length, and decodes rare samples as noise.
`layout` walks the chunks and says how many samples there are and, where FFmpeg would be misled,
gives pieces that make a file it reads right (see `audio.splice`).

The rules. A size that the file cannot hold is a claim, unless it is one that programs write which
do not know the length (into a pipe): then the sound reaches to the end. Where the sound ends and no
chunk follows, nor a known tag, what follows is sound, too. Samples are as wide as a frame has room
for, whatever the number of valid bits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from unweave.audio.mpeg import after_id3
from unweave.audio.splice import Bytes, Piece, Stretch, size_of
from unweave.errors import InputError

_MOST_CHUNKS = 10_000
_MOST_HEAD_BYTES = 1 << 16  # of a chunk whose content is looked at
# Sizes that mean 'not known': programs write them, or a little less, when they write to a pipe.
_UNKNOWN = (0x7F000000, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_NEAR = 4096
_MOST_BYTES = 1 << 50
_CHUNK_NAMES = frozenset(
    b"fmt ,data,fact,LIST,bext,id3 ,ID3 ,JUNK,junk,PAD ,FLLR,cue ,smpl,inst,iXML,axml,chna,PEAK,"
    b"levl,ds64,_PMX,DISP,acid,COMM,SSND,MARK,INST,NAME,AUTH,ANNO,COMT,FVER,CHAN,APPL,(c) ".split(
        b","
    )
)
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN")  # that players put behind any file
_ID3 = (b"id3 ", b"ID3 ")
_GUID_TAIL = bytes.fromhex("00001000800000aa00389b71")  # of a WAV codec, after its number
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_MS_ADPCM, _IMA_ADPCM, _GSM = 2, 0x11, 0x31
_AIFF_PCM = (b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"42ni", b"23ni")
_AIFF_BYTES = {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8, b"ulaw": 1, b"ULAW": 1, b"alaw": 1}
_AIFF_BYTES |= {b"ALAW": 1, b"in24": 3, b"42ni": 3, b"in32": 4, b"23ni": 4}


class Layout(NamedTuple):
    """`container`: FFmpeg's name for it. `pieces`: what to decode instead of the file, None if the
    file can be decoded as it is. `frames`: samples of one channel, as far as the header is
    credible; more than there are where the file `ends_early`. None: not known before decoding.
    `bits`: of a sample, where fewer than it is stored with. `said`: what a person should know."""

    container: str
    pieces: tuple[Piece, ...] | None
    frames: int | None
    bits: int | None = None
    ends_early: bool = False
    said: tuple[str, ...] = ()


class _Dialect(NamedTuple):
    """How a container writes the head of a chunk: `pad`: chunks begin at multiples of it."""

    name_bytes: int
    size_bytes: int
    order: str
    pad: int
    sound: bytes
    offset: int = 0  # bytes in the chunk of sound before the sound
    counts_head: bool = False


_RIFF = _Dialect(4, 4, "little", 2, b"data")
_RIFX = _Dialect(4, 4, "big", 2, b"data")
_W64 = _Dialect(16, 8, "little", 8, b"data", counts_head=True)
_AIFF = _Dialect(4, 4, "big", 2, b"SSND", offset=8)
_CAF = _Dialect(4, 8, "big", 1, b"data", offset=4)


class _Chunk(NamedTuple):
    """`head`: where it begins; `start` to `stop`: its content as far as it is there; `claimed`: the
    bytes of content that the header states, None where it does not know."""

    name: bytes
    head: int
    start: int
    stop: int
    claimed: int | None


class _Block(NamedTuple):
    """The smallest piece of sound that can be decoded: `size` bytes for `samples` samples."""

    size: int
    samples: int


def layout(file: Bytes) -> Layout | None:
    """What lies in the file, None if it is none of these containers or FFmpeg shall judge it.

    Raises InputError, without the file's name, for what nothing here can decode.
    """
    length = file.seek(0, os.SEEK_END)
    at = after_id3(file)  # some taggers take every file for an MP3
    head = _bytes(file, at, 40)
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return _wav(file, at, length, head[:4])
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return _w64(file, at, length)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(file, at, length)
    if head[:4] == b"caff":
        return _caf(file, at, length)
    if head[:4] == b".snd":
        return _au(file, at, length)
    return None


def _wav(file: Bytes, at: int, length: int, kind: bytes) -> Layout | None:
    dialect = _RIFX if kind == b"RIFX" else _RIFF
    long = None
    if kind in (b"RF64", b"BW64"):
        head = _bytes(file, at + 12, 24)
        if head[:4] == b"ds64" and len(head) == 24:
            long = int.from_bytes(head[16:24], "little")
    chunks = _walk(file, at + 12, length, dialect, long)
    return _wave(file, "wav", chunks, dialect, at > 0)


def _w64(file: Bytes, at: int, length: int) -> Layout | None:
    chunks = _walk(file, at + 40, length, _W64, None)
    return _wave(file, "w64", chunks, _W64, at > 0)


def _wave(
    file: Bytes,
    container: str,
    chunks: Sequence[_Chunk],
    dialect: _Dialect,
    moved: bool,
) -> Layout | None:
    """The layout of any of the WAV family."""
    form = next((c for c in chunks if c.name == b"fmt "), None)
    sounds = [c for c in chunks if c.name == b"data"]
    if form is None or not sounds:
        return None
    raw = _bytes(file, form.start, min(form.stop - form.start, _MOST_HEAD_BYTES))
    big = dialect.order == "big"
    read = _wav_format(raw, big)
    if read is None:
        return None
    codec, mended, bits, block, swap = read
    if big and codec not in (_PCM, _FLOAT, _ALAW, _MULAW):
        raise InputError(
            f"is a big-endian WAV (RIFX) with the codec {codec:#x}; convert it to WAV elsewhere"
        )
    believed = [c for c in sounds if c.claimed is not None]
    stretches = [Stretch(c.start, c.stop, swap) for c in sounds]
    tight = all(_is_tight(c, chunks, dialect) for c in chunks)
    plain = mended == raw and not big and not moved and len(sounds) == 1 and tight
    # FFmpeg is misled by a size of zero with sound behind it, of a pipe in W64, or too small.
    if len(believed) < len(sounds) and (container == "w64" or dialect is not _RIFF):
        plain = False
    if any(c.stop - c.start > (c.claimed or c.stop) for c in believed):
        plain = False
    pieces = None
    if not plain:
        # The other chunks of a big-endian file are in its byte order, except ID3.
        others = [
            c
            for c in chunks
            if c.name not in (b"fmt ", b"data", b"ds64", b"fact") and (not big or c.name in _ID3)
        ]
        pieces = _canonical(mended, _fact(file, chunks, big, block), others, stretches)
    frames = _frames(file, chunks, sounds, big, block)
    ends_early = any(c.claimed is not None and c.claimed > c.stop - c.start for c in sounds)
    said = _said(sounds, block, int.from_bytes(mended[4:8], "little"))
    return Layout(container, pieces, frames, bits, ends_early, said)


def _wav_format(raw: bytes, big: bool) -> tuple[int, bytes, int | None, _Block | None, int] | None:
    """Codec, the format for FFmpeg, valid bits, block and bytes to swap by a `fmt ` chunk."""
    if len(raw) < 14:
        return None
    if len(raw) < 16:
        raw = raw + bytes(16 - len(raw))
    order = ">" if big else "<"
    codec, channels, rate, per_s, align, bits = struct.unpack_from(order + "HHIIHH", raw)
    rest = raw[16:]
    extra = struct.unpack_from(order + "H", rest)[0] if len(rest) >= 2 else 0
    valid = bits
    is_extensible = codec == _EXTENSIBLE and len(rest) >= 24
    if is_extensible:
        valid, mask = struct.unpack_from(order + "HI", rest, 2)
        codec = struct.unpack_from(order + "I", rest, 8)[0]
        if big and codec > 0xFFFF:  # written in the other order
            codec = int.from_bytes(rest[8:12], "little")
        if codec > 0xFFFF or (big and codec not in (_PCM, _FLOAT, _ALAW, _MULAW)):
            return (_EXTENSIBLE, raw, None, None, 1) if not big else (codec, raw, None, None, 1)
    if codec not in (_PCM, _FLOAT):
        block = _wav_block(codec, channels, align, rest, order)
        mended = (
            raw if not big else struct.pack("<HHIIHH", codec, channels, rate, per_s, align, bits)
        )
        return codec, mended, None, block, 1
    width = align // channels if channels and align % channels == 0 else 0
    if not -(-bits // 8) <= width <= 8 or (codec == _FLOAT and width not in (4, 8)):
        width = -(-bits // 8)
    if not (0 < width <= 8 and channels):
        return None  # FFmpeg says what is wrong with it
    stored = 8 * width
    fits = -(-bits // 8) == width and -(-valid // 8) in (0, width) and valid <= stored
    narrow = valid if 0 < valid < stored else bits if 0 < bits < stored else None
    narrow = narrow if codec == _PCM else None
    block = _Block(width * channels, 1)
    if fits and not big:
        return codec, raw, narrow, block, 1
    fixed = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if is_extensible else codec,
        *(channels, rate, min(rate * block.size, 2**32 - 1), block.size & 0xFFFF, stored),
    )
    if is_extensible:
        fixed += struct.pack("<HHII", 22, stored, mask, codec) + _GUID_TAIL
    elif extra and not big:
        fixed += rest
    return codec, fixed, narrow, block, width if big else 1


def _wav_block(codec: int, channels: int, align: int, rest: bytes, order: str) -> _Block | None:
    if codec in (_ALAW, _MULAW):
        return _Block(channels, 1) if channels else None
    if codec == _GSM:
        return _Block(65, 320)
    if codec in (_MS_ADPCM, _IMA_ADPCM) and len(rest) >= 4 and align:
        samples = struct.unpack_from(order + "H", rest, 2)[0]
        return _Block(align, samples) if samples else None
    return None


def _fact(file: Bytes, chunks: Sequence[_Chunk], big: bool, block: _Block | None) -> bytes:
    """The chunk `fact` for FFmpeg: only where the length does not follow from the bytes."""
    count = _stated_count(file, chunks, big)
    if count is None or (block is not None and block.samples == 1):
        return b""
    return b"fact" + struct.pack("<II", 4, count)


def _stated_count(file: Bytes, chunks: Sequence[_Chunk], big: bool) -> int | None:
    fact = next((c for c in chunks if c.name == b"fact" and c.stop - c.start >= 4), None)
    if fact is None:
        return None
    return int.from_bytes(_bytes(file, fact.start, 4), "big" if big else "little")


def _frames(
    file: Bytes,
    chunks: Sequence[_Chunk],
    sounds: Sequence[_Chunk],
    big: bool,
    block: _Block | None,
) -> int | None:
    """Samples that the file holds or, where it ends early, is said to hold."""
    if block is None:
        return None
    size = sum(max(c.claimed or 0, c.stop - c.start) for c in sounds)
    held = size // block.size * block.samples
    if block.samples == 1:
        return held
    stated = _stated_count(file, chunks, big)
    return stated if stated is not None and 0 < stated <= held else held


def _said(sounds: Sequence[_Chunk], block: _Block | None, rate_hz: int) -> tuple[str, ...]:
    """That the file holds more than its header says."""
    claimed = sum(c.stop - c.start if c.claimed is None else c.claimed for c in sounds[:1])
    held = sum(c.stop - c.start for c in sounds)
    if held <= claimed:
        return ()
    if block is None or not rate_hz:
        return ("holds more sound than its header says; all of it is used",)
    first, all_s = (size // block.size * block.samples / rate_hz for size in (claimed, held))
    return (f"holds {all_s:.2f} s of sound, {first:.2f} s by its header; all of it is used",)


def _canonical(
    form: bytes, fact: bytes, others: Sequence[_Chunk], stretches: Sequence[Stretch]
) -> tuple[Piece, ...]:
    """A WAV (past 4 GB an RF64) with that format, the other chunks, and the sound at its end."""
    size = sum(map(size_of, stretches))
    front: list[Piece] = [b"fmt " + struct.pack("<I", len(form)) + form + bytes(len(form) % 2)]
    front.append(fact)
    for chunk in others:
        content = chunk.stop - chunk.start
        if 0 < content < 2**32 - 2:
            front.append(chunk.name[:4] + struct.pack("<I", content))
            front.append(Stretch(chunk.start, chunk.stop))
            front.append(bytes(content % 2))
    total = 4 + sum(map(size_of, front)) + 8 + size
    if total < 2**32 - 2:
        head = b"RIFF" + struct.pack("<I", total) + b"WAVE"
        data = b"data" + struct.pack("<I", size)
    else:
        long = struct.pack("<QQQI", total + 36, size, 0, 0)
        head = b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVEds64" + struct.pack("<I", 28) + long
        data = b"data" + struct.pack("<I", 2**32 - 1)
    return (head, *front, data, *stretches)


def _aiff(file: Bytes, at: int, length: int) -> Layout | None:
    chunks = _walk(file, at + 12, length, _AIFF, None)
    common = next((c for c in chunks if c.name == b"COMM"), None)
    sound = next((c for c in chunks if c.name == b"SSND"), None)
    if common is None or sound is None or common.stop - common.start < 18:
        return None
    facts = _bytes(file, common.start, 22)
    channels, bits = int.from_bytes(facts[:2], "big"), int.from_bytes(facts[6:8], "big")
    codec = facts[18:22] if _bytes(file, at + 8, 4) == b"AIFC" else b"NONE"
    block = None
    if codec == b"ima4":
        block = _Block(34 * channels, 64)
    elif codec in _AIFF_BYTES or codec in _AIFF_PCM:
        block = _Block(channels * (_AIFF_BYTES.get(codec) or -(-bits // 8)), 1)
    block = block if block and block.size else None  # no channels, or samples without bits
    skipped = int.from_bytes(_bytes(file, sound.start, 4), "big")
    first = min(sound.start + 8 + skipped, sound.stop)
    held = sound.stop - first
    claimed = None if sound.claimed is None else sound.claimed - 8 - skipped
    frames = None
    if block:
        frames = max(held, claimed or 0) // block.size * block.samples
    pieces: tuple[Piece, ...] | None = None
    tight = all(_is_tight(c, chunks, _AIFF) for c in chunks)
    if at or claimed is None or held > claimed or not tight:
        size = min(sound.stop - sound.start, 2**32 - 1)
        others: list[Piece] = []
        for c in chunks:
            if c.name != b"SSND":
                content = c.stop - c.start
                others += [c.name + struct.pack(">I", content), Stretch(c.start, c.stop)]
                others.append(bytes(content % 2))
        kind = _bytes(file, at + 8, 4)
        total = 4 + sum(map(size_of, others))
        head = b"FORM" + struct.pack(">I", min(total + 8 + size, 2**32 - 1)) + kind
        ssnd = b"SSND" + struct.pack(">I", size)
        count = struct.pack(">I", min((frames or 0) // (block.samples if block else 1), 2**32 - 1))
        if frames is not None:  # COMM counts what the chunk of sound holds
            others = _with_count(others, count, file)
        pieces = (head, *others, ssnd, Stretch(sound.start, sound.stop))
    ends_early = claimed is not None and claimed > held
    moved = sound._replace(start=first, claimed=claimed)
    said = _said([moved], block, _extended(facts[8:18]))
    return Layout("aiff", pieces, frames, None, ends_early, said)


def _with_count(pieces: list[Piece], count: bytes, file: Bytes) -> list[Piece]:
    """The pieces of an AIFF with another number of frames in COMM."""
    made: list[Piece] = []
    for number, piece in enumerate(pieces):
        before = pieces[number - 1] if number else b""
        if isinstance(piece, Stretch) and isinstance(before, bytes) and before[:4] == b"COMM":
            content = _bytes(file, piece.start, piece.stop - piece.start)
            made.append(content[:2] + count + content[6:])
        else:
            made.append(piece)
    return made


def _extended(ten: bytes) -> int:
    """The whole number in an 80-bit float, 0 for what is no sample rate."""
    exponent = (int.from_bytes(ten[:2], "big") & 0x7FFF) - 16383
    return int.from_bytes(ten[2:10], "big") >> (63 - exponent) if 0 <= exponent <= 31 else 0


def _caf(file: Bytes, at: int, length: int) -> Layout | None:
    chunks = _walk(file, at + 8, length, _CAF, None)
    about = next((c for c in chunks if c.name == b"desc" and c.stop - c.start >= 32), None)
    sound = next((c for c in chunks if c.name == b"data"), None)
    if about is None or sound is None:
        return None
    rate, _, _, size, samples = struct.unpack(">d4sIII", _bytes(file, about.start, 24))
    block = _Block(size, samples) if size and samples else None
    held = max(0, sound.stop - sound.start - 4)
    claimed = None if sound.claimed is None else max(0, sound.claimed - 4)
    frames = None
    if block:
        frames = max(held, claimed or 0) // block.size * block.samples
    elif packets := next((c for c in chunks if c.name == b"pakt"), None):
        valid = int.from_bytes(_bytes(file, packets.start + 8, 8), "big", signed=True)
        # Each packet takes a byte at least; a table that promises more knows nothing.
        frames = valid if 0 < valid <= 8192 * max(held, claimed or 0) else None
    pieces: tuple[Piece, ...] | None = None
    if at or (claimed is not None and held > claimed) or sound.claimed == 0:
        unknown = sound.head + 4  # the size, which then reaches to the end
        pieces = (Stretch(at, unknown), b"\xff" * 8, Stretch(sound.start, sound.stop))
    ends_early = claimed is not None and claimed > held
    rate_hz = int(rate) if 0 < rate < 2**31 else 0
    said = _said([sound._replace(start=sound.start + 4, claimed=claimed)], block, rate_hz)
    return Layout("caf", pieces, frames, None, ends_early, said)


def _au(file: Bytes, at: int, length: int) -> Layout | None:
    head = _bytes(file, at, 24)
    if len(head) < 24:
        return None
    start, size, codec, _, channels = struct.unpack(">IIIII", head[4:])
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(codec)
    pieces = (Stretch(at, length),) if at else None
    if not width or not channels or start < 24:
        return Layout("au", pieces, None)
    held = max(0, length - at - start)
    claimed = None if size == 0 or _is_unknown(size, held) else size
    frames = max(held, claimed or 0) // (width * channels)
    return Layout("au", pieces, frames, ends_early=claimed is not None and claimed > held)


def _walk(file: Bytes, at: int, length: int, dialect: _Dialect, long: int | None) -> list[_Chunk]:
    """The chunks from byte `at` on. `long`: the size of sound that does not fit its field."""
    chunks: list[_Chunk] = []
    head_bytes = dialect.name_bytes + dialect.size_bytes
    while len(chunks) < _MOST_CHUNKS and at + head_bytes <= length:
        head = _bytes(file, at, head_bytes)
        if len(head) < head_bytes:
            break
        name, start = head[:4], at + head_bytes
        size = int.from_bytes(head[dialect.name_bytes :], dialect.order)  # type: ignore[arg-type]
        if name != dialect.sound:
            size = max(0, size - head_bytes) if dialect.counts_head else size
            if dialect.size_bytes == 8 and size > _MOST_BYTES:
                break
            stop = start + size
            chunks.append(_Chunk(name, at, min(start, length), min(stop, length), size))
        else:
            field_full = 2 ** (8 * dialect.size_bytes) - 1
            if long and (size in (0, field_full) or long < _MOST_BYTES):
                size = long
            elif dialect.counts_head:
                size = size - head_bytes if size >= head_bytes else 0
            stop, claimed = _sound_end(file, start, size, length, dialect)
            chunks.append(_Chunk(name, at, start, stop, claimed))
        at = _next(file, stop, at, dialect)
    return chunks


def _sound_end(
    file: Bytes, start: int, size: int, length: int, dialect: _Dialect
) -> tuple[int, int | None]:
    """Where the sound ends, and how many bytes its header credibly claims."""
    there = length - start
    if size <= dialect.offset:  # nothing was filled in, or there is nothing
        if there <= dialect.offset or _ends_at(file, start + size, start, length, dialect):
            return start + min(size, there), size
        return length, None
    if size > there:
        return length, None if _is_unknown(size, there) else size
    stop = start + size
    return (stop, size) if _ends_at(file, stop, start, length, dialect) else (length, size)


def _is_unknown(size: int, there: int) -> bool:
    """Whether a size is one that stands for a length not known."""
    return size > there and (
        size > _MOST_BYTES or any(-_NEAR <= size - mark <= _NEAR for mark in _UNKNOWN)
    )


def _ends_at(file: Bytes, stop: int, start: int, length: int, dialect: _Dialect) -> bool:
    """Whether what follows the byte `stop` is no sound: a chunk, a tag, zeros or nothing."""
    rest = _bytes(file, stop, 4096)
    head_bytes = dialect.name_bytes + dialect.size_bytes
    if len(rest) < max(16, head_bytes) or rest.lstrip(b"\0").startswith(_TAGS):
        return True
    padded = _padded(stop - start, dialect.pad)
    for at in {0, padded}:
        name, field = rest[at : at + 4], rest[at + dialect.name_bytes : at + head_bytes]
        size = int.from_bytes(field, dialect.order)  # type: ignore[arg-type]
        if name in _CHUNK_NAMES:
            return True
        if all(32 <= byte < 127 for byte in name) and stop + at + size <= length + 1:
            return True
    return not any(rest) and not any(_bytes(file, stop, 1 << 20))


def _next(file: Bytes, stop: int, head: int, dialect: _Dialect) -> int:
    """Where the next chunk begins: padded as it should be, or not where the writer forgot it."""
    padded = stop + _padded(stop - head, dialect.pad)
    if dialect.pad == 2 and padded != stop:
        near = _bytes(file, stop, 5)
        if near[1:5] not in _CHUNK_NAMES and near[:4] in _CHUNK_NAMES:
            return stop
    return padded


def _padded(size: int, pad: int) -> int:
    return -size % pad


def _is_tight(chunk: _Chunk, chunks: Sequence[_Chunk], dialect: _Dialect) -> bool:
    """Whether the next chunk begins where FFmpeg looks for it."""
    later = [c.head for c in chunks if c.head > chunk.head]
    padded = chunk.stop + _padded(chunk.stop - chunk.head, dialect.pad)
    return not later or min(later) == padded


def _bytes(file: Bytes, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(max(size, 0))
