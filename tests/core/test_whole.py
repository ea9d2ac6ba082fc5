"""A file appears whole or not at all, and leaves nothing hidden behind."""

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from unweave.core import whole
from unweave.core.whole import appearing


def test_it_appears_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    with appearing(target) as hidden:
        hidden.write_text("whole")
        assert not target.exists()
        assert hidden.name.startswith(".")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_what_was_there_stays_where_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with suppress(KeyboardInterrupt), appearing(target) as hidden:
        hidden.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_of_that_name_is_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"), appearing(tmp_path / "a") as hidden:
        hidden.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    killed = os.fork()
    if not killed:
        with appearing(tmp_path / "a.txt") as hidden:
            hidden.write_text("half")
            os._exit(0)  # as if killed
    os.waitpid(killed, 0)
    (left,) = tmp_path.iterdir()
    with appearing(tmp_path / "b.txt") as living:
        assert list(tmp_path.iterdir()) == [living]
        assert living != left
        living.write_text("whole")
        sweeper = os.fork()
        if not sweeper:
            whole.sweep(tmp_path)
            os._exit(0)
        os.waitpid(sweeper, 0)
        assert list(tmp_path.iterdir()) == [living]
    assert list(tmp_path.iterdir()) == [tmp_path / "b.txt"]


def test_without_locks_only_what_is_old_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "_lock", lambda handle: None)
    for name, age_s in {"old": 2 * whole.STALE_S, "new": 0}.items():
        left = tmp_path / f".unweave-{name}.partial"
        left.write_text("half")
        os.utime(left, (time.time() - age_s,) * 2)
    (tmp_path / ".other.partial").write_text("somebody else's")
    with appearing(tmp_path / "a.txt") as hidden:
        hidden.write_text("whole")
    assert {p.name for p in tmp_path.iterdir()} == {
        ".unweave-new.partial",
        ".other.partial",
        "a.txt",
    }


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:  # as on FAT
        monkeypatch.setattr(os, "link", unable)
    target = tmp_path / "a.txt"
    with appearing(target, replace=False) as hidden:
        hidden.write_text("whole")
    with pytest.raises(FileExistsError), appearing(target, replace=False) as hidden:
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
    with appearing(tmp_path / "new" / "a.txt") as hidden:
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
