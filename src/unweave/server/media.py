"""What helper processes do with files that strangers sent: look at them, decode, convert."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

BLOCK_S = 1.0


def look(path: str, most_s: float, most_channels: int) -> dict[str, Any]:
    """What is said of a recording, with its SHA-256. Raises InputError, Refused."""
    from unweave.audio.reader import probe
    from unweave.core.files import hashed
    from unweave.server.refusals import Refused

    info = probe(Path(path))
    if info.channels > most_channels:
        raise Refused(
            413, "too_many_channels", f"it has {info.channels} channels; {most_channels} may be"
        )
    if info.duration_s is not None and info.duration_s > most_s:
        raise Refused(413, "too_long", f"it takes {info.duration_s:.0f} s; {most_s:.0f} s may be")
    return {
        "bytes": os.path.getsize(path),
        "sha256": hashed(Path(path)),
        "duration_s": info.duration_s,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "samples": info.frames,
    }


def decode(path: str, target: str, most_s: float) -> dict[str, int]:
    """All samples, float32 interleaved, into a file that grows and has its name from the start.

    A file beside it, `.whole`, says when it is complete.
    """
    import numpy as np

    from unweave.audio.reader import Reader

    samples = 0
    with Reader(Path(path)) as reader, open(target, "wb", buffering=0) as out:
        rate_hz = reader.info.sample_rate_hz
        for block in reader.blocks(round(BLOCK_S * rate_hz)):
            out.write(np.ascontiguousarray(block.T, dtype="<f4").tobytes())
            samples += block.shape[1]
            if samples > most_s * rate_hz:
                break
    Path(f"{target}.whole").touch()
    return {"samples": samples}


def convert(path: str, target: str, format: str) -> None:
    """The same sound in another format; the file appears when it is whole."""
    from unweave.audio.reader import Reader
    from unweave.audio.writer import Writer, encoding

    with Reader(Path(path)) as reader:
        info = reader.info
        how = encoding(format, None, info.sample_rate_hz, info.channels)
        with Writer.made_of(info, Path(target), how, info.tags) as writer:
            for block in reader.blocks(round(BLOCK_S * info.sample_rate_hz)):
                writer.write(block)


def stem_file(paths: Mapping[str, str], target: str) -> None:
    """A stem file (`.stem.mp4`) of the files of stems; its mixture is their sum.

    Its four stems are those that `unweave remix` would write. Raises UsageError for sound that is
    neither mono nor stereo.
    """
    import numpy as np

    from unweave.apps.remix import projects
    from unweave.audio.reader import Reader
    from unweave.audio.stem_file.slots import summed
    from unweave.audio.stem_file.writer import rows

    with ExitStack() as stack:
        readers = {stem: stack.enter_context(Reader(Path(path))) for stem, path in paths.items()}
        info = next(iter(readers.values())).info
        four, rate_hz = projects.slots(list(paths)), info.sample_rate_hz
        writer = stack.enter_context(
            projects.stem_file(Path(target), "stem.mp4", four, rate_hz, None, info.tags, None)
        )
        blocks = [reader.blocks(round(BLOCK_S * rate_hz)) for reader in readers.values()]
        for waves in zip(*blocks, strict=True):
            stereo = [np.repeat(wave, 2, axis=0) if len(wave) == 1 else wave for wave in waves]
            mixture = np.sum(stereo, axis=0)
            writer.write(rows(mixture, summed(four, dict(zip(paths, stereo, strict=True)))))
