"""Sound for a page that plays and draws it: samples, peaks, tiles of a spectrogram."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from unweave.server import peaks as waveforms
from unweave.server import pictures, queue, samples
from unweave.server.queue import Row
from unweave.server.refusals import Refused
from unweave.server.routes import Client, TheService, may_fail, slowly
from unweave.server.samples import GoneError, Sound
from unweave.server.service import Service

router = APIRouter(tags=["sound"])
MOST_SAMPLES = 1 << 20  # of each channel, in one answer
MOST_BINS = 1 << 16
MOST = 1 << 40
SOUND: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"content": {"application/octet-stream": {}}},
        202: {"description": "Nothing of it is there yet; ask again after Retry-After."},
        **may_fail(404, 409),
    },
}
PICTURE = {**SOUND, "responses": {**SOUND["responses"], 200: {"content": {"image/png": {}}}}}
Start = Annotated[int, Query(ge=0, le=MOST)]


@router.get("/jobs/{id}/stems/{stem}/pcm", **SOUND)
def pcm(
    service: TheService,
    client: Client,
    id: str,
    stem: str,
    start: Start = 0,
    count: Annotated[int, Query(ge=1, le=MOST_SAMPLES)] = MOST_SAMPLES,
) -> Response:
    """Samples as float32, little-endian, interleaved, as soon as they are separated.

    The stem `mix` is the recording. Headers tell what came: `X-Sample-Rate`, `X-Channels`,
    `X-Start`, `X-Count`; fewer samples than asked for where only these are there. `X-Gain-Db` is
    0 while the job runs, then the gain that the files share.
    """
    job, sound = _sound(service, client, id, stem)
    if start >= sound.available and not sound.whole:
        return _later()
    count = max(0, min(count, sound.available - start))
    try:
        wave = sound.read(start, count) if count else None
    except GoneError:
        return pcm(service, client, id, stem, start, count)
    body = b"" if wave is None else wave.astype("<f4", copy=False).tobytes()
    came = 0 if wave is None else len(wave)
    return Response(
        body,
        media_type="application/octet-stream",
        headers=_headers(job, sound, start, came),
    )


@router.get("/jobs/{id}/stems/{stem}/peaks", **SOUND)
async def peaks(
    request: Request,
    id: str,
    stem: str,
    start: Start = 0,
    count: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    bins: Annotated[int, Query(ge=1, le=MOST_BINS)] = 1000,
) -> Response:
    """The lowest and the highest sample of `bins` equal parts, int16 little-endian pairs.

    `count`: samples from `start` on, all by default. `X-Count` says how many of them were there;
    the bins of those that were not are 0.
    """
    return await slowly(request, _peaks, id, stem, start, count, bins)


def _peaks(
    service: Service, client: str, id: str, stem: str, start: int, count: int | None, bins: int
) -> Response:
    job, sound = _sound(service, client, id, stem)
    if start >= sound.available and not sound.whole:
        return _later()
    if count is None:
        count = max(1, sound.available - start)
    there = max(0, min(count, sound.available - start))
    try:
        found = waveforms.peaks(sound, start, there, count, bins)
    except GoneError:
        return _peaks(service, client, id, stem, start, count, bins)
    headers = _headers(job, sound, start, there)
    return Response(found.tobytes(), media_type="application/octet-stream", headers=headers)


@router.get("/jobs/{id}/stems/{stem}/spectrogram/{zoom}/{tile}.png", **PICTURE)
async def tile(
    request: Request,
    id: str,
    stem: str,
    zoom: Annotated[int, Path(ge=0, le=pictures.MOST_ZOOM)],
    tile: Annotated[int, Path(ge=0, le=MOST)],
) -> Response:
    """A tile of 512 x 256 grey pixels: log frequency from 40 Hz up, -96 dB black, 0 dB white.

    At zoom 0 a column has 1024 samples, each further zoom halves that.
    """
    return await slowly(request, _tile, id, stem, zoom, tile)


def _tile(service: Service, client: str, id: str, stem: str, zoom: int, tile: int) -> Response:
    _, sound = _sound(service, client, id, stem)
    columns = pictures.WIDTH * (pictures.FIRST_HOP >> zoom)
    end = (tile + 1) * columns + pictures.WINDOW
    if not sound.whole and sound.available < end:
        return _later()
    if tile * columns >= sound.available:
        raise Refused(404, "no_such_tile", "the sound ends before it")
    try:
        body = pictures.tile(sound, zoom, tile)
    except GoneError:
        return _later()
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(body, media_type="image/png", headers=headers)


def _sound(service: Service, client: str, id: str, stem: str) -> tuple[Row, Sound]:
    job = queue.find(service.database, client, id)
    if job["state"] in ("failed", "cancelled") and stem != samples.MIX:
        raise Refused(409, "not_done", f"the job is {job['state']}; it has no sound")
    return job, samples.sound(service, job, stem)


def _headers(job: Row, sound: Sound, start: int, count: int) -> dict[str, str]:
    ended = sound.whole and json.loads(job["source"])["samples"] is not None
    return {
        "X-Sample-Rate": str(sound.sample_rate_hz),
        "X-Channels": str(sound.channels),
        "X-Start": str(start),
        "X-Count": str(count),
        "X-Gain-Db": str(sound.gain_db),
        "Cache-Control": "private, max-age=3600" if ended and count else "no-store",
    }


def _later() -> Response:
    return Response(status_code=202, headers={"Retry-After": "1", "Cache-Control": "no-store"})
