"""Passes over a recording and its stems: measure for a match, mix, measure, write.

The sound is mixed once where nothing has to be known before it is written. It is mixed again, with
one gain for all files, where a loudness is asked for or a file of integers would clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.apps.remix import spectrum
from unweave.apps.remix.desk import Desk, mixed
from unweave.apps.remix.filters import Array, Gain, taps, tilted
from unweave.apps.remix.material import Material
from unweave.apps.remix.mix import Mix, Strip
from unweave.apps.remix.spectrum import Correction, Spectrum
from unweave.audio.info import SourceInfo
from unweave.audio.writer import Writer
from unweave.engine.measure import FULL_SCALE, UNCLIPPED, decibels
from unweave.signal.blocks import windows
from unweave.signal.loudness import Loudness
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
    remix and the same changed, with the gain."""

    before: Sequence[Level]
    after: Sequence[Level]
    gain: float
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
    limit = FULL_SCALE if any(target.integer for target in targets) else np.inf
    writers: list[Writer] = []
    with ExitStack() as undo:

        def run(gain: float, write: bool) -> _Pass:
            writers[:] = [target.open() for target in targets] if write else []
            for writer in writers:
                undo.callback(writer.discard)
            return _pass(material, board, targets, writers, gain, limit, on_block)

        found, passes, gain = run(1.0, loudness_lufs is None), 1, 1.0
        notes: list[str] = []
        if loudness_lufs is not None:
            gain, note = _gain_for(found, loudness_lufs)
            notes += [note] if note else []
        if found.peak * gain > limit:
            notes.append(_quieter(found.peak, gain, loudness_lufs))
            gain = UNCLIPPED / found.peak
        if gain != 1.0 or not writers:
            for writer in writers:
                writer.discard()
            run(gain, True)
            passes = 2
        for writer in writers:
            writer.close()
        result = Rendered(
            [_level(meter, 1.0) for meter in found.before],
            [_level(meter, gain) for meter in found.after],
            gain,
            passes,
            found.samples,
            notes,
        )
        yield result, writers


@dataclass
class _Pass:
    before: list[Loudness]
    after: list[Loudness]
    peak: float = 0.0  # of what is written to files of integers, before the gain
    samples: int = 0


def _pass(
    material: Material,
    board: Desk,
    targets: Sequence[Target],
    writers: Sequence[Writer],
    gain: float,
    limit: float,
    on_block: OnBlock,
) -> _Pass:
    """Once through the sound. Once a file would clip, nothing more is written."""
    info, tracks = material.info, 1 + len(board.strips)

    def meters() -> list[Loudness]:
        facts = info.sample_rate_hz, info.channels, info.channel_names
        return [Loudness(*facts) for _ in range(tracks)]

    found = _Pass(meters(), meters())
    context = board.context
    for window in windows(material.blocks(), context):
        start = material.start + found.samples - context
        remix, changed = mixed(board, window, start)
        length = remix.shape[-1]
        own = window[..., context : context + length]
        own = np.concatenate([own, (own[0] - own[1:].sum(0))[None]])
        for meter, wave in zip(found.before, own, strict=True):
            meter.push(wave)
        for meter, wave in zip(found.after, [remix, *changed], strict=True):
            meter.push(wave)
        for target in targets:
            if target.integer:
                wave = target.rows(remix, changed)
                found.peak = max(found.peak, float(np.abs(wave).max(initial=0.0)))
        if found.peak * gain <= limit:
            for target, writer in zip(targets, writers, strict=False):
                wave = target.rows(remix, changed)
                writer.write(wave if gain == 1.0 else wave * np.float32(gain))
        found.samples += length
        on_block(length)
    return found


def _gain_for(found: _Pass, loudness_lufs: float) -> tuple[float, str]:
    now = found.after[0].integrated_lufs()
    if not math.isfinite(now):
        return 1.0, "the remix is too quiet or too short to have a loudness: its level is kept"
    return 10 ** ((loudness_lufs - now) / 20), ""


def _quieter(peak: float, gain: float, loudness_lufs: float | None) -> str:
    over = 20 * math.log10(peak * gain)
    if loudness_lufs is None:
        said = f"a file peaks {over:.2f} dB above full scale"
    else:
        said = f"at {loudness_lufs:g} LUFS a file would peak {over:.2f} dB above full scale"
    return f"{said}: all files are {over:.2f} dB quieter (32-bit WAV keeps the level)"


def _level(meter: Loudness, gain: float) -> Level:
    loudness = meter.integrated_lufs()
    finite = math.isfinite(loudness)
    return Level(
        decibels((meter.peak * gain) ** 2), loudness + decibels(gain**2) if finite else None
    )
