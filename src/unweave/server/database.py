"""The one SQLite file that the processes of a service share.

Readers never wait for a writer (WAL), and writers wait for each other for a moment. Every
transaction is short. `BEGIN IMMEDIATE` takes the turn to write before anything is read that decides
what is written.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 10.0  # for another writer

SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (n INTEGER NOT NULL);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,             -- the client's; '' for one that is removed while it runs
  kind TEXT NOT NULL,
  lane TEXT NOT NULL,              -- what it waits for: kinds of one lane wait for each other
  key TEXT NOT NULL,               -- one hash of what is asked for
  state TEXT NOT NULL,             -- queued, running, done, failed, cancelled
  priority INTEGER NOT NULL,
  source TEXT NOT NULL,            -- JSON: what is said of the recording
  task TEXT NOT NULL,              -- JSON: what the worker needs
  options TEXT NOT NULL,           -- JSON, as the client gave them
  model TEXT,
  stems TEXT NOT NULL,             -- JSON: names
  attempts INTEGER NOT NULL DEFAULT 0,
  stopping INTEGER NOT NULL DEFAULT 0,  -- 1: to be cancelled, 2: and then to be done again
  done_s REAL NOT NULL DEFAULT 0,
  total_s REAL,
  available INTEGER NOT NULL DEFAULT 0,
  files TEXT NOT NULL DEFAULT '[]',     -- JSON
  bytes INTEGER NOT NULL DEFAULT 0,
  error TEXT,                           -- JSON
  warnings TEXT NOT NULL DEFAULT '[]',  -- JSON
  created_at REAL NOT NULL,
  started_at REAL,
  finished_at REAL,
  revision INTEGER NOT NULL DEFAULT 1,
  changed INTEGER NOT NULL,             -- the counter's value at the last change
  UNIQUE (owner, key)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, lane);
CREATE INDEX IF NOT EXISTS jobs_by_change ON jobs (changed);
CREATE TABLE IF NOT EXISTS removed (
  id TEXT NOT NULL, owner TEXT NOT NULL, changed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS removed_by_change ON removed (changed);
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  touched_at REAL NOT NULL,
  facts TEXT                       -- JSON: what a look at the complete file found
);
"""


class Database:
    """Connections to the file, one for each thread.

    durable: a transaction is on the disk when it ends; else it may be lost with the power, but not
    with the process.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._durable = durable
        self._local = threading.local()
        with self.writing() as connection:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)

    def read(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[sqlite3.Row]:
        return self._connection().execute(sql, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that ends with the block, and is undone where that raises."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def version(self) -> int:
        """Another number when any other connection has changed something."""
        return int(self.read("PRAGMA data_version")[0][0])

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
            self._local.connection = connection
        return connection
