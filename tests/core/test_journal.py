"""Files that get their names together: all or, after a kill, such that the next run can tell."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from unweave.core import atomic, journal
from unweave.core.atomic import Hidden
from unweave.core.ending import end_now

NAMES = ("vocals", "drums", "bass")


def publish(folder: Path, content: str, *, replace: bool = False) -> None:
    """What a run does: stems and a report; a failing one leaves nothing hidden."""
    files = [Hidden(folder / "stems" / name) for name in NAMES]
    report = Hidden(folder / "report.json")
    try:
        for file in (*files, report):
            file.file.write(f"{content} {file.target.name}".encode())
            file.finish()
        journal.commit(
            {file: file.sha256() for file in files},
            report,
            replace=replace,
            own={} if replace else journal.leftovers(folder),
        )
    finally:
        for file in (*files, report):
            file.discard()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def killed(folder: Path, at: int, monkeypatch: pytest.MonkeyPatch, **options: bool) -> None:
    """A run in a process of its own that ends before name number `at` is given."""
    process = os.fork()
    if not process:
        count, place = 0, Hidden.place

        def killing(self: Hidden, **how: bool) -> None:
            nonlocal count
            count += self.path.parent.name == "stems" or self.target.suffix == ".json"
            if count == at:
                os._exit(0)
            place(self, **how)

        monkeypatch.setattr(Hidden, "place", killing)
        publish(folder, "first", **options)
        os._exit(1)
    assert os.waitpid(process, 0)[1] == 0


def test_all_are_there_and_nothing_hidden(tmp_path: Path) -> None:
    publish(tmp_path, "first")
    assert names(tmp_path) == {*NAMES, "report.json"}
    assert journal.leftovers(tmp_path) == {}


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("replace", [False, True])
def test_after_a_kill_between_two_names_the_work_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, replace: bool
) -> None:
    if replace:
        publish(tmp_path, "older")
    killed(tmp_path, at, monkeypatch, replace=replace)
    assert not (tmp_path / "report.json").exists()
    left = journal.leftovers(tmp_path)
    assert {path.name for path in left} == set(NAMES[: at - 1])
    publish(tmp_path, "second", replace=replace)
    assert names(tmp_path) == {*NAMES, "report.json"}
    assert (tmp_path / "stems" / "bass").read_text() == "second bass"


def test_what_somebody_changed_after_the_kill_is_not_taken_for_a_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path, 4, monkeypatch)
    (tmp_path / "stems" / "drums").write_text("my own")
    assert {p.name for p in journal.leftovers(tmp_path)} == {"vocals", "bass"}
    with pytest.raises(FileExistsError, match="drums"):
        publish(tmp_path, "second")
    assert names(tmp_path) == {"drums"}
    assert (tmp_path / "stems" / "drums").read_text() == "my own"


def test_what_others_do_meanwhile_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run's report comes and goes, another run is killed, and one is at work."""
    killed(tmp_path, 3, monkeypatch)
    other = [Hidden(tmp_path / "other" / "vocals"), Hidden(tmp_path / "report.json")]
    for file in other:
        file.file.write(b"other")
        file.finish()
    during = []

    def look() -> None:
        during.extend(path.name for path in journal.leftovers(tmp_path))
        journal.settle(tmp_path)
        during.append(len(list(tmp_path.glob(".*.journal"))))

    digests = {other[0]: other[0].sha256()}
    journal.commit(digests, other[1], replace=False, before_names=look)
    assert during == ["vocals", "drums", 2]  # a journal at work is nobody else's
    (tmp_path / "report.json").unlink()
    assert {path.name for path in journal.leftovers(tmp_path)} == {"vocals", "drums"}
    publish(tmp_path, "second")
    assert names(tmp_path) == {*NAMES, "report.json"}
    assert (tmp_path / "stems" / "vocals").read_text() == "second vocals"


@pytest.mark.parametrize("more", [[], ["mine"]])
def test_a_folder_that_gets_empty_goes(tmp_path: Path, more: list[str]) -> None:
    publish(tmp_path, "first")
    stems = tmp_path / "stems"
    for name in more:
        (stems / name).write_text("mine")
    own = {stems / name: atomic.sha256(stems / name) for name in NAMES}
    file, report = Hidden(tmp_path / "mix"), Hidden(tmp_path / "report.json")
    for hidden in (file, report):
        hidden.finish()
    journal.commit({file: file.sha256()}, report, replace=True, own=own)
    assert names(tmp_path) == {"mix", "report.json", *more}
    assert stems.exists() == bool(more)


def test_own_files_give_way_and_no_others(tmp_path: Path) -> None:
    publish(tmp_path, "first")
    own = {tmp_path / "stems" / name: atomic.sha256(tmp_path / "stems" / name) for name in NAMES}
    (tmp_path / "stems" / "bass").write_text("changed meanwhile")
    file, report = Hidden(tmp_path / "stems" / "bass"), Hidden(tmp_path / "report.json")
    try:
        for hidden in (file, report):
            hidden.finish()
        with pytest.raises(FileExistsError, match="bass"):
            journal.commit({file: file.sha256()}, report, replace=False, own=own)
    finally:
        file.discard()
        report.discard()
    assert (tmp_path / "stems" / "bass").read_text() == "changed meanwhile"


def test_a_pipe_that_nobody_reads_keeps_everything_as_it_was(tmp_path: Path) -> None:
    publish(tmp_path, "first")
    (tmp_path / "stems" / "drums").unlink()
    os.mkfifo(tmp_path / "stems" / "drums")
    process = os.fork()
    if not process:
        publish(tmp_path, "second", replace=True)
        os._exit(1)
    time.sleep(0.5)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert (tmp_path / "report.json").read_text() == "first report.json"
    assert (tmp_path / "stems" / "vocals").read_text() == "first vocals"


def test_a_process_that_ends_waits_for_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A signal while files get their names: all of them have them, or none."""
    process = os.fork()
    if not process:
        place: Callable = Hidden.place

        def slow(self: Hidden, **how: bool) -> None:
            if self.target.name == "vocals":
                threading.Thread(target=end_now, args=(3,)).start()
            time.sleep(0.2)
            place(self, **how)

        monkeypatch.setattr(Hidden, "place", slow)
        publish(tmp_path, "first")
        time.sleep(60)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 3
    assert names(tmp_path) == {*NAMES, "report.json"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sha256": 3}', '{"sha256": {"x": null}}'])
def test_a_journal_that_makes_no_sense_says_nothing(tmp_path: Path, text: str) -> None:
    broken = tmp_path / ".unweave-0.journal"
    broken.write_text(text)
    assert journal.leftovers(tmp_path) == {}
    publish(tmp_path, "first")
    assert names(tmp_path) == {*NAMES, "report.json"}


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("taken", [*NAMES, "report.json"])
def test_where_one_name_cannot_be_given_no_file_stays(
    tmp_path: Path, taken: str, replace: bool
) -> None:
    folder = tmp_path if taken == "report.json" else tmp_path / "stems"
    (folder / taken).mkdir(parents=True)
    with pytest.raises(OSError, match=taken):
        publish(tmp_path, "first", replace=replace)
    assert names(tmp_path) == set()


def test_a_file_that_appears_at_the_last_moment_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Callable = Hidden.place

    def late(self: Hidden, **how: bool) -> None:
        if self.target.name == "bass":
            self.target.write_text("another process")
        place(self, **how)

    monkeypatch.setattr(Hidden, "place", late)
    with pytest.raises(FileExistsError, match="bass"):
        publish(tmp_path, "first")
    assert names(tmp_path) == {"bass"}
    assert (tmp_path / "stems" / "bass").read_text() == "another process"


def test_a_pipe_that_took_its_bytes_stays_where_a_later_name_cannot_be_given(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "taken").mkdir()
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    files = [Hidden(tmp_path / name) for name in ("pipe", "taken")]
    report = Hidden(tmp_path / "report.json")
    try:
        with pytest.raises(IsADirectoryError):
            journal.commit({file: file.sha256() for file in files}, report, replace=True)
    finally:
        os.close(reader)
        for file in (*files, report):
            file.discard()
    assert sorted(os.listdir(tmp_path)) == ["pipe", "taken"]
