"""What a job has made, over HTTP: files, parts of them, other formats, samples and pictures."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib

import numpy as np
import pytest
import soundfile

import unweave
from tests.server.conftest import OPTIONS
from unweave.types import Block


def test_a_file_in_parts_and_only_when_it_is_another(at_work, done) -> None:
    file = done["files"][0]
    with at_work.http() as http:
        url = file["url"].removeprefix("/api/v1")
        whole = http.get(url)
        assert whole.headers["etag"] == f'"{file["sha256"]}"'
        part = http.get(url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        same = http.get(url, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert http.get(url, headers={"Range": "bytes=999999999-"}).status_code == 416
        many = ",".join(f"{n}-{n}" for n in range(50))
        assert http.get(url, headers={"Range": f"bytes={many}"}).status_code == 416


@pytest.mark.parametrize(
    "part",
    [
        "bytes=0-18446744073709551616",
        "bytes=-99999999999999999999",
        "bytes=18446744073709551616-",
        f"bytes={'9' * 900}-",
        "bytes=5-1",
        "bytes=-0",
        "bytes=" + ",".join(["0-"] * 8),
        "bytes=",
        "lines=0-1",
        "bytes=a-b",
    ],
)
def test_a_part_that_there_is_not(at_work, done, part) -> None:
    with at_work.http() as http:
        url = done["files"][0]["url"].removeprefix("/api/v1")
        answer = http.get(url, headers={"Range": part})
    assert answer.status_code in (200, 206, 400, 416), answer.status_code
    most = 8 * (done["files"][0]["bytes"] + 300)  # so many parts at once, each with a head
    assert len(answer.content) <= most


@pytest.mark.parametrize("number", [-1, 1 << 40, (1 << 40) + 1, 1 << 63, 1 << 64, "9" * 400, "1e9"])
def test_a_place_that_there_is_not(at_work, done, number) -> None:
    with at_work.http() as http:
        for place in (
            f"stems/harmonic/pcm?start={number}",
            f"stems/harmonic/pcm?count={number}",
            f"stems/harmonic/peaks?start={number}",
            f"stems/harmonic/peaks?count={number}",
            f"stems/harmonic/peaks?bins={number}",
            f"stems/harmonic/spectrogram/0/{number}.png",
            f"stems/harmonic/spectrogram/{number}/0.png",
        ):
            answer = http.get(f"/jobs/{done['id']}/{place}")
            assert answer.status_code in (200, 404, 422), (place, answer.text)
            assert len(answer.content) < 10**6
        assert http.get(f"/jobs?limit={number}").status_code == 422


def test_all_files_in_one_zip(at_work, done) -> None:
    with at_work.http() as http:
        answer = http.get(f"/jobs/{done['id']}/archive.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        for file in done["files"]:
            assert hashlib.sha256(archive.read(file["name"])).hexdigest() == file["sha256"]


def test_samples_and_their_peaks(at_work, done, clip, sound_of, tmp_path) -> None:
    paths = {path.stem: path for path in at_work.client().download(done, tmp_path)}
    for stem, path in {**paths, "mix": clip}.items():
        if stem == "report":
            continue
        wave = sound_of(path)
        with at_work.http() as http:
            answer = http.get(f"/jobs/{done['id']}/stems/{stem}/pcm?start=1000&count=500")
            while answer.status_code == 202:
                answer = http.get(answer.url)
            assert answer.headers["x-sample-rate"] == "22050"
            assert answer.headers["x-count"] == "500"
            found = np.frombuffer(answer.content, "<f4").reshape(-1, 2)
            assert np.array_equal(found, wave[1000:1500])
            answer = http.get(f"/jobs/{done['id']}/stems/{stem}/peaks?count=30000&bins=10")
            low_high = np.frombuffer(answer.content, "<i2").reshape(10, 2)
            parts = wave[:30000].reshape(10, -1)
            expected = np.stack([parts.min(1), parts.max(1)], 1)
            assert np.array_equal(low_high, np.rint(np.clip(expected, -1, 1) * 32767))
            late = http.get(f"/jobs/{done['id']}/stems/{stem}/pcm?start=999999999")
            assert (late.status_code, late.content) == (200, b"")


def test_a_tile_shows_a_tone_where_it_is(at_work, make_wave, tmp_path) -> None:
    time_s = np.arange(22050) / 22050
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * time_s), 22050)
    client = at_work.client()
    job = client.wait(client.submit(tmp_path / "tone.wav", **OPTIONS))
    with at_work.http() as http:
        answer = http.get(f"/jobs/{job['id']}/stems/harmonic/spectrogram/0/0.png")
        assert http.get(f"/jobs/{job['id']}/stems/harmonic/spectrogram/0/9.png").status_code == 404
    data = answer.content
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    length = int.from_bytes(data[33:37], "big")
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(256, 513)[:, 1:]
    loudest = 255 - int(np.argmax(rows[:, 10]))  # from the lowest
    edges = np.geomspace(40, 11025, 257)
    assert edges[loudest - 1] < 1000 < edges[loudest + 2]
    assert rows[:, 10].max() > 200
    assert rows[:, 300].max() == 0  # behind the end


def test_a_stem_in_another_format_keeps_its_sound(at_work, done, sound_of, tmp_path) -> None:
    with at_work.http() as http:
        path = tmp_path / "stem.flac"
        path.write_bytes(http.get(f"/jobs/{done['id']}/stems/harmonic.flac").content)
        [file] = [file for file in done["files"] if file["stem"] == "harmonic"]
        wav = tmp_path / "stem.wav"
        wav.write_bytes(http.get(file["url"].removeprefix("/api/v1")).content)
        assert http.get(f"/jobs/{done['id']}/stems/nothing.mp3").status_code == 404
    assert np.abs(sound_of(path) - sound_of(wav)).max() < 2**-22


def test_the_gain_that_files_share_is_said_and_the_sound_before_has_none(
    at_work, make_wave, sound_of, tmp_path
) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, 4 * make_wave(2, 22050, 22050).T, 22050, subtype="FLOAT")
    before: dict[str, list[np.ndarray]] = {"harmonic": [], "percussive": []}

    def heard(block: Block) -> None:
        for stem, wave in block.stems.items():
            before[stem].append(wave.T.copy())

    unweave.separate_file(path, tmp_path / "own", "hpss", on_block=heard)
    client = at_work.client()
    job = client.wait(client.submit(path, model="hpss", format="flac", bit_depth=24))
    gains = {file["gain_db"] for file in job["files"] if file["stem"]}
    assert len(gains) == 1
    [gain_db] = gains
    assert gain_db < -1
    with at_work.http() as http:
        for stem, waves in before.items():
            answer = http.get(f"/jobs/{job['id']}/stems/{stem}/pcm")
            assert float(answer.headers["x-gain-db"]) == gain_db
            found = np.frombuffer(answer.content, "<f4").reshape(-1, 2)
            error = found - np.concatenate(waves) * 10 ** (gain_db / 20)
            assert np.abs(error).max() < 1e-4  # the gain is written with four digits
        mix = f"/jobs/{job['id']}/stems/mix/pcm"
        while (answer := http.get(mix)).status_code == 202:
            pass
        assert answer.headers["x-gain-db"] == "0.0"


@pytest.mark.parametrize("channels", [1, 2])
def test_all_stems_in_one_stem_file(at_work, make_wave, tmp_path, channels) -> None:
    from unweave.audio.stem_file.reader import StemReader

    path = tmp_path / "Ma chanson.wav"
    soundfile.write(path, make_wave(channels, 44100).T, 44100)
    client = at_work.client()
    job = client.wait(client.submit(path, model="hpss", format="flac"))
    with at_work.http() as http:
        answer = http.get(f"/jobs/{job['id']}/song.stem.mp4")
        assert answer.headers["content-type"] == "video/mp4"
        assert "Ma chanson.stem.mp4" in answer.headers["content-disposition"]
        again = http.get(
            f"/jobs/{job['id']}/song.stem.mp4", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
    (tmp_path / "song.stem.mp4").write_bytes(answer.content)
    with StemReader(tmp_path / "song.stem.mp4") as reader:
        names = [label.name for label in reader.metadata.labels]
        five = np.concatenate(list(reader.blocks(44100)), axis=-1)
    assert names == ["harmonic", "percussive", "Silence", "Silence 2"]
    assert five.shape == (5, 2, 44100)
    song = soundfile.read(path, always_2d=True)[0].T
    for heard in (five[0], five[1:].sum(axis=0)):
        lost_db = 10 * np.log10(np.mean((heard - song) ** 2) / np.mean(song**2))
        assert lost_db < -15


def test_a_surround_recording_is_no_stem_file(at_work, make_wave, tmp_path) -> None:
    soundfile.write(tmp_path / "six.wav", make_wave(6, 22050, 22050).T, 22050)
    client = at_work.client()
    job = client.wait(client.submit(tmp_path / "six.wav", **OPTIONS))
    with at_work.http() as http:
        answer = http.get(f"/jobs/{job['id']}/song.stem.mp4")
    assert (answer.status_code, "stereo" in answer.text) == (400, True)
    assert not list((at_work.settings.job(job["id"]) / "made").iterdir())


def test_peaks_of_a_long_stem_are_read_from_a_file_that_grows(tmp_path) -> None:
    from unweave.server.peaks import LONG, STEP, peaks
    from unweave.server.samples import Sound

    rng = np.random.default_rng(0)
    wave = rng.uniform(-1, 1, (5 * LONG + 300, 2)).astype(np.float32)
    read = []

    def some(start: int, count: int) -> np.ndarray:
        read.append(count)
        return wave[start : start + count]

    def sound(available: int, whole: bool) -> Sound:
        return Sound(44100, 2, available, whole, some, tmp_path / "made" / "a.peaks")

    def expected(start: int, end: int) -> list[int]:
        part = wave[start:end]
        return list(np.rint(np.array([part.min(), part.max()]) * 32767).astype(int))

    first = peaks(sound(2 * LONG + 10, False), 0, 2 * LONG + 10, 5 * LONG, 5)
    assert first.tolist() == [expected(0, LONG), expected(LONG, 2 * LONG), *[[0, 0]] * 3]
    read.clear()
    whole = peaks(sound(len(wave), True), 0, len(wave), 5 * LONG, 5)
    assert whole.tolist() == [expected(n * LONG, (n + 1) * LONG) for n in range(5)]
    assert sum(read) == len(wave) - 2 * LONG  # nothing is read twice
    assert (tmp_path / "made" / "a.peaks").stat().st_size == 4 * (-(-len(wave) // STEP))
    few = peaks(sound(len(wave), True), 100, 1000, 1000, 10)
    assert few.tolist() == [expected(100 + 100 * n, 200 + 100 * n) for n in range(10)]
