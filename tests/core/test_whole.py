"""A file appears whole or not at all, and leaves nothing hidden behind."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

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


def test_what_a_killed_process_left_is_written_over_by_the_only_writer(tmp_path: Path) -> None:
    target, process = tmp_path / "a.txt", os.fork()
    if not process:
        with appearing(target, alone=True) as hidden:
            hidden.write_text("half")
            os._exit(0)  # as if killed
    os.waitpid(process, 0)
    assert [path.name for path in tmp_path.iterdir()] == [".a.txt.tmp"]
    with appearing(target, alone=True) as hidden:
        hidden.write_text("whole")
    assert list(tmp_path.iterdir()) == [target]
