"""A small client of the service, for Python programs; it needs the standard library alone."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from unweave.core.atomic import atomic_path
from unweave.core.file_names import safe
from unweave.core.files import readable, shown, writable
from unweave.errors import UnweaveError
from unweave.types import StrPath

PREFIX = "/api/v1"
PIECE = 1 << 22  # bytes of a file that are sent at once
TRIES = 8  # after a cut, none of which brought anything
PAUSE_S = 0.5  # after the first; then twice as long each time
WAIT_S = 300.0  # for an answer, as where a busy service looks at a long file
ENDED = ("done", "failed", "cancelled")
Job = dict[str, Any]


class ServiceError(UnweaveError):
    """What a service refused, or that it does not answer. status: of HTTP, 0 for no answer."""

    def __init__(self, message: str, status: int = 0, code: str = "no_answer") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Client:
    """Talks to one service.

        client = unweave.Client("http://127.0.0.1:8750")
        job = client.wait(client.submit("song.mp3", model="hpss"))
        client.download(job, "stems")

    address: of the service. token: where it needs one. Raises ValueError for no address.
    """

    def __init__(self, address: str = "http://127.0.0.1:8750", token: str | None = None) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"address must be as http://127.0.0.1:8750; got {address!r:.80}")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._place = parts.hostname, parts.port
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def models(self) -> list[dict[str, Any]]:
        """What is known of every separator of the service."""
        found: list[dict[str, Any]] = self._json("GET", "/models")
        return found

    def upload(self, path: StrPath) -> str:
        """Send a file; the id of the upload. After a cut it goes on where it was.

        Raises InputError for a file that cannot be read, ServiceError.
        """
        path = Path(path)
        with readable(path):
            size = path.stat().st_size
        name = base64.b64encode(path.name.encode("utf-8", "replace")).decode()
        headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
        with self._asked("POST", "/uploads", None, {**TUS, **headers}) as answer:
            id = answer.headers["Location"].rpartition("/")[2]
        with readable(path), path.open("rb") as file:
            done, failures = 0, 0
            while done < size:
                file.seek(done)
                headers = {"Upload-Offset": str(done), "Content-Type": BYTES}
                try:
                    with self._asked(
                        "PATCH", f"/uploads/{id}", file.read(PIECE), {**TUS, **headers}
                    ) as answer:
                        done, failures = int(answer.headers["Upload-Offset"]), 0
                except ServiceError as error:
                    failures += 1
                    if failures > TRIES or error.status not in (0, 409, 423, 429, 503):
                        raise
                    time.sleep(PAUSE_S * 2 ** (failures - 1))
                    done = self._here(id, done)
        return id

    def submit(
        self,
        source: StrPath | Mapping[str, str] | None = None,
        kind: str = "separate",
        *,
        priority: int = 0,
        **options: Any,
    ) -> Job:
        """Ask for a job, as it is now.

        source: a file to send, or what is there already: `{"upload": ID}`, `{"path": P}`,
        `{"url": U}` or `{"job": ID}`. kind: "separate", "karaoke", "remix" and so on. options: of
        the kind, as `model`, `stems` and `format`. The same song and options are the same job.
        Raises InputError, ServiceError.
        """
        if isinstance(source, (str, os.PathLike)):
            source = {"upload": self.upload(source)}
        asked = {"kind": kind, "source": source, "options": options, "priority": priority}
        found: Job = self._json("POST", "/jobs", asked)
        return found

    def job(self, id: str) -> Job:
        """A job as it is now. Raises ServiceError."""
        found: Job = self._json("GET", f"/jobs/{quote(id, safe='')}")
        return found

    def jobs(self, state: str | None = None, kind: str | None = None) -> Iterator[Job]:
        """Every job of this client, the newest first. Raises ServiceError."""
        asked: dict[str, Any] = {"state": state, "kind": kind, "before": None}
        while True:
            words = urlencode({name: value for name, value in asked.items() if value is not None})
            page = self._json("GET", f"/jobs?{words}")
            yield from page["jobs"]
            if page["next"] is None:
                return
            asked["before"] = page["next"]

    def cancel(self, job: Job | str) -> Job:
        """Ask for a job to be stopped. Raises ServiceError."""
        found: Job = self._json("POST", f"/jobs/{_id(job)}/cancel")
        return found

    def again(self, job: Job | str) -> Job:
        """Ask for a job again that failed or was cancelled. Raises ServiceError."""
        found: Job = self._json("POST", f"/jobs/{_id(job)}/again")
        return found

    def remove(self, job: Job | str) -> None:
        """Remove a job and its files. Raises ServiceError."""
        with self._asked("DELETE", f"/jobs/{_id(job)}"):
            pass

    def events(self, job: Job | str) -> Iterator[Job]:
        """A job as it is now, then at each change, until it has ended or is removed.

        A connection that is cut is made anew. Raises ServiceError.
        """
        id, last, failures = _id(job), -1, 0
        while True:
            try:
                with self._asked("GET", f"/jobs/{id}/events") as answer:
                    for name, data in _events(answer):
                        if name == "removed":
                            return
                        failures = 0
                        if data["revision"] > last:
                            last = data["revision"]
                            yield data
                        if data["state"] in ENDED:
                            return
            except ServiceError as error:
                if error.status not in (0, 429, 503):
                    raise
                failures += 1
                if failures > TRIES:
                    raise
            time.sleep(PAUSE_S * 2 ** max(0, failures - 1))

    def wait(self, job: Job | str) -> Job:
        """The job when it is done. Raises ServiceError where it fails or is cancelled."""
        for now in self.events(job):
            if now["state"] == "done":
                return now
            if now["state"] in ENDED:
                error = now["error"] or {"code": "cancelled", "message": "the job was cancelled"}
                raise ServiceError(error["message"], 0, error["code"])
        raise ServiceError("the job was removed", 404, "no_such_job")

    def download(self, job: Job | str, folder: StrPath = "stems") -> list[Path]:
        """Bring the files of a job that is done; each appears when it is whole.

        Raises OutputError, ServiceError.
        """
        found = self.job(_id(job))
        if found["state"] != "done":
            raise ServiceError(f"the job is {found['state']}", 409, "not_done")
        paths = []
        for file in found["files"]:
            path = Path(folder) / safe(file["name"])
            with writable(path), atomic_path(path) as hidden, hidden.open("wb") as target:
                for piece in self._pieces(file["url"].removeprefix(PREFIX)):
                    target.write(piece)
                if target.tell() != file["bytes"]:
                    raise ServiceError(f"{shown(path)}: only a part of it came; try again")
            paths.append(path)
        return paths

    def _pieces(self, path: str) -> Iterator[bytes]:
        with self._asked("GET", path) as answer:
            while piece := answer.read(PIECE):
                yield piece

    def _here(self, id: str, otherwise: int) -> int:
        """How much of an upload the service has."""
        try:
            with self._asked("HEAD", f"/uploads/{id}", None, TUS) as answer:
                return int(answer.headers["Upload-Offset"])
        except ServiceError as error:
            if error.status:
                raise
            return otherwise

    def _json(self, method: str, path: str, document: Any = None) -> Any:
        headers = {} if document is None else {"Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        with self._asked(method, path, body, headers) as answer:
            return json.loads(answer.read())

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        """The answer to a request. Raises ServiceError where it is no, or none comes."""
        connection = self._kind(*self._place, timeout=WAIT_S)
        try:
            everything = {**self._headers, **(headers or {})}
            connection.request(method, f"{PREFIX}{path}", body, everything)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise _refused(answer)
            yield answer
        except (OSError, HTTPException) as error:
            host, port = self._place
            raise ServiceError(
                f"the service at {host}:{port or ''} does not answer ({error}); is it running?"
            ) from error
        finally:
            connection.close()


TUS = {"Tus-Resumable": "1.0.0"}
BYTES = "application/offset+octet-stream"


def _id(job: Job | str) -> str:
    return quote(job if isinstance(job, str) else job["id"], safe="")


def _refused(answer: HTTPResponse) -> ServiceError:
    text = answer.read(1 << 16)
    try:
        error = json.loads(text)["error"]
        return ServiceError(error["message"], answer.status, error["code"])
    except (ValueError, KeyError, TypeError):
        return ServiceError(f"the service answers {answer.status}", answer.status, "refused")


def _events(answer: HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream, until it ends (WHATWG HTML, section 9.2)."""
    name, data = "", ""
    for line in answer:
        text = line.decode().rstrip("\n")
        field, _, value = text.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not text and data:
            yield name, json.loads(data)
            name, data = "", ""
