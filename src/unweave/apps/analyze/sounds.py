"""The sounds of a song that are analysed: the mix, its stems, and sums of them.

A role is what a finder wants to hear: the voice, the drums, the bass, what has tones. Which sum of
the mix and its stems that is depends on the stems that are there; without any it is the mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unweave.apps._shared import material
from unweave.apps._shared.material import BLOCK, Material
from unweave.audio.reader import Reader, probe
from unweave.core.files import readable, shown
from unweave.core.region import Region
from unweave.core.stem_names import RESIDUAL, VOCALS, canonical
from unweave.engine.measure import SampleSanitizer
from unweave.errors import InputError
from unweave.jobs.inputs import AUDIO_EXTENSIONS
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

MIX = "mix"
VOICE, DRUMS, BASS, TONES = "voice", "drums", "bass", "tones"
NAMES = {
    VOICE: (VOCALS, "lead", "lead_vocals"),
    DRUMS: ("drums", "percussive", "percussion"),
    BASS: ("bass",),
}


@dataclass(frozen=True)
class Role:
    """source: in words. weights: of the mix and of each stem, `(1 + stem,)`, which are summed."""

    source: str
    weights: tuple[float, ...]

    def of(self, tracks: Wave) -> Wave:
        """`(channel, time)` of tracks `(1 + stem, channel, time)`."""
        found: Wave | None = None
        for weight, track in zip(self.weights, tracks, strict=True):
            if weight:
                part = track if weight == 1 else track * np.float32(weight)
                found = part if found is None else found + part
        assert found is not None
        return found


def roles(stems: Sequence[str], silent: Sequence[str] = ()) -> dict[str, Role]:
    """What each role is with these stems. silent: roles that are looked for elsewhere, as if they
    had no stem.

    The tones are the mix without voice and drums; a bass that is no stem is looked for there, drums
    in the mix without the voice.
    """
    places = {canonical(stem): n for n, stem in enumerate(stems, 1)}

    def place(role: str) -> int | None:
        return next((places[name] for name in NAMES[role] if name in places), None)

    def without(*parts: str) -> Role:
        left_out = [at for part in parts if (at := place(part)) is not None]
        weights = [1.0, *(-1.0 if n in left_out else 0.0 for n in range(1, len(stems) + 1))]
        names = [stems[at - 1] for at in left_out]
        source = f"{MIX} without {' and '.join(names)}" if names else MIX
        return Role(source, tuple(weights))

    def only(part: str, otherwise: Role) -> Role:
        at = place(part)
        if at is None or part in silent:
            return otherwise
        weights = tuple(float(n == at) for n in range(len(stems) + 1))
        return Role(stems[at - 1], weights)

    tones = without(VOICE, DRUMS)
    return {
        MIX: without(),
        VOICE: only(VOICE, without()),
        DRUMS: only(DRUMS, without(VOICE)),
        BASS: only(BASS, tones),
        TONES: tones,
    }


def blocks_of(sound: Material, role: Role, check: Callable[[int], None]) -> Iterator[Wave]:
    """The blocks `(channel, time)` of a role. check: told of each block's samples, may raise."""
    for tracks in sound.blocks():
        yield role.of(tracks)
        check(tracks.shape[-1])


def of_mix(source: Path, region: Region) -> Material:
    """A recording without stems, or a part of it. Raises InputError."""
    info = probe(source)
    said: list[str] = []

    def blocks() -> Iterator[Wave]:
        sanitizer = SampleSanitizer(info.sample_rate_hz, info.bits)
        with Reader(source) as reader:
            cut = region.cut(reader.blocks(BLOCK), info.sample_rate_hz, shown(source))
            for block in in_blocks(map(sanitizer.clean, cut), BLOCK):
                yield block[None]
            more = [*reader.warnings, *sanitizer.warnings()]
        said.extend(line for line in more if line not in said)

    return Material(
        kind="recording",
        source=source,
        info=info,
        stems=(),
        start=region.samples(info.sample_rate_hz)[0],
        blocks=blocks,
        said=said,
    )


def stem_files(folder: Path, title: str) -> dict[str, Path]:
    """The sound files of a folder, or of the folder `title` in it, by the stems that they are
    named for: `vocals.wav` or `02-vocals.flac`. Raises InputError."""
    where = folder / title if (folder / title).is_dir() else folder
    with readable(where):
        files = sorted(path for path in where.iterdir() if not path.name.startswith("."))
    found: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() not in AUDIO_EXTENSIONS:
            continue
        stem = path.stem.lstrip("0123456789").lstrip("-_ .") or path.stem
        if canonical(stem) in map(canonical, found):
            raise InputError(f"{shown(path)}: is a second {shown(stem)}; leave one of the two")
        found[stem] = path
    found.pop(RESIDUAL, None)
    found.pop(MIX, None)
    if not found:
        raise InputError(
            f"{shown(where)}: holds no sound files; name a folder with files as vocals.wav"
        )
    return found


def of_stems(source: Path, folder: Path, title: str) -> Material:
    """A recording and the stems that lie in a folder, as long as it is. Raises InputError."""
    files = stem_files(folder, title)
    first = next(iter(files.values()))
    samples = probe(first).frames
    if samples is None:
        raise InputError(f"{shown(first)}: does not say how long it is; write it as WAV or FLAC")
    found = material.of_files(source, files, 0, samples)
    return replace(found, kind="recording with stems")
