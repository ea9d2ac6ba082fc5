"""The table of bad inputs: each gives the right result, or one line that says what to do."""

import os
import random
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave.audio.reader import Cover, Reader, probe
from unweave.audio.writer import Writer, encoding
from unweave.errors import InputError

FRAMES = 100_000


def read(path):
    with Reader(path) as reader:
        blocks = list(reader.blocks(1 << 16))
        return np.concatenate(blocks, axis=1), reader.warnings


def refused(path):
    """The one line that says why `path` cannot be read."""
    with pytest.raises(InputError) as caught:
        read(path)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    with pytest.raises(InputError):
        probe(path)
    return line


@pytest.fixture(scope="module")
def whole(tmp_path_factory, make_wave, png):
    """A good file of every format we write, with tags and a cover: name -> bytes."""
    folder = tmp_path_factory.mktemp("whole")
    wave = make_wave(2, FRAMES)
    files = {}
    for name in ("wav", "flac", "mp3", "m4a", "ogg", "opus"):
        path = folder / f"a.{name}"
        how, cover = encoding(name, None, 44100, 2), Cover(png, "image/png")
        with Writer(path, how, 44100, 2, tags={"title": "t"}, cover=cover) as writer:
            writer.write(wave)
        files[name] = path.read_bytes()
    return files


# --- what is no sound at all ---------------------------------------------------------------

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n"
NOISE = random.Random(0).randbytes(100_000)
NOT_SOUND = {
    "empty.wav": (b"", "is empty"),
    "text.mp3": (b"These are only words.\n" * 1000, "cannot be read as sound"),
    "page.mp3": (b"<!DOCTYPE html><html>404 not found</html>\n" * 50, "cannot be read as sound"),
    "short.mp3": (b"hi", "cannot be read as sound"),
    "noise.wav": (NOISE, "cannot be read as sound"),
    "noise.mp3": (NOISE, "nothing in it can be decoded"),
    "zeros.flac": (bytes(50_000), "holds no sound"),
    "riff.wav": (b"RIFF\x24\0\0\0WAVE", "cannot be read as sound"),
    "list.m3u8": (PLAYLIST % b"a.wav", "cannot be read as sound"),
    "list.mp3": (PLAYLIST % b"http://127.0.0.1:1/a.mp3", "cannot be read as sound"),
    "list.ffconcat": (b"ffconcat version 1.0\nfile 'a.wav'\n", "cannot be read as sound"),
    "call.sdp": (
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "cannot be read as sound",
    ),
}


@pytest.mark.parametrize("name", NOT_SOUND)
def test_not_sound(tmp_path, whole, name):
    (tmp_path / "a.wav").write_bytes(whole["wav"])  # what the playlists would open
    data, reason = NOT_SOUND[name]
    (tmp_path / name).write_bytes(data)
    line = refused(tmp_path / name)
    assert line.startswith(f"{tmp_path / name}: ")
    assert reason in line


def test_playlist_with_absolute_names(tmp_path, whole):
    (tmp_path / "a.wav").write_bytes(whole["wav"])
    target = os.fsencode(tmp_path / "a.wav")
    for name, data in (
        ("a.m3u8", PLAYLIST % (b"file://" + target)),
        ("b.wav", b"ffconcat version 1.0\nfile '" + target + b"'\n"),
    ):
        (tmp_path / name).write_bytes(data)
        assert "cannot be read as sound" in refused(tmp_path / name)


def test_missing(tmp_path):
    assert "no such file" in refused(tmp_path / "none.wav")


def test_folder(tmp_path):
    assert "is a folder" in refused(tmp_path)


def test_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in refused(tmp_path / "pipe.wav")


def test_name_with_a_nul():
    assert "not a possible file name" in refused(Path("a\0b.wav"))


def test_symlinks_in_a_circle(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    assert "lead in a circle" in refused(tmp_path / "a.wav")


def test_unreadable(open_folder, ordinary_user, whole):
    path = open_folder / "a.wav"
    path.write_bytes(whole["wav"])
    path.chmod(0)
    with ordinary_user():
        assert "permission denied" in refused(path)


def test_unreadable_as_the_system_says_it(tmp_path, whole, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(whole["wav"])

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("unweave.audio.container.Seekable", denied)
    assert "permission denied" in refused(path)


@pytest.mark.parametrize(("kind", "name"), [("WAV", "a.wav"), ("AIFF", "a.aiff"), ("OGG", "a.ogg")])
def test_zero_samples(tmp_path, kind, name):
    soundfile.write(tmp_path / name, np.zeros((0, 2)), 44100, format=kind)
    assert "holds no sound (0 samples)" in refused(tmp_path / name)


def test_only_a_picture(tmp_path, png):
    (tmp_path / "a.mp3").write_bytes(png)
    assert "cannot be read as sound" in refused(tmp_path / "a.mp3")


@pytest.mark.parametrize(("muxer", "name"), [("mp4", "a.mp4"), ("matroska", "a.mkv")])
def test_only_moving_pictures(tmp_path, muxer, name):
    import av

    with av.open(str(tmp_path / name), "w", format=muxer) as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            out.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24"))
            )
        out.mux(stream.encode(None))
    assert "has no sound in it" in refused(tmp_path / name)


# --- protected or unknown ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [b"drms", b"enca", b"aavd"])
def test_protected(tmp_path, whole, kind):
    data = whole["m4a"]
    assert data.count(b"mp4a" + bytes(6)) == 1
    (tmp_path / "a.m4p").write_bytes(data.replace(b"mp4a" + bytes(6), kind + bytes(6)))
    assert "is protected (DRM)" in refused(tmp_path / "a.m4p")


def test_unknown_codec(tmp_path, wav_bytes):
    (tmp_path / "a.wav").write_bytes(wav_bytes(codec=0x1234))
    assert "its codec is unknown" in refused(tmp_path / "a.wav")


# --- headers that lie ----------------------------------------------------------------------

LIES = {
    "rate 2^31": {"rate_hz": 2**31},
    "rate 2^32-1": {"rate_hz": 2**32 - 1},
    "rate 0": {"rate_hz": 0},
    "rate 1": {"rate_hz": 1},
    "rate 100 MHz": {"rate_hz": 100_000_000},
    "channels 0": {"channels": 0},
    "channels 300": {"channels": 300},
    "channels 65535": {"channels": 65535},
    "bits 0": {"bits": 0},
    "bits 255": {"bits": 255},
    "no data": {"data": b""},
    "half a sample": {"data": bytes(3)},
}


@pytest.mark.parametrize("lie", LIES)
def test_absurd_headers_are_refused_without_absurd_memory(tmp_path, wav_bytes, lie):
    options = {"data": bytes(1_000_000)} | LIES[lie]
    (tmp_path / "a.wav").write_bytes(wav_bytes(**options))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(tmp_path / "a.wav")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("size", [0, 2**31, 2**32 - 2, 2**32 - 1])
def test_absurd_data_sizes_give_what_is_there(tmp_path, wav_bytes, size):
    values = np.arange(-1000, 1000, dtype=np.int16)
    (tmp_path / "a.wav").write_bytes(
        wav_bytes(values.tobytes(), data_size=size, riff_size=min(size + 36, 2**32 - 1))
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    got, _ = read(tmp_path / "a.wav")
    assert np.array_equal(got, (values.reshape(-1, 2).T / 32768).astype(np.float32))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_flac_that_claims_a_day(tmp_path, whole):
    data = bytearray(whole["flac"])
    data[21:26] = bytes([data[21] & 0xF0 | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])  # 2^36 - 1 samples
    (tmp_path / "a.flac").write_bytes(data)
    got, warnings = read(tmp_path / "a.flac")
    assert got.shape == (2, FRAMES)
    assert "missing or damaged" in warnings[0]


def test_flac_that_claims_too_little(tmp_path, whole):
    data = bytearray(whole["flac"])
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 100])
    (tmp_path / "a.flac").write_bytes(data)
    assert read(tmp_path / "a.flac")[0].shape == (2, FRAMES)


# --- cut short or damaged ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.9, 0.5])
@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus"])
def test_cut_short(tmp_path, whole, make_wave, lag_of, name, share):
    path = tmp_path / f"a.{name}"
    path.write_bytes(whole[name][: int(share * len(whole[name]))])
    got, (warning,) = read(path)
    rate_hz = 48000 if name == "opus" else 44100
    assert 0.3 * share < got.shape[1] / rate_hz / (FRAMES / 44100) < share + 0.05
    assert warning.startswith(f"{path}: ")
    assert len(warning.splitlines()) == 1
    assert "get a complete copy" in warning
    if name not in ("ogg", "opus"):  # these do not say how long they should be
        lost_s = (FRAMES - got.shape[1]) / 44100
        assert f"{lost_s:.2f} s of its {FRAMES / 44100:.2f} s are missing" in warning
    if name != "opus":
        assert lag_of(make_wave(2, FRAMES), got) == 0


def test_mp4_without_its_end(tmp_path, whole):
    (tmp_path / "a.m4a").write_bytes(whole["m4a"][: len(whole["m4a"]) // 2])
    assert "is cut short, the index at its end is missing" in refused(tmp_path / "a.m4a")


def test_mp4_with_its_index_in_front_cut_short(tmp_path, make_wave, ffmpeg_file):
    path = ffmpeg_file(
        tmp_path / "a.m4a",
        "ipod",
        "aac",
        44100,
        make_wave(2, FRAMES),
        bit_rate=128_000,
        muxer_options={"movflags": "faststart", "movie_timescale": "44100"},
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    got, (warning,) = read(path)
    assert 0.4 * FRAMES < got.shape[1] < 0.7 * FRAMES
    assert f"{(FRAMES - got.shape[1]) / 44100:.2f} s of its {FRAMES / 44100:.2f} s" in warning


@pytest.mark.parametrize("name", ["flac", "mp3", "m4a", "ogg", "opus"])
def test_damaged_in_the_middle(tmp_path, whole, name):
    data = bytearray(whole[name])
    at = len(data) // 2
    data[at : at + 3000] = NOISE[:3000]
    path = tmp_path / f"a.{name}"
    path.write_bytes(data)
    got, warnings = read(path)
    assert got.shape[1] > 0.5 * FRAMES
    assert np.isfinite(got).all()
    assert warnings
    assert all(w.startswith(f"{path}: ") for w in warnings)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_any_damage_ends_in_samples_or_one_line(tmp_path, whole, name):
    """Random bytes at random places, cuts at random places: never another error, never a crash."""
    rng = random.Random(name)
    path = tmp_path / f"a.{name}"
    for _ in range(25):
        data = bytearray(whole[name][: rng.randrange(1, len(whole[name]))])
        for _ in range(rng.randrange(20)):
            at = rng.randrange(min(len(data), rng.choice([200, len(data)])))
            data[at] = rng.randrange(256)
        path.write_bytes(data)
        try:
            got, lines = read(path)
            assert got.shape[1] > 0
        except InputError as error:
            lines = [str(error)]
        assert all(line.startswith(f"{path}: ") for line in lines)
        assert all(len(line.splitlines()) == 1 for line in lines)


def test_no_word_of_ffmpeg_on_stderr(tmp_path, whole, capfd):
    (tmp_path / "a.mp3").write_bytes(whole["mp3"][1000:20_000] + NOISE[:5000])
    read(tmp_path / "a.mp3")
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_fails_on_the_way(tmp_path, wav_bytes, monkeypatch):
    from io import FileIO

    broken = []

    class Failing(FileIO):
        def readinto(self, buffer):
            self._check()
            return super().readinto(buffer)

        def read(self, size=-1):
            self._check()
            return super().read(size)

        def _check(self):
            if broken:
                raise OSError(5, "Input/output error")

    monkeypatch.setattr("unweave.audio.container.Seekable", Failing)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(bytes(40_000_000)))
    with Reader(path) as reader:
        blocks = reader.blocks(1 << 16)
        first = next(blocks)
        broken.append(True)
        got = np.concatenate([first, *blocks], axis=1)
        (warning,) = reader.warnings
    assert 0 < got.shape[1] < 10_000_000
    assert "missing or damaged" in warning


# --- names ---------------------------------------------------------------------------------

NAMES = [
    "with spaces.wav",
    "🎵 naïve ☃.wav",
    "line\nbreak.wav",
    "-x.wav",
    "--help.wav",
    "100%d %s %03d.wav",
    "http:127.0.0.1.wav",
    "concat:a.wav|b.wav",
    "pipe:0.wav",
    "file:a.wav",
    "data:,x.wav",
    "a?b&c=d#e.wav",
    "'\"`$(x);.wav",
    "no extension",
    "wrong extension.txt",
    "n" * 240 + ".wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_only_names(tmp_path, whole, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    path.write_bytes(whole["wav"])
    got, warnings = read(path)
    assert got.shape == (2, FRAMES)
    assert warnings == []
    path.write_bytes(b"text")
    assert refused(path).startswith(name.replace("\n", "\\n") + ": ")
    for format in ("wav", "ogg"):
        with Writer(path, encoding(format, None, 44100, 2), 44100, 2) as writer:
            writer.write(got[:, :1000])
        assert read(path)[0].shape == (2, 1000)
    assert os.listdir() == [name]


def test_a_name_that_is_no_text(tmp_path, whole):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    path.write_bytes(whole["wav"])
    assert read(path)[0].shape == (2, FRAMES)
    path.write_bytes(b"text")
    assert "caf\\udce9.wav" in refused(path)


# --- right results at the edges of what there is -------------------------------------------


@pytest.mark.parametrize("rate_hz", [8000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 24])
@pytest.mark.parametrize("frames", [1, 2, 1000])
def test_edges(tmp_path, make_wave, rate_hz, channels, frames):
    wave = make_wave(channels, frames, rate_hz)
    soundfile.write(tmp_path / "a.wav", wave.T, rate_hz, subtype="FLOAT")
    got, warnings = read(tmp_path / "a.wav")
    assert np.array_equal(got, wave)
    assert warnings == []


def test_an_odd_tag_is_no_harm(tmp_path, whole):
    note = b"LIST" + struct.pack("<I", 18) + b"INFOINAM" + struct.pack("<I", 6) + b"\xff\xfe\0../"
    data = whole["wav"]
    (tmp_path / "a.wav").write_bytes(data[:12] + note + data[12:])
    assert read(tmp_path / "a.wav")[0].shape == (2, FRAMES)
    with Reader(tmp_path / "a.wav") as reader:
        assert all(value.isprintable() for value in reader.info.tags.values())


def test_a_size_that_no_disk_holds_is_no_word_on_the_terminal(tmp_path, capfd):
    """FFmpeg seeks to where the header sends it, which the system refuses for a real file."""
    path = tmp_path / "a.caf"
    sound = np.zeros((4000, 2), np.int16)
    soundfile.write(path, sound, 8000, format="CAF", subtype="ALAC_16")
    data = path.read_bytes()
    at = data.index(b"pakt") + 4
    path.write_bytes(data[:at] + b"\0\0\x80" + data[at + 3 :])
    refused(path)
    assert capfd.readouterr().err == ""


def test_an_aiff_without_channels_that_holds_more_than_it_says(tmp_path):
    path = tmp_path / "a.aiff"
    soundfile.write(path, np.zeros((4000, 2)), 8000, format="AIFF", subtype="PCM_16")
    data = bytearray(path.read_bytes() + bytes(100) + b"sound")
    at = data.index(b"COMM") + 8
    data[at : at + 2] = bytes(2)  # channels
    size = data.index(b"SSND") + 4
    data[size : size + 4] = (100).to_bytes(4, "big")
    path.write_bytes(data)
    refused(path)
