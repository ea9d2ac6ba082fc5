"""A video keeps its picture, over the backing track."""

from pathlib import Path

import av
import numpy as np
import pytest

import unweave
from tests.apps.karaoke.stubs import Right, noise, write
from unweave.audio.reader import Reader
from unweave.errors import InputError, UsageError

RATE_HZ = 48000
FPS = 25
FRAMES = 40


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def film(path: Path, picture: str, sound: str) -> Path:
    """1.6 s of a picture that changes with each frame, and of sound."""
    wave = np.stack([noise(1.6, 0, RATE_HZ), 0 * noise(1.6, 1, RATE_HZ)])
    with av.open(str(path), "w") as out:
        video = out.add_stream(picture, rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream(sound, rate=RATE_HZ, layout="stereo")
        for n in range(FRAMES):
            image = np.full((48, 64, 3), 5 * n, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(wave.T).reshape(1, -1), "flt", "stereo"
        )
        frame.sample_rate = RATE_HZ
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return path


def picture_of(path: Path) -> tuple[list[bytes], list[float]]:
    """The packets, and when each frame is shown."""
    with av.open(str(path)) as container:
        [stream] = container.streams.video
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = sorted(float(packet.pts * packet.time_base) for packet in packets)
        return [bytes(packet) for packet in packets], times


@pytest.mark.parametrize(
    ("name", "picture", "sound", "kind"),
    [
        ("clip.mkv", "libx264", "aac", "mp4"),
        ("clip.webm", "libvpx", "libopus", "webm"),
    ],
)
def test_the_picture_is_copied_and_the_sound_is_exact(here, name, picture, sound, kind):
    source = film(Path(name), picture, sound)
    report = unweave.karaoke(source, model=Right(), video=kind, count_in=1, bpm=120)
    made = Path("karaoke/clip") / f"video.{kind}"
    packets, times = picture_of(source)
    found, shown = picture_of(made)
    assert found == packets
    np.testing.assert_allclose(shown, np.array(times) + 0.5, atol=0.0011)
    with Reader(made) as reader:
        length = sum(block.shape[1] for block in reader.blocks(RATE_HZ))
    assert length == report["timing"]["samples"]


def test_the_picture_follows_the_tempo(here):
    pytest.importorskip("python_stretch", reason="the extra karaoke is not installed")
    source = film(Path("clip.mp4"), "mpeg4", "aac")
    report = unweave.karaoke(source, model=Right(), video="mp4", tempo=0.8)
    _, times = picture_of(source)
    _, shown = picture_of(Path("karaoke/clip/video.mp4"))
    np.testing.assert_allclose(shown, np.array(times) / 0.8, atol=1e-4)
    with Reader(Path("karaoke/clip/video.mp4")) as reader:
        assert reader.info.frames == report["timing"]["samples"]


def test_sound_and_picture_stay_together_where_one_begins_later(here):
    """Where the picture begins first, it is shown over silence."""
    source = film(Path("clip.mp4"), "mpeg4", "aac")
    late = Path("late.mp4")
    with av.open(str(source)) as container, av.open(str(late), "w") as out:
        streams = {s: out.add_stream_from_template(s) for s in container.streams}
        for packet in container.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                packet.pts += round(0.3 / packet.time_base)
                packet.dts += round(0.3 / packet.time_base)
            packet.stream = streams[packet.stream]
            out.mux(packet)
    report = unweave.karaoke(late, model=Right(), video="mp4")
    made = Path("karaoke/late/video.mp4")
    _, times = picture_of(late)
    with av.open(str(late)) as container:
        sound = container.streams.audio[0]
        wait_s = float(sound.start_time * sound.time_base) - times[0]
    assert wait_s > 0.25
    _, shown = picture_of(made)
    assert len(shown) == FRAMES
    assert shown[0] == 0
    with Reader(made) as reader:
        [wave] = list(reader.blocks(10 * RATE_HZ))
    assert wave.shape[1] - report["timing"]["samples"] == pytest.approx(wait_s * RATE_HZ, abs=1)
    assert np.abs(wave[:, : round((wait_s - 0.03) * RATE_HZ)]).max() < 0.01


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"video": "webm"}, UsageError, ["clip.mp4", "mpeg4", "--video mp4"]),
        ({"video": "mp4", "trim_intro_s": 1.0}, UsageError, ["clip.mp4", "--trim-intro"]),
        ({"video": "mp4", "end": 1.0}, UsageError, ["clip.mp4", "the end"]),
    ],
)
def test_what_cannot_be_copied(here, options, error, words):
    film(Path("clip.mp4"), "mpeg4", "aac")
    with pytest.raises(error) as found:
        unweave.karaoke("clip.mp4", model=Right(), **options)
    assert all(word in str(found.value) for word in words), found.value
    assert not Path("karaoke").exists()


def test_a_cover_is_no_moving_picture(here, ffmpeg_file, png):
    write(Path("song.wav"), noise(1.0), noise(1.0))
    with pytest.raises(InputError, match=r"song\.wav: has no picture"):
        unweave.karaoke("song.wav", model=Right(), video="mp4")
