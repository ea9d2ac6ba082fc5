"""What is written comes back: same length, same place in time, same samples where they can be."""

import errno
import hashlib
import os
import resource
import struct
import subprocess
import sys

import av
import numpy as np
import pytest
import soundfile
from tests import LONG

from unweave.audio.info import Cover
from unweave.audio.reader import Reader
from unweave.audio.resampler import Resampler
from unweave.audio.tags import for_stem
from unweave.audio.writer import FORMATS, Writer, encoding
from unweave.errors import OutputError, UsageError

FRAMES = 12_345
TAGS = {
    "title": "Ünï (vocals)",
    "artist": "A & B",
    "album": "Album",
    "date": "1999",
    "track": "3/9",
    "genre": "Pop",
    "comment": "said; stem: vocals",
}
LOSSY = ["mp3", "m4a", "ogg", "opus"]


def write(path, wave, rate_hz, format, bit_depth=None, **options):
    how = encoding(format, bit_depth, rate_hz, wave.shape[0])
    with Writer(path, how, rate_hz, wave.shape[0], **options) as writer:
        for part in np.split(wave, [1, 1000, 1001, 9000], axis=1):
            writer.write(part)
    return how


def read(path):
    with Reader(path) as reader:
        wave = np.concatenate(list(reader.blocks(5000)), axis=1)
        assert reader.warnings == []
    assert reader.info.frames == wave.shape[1]
    return wave, reader.info


def at_rate(wave, from_hz, to_hz):
    resampler = Resampler(from_hz, to_hz, wave.shape[0])
    return np.concatenate([resampler.push(wave), resampler.flush()], axis=1)


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("format", "bits"), [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24)]
)
def test_lossless(tmp_path, make_wave, format, bits, channels, rate_hz):
    wave = make_wave(channels, FRAMES, rate_hz)
    how = write(tmp_path / "a", wave, rate_hz, format, bits)
    got, info = read(tmp_path / "a")
    assert (info.sample_rate_hz, info.channels, info.bits) == (rate_hz, channels, bits)
    assert info.container == how.format
    assert how.integer == (bits < 32)
    if bits == 32:
        assert np.array_equal(got, wave)
    else:
        steps = np.rint(wave.astype(np.float64) * 2 ** (bits - 1))
        assert np.array_equal(got.astype(np.float64) * 2 ** (bits - 1), steps)


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("format", LOSSY)
def test_lossy(tmp_path, make_wave, lag_of, format, channels, rate_hz):
    wave = make_wave(channels, FRAMES, rate_hz)
    how = write(tmp_path / "a", wave, rate_hz, format)
    got, info = read(tmp_path / "a")
    expected = at_rate(wave, rate_hz, how.sample_rate_hz)
    assert got.shape == expected.shape
    assert (info.sample_rate_hz, info.channels) == (how.sample_rate_hz, channels)
    assert lag_of(expected, got) == 0
    for channel in range(channels):
        assert np.corrcoef(expected[channel], got[channel])[0, 1] > 0.97
    assert bool(how.notes) == (how.sample_rate_hz != rate_hz)


@pytest.mark.parametrize("format", ["flac", *LOSSY])
@pytest.mark.parametrize("frames", [1, 2, 46, 47, 48, 960, 1152, 1153, 1161, 2325, 4000])
@pytest.mark.parametrize("silent", [False, True])
def test_every_length_is_exact(tmp_path, make_wave, format, frames, silent):
    rate_hz = 48000
    wave = make_wave(1, frames, rate_hz) * (0 if silent else 1)
    with Writer(tmp_path / "a.mp3", encoding(format, None, rate_hz, 1), rate_hz, 1) as writer:
        writer.write(wave)
    got, _ = read(tmp_path / "a.mp3")
    assert got.shape == wave.shape


MANY = [
    (3, None),
    (4, "quad"),
    (5, "5.0(side)"),
    (6, "5.1(side)"),
    (6, None),
    (7, "6.1"),
    (8, "7.1"),
    (8, None),
    (24, None),
]


@pytest.mark.parametrize(("channels", "layout"), MANY)
@pytest.mark.parametrize("format", list(FORMATS))
def test_every_channel_keeps_its_place(tmp_path, make_wave, format, channels, layout):
    wave = make_wave(channels, FRAMES, 48000)
    if channels > FORMATS[format].most_channels:
        with pytest.raises(OutputError, match="use wav"):
            encoding(format, None, 48000, channels)
        return
    write(tmp_path / "a", wave, 48000, format, layout=layout)
    got, _ = read(tmp_path / "a")
    assert got.shape == wave.shape
    lfe = 3 if channels == 6 and format == "ogg" else None
    if layout in ("5.1(side)", "7.1") and format in ("m4a", "opus"):
        lfe = 3
    for channel in range(channels):
        if channel != lfe:  # where only the low frequencies are kept
            assert np.corrcoef(wave[channel], got[channel])[0, 1] > 0.9
    others = np.corrcoef(np.concatenate([wave, got]))[:channels, channels:]
    assert [row.argmax() for i, row in enumerate(others) if i != lfe] == [
        i for i in range(channels) if i != lfe
    ]


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_tags_and_cover(tmp_path, make_wave, png, format):
    cover = Cover(png, "image/png")
    write(tmp_path / "a", make_wave(2, FRAMES, 48000), 48000, format, tags=TAGS, cover=cover)
    _, info = read(tmp_path / "a")
    assert info.tags == TAGS
    assert info.cover == (None if format == "wav" else cover)


def test_tags_of_a_stem_of_a_stem(tmp_path, make_wave):
    wave = make_wave(2, FRAMES, 48000)
    for format in FORMATS:
        write(tmp_path / "a", wave, 48000, format, tags=for_stem({"title": "Song"}, "vocals"))
        _, info = read(tmp_path / "a")
        assert info.tags == {"title": "Song (vocals)", "comment": "stem: vocals"}


@pytest.mark.parametrize("format", ["mp3", "m4a", "flac", "ogg", "opus"])
@pytest.mark.parametrize("kind", ["large jpeg", "broken", "unknown kind"])
def test_odd_covers(tmp_path, make_wave, format, kind):
    data = b"\xff\xd8\xff not a picture"
    if kind == "large jpeg":
        data = _jpeg(900)
        assert len(data) > 200_000
    cover = Cover(data, "image/tiff" if kind == "unknown kind" else "image/jpeg")
    wave = make_wave(2, FRAMES, 48000)
    write(tmp_path / "a", wave, 48000, format, tags=TAGS, cover=cover)
    got, info = read(tmp_path / "a")
    assert got.shape == wave.shape
    assert info.tags == TAGS
    if kind == "large jpeg":
        assert info.cover == cover


def _jpeg(size):
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    context = av.CodecContext.create("mjpeg", "w")
    context.width = context.height = size
    context.pix_fmt, context.time_base = "yuvj444p", 1
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj444p")
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


@pytest.mark.parametrize("format", list(FORMATS))
def test_the_same_bytes_twice(tmp_path, make_wave, png, format):
    sums = set()
    for name in ("a", "b"):
        path = tmp_path / name
        wave = make_wave(2, FRAMES, 44100)
        write(path, wave, 44100, format, tags=TAGS, cover=Cover(png, "image/png"))
        sums.add(hashlib.sha256(path.read_bytes()).hexdigest())
        assert b"unweave-" not in path.read_bytes()
        assert b"Lavf6" not in path.read_bytes()  # no version of FFmpeg either
    assert len(sums) == 1


@pytest.mark.parametrize(("format", "bits"), [("wav", 16), ("wav", 24), ("flac", 16), ("flac", 24)])
def test_integers_round_half_to_even_and_clip(tmp_path, format, bits):
    full = 2 ** (bits - 1)
    steps = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, full - 1, full, 2 * full, -full, -3 * full]])
    write(tmp_path / "a", (steps / full).astype(np.float32), 44100, format, bits)
    got, _ = read(tmp_path / "a")
    expected = [0, 2, 2, 0, -2, full - 1, full - 1, full - 1, -full, -full]
    assert (got[0].astype(np.float64) * full).tolist() == expected


def test_float_wav_keeps_what_is_above_full_scale(tmp_path):
    wave = np.array([[3.5, -7.25, 1e-30]], np.float32)
    write(tmp_path / "a", wave, 44100, "wav")
    assert np.array_equal(read(tmp_path / "a")[0], wave)


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "m4a"])
def test_libsndfile_can_read_it(tmp_path, make_wave, format):
    wave = make_wave(2, FRAMES, 48000)
    write(tmp_path / f"a.{format}", wave, 48000, format, tags=TAGS)
    got, rate_hz = soundfile.read(tmp_path / f"a.{format}", dtype="float32")
    assert rate_hz == 48000
    assert got.shape == (FRAMES, 2)
    assert np.corrcoef(wave[0, :12_000], got[:12_000, 0])[0, 1] > 0.97


@LONG
def test_past_4_gb_a_wav_is_rf64(tmp_path, monkeypatch):
    """The silence in it is not stored: the file is made with a hole."""
    gigabytes_4 = 2**32

    class Sparse:
        def __init__(self, path, _):
            self._file = open(path, "x+b", buffering=0)
            self.closed, self._end = False, 0

        def write(self, data):
            if len(data) > 10_000:  # all silence, by the block
                self._file.seek(len(data), os.SEEK_CUR)
            else:
                self._file.write(data)
            self._end = max(self._end, self._file.tell())
            return len(data)

        def seek(self, *where):
            return self._file.seek(*where)

        def tell(self):
            return self._file.tell()

        def close(self):
            if not self.closed:
                self._file.truncate(self._end)
                self._file.close()
            self.closed = True

    monkeypatch.setattr("unweave.audio.writer.open", Sparse, raising=False)
    channels, block = 16, np.zeros((16, 1 << 19), np.float32)
    blocks = gigabytes_4 // block.nbytes + 1
    path = tmp_path / "a.wav"
    with Writer(path, encoding("wav", 32, 192000, channels), 192000, channels) as writer:
        for _ in range(blocks):
            writer.write(block)
    frames = blocks * (1 << 19)
    with path.open("rb") as file:
        head = file.read(100)
    assert head[:4] == b"RF64"
    assert head[12:16] == b"ds64"
    riff, data, samples = struct.unpack_from("<QQQ", head, 20)
    assert data == frames * channels * 4
    assert samples == frames
    assert riff == path.stat().st_size - 8
    with Reader(path) as reader:
        assert reader.info.frames == frames
    assert soundfile.info(path).frames == frames


# --- what cannot be ------------------------------------------------------------------------


def test_defaults():
    assert encoding("wav", None, 44100, 2).bit_depth == 32
    assert encoding("flac", None, 44100, 2).bit_depth == 24
    assert encoding("mp3", None, 44100, 2).bit_depth is None
    assert not encoding("wav", None, 44100, 2).integer
    assert encoding("wav", 24, 44100, 2).integer
    assert not encoding("opus", None, 48000, 2).integer
    assert [encoding(f, None, 48000, 2).ext for f in FORMATS] == list(FORMATS)


@pytest.mark.parametrize(
    ("format", "rate_hz", "used_hz"),
    [
        ("mp3", 96000, 48000),
        ("mp3", 40000, 44100),
        ("mp3", 4000, 8000),
        ("m4a", 192000, 96000),
        ("m4a", 88200, 88200),
        ("opus", 44100, 48000),
        ("ogg", 384000, 192000),
        ("flac", 192000, 192000),
        ("wav", 384000, 384000),
    ],
)
def test_rates_a_format_cannot_hold(tmp_path, make_wave, format, rate_hz, used_hz):
    how = encoding(format, None, rate_hz, 2)
    assert how.sample_rate_hz == used_hz
    if used_hz == rate_hz:
        assert how.notes == ()
    else:
        assert how.notes == (f"{format} cannot hold {rate_hz} Hz; resampled to {used_hz} Hz",)
    write(tmp_path / "a", make_wave(2, FRAMES, rate_hz), rate_hz, format)
    assert read(tmp_path / "a")[1].sample_rate_hz == used_hz


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("aiff", None, 44100, 2), UsageError, "choose one of wav, flac, mp3, m4a, ogg, opus"),
        (("mp3", 16, 44100, 2), UsageError, "has no bit depth"),
        (("flac", 32, 44100, 2), UsageError, "choose one of 16, 24"),
        (("wav", 8, 44100, 2), UsageError, "choose one of 16, 24, 32"),
        (("mp3", None, 44100, 3), OutputError, "holds at most 2 channels, not 3; use wav"),
        (("flac", None, 44100, 9), OutputError, "holds at most 8 channels, not 9; use wav"),
        (("wav", None, 44100, 0), OutputError, "channels"),
    ],
)
def test_refused_before_any_work(arguments, error, says):
    with pytest.raises(error, match=says) as caught:
        encoding(*arguments)
    assert len(str(caught.value).splitlines()) == 1


# --- a file is there when it is whole ------------------------------------------------------


def writer_of(path, format="wav"):
    return Writer(path, encoding(format, None, 44100, 2), 44100, 2)


def test_hidden_until_committed(tmp_path, make_wave):
    path = tmp_path / "new" / "folders" / "a.wav"
    writer = writer_of(path)
    writer.write(make_wave(2, 1000))
    writer.close()
    writer.close()
    (hidden,) = path.parent.iterdir()
    assert hidden == writer.hidden.path
    assert hidden.name.startswith(".")
    assert "partial" in hidden.name
    writer.commit()
    assert list(path.parent.iterdir()) == [path]
    writer.discard()
    assert read(path)[0].shape == (2, 1000)


@pytest.mark.parametrize("format", list(FORMATS))
def test_discarded_leaves_nothing(tmp_path, make_wave, format):
    (tmp_path / "a").write_bytes(b"old")
    writer = writer_of(tmp_path / "a", format)
    writer.write(make_wave(2, 30_000))
    writer.discard()
    writer.discard()
    del writer
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_an_error_on_the_way_leaves_nothing(tmp_path, make_wave):
    def interrupted():
        with writer_of(tmp_path / "a.wav") as writer:
            writer.write(make_wave(2, 1000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_existing_file_is_replaced_at_the_end(tmp_path, make_wave):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with writer_of(path) as writer:
        writer.write(make_wave(2, 1000))
        assert path.read_bytes() == b"old"
    assert read(path)[0].shape == (2, 1000)


def test_permissions_are_those_of_any_new_file(tmp_path, make_wave):
    with writer_of(tmp_path / "a.wav") as writer:
        writer.write(make_wave(2, 10))
    (tmp_path / "b").touch()
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_misuse_is_refused(tmp_path, make_wave):
    writer = writer_of(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="close the writer"):
        writer.commit()
    with pytest.raises(ValueError, match=r"must be \(2, time\)"):
        writer.write(make_wave(3, 10))
    writer.discard()
    with pytest.raises(ValueError, match="is discarded"):
        writer.write(make_wave(2, 10))


def refused(path, format="wav"):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 50_000)).astype(np.float32)

    def attempt():
        with writer_of(path, format) as writer:
            for _ in range(9):
                writer.write(wave)

    with pytest.raises(OutputError) as caught:
        attempt()
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert len(line.splitlines()) == 1
    return line


def test_folder_in_the_way(tmp_path):
    (tmp_path / "a.wav").mkdir()
    assert "is a folder" in refused(tmp_path / "a.wav")
    assert os.listdir(tmp_path) == ["a.wav"]


def test_folder_that_appears_meanwhile(tmp_path, make_wave):
    writer = writer_of(tmp_path / "a.wav")
    writer.close()
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        writer.commit()
    assert os.listdir(tmp_path) == ["a.wav"]


def test_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert "is a file, not a folder" in refused(tmp_path / "a" / "b.wav")
    assert "is a file, not a folder" in refused(tmp_path / "a" / "c" / "b.wav")


def test_name_too_long(tmp_path):
    assert "name is too long" in refused(tmp_path / ("n" * 300) / "a.wav")


def test_folder_without_permission(open_folder, ordinary_user):
    open_folder.chmod(0o555)
    with ordinary_user():
        assert "permission denied" in refused(open_folder / "a.wav")


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "the disk does not answer"),
    ],
)
@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_disk_that_fails(tmp_path, monkeypatch, format, code, says, limit):
    """The disk takes `limit` bytes and no more."""

    def opening(path, mode):
        if limit == 0 and code != errno.ENOSPC:
            raise OSError(code, os.strerror(code))
        return Limited(open(path, mode, buffering=0))

    class Limited:
        def __init__(self, file):
            self._file = file

        def write(self, data):
            if self._file.tell() + len(data) > limit:
                raise OSError(code, os.strerror(code))
            return self._file.write(data)

        def __getattr__(self, name):
            return getattr(self._file, name)

    monkeypatch.setattr("unweave.core.atomic.open", opening, raising=False)
    assert says in refused(tmp_path / f"a.{format}", format)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_real_limit_of_the_system(tmp_path, format):
    """The kernel itself refuses to let the file grow: an error from below, not from a test."""
    script = (
        "import resource, sys, numpy as np; from pathlib import Path\n"
        "from unweave.audio.writer import Writer, encoding\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        "wave = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 50_000)).astype(np.float32)\n"
        "with Writer(Path(sys.argv[1]), encoding(sys.argv[2], None, 44100, 2), 44100, 2) as w:\n"
        "    for _ in range(9): w.write(wave)\n"
    )
    path = tmp_path / f"a.{format}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), format], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"OutputError: {path}: cannot be written: the file is too big" in done.stderr
    assert os.listdir(tmp_path) == []


def test_memory_does_not_grow_with_length(tmp_path):
    """Reading and writing ten times more takes no more memory."""
    block = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1 << 16)).astype(np.float32)

    def peak(format, blocks):
        with writer_of(tmp_path / "a", format) as writer:
            for _ in range(blocks):
                writer.write(block)
        with Reader(tmp_path / "a") as reader:
            for _ in reader.blocks(1 << 16):
                pass
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for format in ("wav", "flac"):
        small = peak(format, 20)
        assert peak(format, 200) < small + 30_000  # kilobytes; the sound itself has 100 000
