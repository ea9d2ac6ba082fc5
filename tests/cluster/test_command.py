"""`unweave catalogue` as it is typed: what it says, its exit codes, its JSON."""

import json

import pytest
from typer.testing import CliRunner

from tests.cluster.conftest import MODEL
from unweave.cli.app import app


def unweave(*words, code=0):
    found = CliRunner().invoke(app, ["catalogue", *map(str, words)])
    assert found.exit_code == code, found.output
    return found


def test_from_a_scan_to_a_table(sounds, tmp_path, here):
    here()
    at, out = tmp_path / "cat", tmp_path / "out"
    scanned = unweave("scan", at, sounds)
    assert "10 new, 0 changed, 0 known, 3 broken" in scanned.stdout
    planned = json.loads(unweave("plan", at, "-m", MODEL, "--json").stdout)
    assert (planned["rows"], planned["left"], planned["broken"]) == (10, 10, 3)
    first = unweave("run", at, "-o", out, "-m", MODEL, code=1)
    assert "7 of 10 rows done" in first.stdout
    assert first.stderr.count("error: ") == 3
    again = json.loads(unweave("run", at, "--json", code=1).stdout)
    assert (again["done"], again["failed"], again["left"], again["exit_code"]) == (7, 3, 0, 1)
    retried = json.loads(unweave("retry", at, "--json", code=1).stdout)
    assert len(retried["errors"]) == 3
    for name in ("empty.wav", "text.mp3", "cut.flac"):
        (sounds / name).unlink()
    found = json.loads(unweave("status", at, "--json", "--compact").stdout)
    assert (found["done"], found["failed"], found["failures"]) == (7, 3, {"InputError": 3})
    verified = json.loads(unweave("verify", at, "--json").stdout)
    assert (verified["rows"], verified["files"], verified["faults"]) == (7, 14, 0)
    unweave("export", at, tmp_path / "rows.parquet")
    next(out.rglob("harmonic.wav")).unlink()
    assert "is not there" in unweave("verify", at, code=1).stderr


def test_figures_for_prometheus(sounds, tmp_path, here):
    here()
    unweave("scan", tmp_path / "cat", sounds / "one.wav")
    file = tmp_path / "figures.prom"
    words = ("-o", tmp_path / "out", "-m", MODEL, "--prometheus", file, "--price-per-hour", 3600)
    unweave("run", tmp_path / "cat", *words)
    lines = file.read_text().splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert figures['unweave_catalogue_done{run="separate"}'] == "1"
    assert figures['unweave_catalogue_sound_seconds{run="separate"}'] == "0.5"
    # One worker, a second of which costs 1.
    assert 0 < float(figures['unweave_catalogue_cost{run="separate"}']) < 300


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "{cat}", "-o", "out"), 1, "holds no manifest"),
        (("run", "{music}", "-m", MODEL), 2, "give the folder or address for what is made with -o"),
        (("run", "{music}", "-o", "http://host/x"), 2, "stems go to a folder"),
        (("run", "{music}", "-o", "out", "--name", "a/b"), 2, "a run's name"),
        (("run", "{music}", "-o", "out", "-m", "nobody"), 2, "nobody"),
        (("run", "{music}", "-o", "out", "-m", MODEL, "--gpus-per-actor", "1.5"), 2, "--gpus-per"),
        (("retry", "{music}"), 1, "has no run called separate"),
        (("verify", "{music}"), 1, "has no run called separate"),
        (("export", "{music}", "x.txt"), 2, "ends in .csv"),
        (("status", "{cat}"), 1, "holds no manifest"),
        (("scan", "sftp://host/cat", "x"), 2, "object store"),
        (("scan", "{cat}", "{cat}/nowhere.txt"), 1, "no such file"),
    ],
)
def test_what_cannot_be_is_one_line(sounds, tmp_path, monkeypatch, words, code, says, here):
    here()
    monkeypatch.chdir(tmp_path)
    unweave("scan", tmp_path / "music.cat", sounds / "one.wav")
    places = {"cat": tmp_path / "cat", "music": tmp_path / "music.cat"}
    found = unweave(*(word.format(**places) for word in words), code=code)
    assert says in found.stderr
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_other_options_are_another_run(sounds, tmp_path, here):
    here()
    at = tmp_path / "cat"
    unweave("scan", at, sounds / "one.wav")
    unweave("run", at, "-o", tmp_path / "out", "-m", MODEL)
    other = unweave("run", at, "-m", MODEL, "--format", "flac", code=2)
    assert "format wav, now flac" in other.stderr
    unweave("run", at, "-m", MODEL, "--set", "seed=1", code=2)
    unweave("run", at, "-m", MODEL)  # the same again
    unweave("run", at, "-o", tmp_path / "flac", "-m", MODEL, "--format", "flac", "--name", "packed")
    assert len([*(tmp_path / "flac").rglob("*.flac")]) == 2
