"""Partials written down and drawn."""

import importlib.util
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from unweave.apps.partials import analyse, partials
from unweave.apps.partials.formats import Analysis, csv, json_, sdif
from unweave.apps.partials.picture import draw
from unweave.errors import Cancelled, InputError, OutputError, UsageError
from unweave.signal.partials import Tracks

RATE_HZ = 22050
HZ = (330.0, 1000.5)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with two tones in it, the second for half of the time and on the left only."""
    monkeypatch.chdir(tmp_path)
    time_s = np.arange(RATE_HZ * 12) / RATE_HZ
    low, high = (0.1 * np.cos(2 * np.pi * hz * time_s) for hz in HZ)
    high = high * (time_s > 3) * (time_s < 9)
    soundfile.write("tones.wav", np.stack([low + high, 0.5 * low], axis=1), RATE_HZ)
    return tmp_path


def analysis() -> Analysis:
    """Two partials; the file `partials.sdif` holds the first channel of the same."""
    tracks = Tracks(
        np.array([0, 0, 1]),
        np.array([0, 1, 1]),
        np.array([440.0, 441.0, 220.0]) / 8,
        np.array([[0.5], [0.5], [0.125]]),
        np.array([[0.25], [0.5], [-1.0]]),
    )
    return Analysis("tones.wav", 8, 100, 2, {"overlap": 4}, tracks)


def test_a_recording_is_followed_across_blocks(here, monkeypatch):
    whole = analyse(Path("tones.wav"))
    monkeypatch.setattr("unweave.apps.partials.BLOCK_S", 0.07)
    found = analyse(Path("tones.wav"))
    np.testing.assert_array_equal(found.tracks.frame, whole.tracks.frame)
    np.testing.assert_allclose(found.tracks.frequency, whole.tracks.frequency, atol=1e-8)
    begins = found.tracks.begins
    assert len(begins) - 1 == 2
    hop_s = found.hop / RATE_HZ
    for n, (hz, start_s, end_s, right) in enumerate([(HZ[0], 0, 12, 0.05), (HZ[1], 3, 9, 0.0)]):
        mine = slice(begins[n], begins[n + 1])
        np.testing.assert_allclose(found.frequency_hz[mine], hz, atol=0.5)
        levels = np.median(found.tracks.amplitude[mine], axis=0)
        np.testing.assert_allclose(levels, (0.1, right), atol=0.001)
        assert abs(found.time_s[mine][0] - start_s) <= hop_s
        assert abs(found.time_s[mine][-1] - end_s) <= hop_s
        assert np.all(np.diff(found.tracks.frame[mine]) == 1)


def test_it_is_what_the_technique_plays(here):
    """The tracks of the file, played, are the technique's tonal stem."""
    import torch

    from unweave import registry
    from unweave.signal.oscillators import oscillate

    found = analyse(Path("tones.wav"))
    played = oscillate(found.tracks, found.hop, found.samples, "cpu").numpy()
    wave = soundfile.read("tones.wav", dtype="float32")[0].T.copy()
    tonal = registry.load("sinusoidal")(torch.from_numpy(wave)[None], RATE_HZ)[0, 0].numpy()
    np.testing.assert_allclose(played, tonal, atol=1e-3)


def test_csv():
    assert csv(analysis()).decode().splitlines() == [
        "track,time_s,frequency_hz,amplitude_1,phase_rad_1",
        "1,0.000000,440.0000,0.5,0.2500",
        "1,0.250000,441.0000,0.5,0.5000",
        "2,0.250000,220.0000,0.125,-1.0000",
    ]


def test_json():
    document = json.loads(json_(analysis()))
    assert document["hop_s"] == 0.25
    assert document["options"] == {"overlap": 4}
    assert [track["track"] for track in document["tracks"]] == [1, 2]
    assert document["tracks"][0] == {
        "track": 1,
        "start_s": 0.0,
        "end_s": 0.25,
        "frequency_hz": [440.0, 441.0],
        "amplitude": [[0.5, 0.5]],
        "phase_rad": [[0.25, 0.5]],
    }


def test_sdif_is_what_ircams_library_writes():
    reference = Path(__file__).with_name("partials.sdif").read_bytes()
    ours = sdif(analysis())
    assert ours[: len(reference)] == reference
    # and then a frame without rows, in which the last partial has ended
    end = struct.pack(">4sidii4siii", b"1TRC", 32, 0.5, 1, 1, b"1TRC", 4, 0, 4)
    assert ours[len(reference) :] == end


def test_sdif_has_a_stream_for_each_channel():
    one = analysis().tracks
    two = Tracks(
        one.track,
        one.frame,
        one.frequency,
        one.amplitude * [[1.0, 0.5]],
        one.phase + np.array([0, 1]),
    )
    data = sdif(Analysis("x", 8, 100, 2, {}, two))
    place, streams = 16, []
    while place < len(data):
        signature, size, time_s, stream, count = struct.unpack_from(">4sidii", data, place)
        kind, form, rows, columns = struct.unpack_from(">4siii", data, place + 24)
        assert (signature, kind, form, columns, count) == (b"1TRC", b"1TRC", 4, 4, 1)
        assert size == 16 + 16 + rows * 16
        streams.append((time_s, stream, rows))
        place += 8 + size
    assert streams == [(0, 1, 1), (0, 2, 1), (0.25, 1, 2), (0.25, 2, 2), (0.5, 1, 0), (0.5, 2, 0)]


def test_files_appear(here):
    seen = []
    written = partials(
        Path("tones.wav"), Path("new/t.SDIF"), plot=Path("t.png"), on_progress=seen.append
    )
    assert written.tracks == 2
    assert written.points > 1000
    assert written.files == (Path("new/t.SDIF"), Path("t.png"))
    assert Path("new/t.SDIF").read_bytes()[:4] == b"SDIF"
    assert imread("t.png").shape[1] > 1000
    assert [progress.done_s for progress in seen] == [5.0, 10.0, 12.0]
    assert partials(Path("tones.wav")).files == (Path("tones-partials.csv"),)
    lines = Path("tones-partials.csv").read_text().splitlines()
    assert len(lines) == written.points + 1
    few = partials(Path("tones.wav"), options={"max_partials": 1})
    assert few.points < written.points


def test_the_picture_has_axes_and_lines(here):
    found = analyse(Path("tones.wav"))
    axes, bar = draw(found).axes
    assert "tones.wav: 2 partials" in axes.get_title(loc="left")
    assert "kHz" in axes.get_ylabel()
    assert "dB" in bar.get_ylabel()
    assert axes.get_xlim() == (0.0, 12.0)
    low, high = axes.get_ylim()
    assert low < 0.33 < 1.0 < high
    points = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    assert len(points) >= len(found.tracks)


def test_a_recording_without_partials(here):
    soundfile.write("silence.wav", np.zeros(30000), RATE_HZ)
    for suffix in ("csv", "json", "sdif"):
        path, plot = Path(f"none.{suffix}"), Path(f"{suffix}.png")
        assert partials(Path("silence.wav"), path, plot=plot).tracks == 0
        assert path.stat().st_size > 0
    assert Path("none.csv").read_text().count("\n") == 1
    assert Path("none.sdif").read_bytes() == b"SDIF" + struct.pack(">iii", 8, 3, 1)
    soundfile.write("one.wav", np.ones(1), RATE_HZ)
    assert partials(Path("one.wav")).tracks == 0


def test_what_cannot_be_done(here, monkeypatch):
    song = Path("tones.wav")
    for keywords, error, says in [
        ({"output": Path("t.txt")}, UsageError, r"t\.txt: partials are written as \.csv, \.json"),
        ({"plot": Path("t.jpg")}, UsageError, r"t\.jpg: the picture must be a \.png"),
        ({"options": {"window_s": -1.0}}, UsageError, "window_s must be"),
        ({"options": {"windows": 1.0}}, UsageError, "no option 'windows'"),
        ({"options": {"wiener": 1}}, UsageError, "no option 'wiener'"),
        ({"output": Path("tones.wav/t.csv")}, OutputError, "cannot be written"),
        ({"should_stop": lambda: True}, Cancelled, "stopped"),
    ]:
        with pytest.raises(error, match=says) as caught:
            partials(song, **keywords)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"gone\.wav"):
        partials(Path("gone.wav"))
    song.rename("tones.csv")
    with pytest.raises(UsageError, match="is the recording itself"):
        partials(Path("tones.csv"), Path("tones.csv"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"unweave\[plot\]"):
        partials(Path("tones.csv"), plot=Path("t.png"))
    assert sorted(path.name for path in Path().iterdir()) == ["tones.csv"]
