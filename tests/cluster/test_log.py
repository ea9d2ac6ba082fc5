"""The log says the last word on each row, however it is split into files."""

import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.cluster import log, places
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.log import DONE, FAILED, HAS_FAILED, IS_DONE, OPEN, Entry, Made
from unweave.cluster.outage import StoreError
from unweave.errors import InputError

ROWS = 6
ENTRIES = st.tuples(
    st.integers(0, ROWS + 1), st.sampled_from(["ours", "other"]), st.sampled_from([DONE, FAILED])
)


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.lists(ENTRIES, max_size=5), max_size=4), compact=st.booleans())
def test_the_last_entry_of_the_run_counts(parts, compact):
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(folder)
        expected = [OPEN] * ROWS
        for part in parts:
            writer = log.Writer(catalogue)
            for row, identity, state in part:
                writer.add(Entry(row=row, identity=identity, state=state, kind="K"))
                if identity == "ours" and row < ROWS:
                    expected[row] = IS_DONE if state == DONE else HAS_FAILED
            writer.flush()
        if compact:
            log.compact(catalogue)
            assert len(places.names(catalogue.log)) <= 1
        assert log.states(catalogue, "ours", ROWS).tolist() == expected
        failed = log.failures(catalogue, "ours", ROWS)
        assert failed.total() == expected.count(HAS_FAILED)


def test_an_entry_after_a_compaction_is_the_last(tmp_path):
    catalogue = Catalogue(str(tmp_path))
    writer = log.Writer(catalogue)
    for state in (FAILED, FAILED, DONE):
        writer.add(
            Entry(row=0, identity="x", state=state, outputs=(Made(name="a", bytes=1, sha256="b"),))
        )
        writer.flush()
        log.compact(catalogue)
    assert log.states(catalogue, "x", 1).tolist() == [IS_DONE]
    table, place = log.last(catalogue, "x", 1)
    assert table.slice(int(place[0]), 1).to_pylist()[0]["outputs"] == [
        {"name": "a", "bytes": 1, "sha256": "b"}
    ]


def test_a_store_that_is_away_for_a_while_loses_no_entry(tmp_path, monkeypatch):
    catalogue = Catalogue(str(tmp_path))
    real, fails = places.write, 2

    def write(address, data):
        nonlocal fails
        fails -= 1
        if fails >= 0:
            raise StoreError("away")
        real(address, data)

    monkeypatch.setattr(places, "write", write)
    writer = log.Writer(catalogue, lambda seconds: fails > 7)
    writer.add(Entry(row=0, identity="x", state=DONE))
    writer.flush()
    assert log.states(catalogue, "x", 1).tolist() == [IS_DONE]
    fails = 9
    writer.add(Entry(row=0, identity="x", state=FAILED))
    with pytest.raises(StoreError, match="away"):
        writer.flush()
    fails = 0
    writer.flush()
    assert log.states(catalogue, "x", 1).tolist() == [HAS_FAILED]


def test_a_damaged_file_is_named(tmp_path):
    catalogue = Catalogue(str(tmp_path))
    (tmp_path / "runs/separate/log").mkdir(parents=True)
    (tmp_path / "runs/separate/log/1.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"1\.parquet: is not a file of a catalogue"):
        log.states(catalogue, "x", 1)
