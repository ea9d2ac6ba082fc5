"""What is in a recording: container, codec, rate, channels, length, tags, cover, loudness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unweave.types import ShouldStop, StrPath

_BLOCK_S = 1.0


def info(
    path: StrPath, *, loudness: bool = False, should_stop: ShouldStop = lambda: False
) -> dict[str, Any]:
    """The facts of one file as plain data. Raises InputError.

    With `loudness` the whole file is decoded, and the exact length, the peak and the integrated
    loudness (ITU-R BS.1770) are added.
    """
    from unweave.audio.reader import probe

    path = Path(path)
    found = probe(path)
    facts: dict[str, Any] = {
        "path": str(path),
        "bytes": path.stat().st_size,
        "container": found.container,
        "codec": found.codec,
        "lossy": found.lossy,
        "bits": found.bits,
        "float": found.is_float,
        "sample_rate_hz": found.sample_rate_hz,
        "channels": found.channels,
        "layout": found.layout,
        "channel_names": list(found.channel_names),
        "samples": found.frames,
        "duration_s": None if found.duration_s is None else round(found.duration_s, 6),
        "bit_rate": found.bit_rate,
        "audio_streams": found.audio_streams,
        "tags": dict(found.tags),
        "cover": found.cover and {"mime": found.cover.mime, "bytes": len(found.cover.data)},
    }
    return facts | (_measured(path, should_stop) if loudness else {})


def _measured(path: Path, should_stop: ShouldStop) -> dict[str, Any]:
    from unweave.audio.reader import Reader
    from unweave.engine.measure import SampleSanitizer, StemMeter
    from unweave.errors import Cancelled

    with Reader(path) as reader:
        found = reader.info
        rate_hz = found.sample_rate_hz
        sanitizer = SampleSanitizer(rate_hz, found.bits)
        meter = StemMeter(["mix"], [0], rate_hz, found.channels, found.channel_names)
        for block in reader.blocks(max(1, int(_BLOCK_S * rate_hz))):
            if should_stop():
                raise Cancelled(f"{path}: interrupted")
            clean = sanitizer.clean(block)
            meter.push(clean, clean[None])
        warnings = [*reader.warnings, *sanitizer.warnings()]
    loudness_lufs = meter.loudness_lufs(0, 1.0)
    return {
        "samples": sanitizer.samples,
        "duration_s": round(sanitizer.samples / rate_hz, 6),
        "peak_dbfs": round(meter.peak_dbfs(0, 1.0), 2),
        "loudness_lufs": None if loudness_lufs is None else round(loudness_lufs, 2),
        "warnings": warnings,
    }
