"""Any stretch of any file, exact to the sample, and lengths before decoding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.audio.reader import Reader
from unweave.datasets import _audio
from unweave.errors import InputError


def _just_above(packets):
    """Lengths whose last packet is shorter than the millisecond that edits are counted in."""
    return st.integers(1024 * packets, 1024 * packets + 50)


def everything(path, stream=0):
    """What the reader of the whole program makes of a file."""
    with Reader(path, stream) as reader:
        return np.concatenate(list(reader.blocks(4096)), axis=1)


OTHERS = [
    ("x.opus", "ogg", "libopus", 48000, "flt"),
    ("x.mp3", "mp3", "libmp3lame", 44100, "flt"),
    ("x.m4a", "ipod", "aac", 44100, "flt"),
    ("x.aiff", "aiff", "pcm_s16be", 44100, "s16"),
]


@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_seeking_gives_what_decoding_everything_gives(write, tmp_path, name, subtype):
    path = tmp_path / name
    write(path, frames=9001, subtype=subtype)
    whole = everything(path)
    assert _audio.header(path) == _audio.Header(8000, 2, 9001, 1, subtype.lower(), False)
    for start, length in [(0, 9001), (0, 1), (4000, 1234), (9000, 1), (9001, 0), (0, 0)]:
        part = _audio.read(path, start, length)
        assert part.dtype == np.float32
        assert np.array_equal(part, whole[:, start : start + length])


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_32", "FLOAT", "DOUBLE"])
def test_wav_of_any_kind_reads_as_the_reader_reads_it(write, tmp_path, subtype):
    path = tmp_path / "x.wav"
    write(path, subtype=subtype)
    assert np.allclose(_audio.read(path, 0, 1601), everything(path), rtol=0, atol=2**-24)


@pytest.mark.parametrize(("name", "muxer", "codec", "rate_hz", "kind"), OTHERS)
def test_lengths_before_decoding_and_stretches(
    ffmpeg_file, make_wave, tmp_path, name, muxer, codec, rate_hz, kind
):
    path = tmp_path / name
    ffmpeg_file(path, muxer, codec, rate_hz, make_wave(2, 100_003, rate_hz), sample_format=kind)
    whole = everything(path)
    header = _audio.header(path)
    assert (header.sample_rate_hz, header.channels) == (rate_hz, 2)
    assert header.samples == whole.shape[1] == _audio.decoded_samples(path)
    for start, length in [(0, header.samples), (70_000, 1234), (header.samples - 1, 1)]:
        assert np.array_equal(_audio.read(path, start, length), whole[:, start : start + length])


@pytest.mark.parametrize("frames", [1000, 100_003])
def test_lengths_of_ogg_vorbis(write, tmp_path, frames):
    path = tmp_path / "x.ogg"
    write(path, frames=frames, rate_hz=44100, subtype="VORBIS")
    whole = everything(path)
    assert _audio.header(path).samples == whole.shape[1] == frames
    assert np.array_equal(_audio.read(path, 900, 100), whole[:, 900:1000])


def test_a_file_that_does_not_say_its_length_is_counted(ffmpeg_file, make_wave, tmp_path):
    path = ffmpeg_file(
        tmp_path / "x.mp3", "mp3", "libmp3lame", 44100, make_wave(2, 44100, 44100),
        muxer_options={"write_xing": "0"},
    )  # fmt: skip
    assert _audio.header(path).samples == everything(path).shape[1]


@settings(max_examples=15, deadline=None)
@given(frames=st.integers(2000, 20_000) | st.integers(1, 9).flatmap(_just_above))
def test_mp4_lengths_are_exact_though_edits_are_in_milliseconds(stem_mp4, tmp_path_factory, frames):
    path = stem_mp4(tmp_path_factory.mktemp("mp4") / "x.mp4", frames=frames, streams=2)
    for stream in (0, 1):
        assert _audio.header(path, stream).samples == _audio.decoded_samples(path, stream)


def test_each_stream_of_an_mp4_has_its_own_length(ffmpeg_file, make_wave, tmp_path):
    long, short = make_wave(2, 40_001, 44100), make_wave(1, 30_007, 44100)
    path = ffmpeg_file(tmp_path / "x.mp4", "mp4", "aac", 44100, long, more=(long[:, :30_007],))
    lengths = [_audio.header(path, stream).samples for stream in (0, 1)]
    assert lengths == [_audio.decoded_samples(path, stream) for stream in (0, 1)]
    assert lengths[0] - lengths[1] == pytest.approx(40_001 - short.shape[1], abs=1024)


def test_lengths_of_a_stem_file_are_exact(stem_mp4, tmp_path):
    """As long as a track of MUSDB18's sample: no multiple of AAC's frame."""
    path = stem_mp4(tmp_path / "x.stem.mp4", frames=299_891)
    for stream in (0, 4):
        header = _audio.header(path, stream)
        assert header == _audio.Header(44100, 2, 299_891, 5, "aac", True)
        assert _audio.decoded_samples(path, stream) == header.samples


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.aiff"])
def test_a_file_that_ends_early_is_an_error_and_not_silence(write, tmp_path, name):
    path = tmp_path / name
    write(path, frames=20_000)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError, match=rf"{name}: ends after \d+ samples, 20000 were expected"):
        _audio.read(path, 0, 20_000)


def test_what_is_no_sound_is_named(tmp_path):
    (tmp_path / "x.wav").write_text("no sound")
    for call in (lambda p: _audio.header(p), lambda p: _audio.read(p, 0, 1)):
        with pytest.raises(InputError, match=r"x\.wav: cannot be read as sound"):
            call(tmp_path / "x.wav")
        with pytest.raises(InputError, match=r"gone\.wav: cannot be read: no such file"):
            call(tmp_path / "gone.wav")


def test_a_flac_that_does_not_say_its_length_is_counted(write, tmp_path):
    """As one that came out of a pipe: the total of samples in its header is 0."""
    path = tmp_path / "x.flac"
    write(path, frames=9001)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # STREAMINFO: the last four of 36 bits
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert _audio.header(path).samples == 9001
    whole = everything(path)
    assert np.array_equal(_audio.read(path, 4000, 1234), whole[:, 4000:5234])
    with pytest.raises(InputError, match="ends after 9001 samples"):
        _audio.read(path, 9000, 2)
