"""Files of strangers: what they claim, what they hide, what they are called."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests import LONG
from tests.server.conftest import RATE_HZ, Running
from unweave.server.client import ServiceError
from unweave.server.helpers import Helpers
from unweave.server.refusals import Refused

MILLION_S = 10**6
SCRIPT = "<script>alert(1)</script>"


def wav_head(path: Path) -> None:
    """A second of 8 bits, whose head has 10^6 s."""
    rate_hz = 4000
    size = MILLION_S * rate_hz
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, rate_hz, 1, 8)
    head = struct.pack("<4sI4s", b"RIFF", size + 36, b"WAVE") + fmt
    sound = bytes(np.arange(rate_hz) % 200)
    path.write_bytes(head + struct.pack("<4sI", b"data", size) + sound)


def flac_head(path: Path) -> None:
    soundfile.write(path, np.linspace(-0.5, 0.5, RATE_HZ), RATE_HZ)
    data = bytearray(path.read_bytes())
    word = (
        int.from_bytes(data[18:26], "big") >> 36 << 36
    )  # STREAMINFO: the last 36 bits are samples
    data[18:26] = (word | MILLION_S * RATE_HZ).to_bytes(8, "big")
    path.write_bytes(data)


def mp4_head(path: Path, ffmpeg_file) -> None:
    wave = np.linspace(-0.5, 0.5, RATE_HZ, dtype=np.float32)[None]
    ffmpeg_file(path, "mp4", "aac", RATE_HZ, wave)
    data = bytearray(path.read_bytes())
    for box, at in ((b"mvhd", 20), (b"mdhd", 20), (b"stts", 12)):
        place = data.index(box) + at
        data[place : place + 4] = struct.pack(">I", 0xFFFFFFF0)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp4"])
def test_a_head_of_a_million_seconds_is_refused_or_not_believed(
    at_work, tmp_path, ffmpeg_file, kind
) -> None:
    path = tmp_path / f"long.{kind}"
    if kind == "mp4":
        mp4_head(path, ffmpeg_file)
    else:
        {"wav": wav_head, "flac": flac_head}[kind](path)
    began = time.monotonic()
    found = outcome(at_work, path)
    assert time.monotonic() - began < 60
    assert found in (413, 422) or found["available_samples"] < 2 * RATE_HZ


def outcome(service: Running, path: Path) -> Any:
    """The status that the file is refused with, or else the job that it was made into."""
    client = service.client()
    try:
        job = client.submit(path, model="hpss")
    except ServiceError as error:
        return error.status
    *_, last = client.events(job)
    assert last["state"] in ("done", "failed")
    assert len(last["source"]["name"]) < 300
    folder = service.settings.job(job["id"])
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 10**7
    return last


@cache
def zip_bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.wav", bytes(3 * 10**7))
    return data.getvalue()


@cache
def tag_bomb() -> bytes:
    """An MP3 whose title, compressed (ID3v2.4, section 4.1.2), has 3 x 10^7 bytes."""
    title = zlib.compress(b"\0" + b"a" * 3 * 10**7, 9)
    safe = bytes(len(title) >> shift & 127 for shift in (21, 14, 7, 0))
    frame = b"TIT2" + safe + b"\x00\x08" + title
    whole = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + whole + frame + (b"\xff\xfb\x90\x00" + bytes(413)) * 50


@cache
def cover_bomb() -> bytes:
    """A PNG of 60000 x 60000 that is no sound."""
    rows = zlib.compress(bytes(10**7), 9)
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


@pytest.mark.parametrize("bomb", [zip_bomb, tag_bomb, cover_bomb])
@pytest.mark.parametrize("name", ["bomb.wav", "bomb.stem.mp4"])
def test_a_small_file_that_is_large_inside_is_not_unpacked(at_work, tmp_path, bomb, name) -> None:
    path = tmp_path / name
    path.write_bytes(bomb())
    found = outcome(at_work, path)
    assert found == 422 or (bomb is tag_bomb and found["state"] in ("done", "failed"))


def test_a_playlist_names_no_other_file(at_work, clip, tmp_path) -> None:
    for name, text in (
        ("list.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{clip}\n"),
        ("list.wav", f"ffconcat version 1.0\nfile {clip}\n"),
        ("list.sdp", "v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n"),
        ("list.mpd", f"<MPD><Period><BaseURL>{clip}</BaseURL></Period></MPD>"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ServiceError) as caught:
            at_work.client().submit(tmp_path / name, model="hpss")
        assert caught.value.status == 422


def test_tags_and_names_are_text_and_nothing_that_a_browser_runs(
    at_work, tmp_path, ffmpeg_file, make_wave
) -> None:
    path = tmp_path / f"a'\"{SCRIPT.replace('/', '')}&\r\nX: y.mp3"
    wave = make_wave(2, RATE_HZ, RATE_HZ)
    ffmpeg_file(path, "mp3", "libmp3lame", RATE_HZ, wave, tags={"title": SCRIPT, "artist": SCRIPT})
    client = at_work.client()
    job = client.wait(client.submit(path, model="hpss", format="flac"))
    id = job["id"]
    places = ["", "/report", "/archive.zip", "/song.stem.mp4", "/stems/harmonic.mp3"]
    places += [f"/files/{file['name']}" for file in job["files"]]
    with at_work.http() as http:
        for place in places:
            answer = http.get(f"/jobs/{id}{place}")
            assert answer.status_code == 200, (place, answer.text)
            assert "html" not in answer.headers["content-type"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "x" not in answer.headers
            shown = answer.headers.get("content-disposition", "attachment; none")
            assert shown.startswith("attachment; ")
            assert not set(shown) & set("<>&\r\n")
        for place in (f"/jobs/{SCRIPT}", f"/jobs/{id}/stems/{SCRIPT}.mp3", f"/models/{SCRIPT}"):
            answer = http.get(place)
            assert answer.headers["content-type"] == "application/json"
            assert answer.status_code == 404


def _greedy() -> int:
    return len(bytearray(b"a") * 3 * 10**9)


def _endless() -> None:
    time.sleep(600)


def _deadly() -> None:
    import os

    os._exit(9)


def _well() -> str:
    return "well"


@LONG
def test_a_helper_that_eats_or_sleeps_or_dies_costs_its_task_alone() -> None:
    helpers = Helpers(1, 1000)
    try:
        for task, timeout_s in ((_greedy, 60.0), (_deadly, 60.0), (_endless, 5.0)):
            with pytest.raises(Refused) as caught:
                helpers.ask(task, timeout_s=timeout_s)
            assert caught.value.status == 422
            assert helpers.ask(_well, timeout_s=60.0) == "well"
    finally:
        helpers.end()
