"""Every kind of file that people have is decoded to its exact length, and lossless ones exactly."""

import numpy as np
import pytest
import soundfile

from unweave.audio.reader import Reader, probe
from unweave.errors import UsageError

FRAMES = 30_011


def read(path, stream=0, block=7_000):
    with Reader(path, stream) as reader:
        blocks = list(reader.blocks(block))
        assert reader.warnings == []
    assert all(b.shape[1] == block for b in blocks[:-1])
    assert 0 < blocks[-1].shape[1] <= block
    return np.concatenate(blocks, axis=1)


PCM = [
    # muxer, codec, what the encoder takes, bits, float
    ("wav", "pcm_u8", "u8", 8, False),
    ("wav", "pcm_s16le", "s16", 16, False),
    ("wav", "pcm_s24le", "s32", 24, False),
    ("wav", "pcm_s32le", "s32", 32, False),
    ("wav", "pcm_f32le", "flt", 32, True),
    ("wav", "pcm_f64le", "dbl", 64, True),
    ("aiff", "pcm_s16be", "s16", 16, False),
    ("aiff", "pcm_s24be", "s32", 24, False),
    ("aiff", "pcm_f32be", "flt", 32, True),
    ("caf", "pcm_s24be", "s32", 24, False),
    ("au", "pcm_s16be", "s16", 16, False),
    ("flac", "flac", "s16", 16, False),
    ("flac", "flac", "s32", 24, False),
    ("ipod", "alac", "s16", 16, False),
    ("ipod", "alac", "s32", 24, False),
    ("matroska", "flac", "s32", 24, False),
    ("mov", "pcm_s16be", "s16", 16, False),
]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("muxer", "codec", "kind", "bits", "is_float"), PCM)
def test_lossless_is_exact(
    tmp_path, make_wave, ffmpeg_file, muxer, codec, kind, bits, is_float, channels
):
    wave = make_wave(channels, FRAMES)
    if not is_float:  # what lies on the grid of these bits must come back unchanged
        grid = 2.0 ** (min(bits, 24) - 1)
        wave = (np.rint(wave * grid) / grid).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    path = ffmpeg_file(tmp_path / "a", muxer, codec, 48000, wave, sample_format=kind, layout=layout)
    got = read(path)
    assert got.dtype == np.float32
    assert np.array_equal(got, wave)
    info = probe(path)
    assert (info.bits, info.is_float, info.lossy) == (bits, is_float, False)
    assert (info.sample_rate_hz, info.channels) == (48000, channels)
    if muxer != "matroska":
        assert info.frames == FRAMES


def test_values_are_scaled_by_the_power_of_two(tmp_path):
    values = np.array([-(2**31), -1, 0, 1, 2**30, 2**31 - 1], np.int32)
    soundfile.write(tmp_path / "a.wav", values, 44100, subtype="PCM_32")
    expected = (values / 2.0**31).astype(np.float32)
    assert np.array_equal(read(tmp_path / "a.wav")[0], expected)
    small = np.array([-(2**15), -1, 0, 1, 2**15 - 1], np.int16)
    soundfile.write(tmp_path / "b.wav", small, 44100, subtype="PCM_16")
    assert np.array_equal(read(tmp_path / "b.wav")[0], (small / 2.0**15).astype(np.float32))


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "CAF", "AU"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_agrees_with_libsndfile(tmp_path, make_wave, kind, subtype):
    soundfile.write(tmp_path / "a", make_wave(2, FRAMES).T, 44100, subtype=subtype, format=kind)
    other, _ = soundfile.read(tmp_path / "a", dtype="float32")
    assert np.array_equal(read(tmp_path / "a"), other.T)


LOSSY = [
    ("mp3", "libmp3lame", 44100, 320_000, {}),
    ("mp3", "libmp3lame", 22050, 64_000, {}),
    ("ipod", "aac", 44100, 256_000, {"movie_timescale": "44100"}),
    ("ipod", "aac", 44100, 256_000, {}),  # ticks of a millisecond
    ("mov", "aac", 48000, 256_000, {}),
    ("opus", "libopus", 48000, 192_000, {}),
    ("ogg", "flac", 44100, None, {}),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [FRAMES, FRAMES + 1, 1152 * 20, 1024 * 20 + 500])
@pytest.mark.parametrize(("muxer", "codec", "rate_hz", "bit_rate", "options"), LOSSY)
def test_lossy_is_gapless(
    tmp_path,
    make_wave,
    ffmpeg_file,
    lag_of,
    muxer,
    codec,
    rate_hz,
    bit_rate,
    options,
    frames,
    channels,
):
    wave = make_wave(channels, frames, rate_hz)
    path = ffmpeg_file(
        tmp_path / "a",
        muxer,
        codec,
        rate_hz,
        wave,
        bit_rate=bit_rate,
        muxer_options=options,
        sample_format="s16" if codec == "flac" else "flt",
    )
    got = read(path)
    assert got.shape == wave.shape
    assert lag_of(wave, got) == 0
    for channel in range(channels):
        assert np.corrcoef(wave[channel], got[channel])[0, 1] > 0.9


@pytest.mark.parametrize("frames", [1, 100, 700, 4000, 4001, 44100])
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(("ext", "subtype"), [("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")])
def test_files_of_libsndfile_are_gapless(tmp_path, make_wave, ext, subtype, frames, silent):
    wave = make_wave(2, frames) * (0 if silent else 1)
    soundfile.write(tmp_path / f"a.{ext}", wave.T, 44100, subtype=subtype)
    got = read(tmp_path / f"a.{ext}")
    assert got.shape == wave.shape
    if frames > 1000 and not silent:
        assert np.corrcoef(wave[0], got[0])[0, 1] > 0.9


def test_itunes_counts_end_the_sound(tmp_path, make_wave, ffmpeg_file, lag_of):
    wave = make_wave(2, FRAMES)
    path = ffmpeg_file(
        tmp_path / "a.m4a",
        "ipod",
        "aac",
        44100,
        wave,
        bit_rate=256_000,
        muxer_options={"use_editlist": "0"},
        tags={"title": "t"},
    )
    padding = -(FRAMES + 1024) % 1024
    counts = f" 00000000 {1024:08X} {padding:08X} {FRAMES:016X}" + " 00000000" * 8
    path.write_bytes(_with_itunes_counts(path.read_bytes(), counts))
    got = read(path)
    assert got.shape == wave.shape
    assert lag_of(wave, got) == 0


@pytest.mark.parametrize("samples", [0, 10 * FRAMES])
def test_itunes_counts_of_another_song_change_nothing(tmp_path, make_wave, ffmpeg_file, samples):
    path = ffmpeg_file(
        tmp_path / "a.m4a", "ipod", "aac", 44100, make_wave(2, FRAMES), tags={"title": "t"}
    )
    whole = read(path)
    counts = f" 00000000 {2112:08X} {500:08X} {samples:016X}" + " 00000000" * 8
    path.write_bytes(_with_itunes_counts(path.read_bytes(), counts))
    assert np.array_equal(read(path), whole)


def _with_itunes_counts(data, counts):
    """The MP4 with the free-form tag iTunSMPB, as iTunes writes it; `moov` is its last box."""

    def box(kind, content):
        return (8 + len(content)).to_bytes(4, "big") + kind + content

    tag = box(
        b"----",
        box(b"mean", bytes(4) + b"com.apple.iTunes")
        + box(b"name", bytes(4) + b"iTunSMPB")
        + box(b"data", (1).to_bytes(4, "big") + bytes(4) + counts.encode()),
    )
    at = data.index(b"ilst") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    data = bytearray(data[:end] + tag + data[end:])
    for kind in (b"ilst", b"meta", b"udta", b"moov"):
        at = data.rindex(kind) - 4
        size = int.from_bytes(data[at : at + 4], "big") + len(tag)
        data[at : at + 4] = size.to_bytes(4, "big")
    return bytes(data)


def test_wma(tmp_path, make_wave, ffmpeg_file):
    wave = make_wave(2, 44100)
    path = ffmpeg_file(tmp_path / "a.wma", "asf", "wmav2", 44100, wave, bit_rate=192_000)
    got = read(path)
    assert got.shape[0] == 2
    assert abs(got.shape[1] - 44100) <= 4096  # WMA does not say its delay
    assert 0.8 < np.std(got) / np.std(wave) < 1.2
    info = probe(path)
    assert (info.container, info.codec, info.lossy, info.layout) == (
        "asf",
        "wmav2",
        True,
        "stereo",
    )


@pytest.mark.parametrize(
    ("muxer", "codec", "video", "rate_hz"),
    [
        ("mp4", "aac", "mpeg4", 44100),
        ("matroska", "libopus", "mpeg4", 48000),
        ("webm", "libopus", "libvpx", 48000),
        ("mov", "aac", "mpeg4", 48000),
    ],
)
def test_the_sound_of_videos(
    tmp_path, make_wave, ffmpeg_file, lag_of, muxer, codec, video, rate_hz
):
    wave = make_wave(2, FRAMES, rate_hz)
    path = ffmpeg_file(
        tmp_path / "film", muxer, codec, rate_hz, wave, bit_rate=192_000, video=video
    )
    got = read(path)
    assert lag_of(wave, got) == 0
    assert got.shape == wave.shape
    assert probe(path).cover is None


def test_native_instruments_stems(tmp_path, make_wave, ffmpeg_file):
    waves = [make_wave(2, FRAMES, seed=seed) for seed in range(5)]
    path = ffmpeg_file(
        tmp_path / "a.stem.mp4", "mp4", "aac", 44100, waves[0], more=waves[1:], bit_rate=256_000
    )
    assert probe(path).audio_streams == 5
    for stream, wave in enumerate(waves):
        got = read(path, stream)
        assert got.shape == wave.shape
        assert np.corrcoef(wave[0], got[0])[0, 1] > 0.95
    with pytest.raises(UsageError, match=r"5 stream\(s\) of sound, there is no 5"):
        Reader(path, 5)


def test_streams_of_a_stem_file_have_one_length_and_add_up(tmp_path, stem_mp4):
    path = stem_mp4(tmp_path / "a.stem.mp4", frames=88_321, bit_rate=320_000)
    info = probe(path)
    assert (info.audio_streams, info.sample_rate_hz, info.channels) == (5, 44100, 2)
    streams = [read(path, stream) for stream in range(5)]
    assert {wave.shape for wave in streams} == {(2, 88_321)}
    assert np.corrcoef(streams[0][0], sum(streams[1:])[0])[0, 1] > 0.99


def test_a_song_as_ogg_vorbis_is_exactly_as_long_as_it_says(tmp_path, make_wave):
    path = tmp_path / "a.ogg"
    wave = make_wave(2, 1_000_003, seed=3)
    with soundfile.SoundFile(path, "w", 44100, 2, format="OGG", subtype="VORBIS") as file:
        for start in range(0, wave.shape[1], 65536):  # libsndfile fails on longer pieces
            file.write(wave[:, start : start + 65536].T)
    got = read(path, block=1 << 20)
    assert got.shape[1] == probe(path).frames == soundfile.info(path).frames == wave.shape[1]


@pytest.mark.parametrize("rate_hz", [8000, 11025, 96000, 192000, 384000])
def test_rates(tmp_path, make_wave, rate_hz):
    wave = make_wave(1, 2000, rate_hz)
    soundfile.write(tmp_path / "a.wav", wave.T, rate_hz, subtype="FLOAT")
    assert np.array_equal(read(tmp_path / "a.wav"), wave)
    assert probe(tmp_path / "a.wav").sample_rate_hz == rate_hz


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8, 9, 24, 64])
def test_channel_counts(tmp_path, make_wave, channels):
    wave = make_wave(channels, 2000)
    soundfile.write(tmp_path / "a.wav", wave.T, 44100, subtype="FLOAT")
    assert np.array_equal(read(tmp_path / "a.wav"), wave)


def test_channel_names(tmp_path, make_wave, ffmpeg_file):
    def names(layout, channels):
        path = ffmpeg_file(
            tmp_path / "a.wav", "wav", "pcm_f32le", 44100, make_wave(channels, 9), layout=layout
        )
        info = probe(path)
        return info.layout, info.channel_names

    assert names("mono", 1) == ("mono", ("FC",))
    assert names("stereo", 2) == ("stereo", ("FL", "FR"))
    assert names("5.1", 6) == ("5.1", ("FL", "FR", "FC", "LFE", "BL", "BR"))
    assert names("24 channels", 24) == ("24 channels", ())


def test_one_sample(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([[0.5, -0.25]]), 44100, subtype="FLOAT")
    assert np.array_equal(read(tmp_path / "a.wav"), np.array([[0.5], [-0.25]], np.float32))


def test_nan_and_infinity_pass_through(tmp_path):
    values = np.array([0.0, np.nan, np.inf, -np.inf, 3.5], np.float32)
    soundfile.write(tmp_path / "a.wav", values, 44100, subtype="FLOAT")
    assert np.array_equal(read(tmp_path / "a.wav")[0], values, equal_nan=True)
    soundfile.write(tmp_path / "b.wav", np.array([1e300, 1.0]), 44100, subtype="DOUBLE")
    assert np.array_equal(read(tmp_path / "b.wav")[0], np.array([np.inf, 1.0], np.float32))


def test_blocks_do_not_depend_on_their_size(tmp_path, make_wave, ffmpeg_file):
    path = ffmpeg_file(
        tmp_path / "a.mp3", "mp3", "libmp3lame", 44100, make_wave(2, FRAMES), bit_rate=128_000
    )
    whole = read(path, block=10**6)
    for block in (1, 999, FRAMES, FRAMES - 1):
        if block == 1:
            with Reader(path) as reader:
                parts = [b for b, _ in zip(reader.blocks(1), range(50), strict=False)]
            assert np.array_equal(np.concatenate(parts, axis=1), whole[:, :50])
        else:
            assert np.array_equal(read(path, block=block), whole)


def test_blocks_are_the_callers(tmp_path, make_wave):
    soundfile.write(tmp_path / "a.wav", make_wave(2, 100).T, 44100, subtype="FLOAT")
    with Reader(tmp_path / "a.wav") as reader:
        first, second = reader.blocks(50)
    assert not np.shares_memory(first, second)
    assert first.flags.c_contiguous
    assert first.flags.writeable


def test_tags_and_cover(tmp_path, make_wave, ffmpeg_file, png):
    tags = {"title": "Ünïcode", "artist": "A", "track": "3/9", "date": "1999"}
    path = ffmpeg_file(
        tmp_path / "a.mp3", "mp3", "libmp3lame", 44100, make_wave(2, 5000), tags=tags
    )
    assert probe(path).tags == tags
    assert probe(path).cover is None


def joined(tmp_path, ffmpeg_file, waves):
    """MP3s one after the other in one file, as careless tools join them."""
    data = b""
    for number, (wave, rate_hz) in enumerate(waves):
        part = ffmpeg_file(
            tmp_path / f"{number}.mp3",
            "mp3",
            "libmp3lame",
            rate_hz,
            wave,
            bit_rate=128_000,
            muxer_options={"write_xing": "0", "id3v2_version": "0"},
        )
        data += part.read_bytes()
    path = tmp_path / "joined.mp3"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("second_hz", "second_channels"), [(48000, 2), (44100, 1), (48000, 1), (32000, 2)]
)
def test_change_on_the_way(tmp_path, make_wave, ffmpeg_file, second_hz, second_channels):
    tone = np.sin(2 * np.pi * 441 * np.arange(2 * 44100) / 44100, dtype=np.float32)
    later = np.sin(2 * np.pi * 441 * np.arange(2 * second_hz) / second_hz, dtype=np.float32)
    path = joined(
        tmp_path,
        ffmpeg_file,
        [
            (0.4 * np.stack([tone, tone]), 44100),
            (0.4 * np.stack([later] * second_channels), second_hz),
        ],
    )
    with Reader(path) as reader:
        assert reader.info.sample_rate_hz == 44100
        got = np.concatenate(list(reader.blocks(10_000)), axis=1)
        warnings = [w for w in reader.warnings if "changes to" in w]
    assert any(f"to {second_hz} Hz, {second_channels} channel(s)" in w for w in warnings)
    assert all(w.startswith(str(path)) for w in warnings)
    assert got.shape[0] == 2
    assert abs(got.shape[1] - 4 * 44100) < 8000
    late = got[:, 3 * 44100 : 3 * 44100 + 44100 // 2]
    spectrum = np.abs(np.fft.rfft(late * np.hanning(late.shape[1])))
    assert np.all(np.abs(2 * spectrum.argmax(axis=1) - 441) <= 2)  # still 441 Hz, in both channels


def test_joined_files_with_a_length_are_read_to_the_end(tmp_path, make_wave, ffmpeg_file):
    data = b""
    for number in range(2):
        part = tmp_path / f"{number}.mp3"
        ffmpeg_file(part, "mp3", "libmp3lame", 44100, make_wave(2, 44100, seed=number))
        data += part.read_bytes()
    (tmp_path / "a.mp3").write_bytes(data)
    with Reader(tmp_path / "a.mp3") as reader:
        length = sum(block.shape[1] for block in reader.blocks(4096))
    assert length > 1.9 * 44100
