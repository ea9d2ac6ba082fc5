"""Sound for tests: synthesised waves, and files made of them with FFmpeg's encoders."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

# Models that a user added are none of the suite's.
os.environ["UNWEAVE_DATA"] = os.path.join(tempfile.gettempdir(), "unweave-no-models-of-anybody")

Wave = np.ndarray

EXAMPLE = Path(__file__).parents[1] / "docs" / "example.mp3"
NOBODY = 65534  # the user and group that own nothing


@pytest.fixture(scope="session", autouse=True)
def _signals_as_in_a_terminal() -> None:
    """`nohup` and background jobs start the tests, and so their children, deaf to some signals."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def song() -> Path:
    """Eleven seconds of music with a voice."""
    return EXAMPLE


@pytest.fixture(scope="session")
def make_wave() -> Callable[..., Wave]:
    """make_wave(channels, frames, rate_hz): a melody with noise, a different one per channel.

    `(channel, time)` float32 below 0.5. Nothing in it repeats, so that a shift by any number of
    samples, or two channels changed round, shows in a correlation.
    """

    def make(channels: int, frames: int, rate_hz: int = 44100, seed: int = 0) -> Wave:
        time_s = np.arange(frames) / rate_hz
        rows = []
        for channel in range(channels):
            rng = np.random.default_rng([seed, channel])
            row = 0.02 * rng.standard_normal(frames)
            for _ in range(4):
                start_hz, slope = rng.uniform(80, 0.2 * rate_hz), rng.uniform(-300, 300)
                row += 0.08 * np.sin(2 * np.pi * (start_hz + slope * time_s) * time_s)
            rows.append(row)
        return np.clip(np.array(rows), -0.5, 0.5).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def png() -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes([20 * y, 90, 200]) * 8 for y in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="session")
def ffmpeg_file() -> Callable[..., Path]:
    """ffmpeg_file(path, muxer, codec, rate_hz, wave, ...): a file as other programs write it.

    wave: `(channel, time)` float; `sample_format` is what the encoder takes. The waves in `more`
    become further streams of sound; `video` adds a few frames of picture before the sound.
    """

    def make(
        path: Path,
        muxer: str,
        codec: str,
        rate_hz: int,
        wave: Wave,
        *,
        more: tuple[Wave, ...] = (),
        sample_format: str = "flt",
        layout: str | None = None,
        bit_rate: int | None = None,
        muxer_options: dict[str, str] | None = None,
        codec_options: dict[str, str] | None = None,
        video: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Path:
        import av

        channels = wave.shape[0]
        layout = layout or {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
        with av.open(str(path), "w", format=muxer, container_options=muxer_options or {}) as out:
            out.metadata.update(tags or {})
            picture = out.add_stream(video, rate=25) if video else None
            if picture is not None:
                picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            sounds = []
            for _ in (wave, *more):
                sound = out.add_stream(
                    codec, rate=rate_hz, layout=layout, options=codec_options or {}
                )
                if codec in ("flac", "alac"):  # several formats to choose from
                    sound.codec_context.format = sample_format + ("p" if codec == "alac" else "")
                if bit_rate:
                    sound.codec_context.bit_rate = bit_rate
                sounds.append(sound)
            if picture is not None:
                for _ in range(3):
                    image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
                    out.mux(picture.encode(image))
                out.mux(picture.encode(None))
            for sound, samples in zip(sounds, (wave, *more), strict=True):
                frame = av.AudioFrame.from_ndarray(
                    packed(samples, sample_format), sample_format, layout
                )
                frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
                frame.pts = 0
                out.mux(sound.encode(frame))
                out.mux(sound.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def stem_mp4(ffmpeg_file, make_wave) -> Callable[..., Path]:
    """stem_mp4(path, frames=..., streams=5): a Native Instruments stem file, AAC."""

    def make(
        path: Path, *, frames: int = 30011, streams: int = 5, seed: int = 0, bit_rate: int = 128_000
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        stems = [0.25 * make_wave(2, frames, 44100, seed + n) for n in range(1, 5)]
        first, *more = [sum(stems), *stems][:streams]
        return ffmpeg_file(path, "mp4", "aac", 44100, first, more=tuple(more), bit_rate=bit_rate)

    return make


@pytest.fixture
def plug_in(tmp_path, monkeypatch) -> Iterator[Callable[..., Path]]:
    """plug_in(name, value, cards): a package that names a folder of cards; returns the folder."""

    from unweave.models import cards

    def make(name: str, value: str, texts: dict[str, str]) -> Path:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[unweave.cards]\n{name} = {value}\n")
        folder = tmp_path / name / "inner"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("raise SystemExit('imported')")
        for model, text in texts.items():
            (folder / f"{model}.toml").write_text(text)
        cards.refresh()
        return folder

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    cards.refresh()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter and write to, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="unweave-test-"))
    folder.chmod(0o777)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def ordinary_user() -> Callable[[], AbstractContextManager[None]]:
    """`with ordinary_user():` the process has no special rights, so that permissions count.

    Root becomes another user and root again behind it; other users stay who they are. What the
    code under test imports only when it needs it must be imported before.
    """

    @contextmanager
    def being() -> Iterator[None]:
        if not hasattr(os, "setresuid"):
            pytest.skip("this system has no permissions that a test could take away")
        if os.geteuid() != 0:
            yield
            return
        os.setresgid(NOBODY, NOBODY, 0)
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)

    return being


def packed(wave: Wave, sample_format: str) -> Wave:
    """`(channel, time)` -> `(1, time * channel)` in one of FFmpeg's packed formats."""
    kind, steps = {
        "u8": ("u1", 7),
        "s16": ("i2", 15),
        "s32": ("i4", 31),
        "s64": ("i8", 63),
        "flt": ("f4", 0),
        "dbl": ("f8", 0),
    }[sample_format]
    values = wave.T.astype(np.float64) * 2.0**steps
    if steps:
        values = np.rint(values)
    if kind == "u1":
        values = values + 128
    return np.ascontiguousarray(values.astype(kind)).reshape(1, -1)


@pytest.fixture(scope="session")
def wav_bytes() -> Callable[..., bytes]:
    """wav_bytes(...): a WAV file byte by byte, with a header that may lie."""

    def make(
        data: bytes = bytes(4000),
        *,
        channels: int = 2,
        rate_hz: int = 44100,
        bits: int = 16,
        codec: int = 1,
        data_size: int | None = None,
        riff_size: int | None = None,
    ) -> bytes:
        block = channels * bits // 8
        header = struct.pack(
            "<IHHIIHH",
            16,
            codec,
            channels,
            rate_hz,
            min(rate_hz * block, 2**32 - 1),
            min(block, 2**16 - 1),
            bits,
        )
        size = len(data) if data_size is None else data_size
        riff = struct.pack("<I", 36 + len(data) if riff_size is None else riff_size)
        return b"RIFF" + riff + b"WAVEfmt " + header + b"data" + struct.pack("<I", size) + data

    return make


@pytest.fixture(scope="session")
def lag_of() -> Callable[[Wave, Wave], int]:
    """lag_of(reference, estimate): samples by which the estimate comes late, by correlation."""
    from scipy.signal import correlate

    def lag(reference: Wave, estimate: Wave) -> int:
        size = min(reference.shape[1], estimate.shape[1])
        found = correlate(estimate[0, :size], reference[0, :size], mode="full", method="fft")
        return int(np.argmax(found)) - (size - 1)

    return lag
