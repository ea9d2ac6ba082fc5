"""What the headers of a recording say of it, wherever it lies. Nothing is decoded."""

from __future__ import annotations

from typing import Any

from unweave.cluster import places
from unweave.cluster.outage import StoreError
from unweave.core.files import shown
from unweave.errors import InputError

BLOCK_BYTES = 1 << 16  # of a store, at a time


def facts(address: str) -> dict[str, Any]:
    """The columns of a `manifest.Row` that the recording itself decides.

    `error` is one line where it is no sound. Nothing is known where the store is away.
    """
    try:
        if places.is_local(address):
            return _of_file(address)
        return _of_object(address)
    except InputError as error:
        return {"error": str(error)}
    except StoreError:  # the worker that takes the recording waits for it
        return {}


def _of_file(address: str) -> dict[str, Any]:
    from unweave.audio.reader import probe

    info = probe(places.local(address))
    return {
        "container": info.container,
        "codec": info.codec,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "duration_s": info.duration_s,
    }


def _of_object(address: str) -> dict[str, Any]:
    """By ranged reads of the beginning, and of the end where the format keeps its index there."""
    import av

    from unweave.audio.container import demuxer

    with places.told(address, InputError):
        fs, path = places.filesystem(address)
        with fs.open(path, "rb", block_size=BLOCK_BYTES, cache_type="bytes") as file:
            try:
                container = demuxer(file)
            except av.FFmpegError as error:
                raise InputError(f"{shown(address)}: cannot be read as sound") from error
            with container:
                if not container.streams.audio:
                    raise InputError(f"{shown(address)}: holds no sound")
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
