"""A batch loses no file: what fails is named, the rest go on, a stop leaves nothing half done."""

import multiprocessing
import re
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests import loading
from tests.jobs.fakes import asked, noise, write_noise
from unweave import registry
from unweave.api import separate_file
from unweave.audio.writer import Writer, encoding
from unweave.core import children
from unweave.core.status import Status
from unweave.errors import InputError, UsageError, WeightsError
from unweave.jobs import exit_code, not_found, prepare, run
from unweave.jobs.attempt import CannotLoadError, Outcome
from unweave.jobs.inputs import Missed
from unweave.jobs.turns import turn


class Watcher:
    def __init__(self):
        self.events = []

    def started(self, job):
        self.events.append(("started", job.source.name))

    def progress(self, job, progress):
        self.events.append(("progress", job.source.name))

    def finished(self, outcome):
        self.events.append((str(outcome.status), outcome.source.name))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for n, name in enumerate(("a.wav", "c.wav")):
        write_noise(Path("m", name), seed=n)
    Path("m/b.mp3").write_text("no sound at all")
    return tmp_path


def go(watcher=None, overwrite=False, **others):
    batch = prepare(["m"], asked(), Path("out"), overwrite=overwrite)
    return run(batch.jobs, batch.request, watcher or Watcher(), **others)


def files() -> list[str]:
    return sorted(str(path) for path in Path("out").rglob("*"))


def test_a_failing_file_is_named_and_the_others_go_on(folder, fake_model):
    watcher = Watcher()
    outcomes = go(watcher)
    assert [str(outcome.status) for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error.startswith("m/b.mp3: ")
    assert outcomes[1].error_kind == "InputError"
    assert exit_code(outcomes) == 1
    assert [event for event in watcher.events if event[0] != "progress"] == [
        ("started", "a.wav"),
        ("done", "a.wav"),
        ("started", "b.mp3"),
        ("failed", "b.mp3"),
        ("started", "c.wav"),
        ("done", "c.wav"),
    ]
    assert ("progress", "a.wav") in watcher.events
    assert len(fake_model) == 1  # one load for all
    assert not Path("out/b").exists()  # not even an empty folder


def test_a_second_run_skips_and_loads_nothing(folder, fake_model):
    go()
    fake_model.clear()
    Path("m/b.mp3").unlink()
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    outcomes = go()
    assert [outcome.status for outcome in outcomes] == [Status.SKIPPED] * 2
    assert outcomes[0].report is not None
    assert exit_code(outcomes) == 0
    assert fake_model == []
    assert before == {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}


def test_what_is_in_the_way_fails_until_overwritten(folder, fake_model):
    Path("m/b.mp3").unlink()
    Path("out/a").mkdir(parents=True)
    Path("out/a/vocals.wav").write_text("somebody's own")
    outcomes = go()
    assert [str(outcome.status) for outcome in outcomes] == ["failed", "done"]
    assert "--overwrite" in outcomes[0].error
    assert Path("out/a/vocals.wav").read_text() == "somebody's own"
    outcomes = go(overwrite=True)
    assert [str(outcome.status) for outcome in outcomes] == ["done", "done"]
    assert Path("out/a/vocals.wav").stat().st_size > 1000


def test_stop_in_the_middle_of_a_file(folder, fake_model):
    watcher = Watcher()
    asked = iter([False] * 4)

    outcomes = go(watcher, should_stop=lambda: next(asked, True))
    assert outcomes[-1].status is Status.CANCELLED
    assert exit_code(outcomes) == 130
    complete = {f"out/{o.source.stem}" for o in outcomes if o.status is Status.DONE}
    assert {str(Path(path).parent) for path in files() if "." in Path(path).name} == complete
    assert not any("partial" in path for path in files())


def test_weights_that_are_missing_stop_the_batch(folder, monkeypatch):
    def load(name, **options):
        raise WeightsError("the weights of spleeter-2stems are gone; fetch them")

    loading.give(monkeypatch, load)
    with pytest.raises(CannotLoadError, match="are gone") as error:
        go()
    assert error.value.exit_code == 3
    assert error.value.kind == "WeightsError"


def test_an_error_nobody_foresaw_fails_one_file(folder, fake_model, monkeypatch):
    import unweave.engine.run

    real = unweave.engine.run.separate_file

    def separate_file(source, *args, **kwargs):
        if source.name == "a.wav":
            raise KeyError("oops")
        return real(source, *args, **kwargs)

    monkeypatch.setattr("unweave.engine.run.separate_file", separate_file)
    outcomes = go()
    assert [str(outcome.status) for outcome in outcomes] == ["failed", "failed", "done"]
    assert outcomes[0].error == "m/a.wav: unexpected KeyError: 'oops'"
    assert "Traceback" in outcomes[0].details


def outcome(status: Status, code: int = 0) -> Outcome:
    return Outcome(source=Path("x"), status=status, exit_code=code)


DONE, SKIPPED = outcome(Status.DONE), outcome(Status.SKIPPED)
USAGE, FAILED = outcome(Status.FAILED, 2), outcome(Status.FAILED, 1)
CANCELLED = outcome(Status.CANCELLED, 130)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([DONE, SKIPPED], 0),
        ([DONE, FAILED], 1),
        ([FAILED], 1),
        ([USAGE, USAGE], 2),
        ([USAGE, DONE], 1),
        ([USAGE, FAILED], 1),
        ([FAILED, CANCELLED], 130),
    ],
)
def test_exit_code(outcomes, code):
    assert exit_code(outcomes) == code


def test_not_found():
    found = not_found(Missed(Path("a\nb.mp3"), "no such file"))
    assert (found.error, found.exit_code) == ("a\\nb.mp3: no such file", 1)


def test_a_bad_path_costs_only_its_own_file(folder, fake_model, monkeypatch):
    real = Path.exists

    def exists(path):
        if path.name == "a":
            raise OSError(36, "File name too long")
        return real(path)

    monkeypatch.setattr(Path, "exists", exists)
    outcomes = go()
    assert [str(outcome.status) for outcome in outcomes] == ["failed", "failed", "done"]
    assert "the name is too long" in outcomes[0].error


def test_two_runs_do_not_write_the_same_files(folder, fake_model):
    batch = prepare(["m/a.wav"], asked(), Path("out"))
    [job] = batch.jobs
    with turn(job):
        [outcome] = run(batch.jobs, batch.request, Watcher())
    assert outcome.status is Status.FAILED
    assert "m/a.wav: another run is writing to out/a" in outcome.error
    assert files() == []
    [outcome] = run(batch.jobs, batch.request, Watcher())
    assert outcome.status is Status.DONE


def test_a_file_that_appears_during_the_run_is_not_written_over(folder, fake_model):
    class Other(Watcher):
        def progress(self, job, progress):
            job.outputs["vocals"].write_text("somebody's own")

    batch = prepare(["m/a.wav"], asked(), Path("out"))
    [outcome] = run(batch.jobs, batch.request, Other())
    assert outcome.status is Status.FAILED
    assert "vocals.wav: appeared during the run; use --overwrite" in outcome.error
    assert Path("out/a/vocals.wav").read_text() == "somebody's own"
    assert files() == ["out/a", "out/a/vocals.wav"]


# The rest runs the real model in child processes.


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of file sizes")
def test_a_report_that_cannot_be_written_leaves_no_stems(folder, fake_model):
    import resource

    for path in Path("m").iterdir():
        path.unlink()
    # Stems of WAV have no place for this tag, the report has: only the report is too large.
    made = Writer(Path("m/a.flac"), encoding("flac", 16, 8000, 1), 8000, 1, tags={"x": "y" * 60000})
    with made as writer:
        writer.write(noise(0.5, channels=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        [outcome] = go()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.status is Status.FAILED
    assert re.search(r"report\.json: cannot be written", outcome.error)
    assert files() == []
    [outcome] = go()
    assert outcome.status is Status.DONE, outcome.error
    assert len(outcome.report["input"]["tags"]["x"]) == 60000


def test_an_options_file_that_changes_meanwhile_is_an_error(folder, monkeypatch):
    made, seeds = registry.loading._loading, count()

    def changing(name, options):
        write_noise(Path("n.wav"), seed=next(seeds))
        return made(name, options)

    write_noise(Path("n.wav"), seed=next(seeds))
    monkeypatch.setattr("unweave.registry.loading._loading", changing)
    request = asked("spectral-subtraction", {"noise": "n.wav"})
    batch = prepare(["m/a.wav"], request, Path("out"))
    with pytest.raises(CannotLoadError, match=r"n\.wav: changed meanwhile; run it again"):
        run(batch.jobs, batch.request, Watcher())
    with pytest.raises(InputError, match=r"n\.wav: changed meanwhile; run it again"):
        separate_file("m/a.wav", "out", "spectral-subtraction", noise="n.wav")
    assert files() == []


def test_children_that_die_at_once_cost_their_files_and_no_more(folder, monkeypatch):
    class Dead:
        exitcode = -9

        def start(self): ...

        def join(self, timeout=None): ...

    class Context:
        Pipe = staticmethod(multiprocessing.Pipe)
        Process = staticmethod(lambda **facts: Dead())

    monkeypatch.setattr(children, "_context", Context)
    outcomes = go(workers=2)
    assert [str(outcome.status) for outcome in outcomes] == ["failed"] * 3
    assert all("the worker was killed (signal 9)" in outcome.error for outcome in outcomes)
    assert all(outcome.error.endswith("or --max-memory") for outcome in outcomes)


def test_several_at_a_time_give_the_same_bytes(folder):
    outcomes = go(workers=2)
    assert [str(outcome.status) for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error_kind == InputError.__name__
    several = {path: Path(path).read_bytes() for path in files() if path.endswith(".wav")}
    assert len(several) == 4
    go(overwrite=True)
    assert several == {path: Path(path).read_bytes() for path in several}
    assert multiprocessing.active_children() == []


def test_a_child_that_is_killed_costs_only_its_file(folder):
    for n in range(2):
        write_noise(Path("m", f"long{n}.wav"), seconds=20.0, seed=n)

    class Killer(Watcher):
        killed = False

        def progress(self, job, progress):
            if not self.killed:
                self.killed = True
                for child in multiprocessing.active_children():
                    child.kill()

    outcomes = go(Killer(), workers=2)
    by_name = {outcome.source.name: outcome for outcome in outcomes}
    killed = [o for o in outcomes if "the worker was killed" in o.error]
    assert 1 <= len(killed) <= 2
    done = {name for name, o in by_name.items() if o.status is Status.DONE}
    assert done == set(by_name) - {"b.mp3"} - {o.source.name for o in killed}
    # What was under way when the kill came is under no final name.
    finals = {Path(path).parent.name for path in files() if path.endswith(".wav")}
    assert finals == {Path(name).stem for name in done}


def test_children_that_cannot_load_stop_the_batch(folder):
    batch = prepare(["m"], asked(), Path("out"))
    separator = replace(batch.request.separator, options={"bandwidth": "sideways"})
    with pytest.raises(CannotLoadError, match="sideways") as error:
        run(batch.jobs, replace(batch.request, separator=separator), Watcher(), workers=2)
    assert error.value.exit_code == UsageError.exit_code
    assert multiprocessing.active_children() == []
