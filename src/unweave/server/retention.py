"""What goes when it is old or all together is too much: finished jobs, uploads, recordings."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from unweave.server import queue, uploads
from unweave.server.service import Service
from unweave.server.settings import DAY_S

EVERY_S = 60.0
YOUNG_S = 3600.0  # what no job names may be in the making: a request takes its time


def tidy(service: Service) -> None:
    """Remove what need not be kept, and what no longer belongs to anything."""
    settings, now = service.settings, time.time()
    done = service.database.read(
        "SELECT id, owner, bytes, finished_at FROM jobs WHERE finished_at IS NOT NULL "
        "AND state IN ('done', 'failed', 'cancelled') ORDER BY finished_at DESC"
    )
    room = settings.keep_bytes
    for row in done:  # the newest first
        room -= row["bytes"]
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


def _orphans(service: Service, now: float) -> None:
    """Folders that no job needs. Younger ones may be in the making."""
    settings = service.settings
    rows = service.database.read("SELECT id, task FROM jobs")
    ids = {row["id"] for row in rows}
    used = set()
    for row in rows:
        task = json.loads(row["task"])
        places = [task["recording"], *task["files"].values()]
        used |= {Path(place).parent.name for place in places if place} | {task["sha256"]}
    for folder, known in ((settings.jobs_folder, ids), (settings.sources, used)):
        for found in folder.iterdir():
            if found.name not in known and now - found.stat().st_mtime > YOUNG_S:
                shutil.rmtree(found, ignore_errors=True)
    known_uploads = {row["id"] for row in service.database.read("SELECT id FROM uploads")}
    for found in settings.uploads.iterdir():
        if found.name not in known_uploads and now - found.stat().st_mtime > YOUNG_S:
            found.unlink(missing_ok=True)
