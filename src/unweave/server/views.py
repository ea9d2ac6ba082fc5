"""A job as its client sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from unweave.server.queue import Row

PREFIX = "/api/v1"
MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "webm": "video/webm",
    "png": "image/png",
    "json": "application/json",
    "csv": "text/csv",
    "mid": "audio/midi",
    "zip": "application/zip",
    "txt": "text/plain",
    "lrc": "text/plain",
}
ANY_TYPE = "application/octet-stream"
TYPES = sorted({ANY_TYPE, *MEDIA_TYPES.values()})
SURE = 0.03  # of the work, after which its own speed says how long the rest takes


def job(
    row: Row, places: Mapping[str, int], speed: float | None = None, *, full: bool = False
) -> dict[str, Any]:
    """The Job. speed: of its model here, seconds of sound in a second, where that is known.
    full: the disk has no room for a job that waits."""
    source = json.loads(row["source"])
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "source": source,
        "options": json.loads(row["options"]),
        "model": row["model"],
        "priority": row["priority"],
        "queue_place": places.get(row["id"]),
        "waits_for": "disk" if full and row["state"] == "queued" else None,
        "progress": _progress(row, source, speed),
        "stems": json.loads(row["stems"]),
        "available_samples": row["available"],
        "files": [_file(row["id"], file) for file in json.loads(row["files"])],
        "error": {"field": None, **json.loads(row["error"])} if row["error"] else None,
        "warnings": json.loads(row["warnings"]),
        "created_at": _iso(row["created_at"]),
        "started_at": _iso(row["started_at"]),
        "finished_at": _iso(row["finished_at"]),
        "revision": row["revision"],
    }


def media_type(name: str) -> str:
    """By the end of a file's name; never one that a browser would run."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), ANY_TYPE)


def _file(id: str, file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": file["name"],
        "stem": file["stem"],
        "bytes": file["bytes"],
        "sha256": file["sha256"],
        "gain_db": file.get("gain_db", 0.0),
        "media_type": media_type(file["name"]),
        "url": f"{PREFIX}/jobs/{id}/files/{quote(file['name'])}",
    }


def _progress(row: Row, source: Mapping[str, Any], speed: float | None) -> dict[str, Any]:
    done_s = row["done_s"]
    total_s = row["total_s"] or source.get("duration_s")
    if row["state"] == "done":
        return {"done_s": total_s or done_s, "total_s": total_s, "fraction": 1.0, "left_s": 0.0}
    fraction = min(1.0, done_s / total_s) if total_s else 0.0
    left_s = None
    if row["state"] == "running" and fraction > SURE:
        left_s = (time.time() - row["started_at"]) * (1 - fraction) / fraction
    elif row["state"] in ("queued", "running") and total_s and speed:
        left_s = (total_s - done_s) / speed
    return {
        "done_s": done_s,
        "total_s": total_s,
        "fraction": fraction,
        "left_s": None if left_s is None else round(left_s, 1),
    }


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
