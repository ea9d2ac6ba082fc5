"""The benchmark in this process and in children, with a separator without weights."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.evaluation import fakes
from tests.evaluation.fakes import Deadly, Share, Waves
from unweave import datasets
from unweave.core.status import Status
from unweave.errors import InputError, UsageError
from unweave.evaluation import aggregate, scores
from unweave.evaluation import benchmark as run
from unweave.evaluation.benchmark import benchmark, exit_code, select
from unweave.evaluation.entries import entries
from unweave.evaluation.pool import run_in_processes
from unweave.evaluation.work import Job, Request

ORACLES = ("mixture", "irm1")


@pytest.fixture
def offered(monkeypatch):
    """`share` in the registry, and small synthetic tracks."""
    fakes.offer(monkeypatch)
    give(monkeypatch, fakes.tracks())


def give(monkeypatch, tracks):
    monkeypatch.setattr(datasets, "load", lambda name, root=None, split=None: list(tracks))


def go(folder, **more):
    facts = {"separators": ["share"], "oracles": ORACLES, "output": folder} | more
    return benchmark("synthetic", split="test", **facts)


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Path:
    """What `go` leaves."""
    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        fakes.offer(patch)
        give(patch, fakes.tracks())
        go(folder)
    return folder


@pytest.fixture
def finished(offered, scored, tmp_path) -> Path:
    """A folder in which `go` has done it all."""
    return shutil.copytree(scored, tmp_path / "finished")


def content(folder: Path) -> dict[str, dict]:
    """Every file below a folder, without what may differ from run to run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            document = json.loads(path.read_text())
            del document["unweave"]["timing"]
            found[str(path.relative_to(folder))] = document
    return found


class Watch:
    def __init__(self):
        self.to_do_s, self.skipped, self.ended, self.said = None, None, [], []

    def warned(self, text):
        self.said.append(text)

    def planned(self, to_do_s, skipped):
        self.to_do_s, self.skipped = to_do_s, len(skipped)

    def finished(self, outcome):
        self.ended.append((outcome.track, outcome.label))


def test_one_file_for_each_track_and_row(offered, tmp_path):
    watch = Watch()
    outcomes = go(tmp_path, watcher=watch)
    assert [(o.track, o.label) for o in outcomes] == watch.ended
    assert len(outcomes) == 6
    assert exit_code(outcomes) == 0
    assert watch.to_do_s == pytest.approx(3 * sum(t.duration_s for t in fakes.tracks()))
    for outcome in outcomes:
        assert outcome.path == tmp_path / "synthetic" / outcome.label / "test" / (
            outcome.track + ".json"
        )
        found = scores.read(outcome.path)
        assert found.checksum == fakes.tracks()[int(outcome.track[-1]) - 1].checksum()
        assert (found.kind == "separator") == (outcome.label == "share")
        assert (found.real_time_factor is None) == (found.kind == "oracle")
    share, mixture = scores.read(outcomes[0].path), scores.read(outcomes[1].path)
    assert set(share.targets) == {"vocals", "accompaniment"}
    assert share.missing == ()
    assert share.real_time_factor > 0
    assert share.seconds_separate > 0
    assert set(mixture.targets) == {"vocals", "drums", "bass", "other", "accompaniment"}
    assert set(mixture.among_stems) == {"vocals"}


def test_the_scores_are_those_of_the_waves(offered, tmp_path):
    from unweave.evaluation.scoring import score

    found = scores.read(go(tmp_path, oracles=())[0].path)
    track = fakes.tracks()[0]
    mix = track.mix()
    expected = score(
        {name: track.stem(name) for name in ("vocals", "accompaniment")},
        {"vocals": 0.25 * mix, "accompaniment": 0.75 * mix},
        track.sample_rate_hz,
        "bss-eval-v4",
    )
    for stem, values in expected.targets.items():
        for metric in values:
            np.testing.assert_allclose(found.targets[stem][metric], values[metric], atol=2e-4)
        assert found.global_[stem] == pytest.approx(expected.global_[stem], abs=1e-4)


def test_the_scores_say_how_many_jobs_and_threads_were_at_work(offered, tmp_path):
    import torch

    separated, oracle = (o.scores for o in go(tmp_path, oracles=["ibm1"], tracks=["1"]))
    assert (separated.jobs, separated.threads) == (1, torch.get_num_threads())
    assert (oracle.jobs, oracle.threads) == (None, None)


def test_what_is_done_is_not_done_again(offered, tmp_path):
    first = go(tmp_path)
    calls = len(Share.calls)
    before = {o.path: o.path.stat().st_mtime_ns for o in first}
    watch = Watch()
    again = go(tmp_path, watcher=watch)
    assert {o.status for o in again} == {Status.SKIPPED}
    assert len(Share.calls) == calls
    assert {o.path: o.path.stat().st_mtime_ns for o in again} == before
    assert (watch.to_do_s, watch.skipped) == (0, 6)
    assert again[0].scores.checksum == first[0].scores.checksum


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["unweave"].update(version=0),
        lambda document: document["unweave"].update(checksum="f" * 64),
        lambda document: document["unweave"].update(identity="0" * 64),
        lambda document: document["unweave"].update(protocol="mir-1k"),
        lambda document: document["unweave"].update(software="0.0.9"),
        lambda document: document["unweave"].update(rounded_to_bits=16),
        lambda document: document["unweave"].update(mapping={"vocals": "drums"}),
        lambda document: document["unweave"].update(track="another"),
        lambda document: document["targets"][0].pop("frames"),
        lambda document: document.pop("unweave"),
        lambda document: document.clear(),
    ],
)
def test_scores_of_other_work_are_done_again(finished, change):
    right = content(finished)
    path = finished / "synthetic" / "share" / "test" / "test 1.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    outcomes = go(finished)
    assert [o.status for o in outcomes] == [Status.DONE] + [Status.SKIPPED] * 5
    assert content(finished) == right


def test_half_a_file_is_done_again(finished):
    right = content(finished)
    path = finished / "synthetic" / "share" / "test" / "test 1.json"
    path.write_bytes(path.read_bytes()[:200])
    (path.parent / ".test 2.json.partial").write_text("{")
    assert [o.status for o in go(finished)].count(Status.DONE) == 1
    (path.parent / ".test 2.json.partial").unlink()
    assert content(finished) == right


def test_other_options_are_other_rows(offered, tmp_path):
    go(tmp_path, oracles=())
    outcomes = go(tmp_path, separators=["share", "share:share=0.5"], oracles=())
    assert [(o.label, o.status) for o in outcomes[:2]] == [
        ("share", Status.SKIPPED),
        ("share:share=0.5", Status.DONE),
    ]
    found = scores.read(outcomes[1].path)
    assert (found.separator, found.name, found.options) == (
        "share:share=0.5", "share", {"share": 0.5},
    )  # fmt: skip
    table = aggregate.csdr_table(aggregate.load(tmp_path))
    assert [row.label for row in table.rows] == ["share", "share:share=0.5"]


def test_a_failing_separator_does_not_stop_the_others(offered, tmp_path):
    outcomes = go(tmp_path, separators=["share:share=2", "share"], oracles=())
    assert [o.status for o in outcomes] == [Status.FAILED, Status.DONE] * 2
    assert outcomes[0].error == (
        "test 1: share:share=2: unexpected RuntimeError: a share above one"
    )
    assert "Traceback" in outcomes[0].details
    assert exit_code(outcomes) == 1
    assert not outcomes[0].path.exists()


def test_a_failing_track_does_not_stop_the_others(offered, tmp_path, monkeypatch):
    class Broken(Waves):
        def read(self, start, length):
            raise InputError("song.wav: ends early; get a complete copy")

    good, other = fakes.tracks()
    noise = Waves(np.ones((1, 100), np.float32))
    broken = fakes.track_of("broken", Broken(None), dict.fromkeys(good.stems, noise), 100)
    give(monkeypatch, [good, broken, other])
    outcomes = go(tmp_path)
    assert [o.status for o in outcomes] == (
        [Status.DONE] * 3 + [Status.FAILED] * 3 + [Status.DONE] * 3
    )
    assert outcomes[3].error.startswith("broken: share: song.wav: ends early")
    assert outcomes[3].details == ""


def test_a_separator_that_cannot_be_loaded_is_tried_once(offered, tmp_path, monkeypatch):
    from unweave import registry
    from unweave.errors import WeightsError

    tried = []

    def load_pinned(ref):
        tried.append(ref.name)
        raise WeightsError("share: no weights; unweave models path share")

    rows = entries(["share"])
    monkeypatch.setattr(registry, "load_pinned", load_pinned)
    monkeypatch.setattr(run, "entries", lambda *_: rows)
    outcomes = go(tmp_path, oracles=())
    assert [o.status for o in outcomes] == [Status.FAILED] * 2
    assert tried == ["share"]
    assert "no weights" in outcomes[1].error


def test_stopping(offered, tmp_path):
    watch = Watch()
    outcomes = go(tmp_path, watcher=watch, should_stop=lambda: len(watch.ended) >= 2)
    assert [o.status for o in outcomes] == [Status.DONE] * 2 + [Status.CANCELLED] * 4
    assert exit_code(outcomes) == 130
    assert [o.status for o in go(tmp_path)] == [Status.SKIPPED] * 2 + [Status.DONE] * 4


def test_mir_1k_protocol(offered, tmp_path):
    outcomes = go(tmp_path, protocol="mir-1k")
    found = scores.read(outcomes[1].path)
    assert found.protocol == "mir-1k"
    assert found.mir1k["vocals"]["NSDR"] == pytest.approx(0, abs=1e-3)  # the mixture
    assert math.isfinite(found.mir1k["accompaniment"]["SAR"])


def test_the_same_from_processes_as_from_here(tmp_path):
    """Oracles of files: children import nothing of the tests."""
    for track in fakes.tracks():
        for stem in track.stems:
            path = tmp_path / "songs" / track.name / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, track.stem(stem).T, track.sample_rate_hz)
    for name, jobs in (("one", 1), ("two", 2)):
        outcomes = benchmark(
            None, tmp_path / "songs", oracles=("ibm", "psm"), output=tmp_path / name, jobs=jobs
        )
        assert [o.status for o in outcomes] == [Status.DONE] * 4
    one, two = (aggregate.load(tmp_path / name) for name in ("one", "two"))
    assert [(s.separator, s.track) for s in one] == [(s.separator, s.track) for s in two]
    for here, there in zip(one, two, strict=True):
        assert here.checksum == there.checksum
        for stem, values in here.targets.items():
            for metric in values:  # another number of threads rounds differently
                np.testing.assert_allclose(
                    there.targets[stem][metric], values[metric], rtol=0, atol=2e-5
                )


def test_a_child_that_dies_costs_one_row(tmp_path):
    good, _ = fakes.tracks()
    noise = Waves(np.ones((1, 100), np.float32))
    deadly = fakes.track_of("deadly", Deadly(), dict.fromkeys(good.stems, noise), 100)
    rows = tuple(entries([], ["mixture", "irm1"]))
    request = Request(dataset="x", output=tmp_path)
    jobs = [Job(deadly, rows), Job(good, rows)]
    found = list(run_in_processes(jobs, request, 2, lambda: False))
    ended = {(outcome.track, outcome.label): outcome for outcome in found}
    assert len(found) == len(ended) == 4  # the rest of its track was tried, too
    for row in rows:
        assert ended["test 1", row.label].status is Status.DONE
        assert ended["deadly", row.label].status is Status.FAILED
        assert "ended with exit code 9" in ended["deadly", row.label].error


def test_processes_stop_when_asked(tmp_path):
    rows = tuple(entries([], ["mixture"]))
    jobs = [Job(track, rows) for track in fakes.tracks()]
    assert (
        list(run_in_processes(jobs, Request(dataset="x", output=tmp_path), 2, lambda: True)) == []
    )


def test_selecting():
    tracks = fakes.tracks(4)
    assert select(tracks, ()) == tracks
    assert select(tracks, ("2",)) == tracks[:2]
    assert select(tracks, ("99",)) == tracks
    assert select(tracks, ("test 3", "test 1")) == [tracks[0], tracks[2]]
    for wrong, word in [(("0",), "above 0"), (("tets 3",), "test 3"), (("1", "test 1"), "'1'")]:
        with pytest.raises(UsageError, match=word):
            select(tracks, wrong)
    with pytest.raises(UsageError, match="no tracks"):
        select([], ())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"mapping": {"piano": "other"}}, "piano.*accompaniment, residual, vocals"),
        ({"mapping": {"vocals": "violin"}}, "violin.*accompaniment, bass"),
        ({"rounding": "float"}, "auto, 16-bit, none"),
        ({"protocol": "v4"}, "bss-eval-v4, mir-1k"),
        ({"separators": ["shore"]}, "shore"),
        ({"separators": [], "oracles": []}, "no entry to benchmark"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_refused_before_any_work(offered, tmp_path, more, words):
    with pytest.raises(UsageError, match=words):
        go(tmp_path, **more)
    assert list(tmp_path.iterdir()) == []


def test_stems_that_are_in_no_track_are_refused_before_any_work(monkeypatch, tmp_path):
    fakes.offer(monkeypatch, stems=("harmonic", "percussive"))
    give(monkeypatch, fakes.tracks())
    with pytest.raises(UsageError, match=r"share: none of harmonic, percussive.*--map"):
        go(tmp_path)
    assert Share.calls == []
    (one, two) = go(tmp_path, mapping={"Percussive": "drums"}, oracles=())
    assert one.status is two.status is Status.DONE
    assert one.scores.mapping == {"percussive": "drums"}


def test_which_dataset(offered, tmp_path):
    with pytest.raises(UsageError, match="--dataset"):
        benchmark(None, oracles=["ibm"], output=tmp_path)


def test_two_tracks_of_one_name_are_refused(offered, tmp_path, monkeypatch):
    one = fakes.tracks(1)[0]
    give(monkeypatch, [one, one])
    with pytest.raises(InputError, match="two tracks or entries"):
        go(tmp_path)


def test_who_was_trained_on_these_songs_is_marked(offered, tmp_path, monkeypatch):
    from unweave import registry

    learned = {"share": frozenset({"synthetic:test"})}
    monkeypatch.setattr(registry, "trained_on", lambda name: learned.get(name, frozenset()))
    outcomes = go(tmp_path)
    marked = {o.label for o in outcomes if scores.read(o.path).seen_in_training}
    assert marked == {"share"}
    tables, cautions = aggregate.compared(aggregate.load(tmp_path))
    assert any(line.startswith("  share (trained on these songs)") for line in tables[0].lines())
    assert any("share was trained on these songs" in line for line in cautions)
