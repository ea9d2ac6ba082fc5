"""Samples of a stem, as soon as they are there: from the file that grows, or from the finished one.

`mix` is the recording. What is neither WAV nor FLAC is decoded once, by a helper, into a file that
can be read while it grows.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unweave.core.file_names import safe
from unweave.server import media
from unweave.server.live import live_file
from unweave.server.queue import Row
from unweave.server.refusals import Refused
from unweave.server.service import Service

MIX = "mix"
DECODE_S = 3600.0
SEEKABLE = (".wav", ".flac")
Samples = npt.NDArray[np.float32]  # (time, channel)


@dataclass(frozen=True, slots=True)
class Sound:
    """The samples of one stem. available: how many are there now; whole: no more will come.
    read: start, count -> `(time, channel)`. coarse: the place of a file of its peaks. gain_db: of
    the samples against those of the same stem while it was separated."""

    sample_rate_hz: int
    channels: int
    available: int
    whole: bool
    read: Callable[[int, int], Samples]
    coarse: Path
    gain_db: float = 0.0

    def blocks(self, start: int, count: int, size: int) -> Iterator[Samples]:
        """`count` samples from `start` on, `size` at a time."""
        for at in range(start, start + count, size):
            yield self.read(at, min(size, start + count - at))


def sound(service: Service, job: Row, stem: str) -> Sound:
    """The sound of a stem, of a job that runs or is done. Raises Refused."""
    source = json.loads(job["source"])
    if stem == MIX:
        task = json.loads(job["task"])
        if not task["recording"] or not Path(task["recording"]).is_file():
            raise _none("the job has no recording")
        target = service.settings.sources / task["sha256"] / "mix.f32"
        return _decoded(service, Path(task["recording"]), target, source)
    made = service.settings.job(job["id"]) / "made" / f"{safe(stem, everywhere=True)}.f32"
    if job["state"] in ("queued", "running"):
        return replace(_live(service, job, stem, source), coarse=made.with_suffix(".peaks"))
    file = next((f for f in json.loads(job["files"]) if f["stem"] == stem), None)
    if file is None:
        raise _none(f"the job has no stem {stem!r:.80}")
    path = service.settings.job(job["id"]) / "out" / file["path"]
    gain_db = file.get("gain_db", 0.0)
    if path.suffix in SEEKABLE:
        return replace(_seekable(path), coarse=made.with_suffix(".peaks"), gain_db=gain_db)
    return replace(_decoded(service, path, made, source), gain_db=gain_db)


def _live(service: Service, job: Row, stem: str, source: dict[str, int]) -> Sound:
    if stem not in json.loads(job["stems"]):
        raise _none(f"the job has no stem {stem!r:.80}")
    path = live_file(service.settings.job(job["id"]), stem)
    return _raw(path, source["sample_rate_hz"], source["channels"], job["available"], False)


def _raw(path: Path, rate_hz: int, channels: int, available: int, whole: bool) -> Sound:
    def read(start: int, count: int) -> Samples:
        try:
            flat = np.fromfile(path, "<f4", count * channels, offset=4 * start * channels)
        except FileNotFoundError:
            raise GoneError from None
        return flat.reshape(-1, channels)

    return Sound(rate_hz, channels, available, whole, read, path.with_suffix(".peaks"))


class GoneError(Exception):
    """The live file is gone: the job has ended between two looks."""


def _seekable(path: Path) -> Sound:
    import soundfile

    with soundfile.SoundFile(path) as file:
        rate_hz, channels, frames = file.samplerate, file.channels, file.frames

    def read(start: int, count: int) -> Samples:
        with soundfile.SoundFile(path) as file:
            file.seek(min(start, frames))
            found: Samples = file.read(count, dtype="float32", always_2d=True)
            return found

    return Sound(rate_hz, channels, frames, True, read, path.with_suffix(".peaks"))


def _decoded(service: Service, path: Path, target: Path, source: dict[str, int]) -> Sound:
    """The samples of a file that a helper decodes, as far as it is."""
    whole = Path(f"{target}.whole")
    if not whole.exists():
        with service.lock:
            if str(target) not in service.busy:
                service.busy.add(str(target))
                target.parent.mkdir(parents=True, exist_ok=True)
                threading.Thread(target=_decode, args=(service, path, target), daemon=True).start()
    channels = source["channels"]
    is_whole = whole.exists()  # before the size, which is the last one then
    size = 0
    with suppress(FileNotFoundError):
        size = target.stat().st_size
    return _raw(target, source["sample_rate_hz"], channels, size // (4 * channels), is_whole)


def _decode(service: Service, path: Path, target: Path) -> None:
    try:
        arguments = str(path), str(target), service.settings.most_s
        service.converting.ask(media.decode, *arguments, timeout_s=DECODE_S)
    except Refused:  # of a damaged file, what could be read is what there is
        with suppress(OSError):
            target.touch()
            Path(f"{target}.whole").touch()
    finally:
        service.busy.discard(str(target))


def _none(why: str) -> Refused:
    return Refused(404, "no_such_stem", why)
