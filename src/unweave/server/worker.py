"""The worker process: takes jobs from the database and does them, with one executor for all.

One worker at a time has the lock on a file of the data folder, which the kernel lets go of when the
process ends, however it ends. So whoever has it knows that no other worker lives, and what the
database calls running has no one at it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from unweave.core.atomic import sha256
from unweave.core.children import Parent
from unweave.core.ending import end_now
from unweave.core.files import advice, shown
from unweave.core.lock import locked
from unweave.engine.executor import Executor
from unweave.errors import Cancelled, UnweaveError
from unweave.server import queue, room
from unweave.server.database import Database
from unweave.server.helpers import code_of
from unweave.server.kinds import KINDS, Task
from unweave.server.live import Live
from unweave.server.queue import Row
from unweave.server.settings import Settings

LOOK_S = 0.1  # for work, and for what is to be stopped
PATIENCE_S = 15.0  # for jobs that are told to stop
FULL_S = 10.0  # between two looks at a full disk
KEEP_MODELS = 2  # loaded, for the next job
T = TypeVar("T")


def main(pipe: Any, settings: Settings) -> None:
    """The process: works until its parent says stop, or is gone."""
    from unweave.engine.allocator import settle

    settle()
    parent = Parent(pipe, PATIENCE_S)
    with locked(settings.data / "worker.lock", lambda: _leave_if(parent.stopped)):
        Worker(settings, parent.stopped).work()


def _leave_if(stopped: threading.Event) -> None:
    if stopped.is_set():
        sys.exit(0)


class Worker:
    """Threads that each do one job after another."""

    def __init__(self, settings: Settings, stopped: threading.Event) -> None:
        self._settings = settings
        self._stopped = stopped
        self._database = Database(settings.database, durable=False)
        self._executor = Executor(
            threads=settings.threads,
            max_memory_mb=settings.max_memory_mb,
            keep_models=KEEP_MODELS,
        )
        self._asked: dict[str, threading.Event] = {}  # of running jobs, to be cancelled

    def work(self) -> None:
        """Until told to stop; then every job that runs waits again."""
        patiently(lambda: queue.recover(self._database))
        for left in self._settings.jobs_folder.glob("*/live"):  # by a worker that died at the end
            shutil.rmtree(left, ignore_errors=True)
        lanes = ["work"] * self._settings.jobs + sorted({k.lane for k in KINDS.values()} - {"work"})
        threads = [threading.Thread(target=self._serve, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        import unweave.engine.run  # noqa: F401  (torch, before the first job needs it)

        while not self._stopped.wait(LOOK_S):
            if self._asked:
                for id in patiently(lambda: queue.to_stop(self._database)):
                    if id in self._asked:
                        self._asked[id].set()
        self._executor.stop()
        for thread in threads:
            thread.join()

    def _serve(self, lane: str) -> None:
        """Take jobs of one lane, one after another; what nobody expected ends the process, which
        is started again."""
        try:
            self._take(lane)
        except BaseException as error:
            traceback.print_exception(error)
            end_now(1)

    def _take(self, lane: str) -> None:
        seen = None
        while not self._stopped.is_set():
            if room.lacks(self._settings.data):
                print("the disk is nearly full: jobs wait for room", file=sys.stderr, flush=True)
                self._stopped.wait(FULL_S)
                continue
            version = patiently(self._database.version)
            if version == seen:
                self._stopped.wait(LOOK_S)
                continue
            job = patiently(lambda: queue.claim(self._database, lane))
            if job is None:
                seen = version
            else:
                self._do(job)
                seen = None

    def _do(self, job: Row) -> None:
        """One job, from claimed to ended."""
        id, folder = job["id"], self._settings.job(job["id"])
        asked = self._asked[id] = threading.Event()

        def tell(done_s: float, total_s: float | None, available: int) -> None:
            try:
                queue.progress(
                    self._database, id, done_s=done_s, total_s=total_s, available=available
                )
            except sqlite3.OperationalError:  # the next word will say more
                pass

        live = Live(folder, tell)
        state, facts = "failed", dict[str, Any]()
        try:
            facts = self._made(job, folder, live, asked)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except Exception as error:
            facts = {"error": _told(error, job, self._settings)}
        finally:
            if state != "done":
                live.close()
        if state == "cancelled" and self._stopped.is_set() and not asked.is_set():
            patiently(lambda: queue.give_back(self._database, id))
        else:
            patiently(lambda: queue.end(self._database, id, state, **facts))
        live.close()
        del self._asked[id]

    def _made(self, job: Row, folder: Path, live: Live, asked: threading.Event) -> dict[str, Any]:
        """Do the work; what the database is told of it. Raises what goes wrong."""
        task = json.loads(job["task"])
        source = Path(task["path"]) if task["path"] else folder
        report = KINDS[job["kind"]].run(
            Task(
                path=source,
                output=folder / "out",
                options={**task["options"], **task["files"]},
                on_progress=live.progress,
                on_block=live.block,
                should_stop=asked.is_set,
                executor=self._executor,
            )
        )
        expected, found = task.get("sha256"), report.get("input", {}).get("sha256")
        if expected and found and expected != found:
            raise UnweaveError(f"{shown(source)}: has changed since the job was asked for")
        files = made_files(folder / "out", report)
        return {
            "files": files,
            "bytes": sum(file["bytes"] for file in files),
            "available": max((file["samples"] or 0 for file in files), default=0),
            "warnings": [_nameless(line, job, self._settings) for line in report["warnings"]],
        }


def made_files(folder: Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every file that a job has made, by its place in `folder`, with its SHA-256.

    A name has no folder in it.
    """
    if not folder.is_dir():
        return []
    listed = [*report.get("stems", ()), *report.get("exports", ())]
    by_name = {Path(file["path"]).name: file for file in listed}
    inner, files = folder, []
    while len(found := [p for p in inner.iterdir() if p.name[0] != "."]) == 1 and found[0].is_dir():
        inner = found[0]
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or not path.is_file():
            continue
        said = by_name.get(path.name, {})
        size = path.stat().st_size
        digest = said["sha256"] if said.get("bytes") == size else sha256(path)
        files.append(
            {
                "name": path.relative_to(inner).as_posix().replace("/", "-"),
                "path": path.relative_to(folder).as_posix(),
                "stem": said.get("stem"),
                "bytes": size,
                "sha256": digest,
                "samples": said.get("samples"),
                "gain_db": report.get("gain_db", 0.0) if said.get("stem") else 0.0,
            }
        )
    return files


def _told(error: Exception, job: Row, settings: Settings) -> dict[str, str]:
    """The code and the line of an error, without the names of places on this machine."""
    if isinstance(error, UnweaveError):
        return {"code": code_of(error), "message": _nameless(str(error), job, settings)}
    if isinstance(error, OSError):
        return {"code": "disk_error", "message": advice(error)}
    traceback.print_exception(error)
    return {
        "code": "unexpected_error",
        "message": f"unexpected {type(error).__name__}; the log of the service says where",
    }


def _nameless(line: str, job: Row, settings: Settings) -> str:
    """A line with the client's name of the recording instead of the place where it lies."""
    path, name = json.loads(job["task"])["recording"], json.loads(job["source"]).get("name") or "it"
    if path:
        line = line.replace(str(path), name).replace(shown(path), name)
    return line.replace(f"{settings.job(job['id'])}/", "").replace(f"{settings.data}/", "")


def patiently(act: Callable[[], T]) -> T:
    """What `act` returns, once the database is neither locked by a stranger nor out of disk."""
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            print(f"the database cannot be written ({error}); it is tried again", file=sys.stderr)
            time.sleep(1.0)
