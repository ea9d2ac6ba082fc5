"""What the headers of a recording say of it, wherever it lies. Nothing is decoded to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unweave.cluster import places
from unweave.cluster.outage import StoreError
from unweave.core.atomic import temporary_folder
from unweave.core.file_names import safe
from unweave.core.files import shown
from unweave.errors import InputError

BLOCK_BYTES = 1 << 16  # of a store, at a time
MOST_BYTES = 100_000_000  # that are fetched to see what headers alone do not say


def facts(address: str) -> dict[str, Any]:
    """The columns of a `manifest.Row` that the recording itself decides.

    `error` is one line where it is no sound, the line of `unweave separate`. Nothing is known where
    the store is away, or where a large object has headers that say nothing: whoever separates it
    finds out.
    """
    try:
        if places.is_local(address):
            return _of_file(places.local(address))
        return _of_headers(address) or _of_copy(address)
    except InputError as error:
        return {"error": str(error)}
    except StoreError:  # the worker that takes the recording waits for it
        return {}


def _of_file(path: Path) -> dict[str, Any]:
    from unweave.audio.reader import probe

    info = probe(path)
    return {
        "container": info.container,
        "codec": info.codec,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "duration_s": info.duration_s,
    }


def _of_headers(address: str) -> dict[str, Any]:
    """By ranged reads of the beginning, and of the end where the format keeps its index there.

    Nothing where that does not suffice: a `Reader` understands more than FFmpeg alone.
    """
    import av

    from unweave.audio.container import demuxer

    with places.told(address, InputError):
        fs, path = places.filesystem(address)
        with fs.open(path, "rb", block_size=BLOCK_BYTES, cache_type="bytes") as file:
            try:
                container = demuxer(file)
            except av.FFmpegError:
                return {}
            with container:
                if not container.streams.audio:
                    return {}
                stream = container.streams.audio[0]
                context = stream.codec_context
                seconds = container.duration / 1e6 if container.duration else None
                return {
                    "container": container.format.name,
                    "codec": context.codec.canonical_name,
                    "sample_rate_hz": context.sample_rate,
                    "channels": context.layout.nb_channels,
                    "duration_s": seconds,
                }


def _of_copy(address: str) -> dict[str, Any]:
    """By all of the object, where it is small. Raises InputError, StoreError."""
    size = places.size(address)
    if size is None or size > MOST_BYTES:
        return {}
    with temporary_folder("unweave-") as folder:
        path = folder / safe(address.rpartition("/")[2] or "recording")
        places.fetch(address, path)
        try:
            return _of_file(path)
        except InputError as error:
            raise InputError(str(error).replace(shown(path), shown(address))) from error
