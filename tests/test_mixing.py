"""Ensembles and chains with all that goes with them: stems, formats, parts, runs, memory."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import unweave
from unweave import registry
from unweave.core.atomic import sha256
from unweave.engine import executor as executors
from unweave.engine.adapters.passes import Passes
from unweave.engine.compose import leaves
from unweave.engine.executor import Executor
from unweave.engine.loading import together_mb, weights_mb, working_mb
from unweave.errors import MemoryLimitError, OutputError
from unweave.joining import ALGORITHMS
from unweave.registry.kinds import trained
from unweave.request import SeparationRequest, run_options

RATE_HZ = 8000
SAMPLES = 6001
CASES = int(os.environ.get("UNWEAVE_CASES", "4"))
FORMATS = [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24)]
LEAST = {16: 2**-15, 24: 2**-23, 32: 1e-6}  # a step of the format


def song(folder: Path) -> tuple[Path, np.ndarray]:
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, (SAMPLES, 2)).astype(np.float32)
    soundfile.write(folder / "song.wav", wave, RATE_HZ, "FLOAT")
    return folder / "song.wav", wave.T


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """What is asked of `unweave.separate_file`."""
    names = draw(st.permutations(["repet", "ft2d", "mir1k-dnn"]))
    model = "+".join(names[: draw(st.integers(1, 3))])
    how: dict[str, Any] = {"model": model}
    if "+" in model:
        how["ensemble"] = draw(st.sampled_from(ALGORITHMS))
        if how["ensemble"].startswith("avg") and draw(st.booleans()):
            how["ensemble_weights"] = ",".join("2" * (model.count("+") + 1))
    if draw(st.booleans()):
        how["then"] = draw(st.sampled_from(["instrumental:hpss", "vocals:ft2d"]))
    how["format"], how["bit_depth"] = draw(st.sampled_from(FORMATS))
    start, end = sorted(draw(st.lists(st.integers(0, 15), min_size=2, max_size=2, unique=True)))
    if draw(st.booleans()):
        how |= {"start": start / 20, "end": end / 20 + 0.0001}
    every = registry.request(model, {"then": how.get("then")}).stems
    chosen = draw(st.lists(st.sampled_from(every), unique=True))
    return {**how, "stems": [*chosen]} if chosen else how


@seed(0)
@settings(deadline=None, max_examples=CASES)
@given(first=asked(), second=asked())
def test_what_is_asked_for_is_what_there_is(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Whatever was there before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, mix = song(folder)
        done = unweave.separate_file(path, folder / "o", **first)
        assert holds(done, folder / "o" / "song", mix, first)
        assert unweave.separate_file(path, folder / "o", **first) == done
        one, two = request_of(first), request_of(second)
        assert done["identity"] == one.identity()
        alike = first["format"] == second["format"] and set(one.stems) & set(two.stems)
        if alike and one.identity() != two.identity():
            with pytest.raises(OutputError, match="is there, made with"):
                unweave.separate_file(path, folder / "o", **second)
            assert hashes(done, folder / "o" / "song") == [s["sha256"] for s in done["stems"]]
        again = unweave.separate_file(path, folder / "o", overwrite=True, **second)
        assert holds(again, folder / "o" / "song", mix, second)
        other = unweave.separate_file(path, folder / "p", **second)
        assert [s["sha256"] for s in other["stems"]] == [s["sha256"] for s in again["stems"]]
        assert unweave.verify(folder / "p" / "song").agrees


def request_of(how: dict[str, Any]) -> SeparationRequest:
    output, _, _, own = run_options({**how})
    model, stems = own.pop("model"), own.pop("stems", None)
    return registry.request(str(model), own, stems=stems, output=output)  # type: ignore[arg-type]


def hashes(report: dict[str, Any], folder: Path) -> list[str]:
    return [sha256(folder / stem["path"]) for stem in report["stems"]]


def holds(report: dict[str, Any], folder: Path, mix: np.ndarray, how: dict[str, Any]) -> bool:
    """The stems that were asked for, exact in length, which sum to the mix where all do."""
    request = request_of(how)
    region = request.output.region.samples(RATE_HZ)
    part = mix[:, region[0] : region[1]]
    assert [stem["stem"] for stem in report["stems"]] == list(request.stems)
    total = np.zeros_like(part, np.float64)
    for stem in report["stems"]:
        wave, rate = soundfile.read(folder / stem["path"], always_2d=True)
        assert (rate, wave.shape) == (RATE_HZ, part.T.shape)
        total += wave.T
    assert hashes(report, folder) == [stem["sha256"] for stem in report["stems"]]
    linear = how.get("ensemble", "avg_wave").startswith("avg")
    if linear and not how.get("stems"):
        gain = 10 ** (report["gain_db"] / 20)
        step = len(request.stems) * LEAST[request.output.bit_depth]
        assert np.abs(total - gain * part).max() < 2 * step
        assert report["null_test_db"] < -90
    return True


# ---- memory ----


@pytest.mark.parametrize("model", ["mir1k-dnn+mir1k-drnn-2", "mir1k-dnn>accompaniment>hpss"])
def test_members_without_room_for_all_run_in_turn(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes, one in memory at a time; the report says so, and `verify` agrees."""
    path, _ = song(tmp_path)
    monkeypatch.setattr(executors, "current_memory_mb", lambda: 0.0)
    side_by_side = unweave.separate_file(path, tmp_path / "wide", model)
    assert side_by_side["execution"]["members_in_turn"] is False
    one = registry.load_pinned(registry.request(model).separator)
    [most] = leaves(Passes(one))
    needed = weights_mb(most) + working_mb(most.spec)
    assert needed + 1 < together_mb(one)
    limit = int(needed) + 1
    alive = alive_at_loads(monkeypatch)
    seen: list[float] = []
    in_turn = unweave.separate_file(
        path,
        tmp_path / "tight",
        model,
        max_memory_mb=limit,
        on_progress=lambda at: seen.append(at.done_s),
    )
    assert set(alive) == {1}
    # Each of two members tells at most its half, and what is written tells no less.
    assert seen == sorted(seen)
    assert 0 < seen[0] <= SAMPLES / RATE_HZ / 2
    assert seen[-1] == SAMPLES / RATE_HZ
    assert in_turn["execution"]["members_in_turn"] is True
    assert in_turn["identity"] == side_by_side["identity"]
    found, want = in_turn["stems"], side_by_side["stems"]
    assert [each["sha256"] for each in found] == [each["sha256"] for each in want]
    assert unweave.verify(tmp_path / "tight" / "song").agrees
    report = json.loads((tmp_path / "tight" / "song" / "report.json").read_text())
    del report["execution"]["members_in_turn"]  # of a version that had no such field
    (tmp_path / "tight" / "song" / "report.json").write_text(json.dumps(report))
    assert unweave.verify(tmp_path / "tight" / "song").agrees
    with pytest.raises(MemoryLimitError, match="the limit is 1 MB"):
        unweave.separate_file(path, tmp_path / "none", model, max_memory_mb=1)
    assert not (tmp_path / "none" / "song").exists()


IN_TURN = """
import sys
import unweave
from unweave.engine import executor
executor.current_memory_mb = lambda: 0.0
def told(at):
    print("done", flush=True)
    sys.stdin.readline()
path, folder, model, limit = sys.argv[1:]
unweave.separate_file(path, folder, model, max_memory_mb=int(limit), on_progress=told)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
@pytest.mark.parametrize("turns", [1, 2])
def test_what_kill_9_leaves_of_members_in_turn_goes_with_the_next_run(
    turns: int, tmp_path: Path
) -> None:
    """Killed when one member is done or both are, and nothing has its name yet."""
    path, _ = song(tmp_path)
    model = "mir1k-dnn+mir1k-drnn-2"
    expected = unweave.separate_file(path, tmp_path / "whole", model)
    [most] = leaves(Passes(registry.load_pinned(registry.request(model).separator)))
    limit = int(weights_mb(most) + working_mb(most.spec)) + 1
    (tmp_path / "temporary").mkdir()
    words = [path, tmp_path / "o", model, limit]
    with subprocess.Popen(
        [sys.executable, "-c", IN_TURN, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for turn in range(turns):
            if turn:  # it waits after each
                child.stdin.write("\n")
                child.stdin.flush()
            assert child.stdout.readline() == "done\n"
        child.kill()
    assert not any((tmp_path / "temporary").iterdir())
    assert not [file for file in (tmp_path / "o").rglob("*.wav") if file.name[0] != "."]
    again = unweave.separate_file(path, tmp_path / "o", model)
    assert hashes(again, tmp_path / "o" / "song") == [s["sha256"] for s in expected["stems"]]
    there = {file.name for file in (tmp_path / "o" / "song").iterdir()}
    assert there == {*(stem["path"] for stem in again["stems"]), "report.json"}


def test_songs_side_by_side_have_the_bytes_of_one_after_another(tmp_path: Path) -> None:
    path, _ = song(tmp_path)
    model = "mir1k-dnn+repet>accompaniment>hpss"
    shutil.copy(path, tmp_path / "other.wav")
    words = ["-q", "--jobs", "2", "-o", "o", "-m", model, "song.wav", "other.wav"]
    subprocess.run([sys.executable, "-m", "unweave", "separate", *words], check=True, cwd=tmp_path)
    for name in ("song", "other"):
        one = unweave.separate_file(tmp_path / f"{name}.wav", tmp_path / "p", model)
        want = [stem["sha256"] for stem in one["stems"]]
        assert hashes(one, tmp_path / "o" / name) == want


def alive_at_loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many networks there are, whenever one is loaded from now on."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    counts: list[int] = []
    network = trained._network

    def counted(*given: Any) -> Any:
        made = network(*given)
        gc.collect()
        alive.add(made)
        counts.append(len(alive))
        return made

    monkeypatch.setattr(trained, "_network", counted)
    return counts


def test_an_executors_limit_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = song(tmp_path)
    monkeypatch.setattr(executors, "current_memory_mb", lambda: 0.0)
    done = [
        unweave.separate_file(path, tmp_path / str(mb), "mir1k-dnn+mir1k-drnn-2", executor=given)
        for mb, given in ((20, Executor(max_memory_mb=20)), (4000, Executor(max_memory_mb=4000)))
    ]
    assert [each["execution"]["members_in_turn"] for each in done] == [True, False]
