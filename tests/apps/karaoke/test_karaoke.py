"""`unweave.karaoke`: what is in the backing track, and what lies beside it."""

import json
import math
import os
import resource
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

import unweave
from tests.apps.karaoke.stubs import BEATS, CHOIR, RATE_HZ, Right, noise, read, tone, write
from unweave.apps._shared.levels import Meter
from unweave.core.atomic import sha256
from unweave.errors import Cancelled, InputError, OutputError, UsageError
from unweave.jobs.reports import named_stems
from unweave.lyrics import read as read_lyrics

WORDS = """#TITLE:Song
#MP3:song.wav
#BPM:300
#GAP:2000
: 0 4 2 La
: 8 4 2  la
- 12
* 20 4 5 li
E
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A song with its music on the left and its voice, from 2 to 3.5 s, on the right."""
    monkeypatch.chdir(tmp_path)
    voice = np.zeros(4 * RATE_HZ, np.float32)
    voice[2 * RATE_HZ : 28_000] = tone(300, 1.5)
    write(Path("song.wav"), noise(4.0), voice)
    Path("song.txt").write_text(WORDS)
    return tmp_path


def sung(**options) -> dict:
    return unweave.karaoke("song.wav", model=Right(), overwrite=True, **options)


def backing() -> np.ndarray:
    return read(Path("karaoke/song/backing.wav"))


def test_the_track_is_the_recording_minus_the_voice(here):
    seen = []
    report = sung(on_progress=seen.append)
    song = read(Path("song.wav"))
    np.testing.assert_array_equal(backing()[0], song[0])
    np.testing.assert_allclose(backing()[1], 0, atol=1e-6)
    assert sorted(p.name for p in Path("karaoke/song").iterdir()) == ["backing.wav", "karaoke.json"]
    assert json.loads(Path("karaoke/song/karaoke.json").read_text()) == report
    [stem] = report["stems"]
    path = Path("karaoke/song", stem["path"])
    assert (stem["stem"], stem["sha256"], stem["bytes"]) == (
        "backing", sha256(path), path.stat().st_size,
    )  # fmt: skip
    assert report["input"]["sha256"] == sha256(Path("song.wav"))
    assert report["warnings"] == []
    assert [progress.done_s for progress in seen] == sorted(p.done_s for p in seen)
    assert list(named_stems(Path("karaoke/song/karaoke.json"))) == [path]


def test_a_guide_is_the_lead_at_its_level(here):
    sung(guide_db=-12.0)
    np.testing.assert_allclose(
        backing()[1], 10 ** (-12 / 20) * read(Path("song.wav"))[1], atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, 0.25),
        ({"keep_backing": True}, 0.5),
        ({"guide_db": -20.0}, 0.25 + 0.05),
        ({"keep_backing": True, "guide_db": -20.0}, 0.5 + 0.05),
    ],
)
def test_a_model_that_parts_the_voices(here, options, share):
    unweave.karaoke("song.wav", model=CHOIR, **options)
    np.testing.assert_allclose(backing(), share * read(Path("song.wav")), atol=1e-6)


def test_a_count_in_and_an_intro(here):
    report = sung(count_in=2, bpm=120, trim_intro_s=0.5)
    cut, lead = report["timing"]["start"], report["timing"]["lead"]
    assert lead == RATE_HZ
    assert cut == pytest.approx(1.5 * RATE_HZ, abs=0.1 * RATE_HZ)
    found, song = backing(), read(Path("song.wav"))
    assert found.shape[1] == report["timing"]["samples"] == lead + song.shape[1] - cut
    faded = RATE_HZ // 4
    np.testing.assert_array_equal(found[0, lead + faded :], song[0, cut + faded :])
    assert np.abs(found[0, lead : lead + 200]).max() < 0.1 * np.abs(song[0]).max()
    clicks = np.abs(found[0, :lead]) > 0.5 * np.abs(found[0, :lead]).max()
    assert {int(n) // 4000 for n in np.flatnonzero(clicks)} == {0, 1}


@pytest.mark.parametrize(("loudness", "limited"), [(-14.0, False), (-10.5, True)])
def test_loudness_and_true_peak(here, loudness, limited):
    report = sung(loudness=loudness, format="flac")
    meter = Meter(RATE_HZ, 2)
    meter.push(read(Path("karaoke/song/backing.flac")))
    heard = meter.levels()
    [stem] = report["stems"]
    assert 20 * np.log10(heard.true_peak) <= -1
    assert stem["loudness_lufs"] == pytest.approx(heard.lufs, abs=0.02)
    assert heard.lufs == pytest.approx(loudness, abs=0.3)
    assert (report["limited_db"] > 0) == limited
    assert report["warnings"] == []


def test_integers_do_not_clip(here):
    write(Path("loud.wav"), 15 * noise(2.0), tone(300, 2.0))
    report = unweave.karaoke("loud.wav", model=Right(), format="wav", bit_depth=16)
    found = read(Path("karaoke/loud/backing.wav"))
    assert np.abs(found).max() < 1
    assert report["gain_db"] == pytest.approx(
        -20 * np.log10(np.abs(15 * noise(2.0)).max()), abs=0.01
    )
    assert any("above full scale" in line for line in report["warnings"])


def test_lyrics_lie_beside_in_their_own_format(here):
    report = sung(lyrics="song.txt", count_in=4, trim_intro_s=0.5)
    found = read_lyrics(Path("karaoke/song/lyrics.txt"))
    # 300 of the header are 150 beats of a song; the words at 2 s follow half a second of music
    assert found.lines[0].start_s == pytest.approx(4 * 60 / 150 + 0.5, abs=0.001)
    assert found.tags["mp3"] == "backing.wav"
    assert [line.text for line in found.lines] == ["La la", "li"]
    assert report["timing"]["count_in_bpm"] == 150
    assert report["exports"][0]["kind"] == "lyrics"
    Path("song.lrc").write_text("[00:02.00]La la\n[00:03.00]li\n")
    sung(lyrics="song.lrc", count_in=2)
    assert "[00:04.00]La la" in Path("karaoke/song/lyrics.lrc").read_text()


def test_a_part_of_the_song(here):
    report = sung(lyrics="song.txt", start=2.5, end=3.5)
    np.testing.assert_array_equal(backing()[0], read(Path("song.wav"))[0, 20_000:28_000])
    assert [line.text for line in read_lyrics("karaoke/song/lyrics.txt").lines] == ["li"]
    assert any("part that is used: 1" in line for line in report["warnings"])


def test_the_intro_of_a_part_is_that_before_its_own_first_word(here):
    Path("song.lrc").write_text("[00:00.50]la\n[00:02.00]li\n")
    report = sung(lyrics="song.lrc", start=1.0, trim_intro_s=0.5)
    assert report["timing"]["start"] == round(1.5 * RATE_HZ)
    assert read_lyrics("karaoke/song/lyrics.lrc").lines[0].start_s == pytest.approx(0.5)


def test_nothing_left_at_a_tempo_is_said_of_the_song(here):
    pytest.importorskip("python_stretch", reason="the extra karaoke is not installed")
    write(Path("song.wav"), noise(1.0)[:1], noise(1.0)[:1])
    with pytest.raises(InputError, match=r"^song\.wav: nothing is left at a tempo of 2 "):
        sung(tempo=2.0)
    assert not Path("karaoke").exists()


def test_kept_stems_of_something_else_give_way_to_overwrite(here):
    sung(stems_dir="voices", end=1.0)
    with pytest.raises(OutputError, match=r"vocals\.wav is there"):
        unweave.karaoke("song.wav", "other", Right(), stems_dir="voices")
    assert sung(stems_dir="voices")["timing"]["samples"] == 4 * RATE_HZ


def test_a_song_without_a_voice_is_no_error(here):
    write(Path("song.wav"), noise(2.0), 0 * noise(2.0))
    report = sung(trim_intro_s=0.5)
    np.testing.assert_array_equal(backing(), read(Path("song.wav")))
    assert any("hardly any voice" in line for line in report["warnings"])
    assert any("not trimmed" in line for line in report["warnings"])


def test_key_and_tempo_reach_the_track(here, monkeypatch):
    pytest.importorskip("python_stretch", reason="the extra karaoke is not installed")
    monkeypatch.setattr("unweave.apps.karaoke.stretch.CHUNK_S", 0.8)  # several chunks
    report = sung(key=3.0, tempo=1.25, guide_db=0.0, lyrics="song.txt")
    found = backing()
    assert found.shape[1] == report["timing"]["samples"] == round(4 * RATE_HZ / 1.25)
    level = np.abs(found[1])
    sung_at = slice(round(2.1 * RATE_HZ / 1.25), round(3.4 * RATE_HZ / 1.25))
    assert level[: round(1.8 * RATE_HZ / 1.25)].max() < 0.02
    spectrum = np.abs(np.fft.rfft(found[1, sung_at] * np.hanning(found[1, sung_at].size), RATE_HZ))
    assert spectrum.argmax() == pytest.approx(300 * 2 ** (3 / 12), abs=2)
    assert "python-stretch" in report["execution"]["versions"]
    lyrics = read_lyrics("karaoke/song/lyrics.txt")
    assert lyrics.lines[0].start_s == pytest.approx(2 / 1.25, abs=0.001)
    assert lyrics.lines[0].syllables[0].note.pitch == 5


def test_the_cover_of_the_lyrics_goes_with_them(here, png):
    Path("song.txt").write_text(f"#COVER:front.png\n{WORDS}")
    Path("front.png").write_bytes(png)
    report = sung(lyrics="song.txt")
    assert {item["kind"]: item["path"] for item in report["exports"]} == {
        "lyrics": "lyrics.txt", "cover": "front.png",
    }  # fmt: skip
    assert Path("karaoke/song/front.png").read_bytes() == png
    assert read_lyrics("karaoke/song/lyrics.txt").tags["cover"] == "front.png"
    Path("song.txt").write_text(WORDS)
    sung(lyrics="song.txt")
    assert not Path("karaoke/song/front.png").exists()
    Path("song.txt").write_text(f"#COVER:backing.wav\n{WORDS}")
    Path("backing.wav").write_bytes(png)
    assert [item["kind"] for item in sung(lyrics="song.txt")["exports"]] == ["lyrics"]


def test_the_same_bytes_twice(here):
    sung(count_in=1, loudness=-20.0)
    first = sha256(Path("karaoke/song/backing.wav"))
    sung(count_in=1, loudness=-20.0)
    assert sha256(Path("karaoke/song/backing.wav")) == first


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": BEATS}, UsageError, ["beats", "voice", "drums"]),
        ({"keep_backing": True}, UsageError, ["right", "lead_vocals"]),
        ({"complement": "x"}, UsageError, ["complement"]),
        ({"key": float("nan")}, UsageError, ["key", "nan"]),
        ({"cdg": True}, UsageError, ["CD+G", "with lyrics"]),
        ({"lyrics": "gone.lrc"}, InputError, ["gone.lrc", "no such file"]),
        ({"lyrics": "late.lrc"}, InputError, ["late.lrc", "song.wav", "9.00", "4.00"]),
        ({"lyrics": "plain.txt", "video": "mp4"}, InputError, ["plain.txt", "time"]),
        ({"video": "mp4"}, InputError, ["song.wav", "no picture"]),
        ({"video": "avi"}, UsageError, ["avi", "mp4 or webm"]),
        ({"video": "mp4", "size": (101, 100)}, UsageError, ["101x100", "even"]),
        ({"video": "mp4", "rate_fps": float("nan")}, UsageError, ["frames"]),
        ({"lyrics": "song.txt", "video": "mp4", "background": "cover"}, InputError, ["cover"]),
        ({"video": "mp4", "background": "#12"}, UsageError, ["#12", "#203040"]),
        (
            {"lyrics": "song.txt", "video": "mp4", "background": "gone.png"},
            InputError,
            ["gone.png", "no such file"],
        ),
        ({"lyrics": "song.txt", "video": "mp4", "font": "gone.ttf"}, InputError, ["gone.ttf"]),
        ({"lyrics": "song.txt", "cdg": True, "font": "gone.ttf"}, InputError, ["gone.ttf"]),
        ({"lyrics": "song.txt", "font": "a.ttf"}, UsageError, ["font", "with video and lyrics"]),
        ({"lyrics": "song.txt", "size": (640, 360)}, UsageError, ["size", "with video"]),
        ({"video": "mp4", "rate_fps": 25.0}, UsageError, ["rate_fps", "and lyrics"]),
        ({"cdg": True, "lyrics": "song.txt", "background": "cover"}, UsageError, ["with video"]),
        ({"lyrics": "letters.lrc", "cdg": True}, InputError, ["letters.lrc", "4dff0"]),
        ({"format": "mp4"}, UsageError, ["format", "wav"]),
        ({"filename_template": "{name}"}, UsageError, ["{stem}"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(here, options, error, words):
    Path("late.lrc").write_text("[00:01.00]la\n[00:09.00]li\n")
    Path("plain.txt").write_text("la\nli\n")
    Path("letters.lrc").write_text("[00:01.00]a\U0004dff0\n", encoding="utf-8")
    before = sorted(p.name for p in here.iterdir())
    with pytest.raises(error) as found:
        unweave.karaoke("song.wav", **{"model": Right(), **options})
    assert "\n" not in str(found.value)
    assert all(word in str(found.value) for word in words), found.value
    assert sorted(p.name for p in here.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_lyrics_in_a_pipe_are_refused_and_not_waited_for(here):
    os.mkfifo("pipe.lrc")
    with pytest.raises(InputError, match=r"pipe\.lrc.*pipe"):
        sung(lyrics="pipe.lrc")


def test_files_in_the_way_and_files_that_are_read(here):
    sung(lyrics="song.txt")
    with pytest.raises(OutputError, match=r"backing\.wav is there.*--overwrite"):
        unweave.karaoke("song.wav", model=Right())
    with pytest.raises(UsageError, match="the lyrics, and would be written over"):
        sung(lyrics="karaoke/song/lyrics.txt")
    with pytest.raises(UsageError, match="the song, and would be written over"):
        unweave.karaoke(
            "karaoke/song/backing.wav", "karaoke", Right(), filename_template="song/{stem}.{ext}"
        )


def test_what_a_killed_run_left_goes(here):
    left = Path("karaoke/song/.unweave-karaoke/backing.wav")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    unweave.karaoke("song.wav", model=Right())
    assert sorted(p.name for p in Path("karaoke/song").iterdir()) == ["backing.wav", "karaoke.json"]


def test_a_stop_leaves_nothing(here):
    calls = []

    def stop() -> bool:
        calls.append(0)
        return len(calls) > 8  # when the voice is out and the track is being made

    with pytest.raises(Cancelled):
        unweave.karaoke("song.wav", model=Right(), should_stop=stop)
    assert not Path("karaoke").exists()


@pytest.fixture
def pictures(monkeypatch) -> list[dict]:
    """What the functions for video and CD+G were called with; each writes a small file."""
    calls: list[dict] = []

    def write_video(path, lyrics, audio, **options) -> dict:
        calls.append({"lyrics": lyrics, "audio": read(audio), **options})
        path.write_bytes(b"video")
        return {}

    def write_cdg(path, lyrics, length_s, **options) -> dict:
        calls.append({"lyrics": lyrics, "length_s": length_s, **options})
        path.write_bytes(b"cdg")
        return {"warnings": ["no place for a sign"]}

    monkeypatch.setattr("unweave.apps.karaoke.video.write", write_video)
    monkeypatch.setattr("unweave.apps.karaoke.cdg.write", write_cdg)
    return calls


def test_words_go_to_the_video_and_to_cdg(here, pictures):
    report = sung(
        lyrics="song.txt", video="webm", size=(640, 360), rate_fps=25.0, background="#102030",
        cdg_zip=True, count_in=2, format="flac",
    )  # fmt: skip
    video, cdg = pictures
    assert video["size"] == (640, 360)
    assert video["background"] == "#102030"
    assert "no place for a sign" in report["warnings"]
    assert video["title"] == cdg["title"] == "Song"
    assert video["lyrics"].lines[0].start_s == pytest.approx(2 + 2 * 60 / 150, abs=1e-4)
    assert video["audio"].shape[1] == report["timing"]["samples"]
    assert cdg["length_s"] == pytest.approx(report["timing"]["samples"] / RATE_HZ)
    assert sorted(p.name for p in Path("karaoke/song").iterdir()) == [
        "backing.cdg", "backing.flac", "backing.mp3", "backing.zip", "karaoke.json", "lyrics.txt",
        "video.webm",
    ]  # fmt: skip
    from zipfile import ZipFile

    assert ZipFile("karaoke/song/backing.zip").namelist() == ["backing.mp3", "backing.cdg"]


def test_a_song_becomes_a_video_with_its_words(here):
    report = sung(
        lyrics="song.txt", video="mp4", size=(320, 180), rate_fps=10.0, cdg=True, count_in=2,
        key=2.0,
    )  # fmt: skip
    with av.open("karaoke/song/video.mp4") as video:
        frames = sum(1 for _ in video.decode(video=0))
    assert frames == math.ceil(report["timing"]["samples"] / RATE_HZ * 10)
    assert Path("karaoke/song/backing.cdg").stat().st_size % 24 == 0


@pytest.mark.skipif(
    "UNWEAVE_HOUR" not in os.environ, reason="an hour of sound takes minutes; set UNWEAVE_HOUR"
)
def test_an_hour_takes_the_memory_of_five_minutes(here):
    four_s = soundfile.read("song.wav", dtype="float32")[0]

    def most_mb(seconds: int) -> float:
        with soundfile.SoundFile("song.wav", "w", RATE_HZ, 2, subtype="FLOAT") as file:
            for _ in range(seconds // 4):
                file.write(four_s)
        sung(key=2.0, tempo=0.95, guide_db=-12.0, loudness=-14.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

    short = most_mb(300)
    assert most_mb(3600) < short + 40
