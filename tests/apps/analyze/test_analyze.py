"""`unweave.analyze`, from a file to files."""

import csv
import json
import re
import struct
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

import unweave
from tests.apps.analyze.sounds import RATE_HZ, Song, song, write, write_song
from unweave.apps.analyze import files, sounds
from unweave.apps.analyze.analysis import LEAST
from unweave.apps.analyze.events import Event, lane
from unweave.apps.analyze.files.midi import grid
from unweave.apps.analyze.finders import FINDERS, Listener
from unweave.errors import UsageError, WeightsError

SCHEMA = Path(__file__).parents[2] / "data" / "jams" / "jams_schema.json"
WRITTEN = tuple(kind for kind in files.KINDS if kind != "png")
STEMS = ("vocals", "drums", "other")
KEY = r"^N|([A-G][b#]?)(:(major|minor))?$"  # of the namespace key_mode


@pytest.fixture(scope="module")
def truth() -> Song:
    return song(120, 4, bars=4)


@pytest.fixture
def recording(tmp_path: Path, truth: Song, monkeypatch) -> Path:
    """The song, its stems beside it."""
    monkeypatch.chdir(tmp_path)
    return write_song(tmp_path, truth)


def test_all_files_of_a_song_with_its_stems(recording: Path, truth: Song) -> None:
    said = unweave.analyze(recording, stems_from="stems", export=WRITTEN)
    folder = Path("analyses/song")
    report = json.loads((folder / "analysis.json").read_text())
    assert report == said
    assert report["tempo"]["value"] == pytest.approx(120, rel=0.01)
    assert report["tempo"]["source"] == "drums and mix"
    assert report["metre"]["value"] == 4
    assert report["key"]["value"] == "C major"
    assert [track["stem"] for track in report["tracks"]] == ["mix", *sorted(STEMS)]
    assert report["tracks"][0]["image"]["balance_db"] == pytest.approx(-6.02, abs=0.1)
    lanes = {item["lane"]: item for item in report["lanes"]}
    assert lanes["melody"]["source"] == "vocals"
    assert [event[2] for event in lanes["melody"]["events"]][:4] == [69, 72, 76, 74]
    assert lanes["bass"]["source"] == "mix without vocals and drums"
    # What has no stem of its own has to be surer.
    assert lanes["bass"]["least_confidence"] > LEAST["bass"]
    assert lanes["drums"]["least_confidence"] == FINDERS[-1].least
    _check_jams(folder / "analysis.jams")
    _check_midi(folder / "analysis.mid", truth)
    rows = _rows(folder / "events.csv")
    assert sum(row["lane"] == "beats" for row in rows) == len(lanes["beats"]["events"])
    assert [row["stem"] for row in _rows(folder / "stems.csv")] == ["mix", *sorted(STEMS)]
    assert {row["lane"] for row in _rows(folder / "pitch.csv")} == {"melody", "bass"}
    label = (folder / "labels" / "key.txt").read_text().split("\t")
    assert (float(label[0]), label[2]) == (0.0, "C major\n")
    assert float(label[1]) == pytest.approx(len(truth.mix) / RATE_HZ, abs=0.2)
    project = (folder / "analysis.rpp").read_text()
    assert f'FILE "{recording.as_posix()}"' in project
    tempos = [float(line.split()[2]) for line in project.splitlines() if line[:7] == "    PT "]
    assert tempos == pytest.approx([120] * len(tempos), rel=0.02)
    assert len(tempos) >= 4
    assert unweave.analyze(recording, stems_from="stems", export=WRITTEN) == said


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def _check_jams(path: Path) -> None:
    document = json.loads(path.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    found = {}
    for each in document["annotations"]:
        found.setdefault(each["namespace"], []).append(each["data"])
    assert set(found) == {"beat", "key_mode", "segment_open", "tag_open", "note_midi", "tempo",
                          "pitch_contour"}  # fmt: skip
    assert all(re.match(KEY, item["value"]) for item in found["key_mode"][0])
    assert {item["value"] for item in found["beat"][0]} <= {1, 2, 3, 4}
    assert 0 <= found["tempo"][0][0]["confidence"] <= 1
    lengths = {len(column) for column in found["pitch_contour"][0].values()}
    assert len(lengths) == 1
    assert set(found["pitch_contour"][0]["value"][0]) == {"index", "frequency", "voiced"}


def _check_midi(path: Path, truth: Song) -> None:
    """Read the file back: the tempo map puts each beat where it was found."""
    data = path.read_bytes()
    kind, count, ticks = struct.unpack(">HHH", data[8:14])
    assert (data[:8], kind) == (b"MThd\0\0\0\6", 1)
    at, tracks = 14, []
    while at < len(data):
        assert data[at : at + 4] == b"MTrk"
        size = struct.unpack(">I", data[at + 4 : at + 8])[0]
        tracks.append(list(_messages(data[at + 8 : at + 8 + size])))
        at += 8 + size
    assert len(tracks) == count
    tempos = [
        (tick, int.from_bytes(body[1:], "big") / 1e6)
        for tick, status, body in tracks[0]
        if status == 0xFF and body[0] == 0x51
    ]
    ticks_of = np.diff([*(tick for tick, _ in tempos), tempos[-1][0] + ticks])
    lengths_s = [count / ticks * s for count, (_, s) in zip(ticks_of, tempos, strict=True)]
    times = np.cumsum([0.0, *lengths_s])
    assert np.abs(times[:, None] - truth.beats_s).min(0).max() < 0.03
    for track in tracks[1:]:
        sounding: set[int] = set()
        for _, status, body in track:
            if status & 0xF0 == 0x90:
                assert body[0] not in sounding
                sounding.add(body[0])
            elif status & 0xF0 == 0x80:
                sounding.remove(body[0])
        assert not sounding
        assert track[-1][1:] == (0xFF, b"\x2f")


def _messages(data: bytes):
    at = now = 0

    def variable() -> int:
        nonlocal at
        value = 0
        while True:
            at += 1
            value = value << 7 | data[at - 1] & 0x7F
            if data[at - 1] < 0x80:
                return value

    while at < len(data):
        now += variable()
        status = data[at]
        at += 1
        if status == 0xFF:
            kind = data[at]
            at += 1
            size = variable()
            body = bytes([kind]) + data[at : at + size]
        else:
            size = 1 if status & 0xF0 == 0xC0 else 2
            body = data[at : at + size]
        at += size
        yield now, status, body


def test_separates_first_and_analyses_the_mix_alone(recording: Path) -> None:
    apart = unweave.analyze(recording, "apart", model="hpss", export="csv", start=1, end=5)
    assert [track["stem"] for track in apart["tracks"]] == ["mix", "harmonic", "percussive"]
    assert apart["separation"]["request"]["separator"]["name"] == "hpss"
    alone = unweave.analyze(recording, "alone", model=None, export=(), start=1, end=5)
    assert [track["stem"] for track in alone["tracks"]] == ["mix"]
    assert {item["source"] for item in alone["lanes"]} == {"mix", "each stem"}
    [drums] = [item for item in alone["lanes"] if item["lane"] == "drums"]
    assert drums["least_confidence"] == FINDERS[-1].without_stem > FINDERS[-1].least
    for report in (apart, alone):
        assert (report["input"]["start_s"], report["input"]["duration_s"]) == (1, 4)
        beats = next(item for item in report["lanes"] if item["lane"] == "beats")["events"]
        # The song's beats are half a second apart from 0.3 s on, whatever part is heard.
        off = [(start - 0.3) % 0.5 for start, *_ in beats]
        assert all(min(each, 0.5 - each) < 0.05 for each in off)
        assert 1 <= beats[0][0] < 2
    assert sorted(str(p) for p in Path().glob("al*/song/*")) == ["alone/song/analysis.json"]


def test_further_finders_plug_in_and_one_without_weights_is_said(recording, monkeypatch) -> None:
    rows = tuple(
        Listener(name, sounds.TONES, f"{__name__}:{function}", "by ear", 0.5)
        for name, function in (("chords", "two_chords"), ("notes", "no_weights"))
    )
    monkeypatch.setattr("unweave.apps.analyze.analysis.FINDERS", rows)
    report = unweave.analyze(recording, model=None, export="jams,labels,png", end=4)
    chords = next(item for item in report["lanes"] if item["lane"] == "chords")
    assert chords["events"] == [[0.0, 2.0, "C:maj", 0.9]]
    assert chords["left_out"] == 1
    assert report["warnings"] == ["notes are not looked for: fetch them first"]
    assert Path("analyses/song/labels/chords.txt").read_text() == "0.000000\t2.000000\tC:maj\n"
    assert Path("analyses/song/analysis.png").read_bytes()[:4] == b"\x89PNG"


def two_chords(blocks, rate_hz: int) -> list[Event]:
    assert sum(block.shape[-1] for block in blocks) == 4 * rate_hz
    return [Event(0, 2, "C:maj", 0.9), Event(2, 4, "G:maj", 0.2)]


def no_weights(blocks, rate_hz: int) -> list[Event]:
    raise WeightsError("fetch them first")


def test_silence_is_an_analysis_without_events(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "silence.wav", np.zeros(RATE_HZ, np.float32))
    report = unweave.analyze(path, model=None, export=WRITTEN)
    assert report["tempo"] is report["metre"] is report["key"] is report["voice"] is None
    assert not any(item["events"] for item in report["lanes"])
    assert not Path("analyses/silence/labels").exists()


@pytest.mark.parametrize("samples", [1, 20, 3000])
def test_nothing_is_found_beyond_the_end(samples: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    late = f"{__name__}:beyond_the_end"
    monkeypatch.setattr(
        "unweave.apps.analyze.analysis.FINDERS",
        (*FINDERS, Listener("late", sounds.TONES, late, "by ear", 0.0)),
    )
    wave = np.sin(2 * np.pi * 220 * np.arange(samples) / RATE_HZ).astype(np.float32)
    path = write(tmp_path / "short.wav", wave)
    report = unweave.analyze(path, model=None, least=0.0, export=WRITTEN)
    lanes = {item["lane"]: item["events"] for item in report["lanes"]}
    end_s = round(samples / RATE_HZ, 4)
    assert all(event[1] <= end_s for events in lanes.values() for event in events)
    assert lanes["late"] == [[0.0, end_s, "A", 0.5]]


def beyond_the_end(blocks, rate_hz: int) -> list[Event]:
    return [Event(0, 9, "A", 0.5), Event(2, 3, "B", 0.5)]


def test_stems_of_another_length_or_named_alike_are_refused(recording: Path) -> None:
    soundfile.write("stems/vocals.wav", np.zeros((100, 2), np.float32), RATE_HZ)
    with pytest.raises(unweave.InputError, match="not as long as it is"):
        unweave.analyze(recording, stems_from="stems")
    soundfile.write("stems/02-voice.wav", np.zeros((100, 2), np.float32), RATE_HZ)
    with pytest.raises(unweave.InputError, match="is a second"):
        unweave.analyze(recording, stems_from="stems")


def test_a_stem_that_is_as_good_as_silent_is_not_listened_to(recording: Path) -> None:
    for stem in ("drums", "vocals"):
        wave, rate_hz = soundfile.read(f"stems/{stem}.wav")
        soundfile.write(f"stems/{stem}.wav", wave * (0.0 if stem == "vocals" else 0.03), rate_hz)
    report = unweave.analyze(recording, stems_from="stems", export="csv")
    lanes = {item["lane"]: item for item in report["lanes"]}
    assert report["tempo"]["source"] == lanes["beats"]["source"] == "mix without vocals and mix"
    assert report["tempo"]["value"] == pytest.approx(120, rel=0.01)
    assert not {"melody", "drums"} & set(lanes)
    assert "melody is not looked for: the stem 'vocals' is silent" in report["warnings"]
    [said] = [each for each in report["warnings"] if each.startswith("drums are")]
    assert re.fullmatch(r"drums are not looked for: the stem 'drums' is \d+ LU below the mix", said)


def test_roles_are_sums_of_the_stems_that_are_there() -> None:
    four = sounds.roles(("drums", "bass", "other", "vocals"))
    assert four[sounds.VOICE] == sounds.Role("vocals", (0, 0, 0, 0, 1))
    assert four[sounds.TONES] == sounds.Role("mix without vocals and drums", (1, -1, 0, 0, -1))
    assert four[sounds.BASS].source == "bass"
    two = sounds.roles(("voice", "accompaniment"))
    assert two[sounds.DRUMS] == two[sounds.TONES] == sounds.Role("mix without voice", (1, -1, 0))
    assert all(role == sounds.Role("mix", (1,)) for role in sounds.roles(()).values())


def test_events_and_lanes_hold_what_they_say() -> None:
    with pytest.raises(ValueError, match="a confidence is 0 to 1"):
        Event(0, 1, "x", 1.1)
    with pytest.raises(ValueError, match="no span of time"):
        Event(2, 1, "x", 1)
    found = lane("chords", [Event(2, 3, "b", 0.9), Event(0, 1, "a", 0.4)], "mix", "ear", 0.5)
    assert ([event.value for event in found.events], found.left_out) == (["b"], 1)


def test_the_grid_of_a_sequencer_passes_through_the_beats() -> None:
    beats = [Event(t, t, 0, 1.0) for t in (1.1, 1.6, 2.2, 2.7)]
    found = grid(beats)
    assert [found.tick(event.start_s) for event in beats] == [960, 1440, 1920, 2400]
    assert all(a < b for a, b in pairwise(found.ticks))
    assert found.tick(0.0) == 0
    assert found.tick(3.2) == 2880


def test_a_picture_needs_matplotlib(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"unweave\[plot\]"):
        files.check(["png"])
