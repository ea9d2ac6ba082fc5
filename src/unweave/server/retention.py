"""What goes when it is old or all together is too much: finished jobs, uploads, recordings."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from unweave.server import queue, uploads
from unweave.server.facts import size_of
from unweave.server.queue import Row
from unweave.server.service import Service
from unweave.server.settings import DAY_S

EVERY_S = 60.0
YOUNG_S = 3600.0  # what no job names may be in the making: a request takes its time


def tidy(service: Service) -> None:
    """Remove what need not be kept, and what no longer belongs to anything."""
    settings, now = service.settings, time.time()
    rows = service.database.read(
        "SELECT id, owner, state, task, finished_at FROM jobs ORDER BY finished_at DESC"
    )
    done = [row for row in rows if row["state"] in queue.ENDED]
    busy = [row for row in rows if row["state"] not in queue.ENDED]
    counted = {folder for row in busy for folder in _folders(service, row)}
    room = settings.keep_bytes
    for row in done:  # the newest first; a recording counts with the newest that was made of it
        folders = _folders(service, row) - counted
        counted |= folders
        room -= sum(map(size_of, folders))
        if now - row["finished_at"] > settings.keep_days * DAY_S or room < 0:
            remove_job(service, row["owner"], row["id"])
    for row in service.database.read("SELECT id, touched_at FROM uploads"):
        if now - row["touched_at"] > uploads.KEPT_S and row["id"] not in service.busy:
            uploads.remove(service, row["id"])
    _orphans(service, now)


def remove_job(service: Service, owner: str, id: str) -> None:
    """The job is gone at once for its client; its files go now, or when it has stopped."""
    if queue.remove(service.database, owner, id):
        shutil.rmtree(service.settings.job(id), ignore_errors=True)


def _folders(service: Service, row: Row) -> set[Path]:
    """The folders that a job needs: its own, and those of its recording and other files."""
    task, sources = json.loads(row["task"]), service.settings.sources
    places = [task["recording"], *task["files"].values()]
    names = {task["sha256"], *(Path(place).parent.name for place in places if place)} - {None}
    return {service.settings.job(row["id"]), *(sources / name for name in names)}


def _orphans(service: Service, now: float) -> None:
    """Folders that no job needs. Younger ones may be in the making."""
    settings = service.settings
    rows = service.database.read("SELECT id, task FROM jobs")
    used = {folder for row in rows for folder in _folders(service, row)}
    for folder in (settings.jobs_folder, settings.sources):
        for found in folder.iterdir():
            if found not in used and now - found.stat().st_mtime > YOUNG_S:
                shutil.rmtree(found, ignore_errors=True)
    known_uploads = {row["id"] for row in service.database.read("SELECT id FROM uploads")}
    for found in settings.uploads.iterdir():
        if found.name not in known_uploads and now - found.stat().st_mtime > YOUNG_S:
            found.unlink(missing_ok=True)
