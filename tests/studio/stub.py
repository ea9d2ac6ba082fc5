"""The service of docs/studio.md without any separation: synthetic stems, jobs that do as told.

It speaks the same HTTP as `unweave serve`, so that the page can be tested alone and in a second.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import re
import struct
import threading
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

API = "/api/v1"
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "worker-src 'self'; img-src 'self' blob: data:; connect-src 'self'"
)
STEMS = ("vocals", "drums", "bass", "other")
RATE = 44100


def synthetic(seconds: float, channels: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """Stems as `(time, channel)` float32, in which no two places are alike."""
    frames = round(seconds * RATE)
    time_s = np.arange(frames)[:, None] / RATE
    stems = {}
    for place, name in enumerate(STEMS):
        rng = np.random.default_rng([seed, place])
        hz = rng.uniform(90, 900, size=(1, channels))
        pulse = 0.3 + 0.7 * (np.sin(2 * np.pi * (0.7 + 0.4 * place) * time_s) > 0.2)
        sound = 0.15 * pulse * np.sin(2 * np.pi * hz * time_s)
        sound = sound + 0.02 * rng.standard_normal((frames, channels))
        stems[name] = sound.astype(np.float32)
    return stems


@dataclass
class Job:
    id: str
    kind: str
    name: str
    options: dict[str, Any]
    stems: dict[str, np.ndarray]
    created: float
    state: str = "queued"
    available: int = 0
    revision: int = 1
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    waits_for: str | None = None

    @property
    def frames(self) -> int:
        return len(next(iter(self.stems.values()))) if self.stems else 0

    def told(self) -> dict[str, Any]:
        channels = next(iter(self.stems.values())).shape[1] if self.stems else None
        there = self.frames if self.state == "done" else self.available
        total = self.frames / RATE
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "source": {
                "name": None if self.kind == "pull" else self.name,
                "bytes": 1_000_000,
                "duration_s": total or None,
                "sample_rate_hz": RATE if self.stems else None,
                "channels": channels,
                "samples": self.frames or None,
            },
            "options": self.options,
            "model": self.options.get("model"),
            "priority": 0,
            "queue_place": 1 if self.state == "queued" else None,
            "waits_for": self.waits_for,
            "progress": {
                "done_s": there / RATE,
                "total_s": total,
                "fraction": there / self.frames if self.frames else None,
                "left_s": (self.frames - there) / RATE if self.frames else None,
            },
            "stems": list(self.stems),
            "available_samples": there if self.state in ("running", "done") else 0,
            "files": [],
            "error": self.error and {"code": "failed", "message": self.error, "field": None},
            "warnings": self.warnings,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.created)),
            "started_at": None,
            "finished_at": None,
            "revision": self.revision,
        }


MODELS = [
    {
        "name": "spleeter-4stems",
        "title": "Spleeter, 4 stems",
        "stems": ["vocals", "drums", "bass", "other"],
        "kind": "network",
        "licence": "MIT",
        "bytes": 150_000_000,
        "installed": True,
        "real_time_factor": 0.11,
        "quality": 5.4,
        "default": True,
    },
    {
        "name": "hpss",
        "title": "Harmonic and percussive parts",
        "stems": ["harmonic", "percussive"],
        "kind": "classical",
        "licence": "MIT",
        "bytes": None,
        "installed": True,
        "real_time_factor": 0.08,
        "quality": None,
        "default": False,
    },
    {
        "name": "umxl",
        "title": "Open-Unmix, trained on private songs",
        "stems": ["vocals", "drums", "bass", "other"],
        "kind": "network",
        "licence": "CC BY-NC-SA 4.0",
        "bytes": 432_000_000,
        "installed": False,
        "real_time_factor": 0.9,
        "quality": 6.3,
        "default": False,
    },
]
OPTIONS = [
    {
        "name": "mask_exponent",
        "type": "float",
        "default": 2.0,
        "unit": "",
        "choices": [],
        "low": 0.5,
        "high": 8.0,
        "help": "Power of the magnitudes in the masks.",
    },
    {
        "name": "bandwidth",
        "type": "str",
        "default": "extend",
        "unit": "",
        "choices": ["extend", "model"],
        "low": None,
        "high": None,
        "help": "What is done above the band of the model.",
    },
]


class Stub:
    """The state of the service. speed: seconds of sound that a second separates; 0 waits."""

    def __init__(self, page: Path, seconds: float = 8.0) -> None:
        self.page = page
        self.seconds = seconds
        self.speed = 1000.0
        self.jobs: dict[str, Job] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.models = [dict(model) for model in MODELS]
        self.requests: list[tuple[str, str, Any]] = []
        self.offline = False
        self.cut_uploads = 0
        self.busy = 0  # so many pictures and peaks are refused
        self.drawn: list[str] = []
        self.violations: list[Any] = []
        self.changed = threading.Condition()
        self.stopped = False
        stub = self

        class Bound(Handler):
            service = stub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        self.stopped = True
        self.server.shutdown()
        self.server.server_close()

    def add(self, name: str, kind: str = "separate", **values: Any) -> Job:
        """A job; a kind that has no mixer has no stems."""
        with self.changed:
            number = len(self.requests) + len(self.jobs) + 1
            stems = synthetic(self.seconds) if kind == "separate" else {}
            job = Job(
                id=f"job{number}",
                kind=kind,
                name=name,
                options=values.pop("options", {"model": "spleeter-4stems"}),
                stems=values.pop("stems", stems),
                created=values.pop("created", time.time()),
                **values,
            )
            self.jobs[job.id] = job
            self.changed.notify_all()
        return job

    def change(self, job: Job, **values: Any) -> None:
        with self.changed:
            for name, value in values.items():
                setattr(job, name, value)
            job.revision += 1
            self.changed.notify_all()

    def _work(self) -> None:
        """Brings all jobs on, twenty times a second."""
        while not self.stopped:
            time.sleep(0.05)
            for job in list(self.jobs.values()):
                if job.state == "queued" and self.speed > 0:
                    self.change(job, state="running")
                elif job.state == "running" and self.speed > 0:
                    there = job.available + round(self.speed * RATE / 20)
                    if there >= job.frames:
                        self.change(job, state="done", available=job.frames)
                        self._finish(job)
                    else:
                        self.change(job, available=there)

    def _finish(self, job: Job) -> None:
        if job.kind == "pull":
            for model in self.models:
                if model["name"] == job.options.get("model"):
                    model["installed"] = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Stub

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # of a browser that has been closed
            super().handle()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if not url.path.startswith(API):
            self._page(url.path)
            return
        query = {
            key: int(value[0]) for key, value in parse_qs(url.query).items() if value[0].isdigit()
        }
        self._api("GET", url.path.removeprefix(API), query)

    def do_HEAD(self) -> None:
        self._upload("HEAD", urlsplit(self.path).path.removeprefix(API))

    def do_PATCH(self) -> None:
        self._upload("PATCH", urlsplit(self.path).path.removeprefix(API))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path.removeprefix(API)
        if path == "/uploads":
            self._upload("POST", path)
        else:
            self._api("POST", path, {})

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path.removeprefix(API)
        if path.startswith("/uploads"):
            self._upload("DELETE", path)
        else:
            self._api("DELETE", path, {})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(
        self, status: int, body: bytes = b"", kind: str = "application/json", **headers: Any
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode())

    def _refuse(self, status: int, message: str) -> None:
        self._json({"error": {"code": "refused", "message": message, "field": None}}, status)

    def _page(self, path: str) -> None:
        file = self.service.page / (path.lstrip("/") or "index.html")
        if not file.is_file():
            self._refuse(404, "no such page")
            return
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._send(200, file.read_bytes(), kind)

    def _api(self, method: str, path: str, query: dict[str, int]) -> None:
        service = self.service
        body = self._body() if method == "POST" else b""
        wanted = json.loads(body) if body else None
        service.requests.append((method, path, wanted))
        if service.offline:
            self._refuse(503, "the service rests")
            return
        match = re.fullmatch(r"/jobs/(\w+)(/.*)?", path)
        if path == "/about":
            self._json(ABOUT)
        elif path == "/models":
            self._json(service.models)
        elif path.startswith("/models/"):
            self._model(unquote(path[8:]))
        elif path == "/events":
            self._events()
        elif path == "/jobs" and method == "GET":
            self._json({"jobs": [job.told() for job in service.jobs.values()], "next": None})
        elif path == "/jobs" and wanted:
            self._create(wanted)
        elif match and match[1] in service.jobs:
            self._job(method, service.jobs[match[1]], match[2] or "", query)
        else:
            self._refuse(404, "no such job")

    def _model(self, name: str) -> None:
        """One of the list, or an ensemble of them."""
        parts = [m for part in name.split("+") for m in self.service.models if m["name"] == part]
        if not parts or len(parts) != len(name.split("+")):
            self._refuse(404, "there is no such model")
        elif len(parts) == 1:
            options = OPTIONS if parts[0]["kind"] == "network" else []
            self._json({**parts[0], "options": options})
        else:
            installed = all(part["installed"] for part in parts)
            made = {"name": name, "title": "", "kind": "preset", "default": False}
            self._json({**parts[0], **made, "installed": installed, "options": []})

    def _create(self, wanted: dict[str, Any]) -> None:
        service = self.service
        source = wanted["source"] or {}
        upload = service.uploads.get(source.get("upload", ""))
        of = service.jobs.get(source.get("job", ""))
        name = (
            upload["name"] if upload else of.name if of else wanted["options"].get("model", "song")
        )
        self._json(service.add(name, wanted["kind"], options=wanted["options"]).told(), 201)

    def _job(self, method: str, job: Job, rest: str, query: dict[str, int]) -> None:
        service = self.service
        if method == "DELETE":
            with service.changed:
                del service.jobs[job.id]
                service.changed.notify_all()
            self._send(204)
        elif rest == "/cancel":
            service.change(job, state="cancelled")
            self._json(job.told())
        elif rest == "/again":
            service.change(job, state="queued", available=0, error=None)
            self._json(job.told())
        elif service.busy > 0 and re.search(r"/peaks$|/spectrogram/", rest):
            service.busy -= 1
            self._refuse(429, "too much at once")
        elif match := re.fullmatch(r"/stems/([^/]+)/(pcm|peaks)", rest):
            if match[2] == "peaks":
                service.drawn.append(unquote(match[1]))
            self._sound(job, unquote(match[1]), match[2], query)
        elif match := re.fullmatch(r"/stems/([^/]+)/spectrogram/(\d+)/(\d+)\.png", rest):
            self._send(200, tile(int(match[2]), int(match[3])), "image/png")
        elif rest == "":
            self._json(job.told())
        else:
            self._refuse(404, "no such file")

    def _sound(self, job: Job, stem: str, what: str, query: dict[str, int]) -> None:
        sounds = list(job.stems.values()) if stem == "mix" else [job.stems[stem]]
        there = job.frames if stem == "mix" or job.state == "done" else job.available
        start, end = query["start"], min(there, query["start"] + query["count"])

        def part(first: int, last: int) -> np.ndarray:
            return np.asarray(sum(sound[first:last] for sound in sounds))

        if end <= start:
            self._send(202, Retry_After=1)
        elif what == "pcm":
            samples = part(start, end)
            headers = {
                "X_Sample_Rate": RATE,
                "X_Channels": samples.shape[1],
                "X_Start": start,
                "X_Count": len(samples),
            }
            self._send(200, samples.astype("<f4").tobytes(), "application/octet-stream", **headers)
        else:  # of each bin its first samples have to do
            edges = np.linspace(start, end, query["bins"] + 1).astype(int)
            bins = [part(a, min(b, a + 256)) for a, b in pairwise(edges)]
            pairs = [(low.min(), low.max()) if len(low) else (0, 0) for low in bins]
            scaled = np.clip(np.array(pairs) * 32768, -32768, 32767).astype("<i2")
            self._send(200, scaled.tobytes(), "application/octet-stream")

    def _events(self) -> None:
        service = self.service
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.close_connection = True
        told: dict[str, int] = {}
        try:
            self.wfile.write(b": here\n\n")
            self.wfile.flush()
            while not service.stopped and not service.offline:
                with service.changed:
                    service.changed.wait(0.2)
                    now = {job.id: job.told() for job in service.jobs.values()}
                for gone in told.keys() - now.keys():
                    self._event("removed", {"id": gone})
                    del told[gone]
                for key, job in now.items():
                    if told.get(key) != job["revision"]:
                        self._event("job", job)
                        told[key] = job["revision"]
                self.wfile.write(b": still here\n\n")
                self.wfile.flush()
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _event(self, kind: str, data: Any) -> None:
        self.wfile.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def _upload(self, method: str, path: str) -> None:
        service = self.service
        body = self._body()
        tus = {"Tus_Resumable": "1.0.0"}
        if method == "POST":
            metadata = dict(
                pair.split(" ", 1) for pair in self.headers.get("Upload-Metadata", "").split(",")
            )
            key = f"up{len(service.uploads) + 1}"
            service.uploads[key] = {
                "name": base64.b64decode(metadata["filename"]).decode(),
                "length": int(self.headers["Upload-Length"]),
                "data": b"",
            }
            self._send(201, Location=f"{API}/uploads/{key}", **tus)
            return
        upload = service.uploads.get(path.split("/")[-1])
        if upload is None:
            self._refuse(404, "no such upload")
        elif method == "DELETE":
            del service.uploads[path.split("/")[-1]]
            self._send(204, **tus)
        elif method == "HEAD":
            self._send(200, Upload_Offset=len(upload["data"]), **tus)
        elif service.cut_uploads > 0:
            service.cut_uploads -= 1
            upload["data"] += body[: len(body) // 2]
            self.close_connection = True
            self.connection.close()
        elif int(self.headers["Upload-Offset"]) != len(upload["data"]):
            self._refuse(409, "another offset")
        else:
            upload["data"] += body
            self._send(204, Upload_Offset=len(upload["data"]), **tus)


ABOUT = {
    "version": "0.1.0",
    "kinds": [{"name": "separate", "title": "Separate into stems"}],
    "formats": ["wav", "flac", "mp3"],
    "limits": {"bytes": 2_000_000_000, "seconds": 36000.0, "channels": 8, "waiting_jobs": 200},
    "paths": False,
    "urls": False,
    "diagnosis": {
        "cores": 2,
        "memory_mb": 12_000,
        "disk_free_bytes": 80_000_000_000,
        "cache_bytes": 79_000_000,
        "worker": True,
        "jobs_at_a_time": 2,
        "keep_days": 30.0,
        "keep_bytes": 100_000_000_000,
        "up_s": 4210.5,
    },
}


def tile(zoom: int, number: int) -> bytes:
    """A picture of 512 x 256 pixels."""
    x = np.arange(512)[None, :] + 512 * number
    y = np.arange(256)[:, None]
    level = (np.sin(x / (9 + zoom)) + 1) * (y / 255) ** 2
    pixels = (level * 127).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 512, 256, 8, 0, 0, 0, 0)
    picture = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + picture + chunk(b"IEND", b"")
