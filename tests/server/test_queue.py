"""Whose turn it is, and what becomes of jobs whose worker died."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="needs the extra serve")

from unweave.server import queue
from unweave.server.database import Database
from unweave.server.queue import Waiting, order
from unweave.server.refusals import Refused

NEW = {
    "kind": "separate",
    "lane": "work",
    "priority": 0,
    "source": "{}",
    "task": "{}",
    "options": "{}",
    "model": None,
    "stems": "[]",
}


@pytest.fixture
def database(tmp_path) -> Database:
    return Database(tmp_path / "service.sqlite3")


def added(database: Database, owner: str, key: str, **columns) -> str:
    return queue.add(database, owner, {**NEW, "key": key, **columns}, most_waiting=99)[0]


def state(database: Database, id: str) -> str:
    return database.read("SELECT state FROM jobs WHERE id = ?", (id,))[0]["state"]


def test_a_client_with_many_jobs_holds_nobody_up() -> None:
    many = [Waiting(f"a{n}", "anna", 0, n) for n in range(100)]
    late = [Waiting("b", "bert", 0, 1000.0), Waiting("c", "carl", 0, 1001.0)]
    assert order([*many, *late], {}, {})[:4] == ["a0", "b", "c", "a1"]
    assert order([*many, *late], {"anna": 1}, {"anna": 5.0})[:3] == ["b", "c", "a0"]


def test_priority_is_among_ones_own_jobs() -> None:
    jobs = [Waiting("a1", "anna", 0, 1), Waiting("a2", "anna", 9, 2), Waiting("b", "bert", -9, 3)]
    assert order(jobs, {}, {}) == ["a2", "b", "a1"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2, 2), st.floats(0, 9))))
def test_the_order_has_each_once_and_takes_turns(jobs) -> None:
    waiting = [Waiting(str(n), *job) for n, job in enumerate(jobs)]
    found = order(waiting, {}, {})
    assert sorted(found) == sorted(job.id for job in waiting)
    counts: Counter[str] = Counter()
    left = Counter(job.owner for job in waiting)
    owners = {job.id: job.owner for job in waiting}
    for id in found:  # nobody has had two turns more than one who still waits
        counts[owners[id]] += 1
        left[owners[id]] -= 1
        assert all(counts[owners[id]] <= counts[o] + 1 for o in left if left[o])


def test_one_job_of_each_client_is_at_work(database) -> None:
    first, second = added(database, "anna", "1"), added(database, "anna", "2")
    other = added(database, "bert", "1")
    assert queue.claim(database, "work")["id"] == first
    assert queue.claim(database, "work")["id"] == other
    assert queue.claim(database, "work") is None
    queue.end(database, first, "done", files=[], warnings=[], bytes=1)
    assert queue.claim(database, "work")["id"] == second


def test_a_job_whose_worker_dies_runs_alone_and_fails_at_the_third_death(database) -> None:
    bad, good = added(database, "anna", "1"), added(database, "bert", "1")
    for _ in range(2):
        assert {queue.claim(database, "work")["id"] for _ in range(1)} == {bad}
        queue.recover(database)
        assert state(database, bad) == "queued"
        # The one that did not die with it goes first, or after it, but never beside it.
        row = queue.claim(database, "work")
        if row["id"] == good:
            assert queue.claim(database, "work") is None
            queue.end(database, good, "done")
        else:
            queue.give_back(database, bad)
    assert queue.claim(database, "work")["attempts"] == 3
    queue.recover(database)
    row = database.read("SELECT * FROM jobs WHERE id = ?", (bad,))[0]
    assert (row["state"], "3 times" in row["error"]) == ("failed", True)
    assert state(database, good) == "done"


def test_cancelled_while_it_runs_and_asked_for_again_at_once(database) -> None:
    id = added(database, "anna", "1")
    queue.claim(database, "work")
    queue.cancel(database, "anna", id)
    assert added(database, "anna", "1") == id
    queue.end(database, id, "cancelled")
    assert state(database, id) == "queued"


def test_removed_while_it_runs_it_is_gone_at_once_and_for_good(database) -> None:
    id = added(database, "anna", "1")
    queue.claim(database, "work")
    assert not queue.remove(database, "anna", id)
    with pytest.raises(Refused):
        queue.find(database, "anna", id)
    assert added(database, "anna", "1") != id
    queue.end(database, id, "done", files=[], bytes=0)
    assert not database.read("SELECT 1 FROM jobs WHERE id = ?", (id,))


def test_a_client_may_have_so_many_waiting(database) -> None:
    for n in range(3):
        queue.add(database, "anna", {**NEW, "key": str(n)}, most_waiting=3)
    with pytest.raises(Refused, match="3 jobs of yours"):
        queue.add(database, "anna", {**NEW, "key": "x"}, most_waiting=3)
    queue.add(database, "bert", {**NEW, "key": "x"}, most_waiting=3)


def test_a_turn_that_is_given_back_counts_for_nothing(database) -> None:
    id = added(database, "anna", "1")
    for _ in range(5):
        assert queue.claim(database, "work")["attempts"] == 1
        queue.give_back(database, id)
    assert state(database, id) == "queued"
