"""The video: words change in time, the sound lies where it lay, both are of one length."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from PIL import Image, features

from tests.apps.karaoke.screens import FONT, line, song
from unweave.apps.karaoke import video
from unweave.apps.karaoke.screen.colours import lit
from unweave.apps.karaoke.video import film
from unweave.audio.info import Cover
from unweave.audio.reader import Reader, decoded
from unweave.audio.writer import Writer, encoding
from unweave.errors import InputError, OutputError, UsageError
from unweave.lyrics import BOTH, Lyrics
from unweave.types import Progress

SIZE, RATE_FPS, RATE_HZ = (320, 180), 10, 44100
WORDS = 66  # of a lone row; above it is the countdown
BACK = "#102040"


@pytest.fixture(scope="module")
def sound(make_wave, tmp_path_factory) -> Callable[[float], Path]:
    """sound(length_s): a file, stereo."""
    folder = tmp_path_factory.mktemp("sound")

    def make(length_s: float, rate_hz: int = RATE_HZ) -> Path:
        path = folder / f"{length_s}-{rate_hz}.wav"
        if not path.exists():
            soundfile.write(path, make_wave(2, round(length_s * rate_hz), rate_hz).T, rate_hz)
        return path

    return make


def made(path: Path, lyrics: Lyrics, sound: Path, **options) -> dict:
    usual = {"size": SIZE, "rate_fps": RATE_FPS, "background": BACK, "font": FONT}
    return video.write(path, lyrics, sound, **{**usual, **options})


def pictures(path: Path) -> list[np.ndarray]:
    """Every frame, `(height, width, 3)`, in the order of time."""
    with av.open(str(path)) as opened:
        frames = sorted(opened.decode(video=0), key=lambda frame: frame.time)
    return [frame.to_ndarray(format="rgb24") for frame in frames]


def lit_columns(picture: np.ndarray, singer: int = 1, *, top: int = 0) -> np.ndarray:
    """Which columns have the colour of what has been sung, from a row of pixels on."""
    near = np.abs(picture[top:].astype(int) - lit(singer)).max(axis=2) < 50
    return near.any(axis=0)


def starts_of_change(counts: list[int]) -> list[int]:
    """The frames in which more is lit than in the one before, which was as the one before it."""
    steps = np.diff(counts)
    return [n + 1 for n in range(1, len(steps)) if steps[n] > 0 and steps[n - 1] == 0]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_words_change_within_a_frame_of_their_times(tmp_path, sound, suffix) -> None:
    times = [(0.83, 1.0), (1.33, 1.5), (1.79, 2.1)]
    path = tmp_path / f"song{suffix}"
    facts = made(path, song(line("HH MM WW", *times)), sound(2.4))
    counts = [int(lit_columns(picture, top=WORDS).sum()) for picture in pictures(path)]
    assert len(counts) == facts["frames"] == 24
    found = starts_of_change(counts)
    assert len(found) == 3
    for frame, (start_s, _) in zip(found, times, strict=True):
        assert abs(frame / RATE_FPS - start_s) <= 1 / RATE_FPS
    # A word that is long lights up little by little.
    assert counts[20] > counts[19] > counts[18] > counts[17] == counts[16]
    assert facts["warnings"] == []
    assert len(facts["notes"]) == (suffix == ".webm")  # Opus has 48 kHz


@pytest.mark.parametrize(("suffix", "rate_hz"), [(".mp4", 32000), (".webm", 44100)])
def test_the_sound_lies_where_it_lay(tmp_path, sound, lag_of, suffix, rate_hz) -> None:
    source = sound(2.013, rate_hz)
    path = tmp_path / f"song{suffix}"
    facts = made(path, song(line("a b", 0.5, 1.0)), source, rate_fps=25)
    assert facts["length_s"] == pytest.approx(2.013, abs=1e-4)
    wave = decoded(source)[0].samples
    with Reader(path) as reader:
        rate = reader.info.sample_rate_hz
        ours = np.concatenate(list(reader.blocks(rate)), axis=1)
    # Exact to the sample, at the rate in the file.
    assert ours.shape[1] == round(wave.shape[1] * rate / rate_hz)
    theirs = soxr.resample(wave.T, rate_hz, rate).T
    assert lag_of(theirs, ours) == 0
    # On the clock of the film, as a player has it.
    with av.open(str(path)) as opened:
        frames = list(opened.decode(audio=0))
    played = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    begins_s = frames[0].time + lag_of(theirs, played) / rate
    assert abs(begins_s) < 0.001


def test_picture_and_sound_are_of_one_length(tmp_path, sound) -> None:
    length_s = 2.013  # the last frame is a part of one
    for suffix, within_us in ((".mp4", 1), (".webm", 1000)):  # a tick of the format
        path = tmp_path / f"song{suffix}"
        facts = made(path, song(line("a b", 0.5, 1.0)), sound(length_s), rate_fps=29.97)
        exact = Fraction(round(length_s * RATE_HZ), RATE_HZ)
        with av.open(str(path)) as opened:
            packets = [p for p in opened.demux(video=0) if p.size]
            assert len(packets) == facts["frames"] == -(-exact * 30000 // 1001)
            last = max(packets, key=lambda packet: packet.pts)
            assert packets[0].pts == 0
            if suffix == ".mp4":
                end = (last.pts + last.duration) * last.time_base
                assert end == exact
                sounds = opened.streams.audio[0]
                assert sounds.duration * sounds.time_base == exact
            assert opened.duration == pytest.approx(float(exact) * 1e6, abs=within_us)


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no raqm")
def test_hebrew_lights_up_from_the_right(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    made(path, song(line("שלום עולם", (0.5, 1.2), (1.2, 1.9))), sound(2.4))
    shown = pictures(path)
    half, whole = lit_columns(shown[11], top=WORDS), lit_columns(shown[20])
    middle = SIZE[0] // 2
    assert half[middle:].sum() > 10
    assert half[: middle - 4].sum() == 0
    assert whole[: middle - 4].sum() > 10
    assert np.flatnonzero(half).max() == pytest.approx(np.flatnonzero(whole).max(), abs=2)


@pytest.mark.parametrize("size", [(320, 240), (180, 320)])
def test_nothing_leaves_the_title_safe_area(tmp_path, sound, size) -> None:
    path = tmp_path / "song.mp4"
    text = "Extraordinarily long lines of many words stay inside the screen all the same"
    times = np.linspace(1.6, 2.2, len(text.split()))
    lines = [line(text, *times), line("M" * 40, 1.7)]
    made(path, song(*lines, title=text, artist=text), sound(2.4), size=size)
    shown = pictures(path)
    assert len({picture.tobytes() for picture in shown}) > 3
    back = np.array([int(BACK[n : n + 2], 16) for n in (1, 3, 5)])
    for picture in shown:
        changed = np.abs(picture.astype(int) - back).max(axis=2) > 40
        rows, columns = changed.nonzero()
        assert changed.any()
        assert columns.min() >= 0.05 * size[0] - 1
        assert columns.max() <= 0.95 * size[0]
        assert rows.min() >= 0.05 * size[1] - 1
        assert rows.max() <= 0.95 * size[1]


def test_singers_have_their_colours_and_a_title_card_names_them(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    duet = song(
        *(line("MMMM", (2.8, 2.9), singer=singer) for singer in (1, 2, BOTH)),
        title="Two", p1="ANN", p2="BEN",
    )  # fmt: skip
    facts = made(path, duet, sound(3.4))
    shown = pictures(path)
    assert facts["title_to_s"] > 1
    for singer in (1, 2, BOTH):
        assert lit_columns(shown[32], singer).sum() > 20
        assert lit_columns(shown[20], singer).sum() == 0 or singer == 1  # its countdown
    assert lit_columns(shown[3], 1).sum() > 5
    assert lit_columns(shown[3], 2).sum() > 5


def test_a_countdown_leads_to_the_first_line(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    made(path, song(line("MMMM", (3.5, 3.8))), sound(4.0))
    dots = [int(lit_columns(picture).sum()) for picture in pictures(path)]
    counts = [dots[n] for n in (2, 8, 18, 28, 34)]
    assert counts[0] == 0
    assert counts[1] > counts[2] > counts[3] == counts[4] > 0


def test_frames_of_pauses_are_made_once(monkeypatch, tmp_path, sound) -> None:
    """The same array goes to the encoder for as long as nothing changes."""
    from unweave.apps.karaoke.video.planes import Planes

    calls = []
    frame = Planes.frame
    monkeypatch.setattr(Planes, "frame", lambda self: calls.append(1) or frame(self))
    facts = made(tmp_path / "song.mp4", song(line("a b", (0.5, 0.6), (3.0, 3.1))), sound(4.0))
    assert facts["frames"] == 40
    assert 3 <= len(calls) <= 10


def test_a_picture_fills_the_screen_and_is_darkened(tmp_path, sound) -> None:
    Image.new("RGB", (50, 90), (200, 100, 0)).save(tmp_path / "back.png")
    path = tmp_path / "song.mp4"
    made(path, song(line("a", 1.8)), sound(2.0), background=tmp_path / "back.png")
    corners = pictures(path)[0][[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    assert np.abs(corners - (90, 45, 0)).max() <= 4


def test_colours_are_those_that_were_asked_for(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    made(path, song(line("a", 1.8)), sound(2.0), background="#C81E96")
    with av.open(str(path)) as opened:
        picture = next(opened.decode(video=0))
    assert (picture.colorspace, picture.color_range) == (1, 1)  # BT.709, limited range
    shown = picture.to_ndarray(format="rgb24")[5, 5].astype(int)
    assert np.abs(shown - (0xC8, 0x1E, 0x96)).max() <= 4


def test_the_cover_lies_behind_the_words(tmp_path, make_wave) -> None:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 100, 0)).save(data, "PNG")
    source = tmp_path / "song.flac"
    with Writer(
        source, encoding("flac", 16, RATE_HZ, 1), RATE_HZ, 1,
        cover=Cover(data.getvalue(), "image/png"),
    ) as writer:  # fmt: skip
        writer.write(make_wave(1, RATE_HZ))
    path = tmp_path / "song.mp4"
    made(path, song(line("a", 0.8)), source, background=None)
    assert np.abs(pictures(path)[0][0, 0].astype(int) - (90, 45, 0)).max() <= 4


def test_without_x264_another_encoder_is_taken(monkeypatch, tmp_path, sound) -> None:
    kept = av.codecs_available - {"libx264"}
    monkeypatch.setattr(av, "codecs_available", kept)
    facts = made(tmp_path / "song.mp4", song(line("a", 0.8)), sound(1.0))
    assert facts["video"] == "libvpx-vp9"
    assert len(pictures(tmp_path / "song.mp4")) == 10
    monkeypatch.setattr(av, "codecs_available", kept - {"libvpx-vp9"})
    assert film.film_format(".mp4", RATE_HZ, 2).video == "libsvtav1"
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(UsageError, match="no encoder for webm here"):
        film.film_format(".webm", RATE_HZ, 2)


def test_progress_goes_to_the_end(tmp_path, sound) -> None:
    said: list[Progress] = []
    made(tmp_path / "song.mp4", song(line("a", 0.8)), sound(2.4), on_progress=said.append)
    assert [each.done_s for each in said] == [1.0, 2.0, pytest.approx(2.4)]
    assert said[-1].total_s == pytest.approx(2.4)


def test_lines_after_the_end_are_left_out_with_a_warning(tmp_path, sound) -> None:
    lyrics = song(line("a", 0.8), line("b", 2.0))
    facts = made(tmp_path / "song.mp4", lyrics, sound(1.0))
    assert facts["warnings"] == [
        "1 line(s) of the lyrics begin after the end of the sound (1.00 s) and are left out"
    ]


A = song(line("a", 0.5))


@pytest.mark.parametrize(
    ("lyrics", "options", "error", "said"),
    [
        (A, {"size": (321, 180)}, UsageError, "no video has the size"),
        (A, {"size": (32, 18)}, UsageError, "no video has the size"),
        (A, {"rate_fps": 0}, UsageError, "frames a second"),
        (A, {"rate_fps": float("nan")}, UsageError, "frames a second"),
        (A, {"background": "#12345"}, UsageError, "no colour"),
        (A, {"background": "missing.png"}, InputError, "missing.png: cannot be read"),
        (A, {"background": __file__}, InputError, "cannot be read as a picture"),
        (A, {"font": "missing.ttf"}, InputError, "missing.ttf: no such font"),
        (song(line("日", 0.5)), {}, InputError, r"has no glyph for 日 \(U\+65E5\)"),
        (song(line("a", 9.0)), {}, InputError, "all lines of the lyrics begin after the end"),
        (Lyrics(()), {}, InputError, "no words"),
    ],
)
def test_bad_input_is_one_line_and_no_file(tmp_path, sound, lyrics, options, error, said) -> None:
    with pytest.raises(error, match=said) as raised:
        made(tmp_path / "song.mp4", lyrics, sound(1.0), **options)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_paths(tmp_path, sound) -> None:
    with pytest.raises(UsageError, match=r"no video has the extension '.avi'"):
        made(tmp_path / "song.avi", A, sound(1.0))
    with pytest.raises(InputError, match="cannot be read"):
        made(tmp_path / "song.mp4", A, tmp_path / "none.wav")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        made(tmp_path / "folder.mp4", A, sound(1.0))


def test_a_video_that_is_not_finished_leaves_what_was_there(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    path.write_bytes(b"before")

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(path, A, sound(2.0), on_progress=stop)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from tests.apps.karaoke.screens import FONT, line, song
from unweave.apps.karaoke import video

def stop(progress):
    if progress.done_s > 1:
        os.kill(os.getpid(), signal.SIGKILL)

lyrics = song(line("a", 0.5))
video.write(sys.argv[1], lyrics, sys.argv[2], size=(320, 180), font=FONT, on_progress=stop)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_leaves_nothing_under_the_final_name(tmp_path, sound) -> None:
    path = tmp_path / "song.mp4"
    done = subprocess.run([sys.executable, "-c", KILLED, path, sound(2.4)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".unweave-")
    made(path, A, sound(1.0))  # the next run removes it
    assert list(tmp_path.iterdir()) == [path]
