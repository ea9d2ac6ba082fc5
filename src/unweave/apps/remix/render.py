"""Passes over a recording and its stems: measure for a match, mix, measure, write.

The sound is mixed once where nothing has to be known before it is written. It is mixed again, with
one gain for all files, where a loudness is asked for or a file of integers would clip. Where the
remix has to be limited for its loudness, all files get what the limiter does to it: so the stems
sum to the remix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unweave.apps._shared import levels
from unweave.apps._shared.levels import Levels
from unweave.apps._shared.material import Material
from unweave.apps.remix import spectrum
from unweave.apps.remix.desk import Desk, mixed
from unweave.apps.remix.filters import Array, Gain, taps, tilted
from unweave.apps.remix.mix import Mix, Strip
from unweave.apps.remix.spectrum import Correction, Spectrum
from unweave.audio.info import SourceInfo
from unweave.audio.writer import Writer
from unweave.engine.measure import FULL_SCALE, decibels
from unweave.signal.blocks import windows
from unweave.signal.limiter import Limiter
from unweave.signal.loudness import Loudness
from unweave.signal.true_peak import TruePeak
from unweave.types import Wave

NULL_DB = -60.0  # below lies what 16 bits round away

OnBlock = Callable[[int], None]
"""Is told how many samples were worked on; raises Cancelled."""


@dataclass(frozen=True)
class Target:
    """One output file. rows: what of the remix `(channel, time)` and the changed stems `(stem,
    channel, time)` is written. open: a new writer for it. integer: whether it can clip."""

    open: Callable[[], Writer]
    rows: Callable[[Wave, Wave], Wave]
    integer: bool


@dataclass(frozen=True)
class Level:
    """Sample peak and integrated loudness; None: nothing rose above the gate."""

    peak_dbfs: float
    loudness_lufs: float | None


@dataclass(frozen=True)
class Rendered:
    """What the passes found. before: the mix, the stems and the residual, as they came; after: the
    remix and the same changed, as written. limited_db: the most that peaks were limited."""

    before: Sequence[Level]
    after: Sequence[Level]
    gain: float
    limited_db: float
    passes: int
    samples: int
    notes: Sequence[str]


def leaves_residual(material: Material, on_block: OnBlock) -> bool:
    """Whether the stems leave more than NULL_DB of the energy of the mix."""
    mix, residual = 0.0, 0.0
    for block in material.blocks():
        left = block[0] - block[1:].sum(0)
        mix += float(np.sum(block[0] ** 2, dtype=np.float64))
        residual += float(np.sum(left**2, dtype=np.float64))
        on_block(block.shape[-1])
    return residual > mix * 10 ** (NULL_DB / 10)


def corrections(
    material: Material,
    references: Mapping[str, Path],
    on_block: OnBlock,
) -> tuple[dict[str, Correction], list[str]]:
    """What brings stems near the references, and what there is to say. Raises InputError."""
    if not references:
        return {}, []
    wanted = {stem: spectrum.of_file(path) for stem, path in references.items()}
    info = material.info
    meters = {
        stem: spectrum.Meter(info.sample_rate_hz, info.channels, info.channel_names)
        for stem in references
    }
    places = {stem: 1 + n for n, stem in enumerate(material.stems)}
    for block in material.blocks():
        for stem, meter in meters.items():
            wave = block[places[stem]] if stem in places else block[0] - block[1:].sum(0)
            meter.push(wave)
        on_block(block.shape[-1])
    found, notes = {}, []
    for stem, meter in meters.items():
        own: Spectrum | None = meter.spectrum()
        if own is None:
            notes.append(f"{stem} is silent or too short, so it was not matched")
            continue
        found[stem] = spectrum.correction(own, wanted[stem])
        if found[stem].limited:
            notes.append(
                f"{stem} differs from its reference by more than {spectrum.MOST_DB:g} dB: "
                "it was brought nearer by so much"
            )
    return found, notes


def desk(
    strips: Mapping[str, Strip], mix: Mix, matches: Mapping[str, Correction], info: SourceInfo
) -> Desk:
    """A mix ready for one recording."""
    rate_hz = info.sample_rate_hz
    filters: dict[str, Array] = {}
    for stem, strip in strips.items():
        gains: list[Gain] = [matches[stem].gain()] if stem in matches else []
        gains += [tilted(strip.tilt)] if strip.tilt else []
        if gains and not strip.mute:
            filters[stem] = taps(_sum(gains), rate_hz)
    return Desk(strips, filters, mix.sensitivity, rate_hz)


def _sum(gains: Sequence[Gain]) -> Gain:
    def total(hz: Array) -> Array:
        return np.sum([gain(hz) for gain in gains], axis=0)

    return total


@contextmanager
def rendered(
    material: Material,
    board: Desk,
    targets: Sequence[Target],
    loudness_lufs: float | None,
    on_block: OnBlock,
) -> Iterator[tuple[Rendered, list[Writer]]]:
    """Mix, and write all targets; their writers are closed inside, and discarded where it fails."""
    integer = any(target.integer for target in targets)
    writers: list[Writer] = []
    passes = 0
    found = _Pass()
    with ExitStack() as undo:

        def run(
            before: float = 1.0, limited: bool = False, after: float = 1.0, write: bool = True
        ) -> None:
            nonlocal found, passes
            passes += 1
            for writer in writers:
                writer.discard()
            writers[:] = [target.open() for target in targets] if write else []
            for writer in writers:
                undo.callback(writer.discard)
            how = _How(before, limited, after, loudness_lufs is not None and passes == 1)
            found = _pass(material, board, targets, writers, how, on_block)

        def limited_lufs(gain: float) -> float:
            run(gain, limited=True)
            return found.after[0].integrated_lufs()

        run(write=loudness_lufs is None)
        remix = found.levels()
        setting = levels.setting(remix, loudness_lufs, "the remix", limited_lufs)
        notes = list(setting.notes)
        before, after = (setting.gain, 1.0) if setting.limited else (1.0, setting.gain)
        if integer:
            after, more = levels.unclipped(found.peak, after, "all files are")
            notes += [f"a file {line}" for line in more]
        if after != 1.0 or not writers:
            run(before, setting.limited, after)
        for writer in writers:
            writer.close()
        result = Rendered(
            [_level(meter, 1.0) for meter in found.before],
            [_level(meter, after) for meter in found.after],
            before * after,
            found.limited_db,
            passes,
            found.samples,
            notes,
        )
        yield result, writers


@dataclass(frozen=True)
class _How:
    """A gain before the limiter, whether there is one, and a gain behind it. true_peak: whether
    that of the remix is measured."""

    before: float
    limited: bool
    after: float
    true_peak: bool


@dataclass
class _Pass:
    """What one pass found: of the tracks as they came, and of what is written but for the gain
    behind the limiter. peak: of the samples of files of integers."""

    before: list[Loudness] = field(default_factory=list)
    after: list[Loudness] = field(default_factory=list)
    true_peak: float = 0.0
    peak: float = 0.0
    limited_db: float = 0.0
    samples: int = 0

    def levels(self) -> Levels:
        """Of the remix."""
        lufs = self.after[0].integrated_lufs()
        peak = self.after[0].peak
        return Levels(peak, max(peak, self.true_peak), lufs if math.isfinite(lufs) else None)


def _pass(
    material: Material,
    board: Desk,
    targets: Sequence[Target],
    writers: Sequence[Writer],
    how: _How,
    on_block: OnBlock,
) -> _Pass:
    """Once through the sound. Once a file would clip, nothing more is written."""
    info = material.info
    facts = info.sample_rate_hz, info.channels, info.channel_names
    count = 1 + len(board.strips)
    found = _Pass(
        [Loudness(*facts) for _ in range(count)], [Loudness(*facts) for _ in range(count)]
    )
    limiter = Limiter(info.sample_rate_hz, levels.CEILING)
    between = TruePeak(info.sample_rate_hz, info.channels) if how.true_peak else None
    tracks = _mixed(material, board, found, on_block)
    if how.before != 1.0:
        tracks = (wave * np.float32(how.before) for wave in tracks)
    for waves in limiter.limited(tracks) if how.limited else tracks:
        for meter, wave in zip(found.after, waves, strict=True):
            meter.push(wave)
        remix, changed = waves[0], waves[1:]
        if between is not None:
            between.push(remix)
        for target in targets:
            if target.integer:
                wave = target.rows(remix, changed)
                found.peak = max(found.peak, float(np.abs(wave).max(initial=0.0)))
        clips = any(target.integer for target in targets) and found.peak * how.after > FULL_SCALE
        if not clips:
            for target, writer in zip(targets, writers, strict=False):
                wave = target.rows(remix, changed)
                writer.write(wave if how.after == 1.0 else wave * np.float32(how.after))
    found.true_peak = 0.0 if between is None else between.finish()
    found.limited_db = limiter.reduction_db
    return found


def _mixed(material: Material, board: Desk, found: _Pass, on_block: OnBlock) -> Iterator[Wave]:
    """The remix and its stems, `(1 + stem, channel, time)`; what they are made of is measured."""
    context = board.context
    for window in windows(material.blocks(), context):
        start = material.start + found.samples - context
        remix, changed = mixed(board, window, start)
        length = remix.shape[-1]
        own = window[..., context : context + length]
        own = np.concatenate([own, (own[0] - own[1:].sum(0))[None]])
        for meter, wave in zip(found.before, own, strict=True):
            meter.push(wave)
        yield np.concatenate([remix[None], changed])
        found.samples += length
        on_block(length)


def _level(meter: Loudness, gain: float) -> Level:
    loudness = meter.integrated_lufs()
    finite = math.isfinite(loudness)
    return Level(
        decibels((meter.peak * gain) ** 2), loudness + decibels(gain**2) if finite else None
    )
