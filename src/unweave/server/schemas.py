"""The documents of the interface, for its description (OpenAPI) and for checking what comes in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "running", "done", "failed", "cancelled"]
EXAMPLE_ID = "0f6d2c1b8a9e4d5f7c3b2a10"
EXAMPLE_JOB: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "kind": "separate",
    "state": "running",
    "source": {
        "name": "song.mp3",
        "bytes": 266_000,
        "duration_s": 11.0,
        "sample_rate_hz": 44100,
        "channels": 2,
        "samples": 485_100,
    },
    "options": {"model": "hpss"},
    "model": "hpss",
    "priority": 0,
    "queue_place": None,
    "waits_for": None,
    "progress": {"done_s": 4.0, "total_s": 11.0, "fraction": 0.36, "left_s": 1.2},
    "stems": ["harmonic", "percussive"],
    "available_samples": 176_400,
    "files": [],
    "error": None,
    "warnings": [],
    "created_at": "2026-01-01T12:00:00.000+00:00",
    "started_at": "2026-01-01T12:00:00.050+00:00",
    "finished_at": None,
    "revision": 7,
}


class Source(BaseModel):
    """Exactly one of these. upload: the id of one that is complete. path: on the server, below a
    folder that its operator allows. url: of a sound file. job: its stems, or its recording."""

    upload: Annotated[str | None, Field(max_length=64)] = None
    path: Annotated[str | None, Field(max_length=4096)] = None
    url: Annotated[str | None, Field(max_length=4096)] = None
    job: Annotated[str | None, Field(max_length=64)] = None


class NewJob(BaseModel):
    """What is asked for. An option that is a file is given as `{"upload": ID}`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "separate",
                    "source": {"upload": "5f0c7a3e9b1d4c2a8e6f0b7d3a1c9e52"},
                    "options": {"model": "hpss", "format": "wav"},
                }
            ]
        },
    )
    kind: Annotated[str, Field(max_length=32)]
    source: Source | None = None
    options: Annotated[dict[str, Any], Field(max_length=100)] = {}
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


class SourceFacts(BaseModel):
    name: str | None
    bytes: int | None
    duration_s: float | None
    sample_rate_hz: int | None
    channels: int | None
    samples: int | None


class Progress(BaseModel):
    done_s: float
    total_s: float | None
    fraction: float
    left_s: float | None


class File(BaseModel):
    """gain_db: of its samples against those that could be heard while it was made; below 0 where
    integers could not hold these."""

    name: str
    stem: str | None
    bytes: int
    sha256: str
    gain_db: float
    media_type: str
    url: str


class Problem(BaseModel):
    code: str
    message: str
    field: str | None = None


class Failure(BaseModel):
    error: Problem


class Job(BaseModel):
    """A job as it is now. `revision` goes up with every change: keep the highest.

    waits_for: what it lacks besides its turn; "disk" is room on the disk of the service."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_JOB]})
    id: str
    kind: str
    state: State
    source: SourceFacts
    options: dict[str, Any]
    model: str | None
    priority: int
    queue_place: int | None
    waits_for: Literal["disk"] | None
    progress: Progress
    stems: list[str]
    available_samples: int
    files: list[File]
    error: Problem | None
    warnings: list[str]
    created_at: str
    started_at: str | None
    finished_at: str | None
    revision: int


class Jobs(BaseModel):
    jobs: list[Job]
    next: str | None


class Option(BaseModel):
    name: str
    type: str
    default: Any
    unit: str
    choices: list[str | int]
    low: float | None
    high: float | None
    help: str


class Model(BaseModel):
    """real_time_factor: seconds of work for a second of sound, here or by its card. quality: mean
    score in dB on songs of a test that it has not seen."""

    name: str
    title: str
    stems: list[str]
    kind: str
    licence: str
    bytes: int | None
    installed: bool
    real_time_factor: float | None
    quality: float | None
    default: bool


class ModelWithOptions(Model):
    options: list[Option]


class Health(BaseModel):
    status: str
    version: str
