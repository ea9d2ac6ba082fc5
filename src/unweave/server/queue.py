"""The life of a job, from the table of jobs: waiting, running, ended.

Who waits is served in turn: each client has one job at work at a time (in each lane), and of those
who wait the one comes first who had least. A client's own jobs go by priority, then by age. So a
client with a hundred jobs, or with one of eight hours, holds nobody up.

A job that was running when its worker died is waiting again. As it may be what killed the worker,
it runs alone the next time, and fails when it has been there at three deaths.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unweave.server.database import Database
from unweave.server.refusals import Refused

MOST_ATTEMPTS = 3
ENDED = ("done", "failed", "cancelled")
Row = sqlite3.Row


@dataclass(frozen=True, slots=True)
class Waiting:
    id: str
    owner: str
    priority: int
    created_at: float


def order(
    waiting: Iterable[Waiting], running: Mapping[str, int], served_at: Mapping[str, float]
) -> list[str]:
    """The ids of jobs in the order in which they come to their turn.

    running: how many each client has at work. served_at: when each had a turn last.
    """
    turns: Counter[str] = Counter(running)
    ranked = []
    for job in sorted(waiting, key=lambda job: (-job.priority, job.created_at, job.id)):
        ranked.append((turns[job.owner], served_at.get(job.owner, 0.0), job.created_at, job.id))
        turns[job.owner] += 1
    return [id for *_, id in sorted(ranked)]


def add(
    database: Database, owner: str, new: Mapping[str, Any], *, most_waiting: int, anew: bool = False
) -> tuple[str, bool]:
    """The id of the job that `new` asks for, and whether it is a new one.

    new: the columns that a client decides. Where the same was asked for before, that is the job; it
    waits again if it failed or was cancelled, and with `anew` whenever it has ended.
    """
    with database.writing() as connection:
        known = connection.execute(
            "SELECT * FROM jobs WHERE owner = ? AND key = ?", (owner, new["key"])
        ).fetchone()
        if known is not None:
            if known["state"] != "done" or anew:
                _again(connection, known)
            return known["id"], False
        [count] = connection.execute(
            "SELECT count(*) FROM jobs WHERE owner = ? AND state = 'queued'", (owner,)
        ).fetchone()
        if count >= most_waiting:
            raise Refused(
                429, "too_many_jobs", f"{count} jobs of yours are waiting; wait for one to end"
            )
        id = secrets.token_hex(12)
        row = {
            **new,
            "id": id,
            "owner": owner,
            "state": "queued",
            "created_at": time.time(),
            "changed": _tick(connection),
        }
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        insert = f"INSERT INTO jobs ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.execute(insert, tuple(row.values()))
        return id, True


def claim(database: Database, lane: str) -> Row | None:
    """The next job, which is running from now on; None where none may start."""
    if not database.read("SELECT 1 FROM jobs WHERE state = 'queued' AND lane = ? LIMIT 1", (lane,)):
        return None
    with database.writing() as connection:
        running = connection.execute(
            "SELECT owner, attempts FROM jobs WHERE state = 'running' AND lane = ?", (lane,)
        ).fetchall()
        if any(row["attempts"] > 1 for row in running):
            return None
        busy = {row["owner"] for row in running}
        for id in _in_order(connection, lane):
            job = connection.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
            if job["owner"] in busy:
                continue
            if job["attempts"] and running:
                return None  # it starts when it is alone
            _change(
                connection,
                id,
                state="running",
                attempts=job["attempts"] + 1,
                started_at=time.time(),
                done_s=0.0,
                available=0,
            )
            _move_up(connection)
            return connection.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
    return None


def recover(database: Database) -> list[str]:
    """What the last worker left running waits again, or has failed; the ids.

    For a worker that begins, and is the only one.
    """
    with database.writing() as connection:
        left = connection.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()
        for job in left:
            if not job["owner"]:
                connection.execute("DELETE FROM jobs WHERE id = ?", (job["id"],))
            elif job["stopping"] == 1:
                _end(connection, job, "cancelled")
            elif job["attempts"] >= MOST_ATTEMPTS:
                reason = f"the worker died {job['attempts']} times while it was at this job"
                _end(connection, job, "failed", error={"code": "worker_died", "message": reason})
            else:
                _change(connection, job["id"], state="queued", stopping=0, done_s=0.0, available=0)
        if left:
            _move_up(connection)
    return [job["id"] for job in left]


def give_back(database: Database, id: str) -> None:
    """A running job waits again, as if this turn had not been."""
    with database.writing() as connection:
        job = connection.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
        if not job["owner"]:
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
        elif job["stopping"] == 1:
            _end(connection, job, "cancelled")
        else:
            _change(
                connection,
                id,
                state="queued",
                stopping=0,
                attempts=max(0, job["attempts"] - 1),
                done_s=0.0,
                available=0,
            )


def progress(
    database: Database, id: str, *, done_s: float, total_s: float | None, available: int
) -> None:
    """How far a running job is."""
    with database.writing() as connection:
        _change(connection, id, done_s=done_s, total_s=total_s, available=available)


def end(database: Database, id: str, state: str, **facts: Any) -> None:
    """A running job has ended. facts: `files`, `bytes`, `available`, `error`, `warnings`."""
    with database.writing() as connection:
        job = connection.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
        if job is None or job["state"] != "running":
            return
        if not job["owner"]:
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
        elif state == "cancelled" and job["stopping"] == 2:
            _change(connection, id, state="queued", stopping=0, attempts=0, done_s=0.0, available=0)
        else:
            _end(connection, job, state, **facts)
        _move_up(connection)


def cancel(database: Database, owner: str, id: str) -> None:
    """What waits is cancelled, what runs is asked to stop, what has ended stays."""
    with database.writing() as connection:
        job = _own(connection, owner, id)
        if job["state"] == "queued":
            _end(connection, job, "cancelled")
            _move_up(connection)
        elif job["state"] == "running":
            _change(connection, id, stopping=1)


def again(database: Database, owner: str, id: str) -> None:
    """What failed or was cancelled waits again."""
    with database.writing() as connection:
        job = _own(connection, owner, id)
        if job["state"] != "done":
            _again(connection, job)


def remove(database: Database, owner: str, id: str) -> bool:
    """The job is gone for its client. Returns whether its folder may go, too: it does not run."""
    with database.writing() as connection:
        job = _own(connection, owner, id)
        connection.execute(
            "INSERT INTO removed (id, owner, changed) VALUES (?, ?, ?)",
            (id, owner, _tick(connection)),
        )
        running = job["state"] == "running"
        if running:
            _change(connection, id, owner="", key=id, stopping=1)
        else:
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
        _move_up(connection)
        return not running


def to_stop(database: Database) -> list[str]:
    """The ids of running jobs that are to be cancelled."""
    found = database.read("SELECT id FROM jobs WHERE stopping AND state = 'running'")
    return [row["id"] for row in found]


def find(database: Database, owner: str, id: str) -> Row:
    """The job of a client. Raises Refused where the client has no such job."""
    found = database.read("SELECT * FROM jobs WHERE id = ? AND owner = ?", (id, owner))
    if not found:
        raise unknown(id)
    return found[0]


def places(database: Database) -> dict[str, int]:
    """The place of every job that waits, from 1."""
    lanes = database.read("SELECT DISTINCT lane FROM jobs WHERE state = 'queued'")
    return {
        id: place for row in lanes for place, id in enumerate(_in_order(database, row["lane"]), 1)
    }


def latest(database: Database) -> int:
    """The counter: of the last change."""
    return int(database.read("SELECT n FROM counter")[0]["n"])


def unknown(id: str) -> Refused:
    return Refused(404, "no_such_job", "there is no such job, or it is not yours")


def tell_waiting(database: Database) -> None:
    """What all who wait wait for has changed: their clients are told."""
    with database.writing() as connection:
        _move_up(connection)


def _in_order(source: Any, lane: str) -> list[str]:
    run = source.read if isinstance(source, Database) else source.execute
    waiting = [
        Waiting(row["id"], row["owner"], row["priority"], row["created_at"])
        for row in run(
            "SELECT id, owner, priority, created_at FROM jobs WHERE state = 'queued' AND lane = ?",
            (lane,),
        )
    ]
    running = Counter(
        row["owner"]
        for row in run("SELECT owner FROM jobs WHERE state = 'running' AND lane = ?", (lane,))
    )
    served = run(
        "SELECT owner, max(started_at) AS at FROM jobs WHERE lane = ? AND started_at IS NOT NULL "
        "GROUP BY owner",
        (lane,),
    )
    return order(waiting, running, {row["owner"]: row["at"] for row in served})


def _own(connection: sqlite3.Connection, owner: str, id: str) -> Row:
    job: Row | None = connection.execute(
        "SELECT * FROM jobs WHERE id = ? AND owner = ?", (id, owner)
    ).fetchone()
    if job is None:
        raise unknown(id)
    return job


def _again(connection: sqlite3.Connection, job: Row) -> None:
    if job["state"] == "running" and job["stopping"]:
        _change(connection, job["id"], stopping=2)
    elif job["state"] in ENDED:
        _change(
            connection,
            job["id"],
            state="queued",
            stopping=0,
            attempts=0,
            done_s=0.0,
            available=0,
            error=None,
            files="[]",
            warnings="[]",
            bytes=0,
            started_at=None,
            finished_at=None,
        )
        _move_up(connection)


def _end(connection: sqlite3.Connection, job: Row, state: str, **facts: Any) -> None:
    columns = {n: v if isinstance(v, int) else json.dumps(v) for n, v in facts.items()}
    _change(connection, job["id"], state=state, stopping=0, finished_at=time.time(), **columns)


def _change(connection: sqlite3.Connection, id: str, **columns: Any) -> None:
    sets = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE jobs SET {sets}, revision = revision + 1, changed = ? "  # noqa: S608 - as above
        "WHERE id = ?",
        (*columns.values(), _tick(connection), id),
    )


def _move_up(connection: sqlite3.Connection) -> None:
    """Those who wait have other places now, or wait for something else."""
    connection.execute(
        "UPDATE jobs SET revision = revision + 1, changed = ? WHERE state = 'queued'",
        (_tick(connection),),
    )


def _tick(connection: sqlite3.Connection) -> int:
    connection.execute("UPDATE counter SET n = n + 1")
    return int(connection.execute("SELECT n FROM counter").fetchone()[0])
