"""What was done before, by whomever and to whichever end, never costs a stem or a report."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs.fakes import asked, write_noise
from unweave.core.atomic import Hidden, sha256
from unweave.core.status import Status
from unweave.jobs import prepare, run
from unweave.jobs.plan import DEFAULT_TEMPLATE

pytestmark = pytest.mark.usefixtures("fake_model", "songs")


@pytest.fixture
def songs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("song", "song-2")):
        write_noise(Path(f"{name}.wav"), seconds=0.2, seed=number)


class Watcher:
    """Does something once while the first file is at work."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile: Callable[[], object] | None = meanwhile

    def started(self, job): ...

    def progress(self, job, progress):
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def finished(self, outcome): ...


def go(
    *sources,
    out="out",
    stems=(),
    template=DEFAULT_TEMPLATE,
    meanwhile=None,
    overwrite=False,
    **facts,
):
    """The statuses of a batch, and its errors."""
    request = asked(stems=stems, **facts)
    recordings = sources or ["song.wav"]
    batch = prepare(recordings, request, Path(out), template=template, overwrite=overwrite)
    outcomes = run(batch.jobs, batch.request, Watcher(meanwhile or (lambda: None)))
    return [outcome.status for outcome in outcomes], [outcome.error for outcome in outcomes]


def killed(monkeypatch, names: int, **facts) -> None:
    """The disk as a run leaves it that is killed when so many stems have their names."""
    place = Hidden.place
    seen = 0

    def counting(self: Hidden, **how: bool) -> None:
        nonlocal seen
        place(self, **how)
        seen += 1
        if seen == 1 + names:  # the journal comes first
            shutil.copytree("out", "then", symlinks=True)

    with monkeypatch.context() as patch:
        patch.setattr(Hidden, "place", counting)
        go(**facts)
    shutil.rmtree("out")
    os.rename("then", "out")


def files(folder: str = "out") -> set[str]:
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


def check_reports(folder: str = "out") -> dict[str, str]:
    """Stem -> recording, by reports that are true of what they name, each stem named once."""
    found: dict[str, str] = {}
    for path in Path(folder).rglob("*.json"):
        report = json.loads(path.read_text())
        for item in report["stems"]:
            file = path.parent / item["path"]
            assert sha256(file) == item["sha256"]
            name = os.path.relpath(file, folder)
            assert name not in found
            found[name] = Path(report["input"]["path"]).name
    return found


DONE, SKIPPED, FAILED = [Status.DONE], [Status.SKIPPED], [Status.FAILED]


@pytest.mark.parametrize("names", [0, 1, 2])
@pytest.mark.parametrize("between", [{"format": "flac"}, {"stems": ["residual"]}, {}])
def test_a_killed_run_is_done_again_whatever_comes_between(monkeypatch, names, between):
    killed(monkeypatch, names)
    if between.get("format"):
        assert go(**between)[0] == DONE
    assert go()[0] == DONE
    check_reports()
    assert go()[0] == SKIPPED
    assert not [name for name in files() if "/." in name]


def test_two_killed_runs_are_done_again(monkeypatch):
    killed(monkeypatch, 1)
    killed(monkeypatch, 1, format="flac")
    assert go(format="flac")[0] == DONE
    assert go()[0] == DONE
    assert len(check_reports()) == 4
    assert not [name for name in files() if "/." in name]


@pytest.mark.parametrize("overwrite", [False, True])
def test_further_reports_are_nobody_elses(overwrite):
    """`song-2.wav` is a recording, and `song` has two reports."""
    template = "{stem}/{name}.{ext}"
    assert go("song.wav", template=template)[0] == DONE

    def other():
        assert go("song-2.wav", template=template, format="flac", overwrite=overwrite)[0] == DONE

    options = {"template": template, "format": "flac", "overwrite": overwrite}
    assert go("song.wav", meanwhile=other, **options)[0] == DONE
    found = check_reports()
    assert {Path(stem).stem: source for stem, source in found.items()} == {
        "song": "song.wav",
        "song-2": "song-2.wav",
    }
    assert len(found) == 6
    for source in ("song.wav", "song-2.wav"):
        assert go(source, template=template, format="flac")[0] == SKIPPED


def test_a_report_that_is_a_link_stays_one():
    go()
    os.rename("out/song/report.json", "report.json")
    os.symlink("../../report.json", "out/song/report.json")
    assert go(bit_depth=16, overwrite=True)[0] == DONE
    assert Path("out/song/report.json").is_symlink()
    assert go(bit_depth=16)[0] == SKIPPED


def test_the_folder_around_what_a_link_leads_to():
    Path("elsewhere/folder").mkdir(parents=True)
    os.symlink("elsewhere/folder", "link")
    assert go(out="link/../out")[0] == DONE
    assert files("elsewhere/out")
    assert go(out="link/../out")[0] == SKIPPED
    assert go(out="out")[0] == DONE
    shutil.rmtree("elsewhere/out")
    assert go(out="link/../out")[0] == DONE


def test_what_appears_while_own_stems_are_made_again_stays():
    go()
    mine = Path("out/song/vocals.wav")
    mine.unlink()
    status, errors = go(meanwhile=lambda: mine.write_text("mine"))
    assert status == FAILED
    assert "appeared during the run" in errors[0]
    assert mine.read_text() == "mine"


def test_what_is_no_report_is_kept():
    Path("out/song").mkdir(parents=True)
    notes = Path("out/song/report-2.json")
    notes.write_text('{"unweave": "notes of mine", "stems": []}')
    Path("out/song/report.json").write_text('{"my": "own data"}')
    before = {file: file.read_text() for file in Path("out/song").iterdir()}
    assert go()[0] == DONE
    assert go(bit_depth=16, overwrite=True)[0] == DONE
    assert {file: file.read_text() for file in before} == before


def test_the_remains_of_a_report_give_way():
    go()
    report = Path("out/song/report.json")
    report.write_bytes(report.read_bytes()[:300])
    assert go(overwrite=True)[0] == DONE
    assert files() == {"song/report.json", "song/vocals.wav", "song/accompaniment.wav"}


def test_a_run_that_skips_removes_what_a_killed_one_left():
    go()
    for name in (".unweave-report.json.lock", ".unweave-0123456789abcdef.partial"):
        Path("out/song", name).write_text("")
    assert go()[0] == SKIPPED
    assert files() == {"song/report.json", "song/vocals.wav", "song/accompaniment.wav"}


def test_a_change_is_seen_though_the_report_is_written_anew():
    go()
    stem = Path("out/song/accompaniment.wav")
    stem.write_bytes(stem.read_bytes()[:-1] + b"\1")
    assert go(stems=["accompaniment"])[0] == FAILED
    assert go(stems=["vocals"], bit_depth=16, overwrite=True)[0] == DONE
    assert go(stems=["accompaniment"])[0] == FAILED
