"""From a recording and its voices to the backing track, block by block.

    recording - voices        -> intro cut -> key, tempo            -> + -> measured -> scratch file
    lead voice at its level   -> intro cut -> key, tempo, formants  -^
    count-in, scratch file times one gain, limited where it has to be -> the files

All that is known of the level comes at the end of the first pass, so the track waits in a scratch
file of floats; memory holds a few blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from unweave.apps._shared.levels import CEILING, Levels, Meter
from unweave.apps.karaoke.clicks import count_in
from unweave.apps.karaoke.intro import Presence, fade, fade_length
from unweave.apps.karaoke.settings import Settings
from unweave.apps.karaoke.timing import Timing
from unweave.apps.karaoke.voices import Voices
from unweave.audio.info import SourceInfo
from unweave.audio.reader import Reader
from unweave.audio.writer import Writer, encoding
from unweave.core.files import shown
from unweave.engine.measure import SampleSanitizer
from unweave.errors import InputError
from unweave.signal.blocks import in_step
from unweave.signal.limiter import Limiter
from unweave.types import Wave

BLOCK_S = 1.0

OnBlock = Callable[[float], None]
"""Is told how many seconds of sound were worked on; raises Cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A recording and the files of its voices, which hold the samples `start` to `start + length`.

    said: what is wrong with the recording, after it was read.
    """

    source: Path
    info: SourceInfo
    voices: Voices
    files: Mapping[str, Path]
    start: int
    length: int
    said: list[str]


def listened(material: Material, on_block: OnBlock) -> Presence:
    """The presence of the voice in a recording. Raises as reading does."""
    presence = Presence(material.info.sample_rate_hz)
    for mix, voice, _ in _read(material, on_block):
        presence.push(mix, voice)
    return presence


def made(
    material: Material, settings: Settings, timing: Timing, scratch: Path, on_block: OnBlock
) -> tuple[Levels, Presence]:
    """Write the backing track without its count-in to `scratch`, a float WAV, and measure it."""
    info, rate_hz = material.info, material.info.sample_rate_hz
    presence = Presence(rate_hz)
    meter = Meter(rate_hz, info.channels, info.channel_names)
    plain = encoding("wav", 32, rate_hz, info.channels)
    pieces = _pieces(material, settings, timing, presence, on_block)
    with Writer(scratch, plain, rate_hz, info.channels, layout=info.layout) as writer:
        for block in _changed(pieces, settings, rate_hz, info.channels):
            meter.push(block)
            writer.write(block)
    return meter.levels(), presence


def finished(
    scratch: Path,
    writers: Sequence[Writer],
    info: SourceInfo,
    gain: float,
    limited: bool,
    clicks: tuple[int, float, float] | None,
    on_block: OnBlock,
) -> tuple[Levels, float]:
    """Write the count-in, and the track times `gain`, to all writers.

    limited: whether peaks are limited to CEILING. clicks: how many, beats a minute, and their peak.
    The levels of what the writers got, and the most that peaks were limited, in dB.
    """
    rate_hz, channels = info.sample_rate_hz, info.channels
    limiter = Limiter(rate_hz, CEILING)
    meter = Meter(rate_hz, channels, info.channel_names)

    def give(block: Wave) -> None:
        meter.push(block)
        for writer in writers:
            writer.write(block)

    if clicks is not None:
        count, bpm, peak = clicks
        give(count_in(count, bpm, rate_hz, channels, peak))
    with Reader(scratch) as reader:
        blocks = reader.blocks(_block(rate_hz))
        tracks = (
            block[None] if gain == 1.0 else block[None] * np.float32(gain) for block in blocks
        )
        for track in limiter.limited(tracks) if limited else tracks:
            give(track[0])
            on_block(track.shape[-1] / rate_hz)
    return meter.levels(), limiter.reduction_db


def _block(rate_hz: int) -> int:
    return max(1, round(BLOCK_S * rate_hz))


def _read(material: Material, on_block: OnBlock) -> Iterator[tuple[Wave, Wave, Wave]]:
    """The recording, the voices to take out and the guide, `(channel, time)` each."""
    info, rate_hz = material.info, material.info.sample_rate_hz
    sanitizer = SampleSanitizer(rate_hz, info.bits)
    voices = material.voices
    with ExitStack() as stack:
        mix = stack.enter_context(Reader(material.source))
        stems = [stack.enter_context(Reader(material.files[stem])) for stem in voices.stems]
        cut = _part(mix.blocks(_block(rate_hz)), material.start, material.length)
        streams = [map(sanitizer.clean, cut), *(stem.blocks(_block(rate_hz)) for stem in stems)]
        try:
            for whole, *waves in in_step(streams):
                found = dict(zip(voices.stems, waves, strict=True))
                yield whole, _sum(found, voices.removed), _sum(found, voices.guide)
                on_block(whole.shape[1] / rate_hz)
        except ValueError as error:
            raise InputError(
                f"{shown(material.source)}: its voice is not as long as it is; separate it again"
            ) from error
        material.said[:] = dict.fromkeys([*mix.warnings, *sanitizer.warnings()])


def _part(blocks: Iterator[Wave], start: int, length: int) -> Iterator[Wave]:
    """The samples `start` to `start + length` of a stream."""
    at, end = 0, start + length
    for block in blocks:
        first, at = at, at + block.shape[1]
        inside = block[:, max(0, start - first) : max(0, end - first)]
        if inside.shape[1]:
            yield inside
        if at >= end:
            return


def _sum(found: Mapping[str, Wave], stems: Sequence[str]) -> Wave:
    return reduce(np.add, [found[stem] for stem in stems])


def _pieces(
    material: Material, settings: Settings, timing: Timing, presence: Presence, on_block: OnBlock
) -> Iterator[tuple[Wave, Wave | None]]:
    """What is left without the voices, and the guide at its level, from where the track begins."""
    cut = timing.start - material.start
    faded = 0
    if cut and settings.trim_intro_s is not None:
        faded = fade_length(settings.trim_intro_s, timing.rate_hz)
    gain = None if settings.guide_db is None else np.float32(10 ** (settings.guide_db / 20))
    at = 0
    for mix, voice, guide in _read(material, on_block):
        presence.push(mix, voice)
        first, at = at - cut, at + mix.shape[1]
        skipped = min(max(0, -first), mix.shape[1])
        rest, lead = (mix - voice)[:, skipped:], None if gain is None else gain * guide[:, skipped:]
        if not rest.shape[1]:
            continue
        place = first + skipped
        if place < faded:
            gains = fade(place, faded, rest.shape[1])
            rest, lead = rest * gains, None if lead is None else lead * gains
        yield rest, lead


def _changed(
    pieces: Iterator[tuple[Wave, Wave | None]], settings: Settings, rate_hz: int, channels: int
) -> Iterator[Wave]:
    """The sum of both in the key and at the tempo that are asked for.

    A guide is moved to another key by itself, and keeps its formants: the same singer, higher.
    """
    if not settings.changes_sound:
        yield from (_together(*piece) for piece in pieces)
        return
    from unweave.apps.karaoke.stretch import Stretch

    def stretch(formants: bool) -> Stretch:
        return Stretch(rate_hz, channels, settings.key, settings.tempo, formants)

    apart = settings.guide_db is not None and settings.key != 0
    tracks = [stretch(False), *([stretch(True)] if apart else [])]
    ready = [np.zeros((channels, 0), np.float32) for _ in tracks]  # one may be ahead of the other

    def add(more: Iterable[Wave]) -> Wave:
        nonlocal ready
        ready = [np.concatenate(pair, axis=1) for pair in zip(ready, more, strict=True)]
        size = min(wave.shape[1] for wave in ready)
        block = reduce(np.add, [wave[:, :size] for wave in ready])
        ready = [wave[:, size:] for wave in ready]
        return block

    for rest, guide in pieces:
        waves = (rest, guide) if apart and guide is not None else (_together(rest, guide),)
        block = add(track.push(wave) for track, wave in zip(tracks, waves, strict=True))
        if block.shape[1]:
            yield block
    yield add(track.flush() for track in tracks)


def _together(rest: Wave, guide: Wave | None) -> Wave:
    return rest if guide is None else rest + guide
