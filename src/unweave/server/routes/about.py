"""What the service is and how it is: health, metrics, models."""

from __future__ import annotations

import shutil
import time
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import PlainTextResponse

from unweave.server import facts
from unweave.server.kinds import KINDS, MOST_NAME
from unweave.server.routes import Client, TheService, may_fail
from unweave.server.schemas import Health, Model, ModelWithOptions

router = APIRouter(tags=["about"])


@router.get("/health", response_model=Health)
def health() -> Any:
    """Whether the service answers. Takes no token."""
    from unweave import __version__

    return {"status": "ok", "version": __version__}


@router.get("/about", responses=may_fail())
def about(service: TheService, client: Client) -> dict[str, Any]:
    """What the service does and allows, and how its machine is."""
    from unweave import __version__
    from unweave.audio.formats import FORMATS
    from unweave.engine.limits import available_mb, cores
    from unweave.models.store import cache_folder

    settings = service.settings
    free = shutil.disk_usage(settings.data).free
    offered = {name: kind.title for name, kind in KINDS.items() if offers(service, name)}
    return {
        "version": __version__,
        "kinds": [{"name": name, "title": title} for name, title in offered.items()],
        "formats": list(FORMATS),
        "limits": {
            "bytes": settings.most_bytes,
            "seconds": settings.most_s,
            "channels": settings.most_channels,
            "waiting_jobs": settings.most_waiting,
        },
        "paths": bool(settings.allow_paths),
        "urls": settings.allow_urls,
        "diagnosis": {
            "cores": cores(),
            "memory_mb": available_mb(),
            "disk_free_bytes": free,
            "cache_bytes": facts.size_of(cache_folder()),
            "worker": service.worker_is_alive(),
            "jobs_at_a_time": settings.jobs,
            "keep_days": settings.keep_days,
            "keep_bytes": settings.keep_bytes,
            "up_s": round(time.time() - service.started_at, 1),
        },
    }


def offers(service: TheService, kind: str) -> bool:
    """Whether the operator offers a kind of job."""
    allowed = service.settings.kinds
    return kind in KINDS and (not allowed or kind in allowed)


@router.get("/models", response_model=list[Model], responses=may_fail())
def models(service: TheService, client: Client) -> Any:
    """Every separator: classical techniques, trained models, presets."""
    return service.list_of_models()


@router.get("/models/{name}", response_model=ModelWithOptions, responses=may_fail(400, 404))
def model(
    service: TheService, client: Client, name: Annotated[str, Path(max_length=MOST_NAME)]
) -> Any:
    """One of them, or one whose name is made of theirs (`a+b`), with its options."""
    return service.asking.ask(facts.model, name)


@router.get("/metrics", response_class=PlainTextResponse, responses=may_fail())
def metrics(service: TheService, client: Client) -> PlainTextResponse:
    """Figures of the service as a whole, as Prometheus reads them."""
    rows = service.database.read("SELECT state, kind, count(*) AS n FROM jobs GROUP BY state, kind")
    lines = ["# HELP unweave_jobs Jobs that are kept, by state.", "# TYPE unweave_jobs gauge"]
    lines += [
        f'unweave_jobs{{kind="{row["kind"]}",state="{row["state"]}"}} {row["n"]}' for row in rows
    ]
    for name, kind, help, value in (
        ("worker_up", "gauge", "Whether the worker lives.", int(service.worker_is_alive())),
        ("worker_deaths_total", "counter", "Times that the worker died.", service.counts["deaths"]),
        ("upload_bytes_total", "counter", "Bytes that came.", service.counts["upload_bytes"]),
        ("requests_total", "counter", "Requests that were let in.", service.counts["requests"]),
        ("up_seconds", "gauge", "Since the start.", round(time.time() - service.started_at, 1)),
        (
            "disk_free_bytes",
            "gauge",
            "Free bytes of the disk of the data folder.",
            shutil.disk_usage(service.settings.data).free,
        ),
    ):
        lines += [
            f"# HELP unweave_{name} {help}",
            f"# TYPE unweave_{name} {kind}",
            f"unweave_{name} {value}",
        ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
