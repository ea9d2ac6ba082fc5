"""A file appears whole or not at all, and leaves nothing hidden behind."""

import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from unweave.core import atomic
from unweave.core.atomic import atomic_path


def test_it_appears_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    with atomic_path(target) as hidden:
        hidden.write_text("whole")
        assert not target.exists()
        assert hidden.name.startswith(".")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_what_was_there_stays_where_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with suppress(KeyboardInterrupt), atomic_path(target) as hidden:
        hidden.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_of_that_name_is_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"), atomic_path(tmp_path / "a") as hidden:
        hidden.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    killed = os.fork()
    if not killed:
        with atomic_path(tmp_path / "a.txt") as hidden:
            hidden.write_text("half")
            os._exit(0)  # as if killed
    os.waitpid(killed, 0)
    (left,) = tmp_path.iterdir()
    with atomic_path(tmp_path / "b.txt") as living:
        assert list(tmp_path.iterdir()) == [living]
        assert living != left
        living.write_text("whole")
        sweeper = os.fork()
        if not sweeper:
            atomic.sweep(tmp_path)
            os._exit(0)
        os.waitpid(sweeper, 0)
        assert list(tmp_path.iterdir()) == [living]
    assert list(tmp_path.iterdir()) == [tmp_path / "b.txt"]


def test_without_locks_only_what_is_old_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "lock", lambda handle: None)
    for name, age_s in {"old": 2 * atomic.STALE_S, "new": 0}.items():
        left = tmp_path / f".unweave-{name}.partial"
        left.write_text("half")
        os.utime(left, (time.time() - age_s,) * 2)
    (tmp_path / ".other.partial").write_text("somebody else's")
    with atomic_path(tmp_path / "a.txt") as hidden:
        hidden.write_text("whole")
    assert {p.name for p in tmp_path.iterdir()} == {
        ".unweave-new.partial",
        ".other.partial",
        "a.txt",
    }


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.txt").symlink_to("b.txt")
    (tmp_path / "links" / "b.txt").symlink_to("../real/c.txt")
    for text in ("new", "newer"):  # there is nothing yet where it leads, then there is
        with atomic_path(tmp_path / "links" / "a.txt") as hidden:
            hidden.write_text(text)
            assert hidden.parent == tmp_path / "real"
        assert (tmp_path / "real" / "c.txt").read_text() == text
    assert (tmp_path / "links" / "a.txt").is_symlink()
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"), atomic_path(tmp_path / "circle"):
        pass


def test_a_pipe_and_a_device_are_written_into(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    with atomic_path(pipe) as hidden:
        hidden.write_text("whole")
    reader.join()
    assert found == ["whole"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "nowhere").symlink_to("/dev/null")
    for nowhere in (Path("/dev/null"), tmp_path / "nowhere"):
        with atomic_path(nowhere) as hidden:
            hidden.write_text("whole")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "nowhere"}


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="open files have no names here")
def test_an_open_file_is_written_on(tmp_path: Path) -> None:
    """As `-o /dev/stdout` is; also where it is a file that could be replaced."""
    with open(tmp_path / "a.txt", "w") as stream:
        stream.write("before, ")
        stream.flush()
        with atomic_path(Path(f"/dev/fd/{stream.fileno()}")) as hidden:
            hidden.write_text("whole")
        stream.write(", after")
    assert (tmp_path / "a.txt").read_text() == "before, whole, after"


def test_what_a_process_has_begun_is_gone_when_it_is_ended(tmp_path: Path) -> None:
    ended = os.fork()
    if not ended:
        with atomic_path(tmp_path / "new" / "folder" / "a.txt") as hidden:
            hidden.write_text("half")
            atomic.abandon()
            os._exit(0)
    os.waitpid(ended, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:  # as on FAT
        monkeypatch.setattr(os, "link", unable)
    target = tmp_path / "a.txt"
    with atomic_path(target, replace=False) as hidden:
        hidden.write_text("whole")
    with pytest.raises(FileExistsError), atomic_path(target, replace=False) as hidden:
        hidden.write_text("another")
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "mkdir", told(done, "mkdir", os.mkdir))
    monkeypatch.setattr(os, "fsync", told(done, "fsync", os.fsync, kind))
    monkeypatch.setattr(os, "replace", told(done, "rename", os.replace))
    with atomic_path(tmp_path / "new" / "a.txt") as hidden:
        hidden.write_text("whole")
        assert done == ["mkdir", "fsync folder"]
    assert done == ["mkdir", "fsync folder", "fsync file", "rename", "fsync folder"]


def kind(handle: int) -> str:
    return " folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else " file"


def told(done: list[str], name: str, call: Callable, of: Callable = lambda *_: "") -> Callable:
    def instead(*arguments: object, **named: object) -> object:
        done.append(name + of(*arguments))
        return call(*arguments, **named)

    return instead
