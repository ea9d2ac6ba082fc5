"""`unweave benchmark` from the outside."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from tests.evaluation import fakes
from unweave import datasets
from unweave.evaluation.names import ORACLES


@pytest.fixture
def offered(monkeypatch, here):
    fakes.offer(monkeypatch)
    monkeypatch.setattr(datasets, "load", lambda *_: fakes.tracks())
    return here


ARGUMENTS = ("benchmark", "-d", "synthetic", "-s", "share", "--oracle", "irm1", "-o", "out")


def test_tables_name_their_aggregation(offered, say):
    done = say(*ARGUMENTS)
    assert done.code == 0
    assert "median over frames, then median over tracks" in done.out
    assert "median over frames, then mean over tracks" in done.out
    assert "whole track, then mean over tracks" in done.out
    rows = [line.split() for line in done.out.splitlines()]
    share = next(row for row in rows if row[:1] == ["share"])
    assert share[2:5] == ["-", "-", "-"]  # no drums, bass, other: no score, not a zero
    assert share[-1] == "2"
    assert "4 scores" in done.out
    assert "4 done" in done.out
    assert "2.2x" not in done.out
    assert "benchmark: at work" in done.err
    again = say(*ARGUMENTS)
    assert "4 scored already" in again.err
    assert "4 skipped" in again.out
    assert again.out.splitlines()[:5] == done.out.splitlines()[:5]


def test_one_score_is_one(offered, say, monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda *_: fakes.tracks()[:1])
    assert "\n1 score in " in say("benchmark", "-d", "synthetic", "-s", "share", "-o", "out").out


def test_json(offered, say):
    done = say(*ARGUMENTS, "--json")
    found = done.json
    assert found["counts"] == {"done": 4, "skipped": 0, "failed": 0, "cancelled": 0}
    assert [entry["separator"] for entry in found["scores"]] == ["share", "irm1"] * 2
    assert all(Path(entry["path"]).is_file() for entry in found["scores"])
    table = found["tables"][0]
    assert table["columns"] == ["vocals", "drums", "bass", "other", "accompaniment"]
    assert table["rows"][0]["values"][1] is None
    assert isinstance(table["rows"][1]["values"][1], float)
    assert "median" in done.err  # tables for people do not disturb the JSON


def test_every_failure_is_named_once(offered, say):
    done = say(*ARGUMENTS, "-s", "share:share=3")
    assert done.code == 1
    assert "2 failed" in done.out
    said = [line for line in done.err.splitlines() if "a share above one" in line]
    assert [line.split(":")[1].strip() for line in said] == ["test 1", "test 2"]
    assert all(line.startswith("error: ") for line in said)
    found = say(*ARGUMENTS, "-s", "share:share=3", "--json").json
    assert found["exit_code"] == 1
    assert "share above one" in found["scores"][1]["error"]


def test_settings_tracks_and_mappings(offered, say):
    done = say(
        "benchmark", "-d", "synthetic", "-s", "share", "--set", "share=0.5", "--tracks", "1",
        "--map", "vocals=drums", "--json", "-o", "out",
    )  # fmt: skip
    assert done.code == 0
    (entry,) = done.json["scores"]
    assert entry["separator"] == "share:share=0.5"
    document = json.loads(Path(entry["path"]).read_text())
    assert document["unweave"]["mapping"] == {"vocals": "drums"}
    assert [target["name"] for target in document["targets"]] == ["drums", "accompaniment"]
    assert document["unweave"]["missing"] == ["vocals"]
    assert "vocals: not scored" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-d", "synthetic"], ["no entry to benchmark", "--separator"]),
        (["--oracle", "ibm"], ["--dataset"]),
        (["-d", "musdb19", "--oracle", "ibm"], ["musdb19", "musdb18"]),
        (["-d", "musdb18", "--oracle", "ibm"], ["--root"]),
        (["-d", "musdb18", "--root", "gone", "--oracle", "ibm"], ["gone"]),
        (["-d", "synthetic", "--split", "night", "--oracle", "ibm"], ["night", "train, test"]),
        (["-d", "synthetic", "--oracle", "ibm3"], ["ibm3", "ibm1"]),
        (["-d", "synthetic", "-s", "spleeter"], ["spleeter-2stems"]),
        (["-d", "synthetic", "--oracle", "ibm", "--tracks", "x"], ["'x'", "train 1"]),
        (["-d", "synthetic", "--oracle", "ibm", "--map", "x"], ["--map", "STEM=REFERENCE"]),
        (["-d", "synthetic", "--oracle", "ibm", "--protocol", "v9"], ["v9", "mir-1k"]),
        (["-d", "synthetic", "-s", "spleeter-2stems", "--set", "x"], ["--set", "key=value"]),
        (["-d", "synthetic", "-s", "hpss"], ["hpss: none of harmonic, percussive", "--map"]),
        (["-d", "synthetic", "-s", "repet", "--protocol", "mir-1k"], ["one channel", "has 2"]),
    ],
)
def test_refused(here, say, arguments, words):
    done = say("benchmark", *arguments)
    assert done.code in (1, 2)
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    assert list(here.iterdir()) == []


def test_oracle_all(offered, say):
    done = say("benchmark", "-d", "synthetic", "--tracks", "1", "--oracle", "all", "--json")
    assert done.code == 0
    assert [entry["separator"] for entry in done.json["scores"]] == list(ORACLES)


def test_music_that_a_network_knows(song, here, say):
    """A voice over other music: the oracle is far above the network, which is above the mix."""
    stems = unweave.separate(str(song))
    length = 3 * stems.sample_rate_hz
    for name, wave in (("vocals", stems["vocals"][:, :length]),
                       ("accompaniment", stems["accompaniment"][:, -length:])):  # fmt: skip
        path = here / "songs" / "one" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave.T, stems.sample_rate_hz, subtype="FLOAT")
    done = say(
        "benchmark", "-d", "folder", "--root", "songs",
        "-s", "spleeter-2stems", "--oracle", "mixture", "--oracle", "irm2", "--json", "-o", "out",
    )  # fmt: skip
    assert done.code == 0, done.err
    table = done.json["tables"][0]
    column = table["columns"].index("vocals")
    sdr = {row["label"]: row["values"][column] for row in table["rows"]}
    assert sdr["irm2"] > sdr["spleeter-2stems"] + 1 > sdr["mixture"] + 2
    assert done.json["output"] == "out"


def test_a_folder_of_stems(here, say):
    """Any folder of stems is a dataset, whatever its sounds are called."""
    folder = here / "songs" / "one"
    folder.mkdir(parents=True)
    for name, wave in fakes.waves(("voice", "music"), 9000).items():
        soundfile.write(folder / f"{name}.wav", wave.T, 8000, subtype="FLOAT")
    done = say("benchmark", "-d", "folder", "--root", "songs", "--oracle", "irm1", "--json")
    assert done.code == 0, done.err
    document = json.loads(Path(done.json["scores"][0]["path"]).read_text())
    assert [target["name"] for target in document["targets"]] == ["voice", "music"]
    values = [frame["metrics"]["SDR"] for frame in document["targets"][0]["frames"]]
    assert np.isfinite(values).all()


def test_a_track_without_one_of_the_stems_is_left_out_and_said(here, say):
    for n, names in enumerate((("vocals", "accompaniment"), ("accompaniment",))):
        folder = here / "songs" / f"song {n}"
        folder.mkdir(parents=True)
        for name, wave in fakes.waves(names, 9000).items():
            soundfile.write(folder / f"{name}.wav", wave.T, 8000, subtype="FLOAT")
    arguments = ["benchmark", "--root", "songs", "-d", "folder", "--oracle", "mixture"]
    done = say(*arguments, "--json")
    assert done.code == 0, done.err
    assert [item["track"] for item in done.json["scores"]] == ["song 0"]
    (warning,) = done.json["warnings"]
    assert warning == "song 1: left out, it has no vocals as other tracks have"
    assert f"warning: {warning}" in done.err
    assert {tuple(row["tracks"]) for t in done.json["tables"] for row in t["rows"]} == {(1, 1)}
    checked = say("dataset", "check", "songs")
    assert checked.code == 1
    assert "song 1 has no vocals" in checked.err
    only = say(*arguments, "--tracks", "song 1")
    assert (only.code, "no track has all stems" in only.err) == (2, True)


def test_an_interrupted_run_shows_tables_over_the_tracks_that_all_entries_have(
    offered, say, monkeypatch
):
    """As after Ctrl-C: one entry has both tracks, the other has one."""
    say("benchmark", "-d", "synthetic", "-s", "share", "-o", "out")
    monkeypatch.setattr(datasets, "load", lambda *_: fakes.tracks()[:1])
    say(*ARGUMENTS)
    monkeypatch.setattr(datasets, "load", lambda *_: fakes.tracks())
    gone = RuntimeError("no such mask")
    monkeypatch.setattr("unweave.evaluation.oracles.oracle", lambda *_: (_ for _ in ()).throw(gone))
    done = say(*ARGUMENTS, "--json")
    assert done.code == 1
    counts = {n for t in done.json["tables"] for row in t["rows"] for n in row["tracks"]}
    assert counts == {0, 1}
    (line,) = [line for line in done.err.splitlines() if "irm1 lacks 1 track" in line]
    assert "hold the 1 track that all systems have" in line
    assert any("irm1 lacks 1 track" in words for words in done.json["warnings"])


def test_estimates_of_another_length_are_said(offered, say, monkeypatch):
    tracks = [fakes.duet(name) for name in ("a", "bb", "ccc", "dddd")]
    monkeypatch.setattr(datasets, "load", lambda *_: tracks)
    for track in tracks:
        folder = offered / "mine" / track.name
        folder.mkdir(parents=True)
        for stem in ("vocals", "accompaniment"):
            wave = 0.5 * track.mix()[:, :-500]
            soundfile.write(folder / f"{stem}.wav", wave.T, fakes.RATE_HZ, subtype="FLOAT")
    arguments = ("benchmark", "-d", "synthetic", "--estimates", "theirs=mine")
    few = say(*arguments, "--tracks", "1")
    padded = "500 samples shorter than the references: padded"
    assert few.err.count(padded) == 2
    assert f"warning: a: theirs: the estimate of vocals is {padded}" in few.err
    done = say(*arguments)
    assert done.err.count(padded) == 5
    assert "3 more estimates were altered" in done.err
