"""The sound of a recording from its file to the writer, as often as it is needed.

recording -> tools -> (model without reverberation)                      whole
recording -> excerpt around the place -> tools -> change -> + recording  a place
voice, rest -> tools of their own -> changes -> + recording              by stem
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from unweave.apps._shared.material import Material
from unweave.apps.restore import chain, place
from unweave.apps.restore.chain import Chain, Source
from unweave.apps.restore.fill import filled
from unweave.apps.restore.place import Place
from unweave.apps.restore.settings import Settings
from unweave.apps.restore.tools import denoise
from unweave.audio.info import SourceInfo
from unweave.audio.reader import Reader
from unweave.audio.resampler import Resampler
from unweave.core.files import shown
from unweave.core.region import Region
from unweave.engine.measure import SampleSanitizer
from unweave.errors import InputError
from unweave.signal.blocks import in_blocks, in_step
from unweave.types import Wave

OnBlock = Callable[[int], None]
"""Is told how many samples were read; raises Cancelled."""

Dry = Callable[[Source, Settings], Source]
"""Takes reverberation away."""


@dataclass
class Restored:
    """`source` gives the restored sound, as long as `before` gives what it was made of.

    chains: by what they restore. said: what there is to say to the user.
    """

    before: Source
    source: Source
    chains: dict[str, Chain] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def facts(self) -> list[dict[str, object]]:
        """What each tool learned and did, for the report."""
        return [
            {"of": name, **step.facts()}
            for name, each in self.chains.items()
            for step in each.steps
        ]


def recording(
    path: Path, info: SourceInfo, region: Region, said: list[str], on_block: OnBlock
) -> Iterator[Wave]:
    """The blocks of a recording, finite; what is wrong with it is `said`, once."""
    rate_hz = info.sample_rate_hz
    sanitizer = SampleSanitizer(rate_hz, info.bits)
    with Reader(path) as reader:
        for block in region.cut(reader.blocks(rate_hz), rate_hz, shown(path)):
            on_block(block.shape[-1])
            yield sanitizer.clean(block)
        found = [*reader.warnings, *sanitizer.warnings()]
    said += [line for line in found if line not in said]


Given = denoise.Noise | Region | None
"""A noise, or the passage of a sound in which it is alone, or neither."""


def noise_of(path: Path, settings: Settings, info: SourceInfo, first: int) -> Given:
    """The noise that the settings name, in a sound that begins at a recording's sample `first`.

    A passage that is not in that sound, or of which only an excerpt is restored, is measured in the
    recording as it is. Raises InputError.
    """
    if settings.noise_from is not None:
        other = Path(settings.noise_from)
        with Reader(other) as reader:
            return _measured(_resampled(reader, info.sample_rate_hz), other, info)
    if settings.noise is None:
        return None
    rate_hz = info.sample_rate_hz
    if settings.place is None and settings.noise.samples(rate_hz)[0] >= first:
        return _later(settings.noise, first / rate_hz)
    with Reader(path) as reader:
        return _measured(
            settings.noise.cut(reader.blocks(rate_hz), rate_hz, shown(path)), path, info
        )


def _measured(blocks: Iterator[Wave], path: Path, info: SourceInfo) -> denoise.Noise:
    finite = (np.nan_to_num(block, posinf=0.0, neginf=0.0) for block in blocks)
    return chain.measured(finite, info.sample_rate_hz, shown(path))


def _resampled(reader: Reader, rate_hz: int) -> Iterator[Wave]:
    resampler = Resampler(reader.info.sample_rate_hz, rate_hz, reader.info.channels)
    for block in reader.blocks(reader.info.sample_rate_hz):
        yield resampler.push(block)
    yield resampler.flush()


def whole(
    path: Path, before: Source, settings: Settings, rate_hz: int, noise: Given, dry: Dry | None
) -> tuple[Source, Chain]:
    """All of a sound restored. path: of the recording, for errors. Raises InputError."""
    tools = chain.learned(before, settings, rate_hz, noise, shown(path))

    def source() -> Iterator[Wave]:
        return tools.run(before())

    if dry is not None and "dereverb" in settings.tools and settings.strength > 0:
        return dry(source, settings), tools
    return source, tools


def in_place(
    path: Path,
    info: SourceInfo,
    before: Source,
    settings: Settings,
    first: int,
    noise: Given,
    dry: Dry | None,
) -> tuple[Source, Chain]:
    """A marked place restored, or made anew. first: the recording's sample that `before` begins at.

    Raises InputError where the place is not in the recording.
    """
    rate_hz = info.sample_rate_hz
    assert settings.place is not None
    start, end = settings.place.samples(rate_hz)
    assert end is not None
    marked = Place(start - first, end - first, settings.band_hz)
    low, high = marked.excerpt(rate_hz)
    excerpt, length = _excerpt(before(), low, high)
    if marked.start < 0 or marked.end > length:
        raise InputError(
            f"{shown(path)}: the region from {settings.place.start_s:g} to "
            f"{settings.place.end_s:g} s is not within it; it lasts "
            f"{(first + length) / rate_hz:.3f} s"
        )
    tools = Chain(rate_hz)
    if settings.fill:
        restored = filled(excerpt, marked.start - low, marked.end - low, rate_hz)
    else:
        source, tools = whole(path, partial(_cut, excerpt, rate_hz), settings, rate_hz, noise, dry)
        restored = np.concatenate(list(source()), axis=1)
    change = place.limited(restored - excerpt, marked, low, rate_hz)
    return (lambda: place.kept_within(before(), marked, change, low)), tools


def by_stem(
    material: Material,
    voices: Sequence[str],
    settings: tuple[Settings, Settings],
    on_block: OnBlock,
    dry: Dry | None,
) -> Restored:
    """Voice and rest, each with its settings, and what is changed of them added to the recording.

    What the separator leaves of the recording is part of the rest, and so is what it gets wrong.
    """
    places = [1 + material.stems.index(stem) for stem in voices]
    rate_hz = material.info.sample_rate_hz

    def rows() -> Iterator[tuple[Wave, Wave]]:
        for block in material.blocks():
            on_block(block.shape[-1])
            yield block[0], block[places].sum(0)

    def before() -> Iterator[Wave]:
        return (mix for mix, _ in rows())

    def voice() -> Iterator[Wave]:
        return (each for _, each in rows())

    def rest() -> Iterator[Wave]:
        return (mix - each for mix, each in rows())

    sources: dict[str, tuple[Source, Source]] = {}
    chains = {}
    for name, own, how in zip(("voice", "rest"), (voice, rest), settings, strict=True):
        noise = None
        if how.noise is not None:
            noise = _later(how.noise, material.start / rate_hz)
        restored, chains[name] = whole(material.source, own, how, rate_hz, noise, dry)
        sources[name] = own, restored

    def source() -> Iterator[Wave]:
        streams = [before()]
        for own, restored in sources.values():
            streams += [own(), restored()]
        for mix, *pairs in in_step(streams):
            yield mix + (pairs[1] - pairs[0]) + (pairs[3] - pairs[2])

    return Restored(before, source, chains, material.said)


def _later(region: Region, by_s: float) -> Region:
    """A region of a recording in what begins later."""
    end_s = None if region.end_s is None else region.end_s - by_s
    return replace(region, start_s=max(0.0, region.start_s - by_s), end_s=end_s)


def _excerpt(blocks: Iterator[Wave], low: int, high: int) -> tuple[Wave, int]:
    """The samples from `low` to `high`, as far as they are there, and where the last block that was
    read ends."""
    parts, at = [], 0
    for block in blocks:
        parts.append(block[:, max(0, low - at) : max(0, high - at)])
        at += block.shape[1]
        if at >= high:
            break
    return np.concatenate(parts, axis=1), at


def _cut(wave: Wave, size: int) -> Iterator[Wave]:
    return in_blocks(iter([wave]), size)
