"""Headers that mislead: every file gives the samples that are in it, and no false alarm."""

import io
import struct

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unweave.audio import chunks, links, mp4, mpeg
from unweave.audio.ogg import ogg_crc
from unweave.audio.reader import Reader, probe
from unweave.audio.splice import Spliced, Stretch
from unweave.audio.writer import Writer, encoding
from unweave.datasets import _audio
from unweave.errors import InputError

FRAMES = 4001
VALUES = np.random.default_rng(0).integers(-(2**31), 2**31, (FRAMES, 2), dtype=np.int64)
GUID_TAIL = bytes.fromhex("00001000800000aa00389b71")


def read(path, stream=None):
    with Reader(path, stream) as reader:
        return np.concatenate(list(reader.blocks(1000)), axis=1), reader.warnings


def chunk(name, content, order="<", size=None):
    size = len(content) if size is None else size
    return name + struct.pack(order + "I", size) + content + bytes(len(content) % 2)


def integers(valid, stored, order="<"):
    """Random samples of `valid` bits at the top of `stored` bits, as bytes and as the truth."""
    values = VALUES >> (32 - valid) << (32 - valid)
    truth = (values / 2.0**31).astype(np.float32).T
    if stored == 8:
        return ((values >> 24) + 128).astype(np.uint8).tobytes(), truth
    kind = ">i8" if order == ">" else "<i8"
    wide = (values >> (32 - stored) if stored < 32 else values << (stored - 32)).astype(kind)
    raw = wide.reshape(-1, 1).view(np.uint8)
    width = stored // 8
    return (raw[:, 8 - width :] if order == ">" else raw[:, :width]).tobytes(), truth


def form(bits, align, *, codec=1, order="<", valid=None):
    plain = struct.pack(
        order + "HHIIHH", codec if valid is None else 0xFFFE, 2, 44100, 44100 * align, align, bits
    )
    if valid is None:
        return chunk(b"fmt ", plain, order)
    guid = struct.pack(order + "IHH", codec, 0, 0x10) + GUID_TAIL[4:]
    return chunk(b"fmt ", plain + struct.pack(order + "HHI", 22, valid, 3) + guid, order)


def riff(*parts, order="<", name=None):
    body = b"WAVE" + b"".join(parts)
    return (
        (name or (b"RIFF" if order == "<" else b"RIFX"))
        + struct.pack(order + "I", len(body))
        + body
    )


PAIRS = [
    (valid, stored)
    for stored in (8, 16, 24, 32)
    for valid in (8, 12, 16, 20, 24, 32)
    if valid <= stored
]


@pytest.mark.parametrize("extensible", [True, False])
@pytest.mark.parametrize(("valid", "stored"), PAIRS)
def test_any_number_of_valid_bits_in_any_width(tmp_path, valid, stored, extensible):
    data, truth = integers(valid, stored)
    head = (
        form(stored, 2 * stored // 8, valid=valid)
        if extensible
        else form(valid, 2 * stored // 8)  # the width shows in the size of a frame alone
    )
    path = tmp_path / "a.wav"
    path.write_bytes(riff(head, chunk(b"data", data)))
    got, warnings = read(path)
    assert np.array_equal(got, truth)
    assert warnings == []
    info = probe(path)
    assert (info.frames, info.bits) == (FRAMES, valid)
    assert _audio.header(path).samples == FRAMES
    assert np.array_equal(_audio.read(path, 100, 50), truth[:, 100:150])


@pytest.mark.parametrize("valid", [None, 16])
@pytest.mark.parametrize("stored", [8, 16, 24, 32])
def test_big_endian_wav_of_integers(tmp_path, stored, valid):
    bits = min(stored, valid or stored)
    data, truth = integers(bits, stored, ">")
    path = tmp_path / "a.wav"
    head = form(stored, stored // 4, order=">", valid=None if valid is None else bits)
    path.write_bytes(riff(head, chunk(b"data", data, ">"), order=">"))
    got, warnings = read(path)
    assert np.array_equal(got, truth)
    assert warnings == []
    assert np.array_equal(_audio.read(path, 7, 90), truth[:, 7:97])


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "ULAW", "ALAW", "PCM_24"])
def test_big_endian_wav_of_libsndfile(tmp_path, make_wave, subtype):
    path = tmp_path / "a.wav"
    soundfile.write(path, make_wave(2, 999).T, 44100, subtype, "BIG", "WAV")
    assert path.read_bytes()[:4] == b"RIFX"
    truth, _ = soundfile.read(path, dtype="float32")
    assert np.array_equal(read(path)[0], truth.T)


def test_big_endian_wav_of_another_codec_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(
        riff(form(4, 256, codec=2, order=">"), chunk(b"data", bytes(512), ">"), order=">")
    )
    with pytest.raises(
        InputError, match=r"a\.wav: is a big-endian WAV \(RIFX\) with the codec 0x2"
    ):
        read(path)


# --- lengths -------------------------------------------------------------------------------

SUBTYPES = [
    *[("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW")],
    *[(kind, "PCM_24") for kind in ("WAVEX", "RF64", "W64", "AIFF", "CAF", "AU")],
    ("CAF", "FLOAT"),
    ("CAF", "ULAW"),
    ("AIFF", "ULAW"),
]


@pytest.mark.parametrize(("kind", "subtype"), SUBTYPES)
@pytest.mark.parametrize("cut", [1000, 1001])
def test_what_ends_early_is_said(tmp_path, make_wave, kind, subtype, cut):
    path = tmp_path / "a"
    soundfile.write(path, make_wave(2, FRAMES).T, 44100, subtype, format=kind)
    whole, warnings = read(path)
    assert (whole.shape[1], warnings, probe(path).frames) == (FRAMES, [], FRAMES)
    path.write_bytes(path.read_bytes()[:-cut])
    got, (warning,) = read(path)
    assert np.array_equal(got, whole[:, : got.shape[1]])
    assert 0 < FRAMES - got.shape[1] <= 1001
    lost_s = (FRAMES - got.shape[1]) / 44100
    assert f"{lost_s:.2f} s of its {FRAMES / 44100:.2f} s are missing" in warning


UNKNOWN = [0, 0x7F000000, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF]


@pytest.mark.parametrize("size", UNKNOWN)
@pytest.mark.parametrize("codec", [1, 7])
def test_wav_of_unknown_length(tmp_path, size, codec):
    data, truth = integers(16, 16)
    bits, fact = 16, b""
    if codec == 7:
        data, bits, fact = data[: 2 * FRAMES], 8, chunk(b"fact", struct.pack("<I", size))
    path = tmp_path / "a.wav"
    path.write_bytes(
        riff(form(bits, bits // 4, codec=codec), fact, chunk(b"data", data, "<", size))
    )
    got, warnings = read(path)
    assert warnings == []
    assert got.shape[1] == probe(path).frames == _audio.header(path).samples == FRAMES
    if codec == 1:
        assert np.array_equal(got, truth)


def aiff(data, frames, size, extra=b""):
    common = struct.pack(">hIh", 2, frames, 16) + bytes.fromhex("400eac44000000000000")
    body = (
        b"AIFF" + chunk(b"COMM", common, ">") + chunk(b"SSND", bytes(8) + data, ">", size) + extra
    )
    return b"FORM" + struct.pack(">I", len(body)) + body


@pytest.mark.parametrize("size", UNKNOWN)
def test_aiff_of_unknown_length(tmp_path, size):
    data, truth = integers(16, 16, ">")
    path = tmp_path / "a.aiff"
    path.write_bytes(aiff(data, size // 4, size + 8 if 0 < size < 2**31 - 1 else size))
    got, warnings = read(path)
    assert np.array_equal(got, truth)
    assert warnings == []
    assert probe(path).frames == FRAMES


@pytest.mark.parametrize("size", [0, 24, 0x7FFFF000, 2**63 - 1, 2**64 - 1])
def test_w64_of_unknown_length(tmp_path, make_wave, size):
    path = tmp_path / "a.w64"
    soundfile.write(path, make_wave(2, FRAMES).T, 44100, "PCM_16", format="W64")
    whole, _ = read(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 16
    data[at : at + 8] = size.to_bytes(8, "little")
    path.write_bytes(data)
    got, warnings = read(path)
    assert np.array_equal(got, whole)
    assert warnings == []
    info = probe(path)
    assert (info.frames, info.container) == (FRAMES, "w64")


@pytest.mark.parametrize("claimed", [4, 1000, 8000])
def test_a_size_that_is_too_small_loses_nothing(tmp_path, claimed):
    data, truth = integers(16, 16)
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(16, 4), chunk(b"data", data, "<", claimed)))
    got, (warning,) = read(path)
    assert np.array_equal(got, truth)
    assert "holds 0.09 s of sound, " in warning
    assert probe(path).frames == _audio.header(path).samples == FRAMES
    big, truth = integers(16, 16, ">")
    path.write_bytes(aiff(big, claimed // 4, claimed + 8))
    got, (warning,) = read(path)
    assert np.array_equal(got, truth)
    assert "holds 0.09 s of sound, " in warning


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b"\0" * 3,
        bytes(5000),
        b"TAG" + bytes(125),
        chunk(b"LIST", b"INFO" + chunk(b"INAM", b"name")),
        chunk(b"Xyz1", bytes(100)),
    ],
)
def test_what_follows_the_sound_and_is_none_stays_out(tmp_path, behind):
    data, truth = integers(16, 16)
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(16, 4), chunk(b"data", data)) + behind)
    got, warnings = read(path)
    assert np.array_equal(got, truth)
    assert warnings == []


def test_a_second_chunk_of_sound_is_used(tmp_path):
    data, truth = integers(16, 16)
    path = tmp_path / "a.wav"
    path.write_bytes(riff(form(16, 4), chunk(b"data", data[:8000]), chunk(b"data", data[8000:])))
    got, (warning,) = read(path)
    assert np.array_equal(got, truth)
    assert "by its header; all of it is used" in warning
    assert np.array_equal(_audio.read(path, 1900, 200), truth[:, 1900:2100])


@pytest.mark.parametrize(
    "head",
    [b"ID3\x03\0\0\0\0\0\x0a" + bytes(10), b""],
)
@pytest.mark.parametrize("note", [struct.pack("<4sI", b"LIST", 5) + b"INFO\0", b""])
def test_tags_in_front_and_chunks_without_padding(tmp_path, head, note):
    data, truth = integers(24, 24)
    path = tmp_path / "a.wav"
    path.write_bytes(head + riff(form(24, 6), note, chunk(b"data", data)))
    got, warnings = read(path)
    assert np.array_equal(got, truth)
    assert warnings == []


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *[("WAV", subtype) for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610")],
        ("CAF", "ALAC_16"),
        ("AIFF", "IMA_ADPCM"),
    ],
)
def test_codecs_of_blocks_have_one_length(tmp_path, make_wave, kind, subtype):
    path = tmp_path / "a.wav"  # the datasets' reader goes by the name
    soundfile.write(path, make_wave(1, FRAMES).T, 44100, subtype, format=kind)
    got, warnings = read(path)
    assert warnings == []
    assert FRAMES <= got.shape[1] < FRAMES + 2048
    assert got.shape[1] == probe(path).frames == _audio.header(path).samples
    assert np.allclose(_audio.read(path, 2000, 500), got[:, 2000:2500], atol=5e-3)


# --- MP3 -----------------------------------------------------------------------------------

LENGTH = 60_000


@pytest.fixture(scope="module")
def mp3(tmp_path_factory, make_wave):
    """An MP3 of 60000 samples with a LAME tag, without ID3."""
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    soundfile.write(path, make_wave(2, LENGTH).T, 44100, subtype="MPEG_LAYER_III")
    data = path.read_bytes()
    return data[mpeg.facts(io.BytesIO(data)).start :]


def tagged(data, *, frames=None, size=None, flags=None):
    """The MP3 with other fields in its Xing tag."""
    made = bytearray(data)
    at = mpeg.facts(io.BytesIO(data)).tag
    for value, place in ((flags, 4), (frames, 8), (size, 12)):
        if value is not None:
            made[at + place : at + place + 4] = value.to_bytes(4, "big")
    return bytes(made)


def count(data):
    at = mpeg.facts(io.BytesIO(data)).tag
    return int.from_bytes(data[at + 8 : at + 12], "big")


CHANGES = {
    "none": lambda d: d,
    "no frames": lambda d: tagged(d, frames=0),
    "one too few": lambda d: tagged(d, frames=count(d) - 1),
    "three too few": lambda d: tagged(d, frames=count(d) - 3),
    "half": lambda d: tagged(d, frames=count(d) // 2),
    "a million": lambda d: tagged(d, frames=10**6),
    "all bits": lambda d: tagged(d, frames=2**32 - 1),
    "flag of the count cleared": lambda d: tagged(d, flags=14),
    "two ID3": lambda d: id3(b"Info Xing") + id3(b"LAME") + d,
    "ID3 too large": lambda d: b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + d,
    "junk in front": lambda d: bytes(500) + d,
    "APE behind": lambda d: d + b"APETAGEX" + bytes(3000),
}


def id3(text):
    return b"ID3\x03\0\0\0\0\0" + bytes([len(text)]) + text


@pytest.mark.parametrize("change", CHANGES)
def test_mp3_with_any_count_keeps_its_length(tmp_path, mp3, change, make_wave, lag_of):
    path = tmp_path / "a.mp3"
    path.write_bytes(CHANGES[change](mp3))
    got, warnings = read(path)
    assert got.shape == (2, LENGTH)
    assert warnings == []
    assert lag_of(make_wave(2, LENGTH), got) == 0
    info = probe(path)
    assert info.frames in (None, LENGTH)
    assert LENGTH <= info.most_frames < LENGTH + 4 * 1152
    assert _audio.header(path).samples == LENGTH


def test_mp3_of_free_format_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes((b"\xff\xfb\x00\x64" + bytes(413)) * 50)
    with pytest.raises(InputError, match=r"a\.mp3: is a free-format MP3, which is not read"):
        read(path)


@pytest.mark.parametrize("word", [b"Info", b"Xing"])
def test_words_in_id3_are_no_count(tmp_path, make_wave, ffmpeg_file, word):
    path = tmp_path / "a.mp3"
    options = {"write_xing": "0", "id3v2_version": "0"}
    ffmpeg_file(path, "mp3", "libmp3lame", 44100, make_wave(2, LENGTH), muxer_options=options)
    plain, _ = read(path)
    path.write_bytes(id3(b"x") + id3(word + b"\0\0\0\x01" + b"\x7f" * 9) + path.read_bytes())
    got, warnings = read(path)
    assert np.array_equal(got, plain)
    assert warnings == []
    assert probe(path).frames is None
    assert probe(path).most_frames == got.shape[1]


# --- chained Ogg ---------------------------------------------------------------------------


def ogg(path, wave, rate_hz, kind):
    with Writer(path, encoding(kind, None, rate_hz, len(wave)), rate_hz, len(wave)) as writer:
        writer.write(wave)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["opus", "ogg"])
@pytest.mark.parametrize("lengths", [(4800, 48000), (48000, 4801), (5000, 300, 20000)])
def test_all_links_of_an_ogg_are_decoded(tmp_path, make_wave, kind, lengths):
    path = tmp_path / f"a.{kind}"
    parts = [
        ogg(path, make_wave(2, frames, 48000, seed), 48000, kind)
        for seed, frames in enumerate(lengths)
    ]
    alone = []
    for part in parts:
        path.write_bytes(part)
        alone.append(read(path)[0])
    path.write_bytes(b"".join(parts))
    got, warnings = read(path)
    assert np.array_equal(got, np.concatenate(alone, axis=1))
    assert warnings == []
    assert got.shape[1] == sum(lengths) == probe(path).frames == _audio.header(path).samples


def test_links_of_other_rates_channels_and_codecs(tmp_path, make_wave):
    path = tmp_path / "a.ogg"
    data = ogg(path, make_wave(2, 44100), 44100, "ogg")
    data += ogg(path, make_wave(1, 22050, 22050), 22050, "ogg")
    data += ogg(path, make_wave(2, 48000, 48000), 48000, "opus")
    path.write_bytes(data)
    got, warnings = read(path)
    assert got.shape == (2, 3 * 44100)
    assert np.array_equal(got[0, 44100:88200], got[1, 44100:88200])
    assert sum("changes to" in warning for warning in warnings) == len(warnings) == 2
    assert probe(path).frames == 3 * 44100


def shifted(data, samples):
    """The Ogg file with all timestamps of sound later by that many samples."""
    made, at = bytearray(data), 0
    while at < len(made):
        size = 27 + made[at + 26] + sum(made[at + 27 : at + 27 + made[at + 26]])
        granule = int.from_bytes(made[at + 6 : at + 14], "little", signed=True)
        if granule > 0:
            made[at + 6 : at + 14] = (granule + samples).to_bytes(8, "little")
        made[at + 22 : at + 26] = bytes(4)
        made[at + 22 : at + 26] = ogg_crc(bytes(made[at : at + size])).to_bytes(4, "little")
        at += size
    return bytes(made)


def test_ogg_that_starts_late_on_its_clock_misses_nothing(tmp_path, make_wave):
    path = tmp_path / "a.opus"
    data = ogg(path, make_wave(2, 150_000, 48000), 48000, "opus")
    whole, _ = read(path)
    path.write_bytes(shifted(data, 480_000))
    got, warnings = read(path)
    assert warnings == []
    assert abs(got.shape[1] - whole.shape[1]) <= 960
    assert probe(path).frames in (None, got.shape[1])


# --- MP4 and films -------------------------------------------------------------------------


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 2**62, 16, 9])
@pytest.mark.parametrize("kind", [b"mdat", b"moov", b"free"])
def test_boxes_larger_than_any_file(tmp_path, kind, size):
    path = tmp_path / "a.mp4"
    wide = struct.pack(">I4sQ", 1, kind, size)
    path.write_bytes(box(b"ftyp", b"M4A \0\0\0\0") + wide + bytes(64))
    with pytest.raises(InputError, match=r"a\.mp4: "):
        probe(path)


def delayed(path, make_wave, rate_hz, start, video=True, muxer="mp4"):
    """A film of a second whose sound starts `start` samples late."""
    with av.open(str(path), "w", format=muxer) as out:
        picture = out.add_stream("mpeg4", rate=25) if video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("aac", rate=rate_hz, layout="stereo")
        if picture is not None:
            for _ in range(25):
                image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
                out.mux(picture.encode(image))
            out.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(make_wave(2, rate_hz).T).reshape(1, -1), "flt", "stereo"
        )
        frame.sample_rate, frame.pts = rate_hz, start
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "mpegts"])
def test_sound_that_starts_late_is_said(tmp_path, make_wave, muxer):
    path = tmp_path / "film"
    delayed(path, make_wave, 48000, 24000, muxer=muxer)
    with Reader(path) as reader:
        (note,) = reader.warnings
    assert "its sound starts 0." in note
    late_s = float(note.split("starts ")[1].split(" s ")[0])
    assert abs(late_s - 0.5) < 0.1
    delayed(path, make_wave, 48000, 0, muxer=muxer)
    with Reader(path) as reader:
        assert reader.warnings == []


def test_the_first_stream_that_can_be_decoded_is_taken(tmp_path, make_wave, ffmpeg_file):
    path = tmp_path / "a.mkv"
    first, second = make_wave(1, FRAMES), make_wave(1, FRAMES, seed=1)
    ffmpeg_file(path, "matroska", "flac", 44100, first, more=(second,), sample_format="s16")
    whole, warnings = read(path, 1)
    assert warnings == []
    assert read(path)[1] == []
    data = path.read_bytes()
    path.write_bytes(data.replace(b"A_FLAC", b"A_XXXX", 1))
    got, (note,) = read(path)
    assert np.array_equal(got, whole)
    assert "has 2 streams of sound; number 2, " in note
    with pytest.raises(InputError, match="its codec is unknown"):
        read(path, 0)


@pytest.mark.parametrize(
    "tag",
    [
        f" 00000000 {1024:08X} {100:08X} {FRAMES:016X}",
        f" 00000000 {2112:08X} {500:08X} {10 * FRAMES:016X}",
        f" 00000000 {0:08X} {0:08X} {0:016X}",
        " 00000000 zzz",
    ],
)
def test_itunes_counts_of_other_media_are_not_believed(tag):
    assert mp4.itunes_counts(tag, 9216) is None


# --- Broadcast WAV -------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_stems_keep_their_place_on_the_timeline(tmp_path, make_wave, bits):
    path, wave = tmp_path / "a.wav", make_wave(2, 500)
    tags = {
        "title": "t",
        "comment": "take 3",
        "time_reference": str(2**33 + 7),
        "originator_reference": "REF",
        "date": "2020-01-02",
        "umid": "0x" + "01" * 64,
        "coding_history": "A=MPEG1L3",
    }
    how = encoding("wav", bits, 44100, 2)
    with Writer(path, how, 44100, 2, tags=tags) as writer:
        writer.write(wave)
    with av.open(str(path)) as file:
        found = dict(file.metadata)
    assert found["time_reference"] == str(2**33 + 7)
    assert (found["originator_reference"], found["date"]) == ("REF", "2020-01-02")
    assert found["comment"] == "take 3"
    assert not {"umid", "coding_history"} & set(found)
    assert probe(path).tags["time_reference"] == str(2**33 + 7)
    assert np.abs(read(path)[0] - wave).max() <= 2.0**-15
    del tags["time_reference"]
    with Writer(tmp_path / "b.wav", how, 44100, 2, tags=tags) as writer:
        writer.write(wave)
    assert b"bext" not in (tmp_path / "b.wav").read_bytes()


# --- anything at all -----------------------------------------------------------------------


def seeds():
    """Small good headers of every kind."""
    data, _ = integers(16, 16)
    yield riff(form(16, 4), chunk(b"data", data[:400]))
    yield riff(form(24, 8, valid=24), chunk(b"fact", bytes(4)), chunk(b"data", data[:400]))
    yield riff(form(16, 4, order=">"), chunk(b"data", data[:400], ">"), order=">")
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 500, 400, 100, 0))
    yield riff(ds64, form(16, 4), chunk(b"data", data[:400], "<", 2**32 - 1), name=b"RF64")
    yield aiff(data[:400], 100, 408)
    about = struct.pack(">d4sIIIII", 44100, b"lpcm", 0, 4, 1, 2, 16)
    yield (
        b"caff\0\1\0\0desc"
        + struct.pack(">Q", 32)
        + about
        + b"data"
        + struct.pack(">Q", 404)
        + data[:404]
    )
    yield b".snd" + struct.pack(">IIIII", 24, 400, 3, 44100, 2) + data[:400]
    head = bytearray(b"\xff\xfb\x90\x64" + bytes(413))
    yield id3(b"x") + bytes(head) * 6
    head[36:56] = b"Info" + struct.pack(">IIII", 15, 5, 2500, 0)
    yield bytes(head) + (b"\xff\xfb\x90\x64" + bytes(413)) * 5
    mdhd = box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 44100, 1000, 0))
    hdlr = box(b"hdlr", bytes(8) + b"soun" + bytes(12))
    stts = box(b"stbl", box(b"stts", struct.pack(">IIII", 0, 1, 1, 1024)))
    edits = box(b"edts", box(b"elst", struct.pack(">IIIII", 0, 1, 900, 100, 0)))
    trak = box(b"trak", edits + box(b"mdia", mdhd + hdlr + box(b"minf", stts)))
    yield box(b"ftyp", b"M4A ") + box(b"moov", box(b"mvhd", bytes(100)) + trak)
    page = bytearray(struct.pack("<4sBBqIIIB", b"OggS", 0, 2, 0, 1, 0, 0, 1) + b"\x05hello")
    page[22:26] = ogg_crc(bytes(page)).to_bytes(4, "little")
    yield bytes(page) * 3


SEEDS = list(seeds())


@st.composite
def mutated(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data) - 1))
        new = draw(
            st.binary(min_size=1, max_size=8)
            | st.sampled_from([b"\xff" * 4, bytes(8), b"\x7f" * 4])
        )
        data[at : at + len(new)] = new
    return bytes(data[: draw(st.integers(1, len(data)))])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300) | mutated())
def test_any_header_gives_an_answer_or_one_error(data):
    try:
        found = chunks.layout(io.BytesIO(data))
    except InputError:
        found = None
    if found is not None:
        assert found.frames is None or found.frames >= 0
        if found.pieces is not None:
            mended = Spliced(io.BytesIO(data), found.pieces)
            size = mended.seek(0, io.SEEK_END)
            assert size <= 2 * len(data) + 1000
            mended.seek(0)
            again = chunks.layout(io.BytesIO(mended.read()))
            assert again is not None
            assert again.pieces is None or found.container != "wav"
    facts = mpeg.facts(io.BytesIO(data))
    assert facts is None or facts.counted <= 1152 * len(data)
    assert all(0 <= start <= end <= len(data) for start, end in links.links(data))
    links.vorbis_on_one_page(io.BytesIO(data))
    links.ends_early(io.BytesIO(data))
    mp4.is_protected(data)
    mp4.lacks_index(data)
    assert len(mp4.sounds(data)) <= len(data)
    assert mp4.length(data, 0, 7, 44100) > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=mutated())
def test_any_file_gives_samples_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(data)
    try:
        got, warnings = read(path)
    except InputError as error:
        warnings = [str(error)]
    else:
        assert got.shape[1] > 0
    assert all(w.startswith(f"{path}: ") and len(w.splitlines()) == 1 for w in warnings)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=9) | st.tuples(st.integers(0, 60), st.integers(0, 70))),
    st.integers(1, 8),
    st.integers(0, 80),
)
def test_spliced_reads_like_the_bytes_it_stands_for(parts, swap, at):
    data = bytes(range(70))
    pieces = [p if isinstance(p, bytes) else Stretch(p[0], max(p), swap) for p in parts]
    expected = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            expected += piece
        else:
            part = data[piece.start : piece.stop]
            whole = len(part) // swap * swap
            expected += b"".join(part[n : n + swap][::-1] for n in range(0, whole, swap))
    made = Spliced(io.BytesIO(data), pieces)
    assert made.read() == expected
    made.seek(at)
    assert made.read() == expected[at:]
    made.seek(0)
    assert io.BufferedReader(made).read() == expected
