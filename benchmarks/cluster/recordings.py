"""Short excerpts of real recordings in every format that can be written here, and files that are
broken in many ways: what a catalogue is tried with.

Recordings are taken in turn from a folder, and formats from a list, so that each format gets sound
of each kind, at its own rate and number of channels.
"""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile

from unweave.audio.reader import decoded, probe
from unweave.core.region import Region

VORBIS = "vorbis"  # by libsndfile; FFmpeg's own encoder is an experiment
SOURCES = (".flac", ".mp4", ".ogg", ".mp3")


class Form(NamedTuple):
    """A format: the name's ending, FFmpeg's muxer and codec, the rate where the codec has one only,
    and whether there is a picture as well."""

    ending: str
    muxer: str
    codec: str
    rate_hz: int | None = None
    picture: bool = False


FORMATS = (
    Form("wav", "wav", "pcm_s16le"),
    Form("wav", "wav", "pcm_f32le"),
    Form("wave", "wav", "pcm_s24le"),
    Form("wav", "wav", "adpcm_ms"),
    Form("w64", "w64", "pcm_s24le"),
    Form("aiff", "aiff", "pcm_s16be"),
    Form("au", "au", "pcm_mulaw"),
    Form("caf", "caf", "alac"),
    Form("flac", "flac", "flac"),
    Form("wv", "wv", "wavpack"),
    Form("tta", "tta", "tta"),
    Form("mp3", "mp3", "libmp3lame", 44100),
    Form("mp2", "mp2", "mp2", 44100),
    Form("ogg", "ogg", "flac"),
    Form("ogg", "ogg", VORBIS),
    Form("opus", "opus", "libopus", 48000),
    Form("oga", "ogg", "libopus", 48000),
    Form("m4a", "ipod", "aac", 44100),
    Form("m4a", "ipod", "alac"),
    Form("aac", "adts", "aac", 44100),
    Form("ac3", "ac3", "ac3", 48000),
    Form("eac3", "eac3", "eac3", 48000),
    Form("wma", "asf", "wmav2", 44100),
    Form("mka", "matroska", "flac"),
    Form("mkv", "matroska", "aac", 44100, True),
    Form("mp4", "mp4", "aac", 48000, True),
    Form("mov", "mov", "pcm_s16le", None, True),
    Form("avi", "avi", "libmp3lame", 44100, True),
    Form("webm", "webm", "libopus", 48000),
    Form("flv", "flv", "libmp3lame", 44100),
    Form("ts", "mpegts", "mp2", 48000),
    Form("3gp", "3gp", "aac", 44100),
)


def excerpts(data: Path, folder: Path, count: int, seed: int = 0) -> list[Path]:
    """`count` files of 2 to 4 seconds in `folder`. Raises UnweaveError, OSError."""
    draw, made = random.Random(seed), list[Path]()
    sources = sorted(path for path in data.rglob("*") if path.suffix in SOURCES)
    draw.shuffle(sources)
    for n in range(count):
        source, form = sources[n % len(sources)], form_of(n)
        seconds = draw.uniform(2.0, 4.0)
        begin_s = draw.uniform(0.0, max(0.0, (probe(source).duration_s or 0.0) - seconds - 0.1))
        sound, _ = decoded(source, Region(begin_s, begin_s + seconds))
        target = folder / f"{n % 7}" / f"{n:03d} {source.stem[:40]}.{form.ending}"
        target.parent.mkdir(parents=True, exist_ok=True)
        encode(target, form, sound.samples[:2], sound.sample_rate_hz)
        made.append(target)
    return made


def form_of(n: int) -> Form:
    """The format of excerpt n."""
    return FORMATS[n % len(FORMATS)]


def encode(target: Path, form: Form, wave: np.ndarray, rate_hz: int) -> None:
    """Write a wave `(channel, time)` in a format. Raises OSError."""
    if form.codec == VORBIS:
        soundfile.write(target, wave.T, rate_hz, format="OGG")
        return
    layout = "stereo" if len(wave) == 2 else "mono"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), "fltp", layout)
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
    with av.open(str(target), "w", format=form.muxer) as out:
        picture = None
        if form.picture:
            picture = out.add_stream("mpeg4", rate=25)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        stream = out.add_stream(form.codec, rate=form.rate_hz or rate_hz, layout=layout)
        stream.codec_context.bit_rate = 96_000  # of those that lose
        if picture is not None:
            for _ in range(3):
                image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
                out.mux(picture.encode(image))
            out.mux(picture.encode(None))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def broken(folder: Path, sound: Path) -> list[Path]:
    """Ten files without any sound, each in another way. sound: a FLAC file. Raises OSError."""
    data, noise = sound.read_bytes(), random.Random(1).randbytes(20_000)
    contents = {
        "empty.wav": b"",
        "text.mp3": b"This is no sound.\n" * 50,
        "noise.ogg": noise,
        "head only.flac": data[:42],
        "no samples.wav": _wav(b""),
        "half a head.wav": _wav(b"")[:20],
        "picture.m4a": b"\x89PNG\r\n\x1a\n" + noise,
        "archive.wma": b"PK\x03\x04" + noise,
        "playlist.aac": b"#EXTM3U\nhttp://127.0.0.1/sound.mp3\n",
        "page.opus": b"<!doctype html><title>404</title>",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _wav(samples: bytes) -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, 44100, 88200, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
