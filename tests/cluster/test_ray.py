"""Catalogues on Ray itself, by the command line. Ray takes seconds to start, so all is LONG."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from benchmarks.cluster.chaos import _below

from tests import LONG
from tests.cluster.conftest import MODEL, RATE_HZ, put, sound
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.export import export

pytestmark = [
    LONG,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc; Ray is tested on Linux"),
]

SLOW = "rpca"

LISTENING = """
import os, pathlib
from unweave.cluster import session
from benchmarks.cluster.chaos import _below
with session.cluster("local", cpus=1) as found:
    inodes = set()
    for pid in [os.getpid(), *_below(os.getpid(), "")]:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(fd))
            except OSError:
                pass
    for name in ("tcp", "tcp6"):
        for line in open(f"/proc/net/{name}").read().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
                print(words[1].partition(":")[0])
"""
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def unweave(*words, code=0, **variables):
    found = subprocess.run(
        [sys.executable, "-m", "unweave", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=400,
    )
    assert found.returncode == code, found.stderr
    return found


def stems(report_path):
    return {f["stem"]: f["sha256"] for f in json.loads(report_path.read_text())["stems"]}


def test_a_cluster_of_this_machine_listens_on_loopback_only():
    found = subprocess.run(
        [sys.executable, "-c", LISTENING], capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found.stderr
    addresses = found.stdout.split()
    assert len(addresses) > 3
    assert set(addresses) <= LOOPBACK


def test_a_folder_on_ray_is_the_folder_of_the_command_line(sounds, tmp_path):
    own = sorted(path for path in sounds.rglob("*") if path.name in ("one.wav", "text.mp3"))
    plain = unweave("separate", *own[:1], own[2], "-o", tmp_path / "a", "-m", MODEL, code=1)
    ray = unweave(
        "separate", *own[:1], own[2], "-o", tmp_path / "b", "-m", MODEL, "--ray", "local", code=1
    )
    assert "text.mp3" in plain.stderr
    assert "text.mp3" in ray.stderr
    for report in (tmp_path / "a").rglob("report.json"):
        assert stems(report) == stems(tmp_path / "b" / report.relative_to(tmp_path / "a"))
    again = unweave("separate", own[0], "-o", tmp_path / "b", "-m", MODEL, "--ray", "local")
    assert "skipped" in again.stdout


def test_a_store_in_and_out_gives_the_bytes_of_the_command_line(sounds, tmp_path):
    from benchmarks.cluster.stores import store

    with store():
        import fsspec

        fs = fsspec.filesystem("s3", use_listings_cache=False)
        fs.mkdir("sound")
        fs.mkdir("stems")
        put(sounds, "s3://sound/music")
        at = "s3://stems/cat"
        unweave("catalogue", "scan", at, "s3://sound/music")
        metrics = tmp_path / "figures.prom"
        run = unweave(
            "catalogue", "run", at, "-o", "s3://stems/out", "-m", MODEL, "--ray", "local",
            "--cpus-per-actor", 1, "--actors", 2, "--json", "--prometheus", metrics, code=1,
        )  # fmt: skip
        found = json.loads(run.stdout)
        assert (found["done"], found["failed"], found["left"]) == (7, 3, 0)
        for name in ("empty.wav", "text.mp3", "cut.flac"):
            assert any(f"s3://sound/music/{name}" in line for line in found["errors"])
        assert 'unweave_catalogue_done{run="separate"} 7' in metrics.read_text()
        unweave("catalogue", "verify", at)
        export(Catalogue(at), tmp_path / "rows.jsonl")
        rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
        unweave("separate", sounds, "-o", tmp_path / "own", "-m", MODEL, "--filename-template",
                "{name}.{input_ext}/{stem}.{ext}", code=1)  # fmt: skip
        done = [row for row in rows if row["state"] == "done"]
        assert len(done) == 7
        for row in done:
            folder = row["folder"].removeprefix("s3://")
            report = json.loads(fs.cat_file(f"{folder}/report.json"))
            name = row["address"].removeprefix("s3://sound/music/")
            own = stems(tmp_path / "own" / name / "report.json")
            assert {f["stem"]: f["sha256"] for f in report["stems"]} == own
        again = json.loads(unweave("catalogue", "run", at, "--json", code=1).stdout)
        assert (again["done"], again["failed"], again["workers"]) == (7, 3, 0)


def test_scores_of_a_store_are_those_of_the_command_line(tmp_path):
    from benchmarks.cluster.stores import store

    for seed, name in enumerate(
        ("music/one", "true/one/harmonic", "true/one/percussive", "music/two")
    ):
        sound(tmp_path / "songs" / f"{name}.wav", seed=seed)
    with store():
        import fsspec

        fs = fsspec.filesystem("s3", use_listings_cache=False)
        fs.mkdir("bucket")
        put(tmp_path / "songs", "s3://bucket")
        at = "s3://bucket/cat"
        unweave("catalogue", "scan", at, "s3://bucket/music")
        run = unweave(
            "catalogue", "evaluate", at, "-o", "s3://bucket/scores", "--references",
            "s3://bucket/true/{name}", "-m", MODEL, "--ray", "local", "--actors", 1, "--json",
            code=1,
        )  # fmt: skip
        found = json.loads(run.stdout)
        assert (found["done"], found["failed"], found["left"]) == (1, 1, 0)
        assert "s3://bucket/music/two.wav: there is no sound at s3://bucket/true/two" in run.stderr
        unweave("catalogue", "verify", at, "--name", "evaluate")
        unweave("separate", tmp_path / "songs/music/one.wav", "-o", tmp_path / "own", "-m", MODEL)
        file = tmp_path / "scores.json"
        unweave("evaluate", tmp_path / "songs/true/one", tmp_path / "own/one", "-o", file)
        [name] = fs.glob("bucket/scores/*/scores.json")
        assert fs.cat_file(name) == file.read_bytes()


def test_kills_and_stops_lose_nothing():
    from benchmarks.cluster.chaos import chaos

    verdict = chaos(moments=4, recordings=12, seed=3, pause_s=3.0, restarts=False)
    assert verdict.faults == []
    assert verdict.actions.total() == 4


def interrupted(words, begun, folder):
    """Ctrl-C, as a terminal sends it, to a command and all that it has started, once it has begun.

    Gives its exit code and its words on stderr.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "unweave", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while not begun() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        started = [*_below(process.pid, "ray")]
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    left = [*folder.rglob(".unweave-*"), *folder.rglob("*.partial")]
    left += [path for path in folder.rglob("*.wav") if not (path.parent / "report.json").exists()]
    assert left == []
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [pid for pid in started if alive(pid)] == []
    return process.returncode, said


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def long_sounds(tmp_path):
    """Recordings that take seconds each."""
    for n in range(6):
        sound(tmp_path / "music" / f"{n}.wav", RATE_HZ * 120, n)
    return tmp_path / "music"


def test_control_c_ends_a_run_and_the_next_one_goes_on(long_sounds, tmp_path):
    at, out = tmp_path / "cat", tmp_path / "out"
    unweave("catalogue", "scan", at, long_sounds)
    run = ["catalogue", "run", at, "-o", out, "-m", SLOW, "--ray", "local", "--actors", 2]
    run += ["--cpus-per-actor", 1]
    code, said = interrupted(run, lambda: any(out.rglob(".unweave-*")), out)
    assert (code, said.count("error: ")) == (130, 1)
    assert "rows are left; run it again to go on" in said
    finished = {path: path.stat().st_mtime_ns for path in out.rglob("report.json")}
    assert len(finished) < 6
    found = json.loads(unweave("catalogue", "run", at, "--ray", "local", "--json").stdout)
    assert (found["done"], found["failed"], found["left"]) == (6, 0, 0)
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items())
    unweave("catalogue", "verify", at)


def test_control_c_ends_a_folder_on_ray(long_sounds, tmp_path):
    out = tmp_path / "out"
    words = ["separate", long_sounds, "-o", out, "-m", SLOW, "--ray", "local"]
    code, said = interrupted(words, lambda: any(out.rglob(".unweave-*")), out)
    assert code == 130
    assert "interrupted" in said
    again = unweave(*words)
    assert len([*out.rglob("report.json")]) == 6
    assert again.stderr.count("error: ") == 0


def test_a_machine_that_is_killed_costs_its_rows_nothing(tmp_path):
    """Two machines, which are processes of this one, and kill -9 of the one while rows are done."""
    from benchmarks.cluster.formats import machines

    for n in range(24):
        sound(tmp_path / "music" / f"{n}.wav", RATE_HZ * 20, n)
    at, out = tmp_path / "cat", tmp_path / "out"
    unweave("catalogue", "scan", at, tmp_path / "music")
    words = ["catalogue", "run", at, "-o", out, "-m", SLOW, "--actors", 4, "--cpus-per-actor", 1]
    with machines(2) as cluster:
        process = subprocess.Popen(
            [sys.executable, "-m", "unweave", *map(str, words), "--ray", cluster.address, "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 300
        while not any(out.rglob("report.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        [second] = cluster.worker_nodes
        os.kill(second.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        said, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    found = json.loads(said)
    assert (found["done"], found["failed"], found["left"]) == (24, 0, 0)
    unweave("catalogue", "verify", at)
    assert [*out.rglob(".unweave-*")] == []
    export(Catalogue(str(at)), tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len({row["row"] for row in rows}) == len(rows) == 24
