"""Sound that waits on the disk comes back as it was."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave.engine import spool as spools
from unweave.engine.spool import Spool
from unweave.errors import OutputError


@given(
    lengths=st.lists(st.integers(0, 50), min_size=1, max_size=6),
    lead=st.sampled_from([(2,), (1, 3, 2)]),
    part=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_any_part_is_what_was_written(
    lengths: list[int], lead: tuple[int, ...], part: tuple[int, int]
) -> None:
    whole = np.random.default_rng(0).normal(size=(*lead, sum(lengths))).astype(np.float32)
    start, stop = sorted(min(each, sum(lengths)) for each in part)
    with Spool() as spool:
        for end, length in zip(np.cumsum(lengths), lengths, strict=True):
            spool.write(whole[..., end - length : end])
        assert spool.length == sum(lengths)
        for first, last in ((start, stop), (0, None)):
            found = list(spool.blocks(first, last))
            want = whole[..., first:last]
            assert sum(block.shape[-1] for block in found) == want.shape[-1]
            if found:
                np.testing.assert_array_equal(np.concatenate(found, -1), want)


def test_two_may_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "BLOCK", 7)
    whole = np.arange(100, dtype=np.float32).reshape(2, 50)
    with Spool() as spool:
        spool.write(whole)
        pairs = list(zip(spool.blocks(), spool.blocks(), strict=True))
        for n in (0, 1):
            np.testing.assert_array_equal(np.concatenate([pair[n] for pair in pairs], -1), whole)


def test_nothing_is_left_and_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Spool() as spool:
        spool.write(np.zeros((2, 1000), np.float32))
    assert not list(tmp_path.iterdir())
    if os.path.exists("/dev/full"):
        with Spool() as spool, open("/dev/full", "wb", buffering=0) as full:
            monkeypatch.setattr(spool, "_file", full)
            with pytest.raises(OutputError, match="TMPDIR") as caught:
                spool.write(np.zeros((2, 1000), np.float32))
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match="TMPDIR"):
        Spool()
