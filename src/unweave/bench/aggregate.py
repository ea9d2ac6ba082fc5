"""From files of scores to tables, pure functions; every table carries the name of its aggregation.

The same scores give quite different figures by different ways of averaging, so that a figure
without the name of its way is worth little:

- cSDR (SiSEC): median over the frames of a track, then median over tracks;
- mean over tracks: median over the frames of a track, then mean over tracks;
- global (MDX): one figure for the whole track, then mean over tracks;
- MIR-1K: one figure per clip, then mean weighted by the clips' lengths (GNSDR, GSIR, GSAR).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.bench import scores as files
from unweave.bench.scores import BSS_EVAL_V4, MIR_1K, TrackScores, Values
from unweave.core.errors import InputError

__all__ = [
    "Row", "Table", "TrackScores", "csdr_table", "frame_median", "global_table", "load",
    "mean_table", "mir1k_table", "stems_of", "tables", "track_values",
]  # fmt: skip

STEM_ORDER = ("vocals", "drums", "bass", "other", "accompaniment")
KINDS = ("separator", "oracle", "published")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One separator. `values` go with the table's columns, NaN where there is none; `tracks` is
    the number of tracks that they come from (the smallest over the columns that have any)."""

    label: str
    kind: str
    tracks: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`aggregation` says in words how tracks and frames became one figure."""

    title: str
    aggregation: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def load(folder: Path) -> list[TrackScores]:
    """All scores below `folder`, ours and museval's, sorted. Raises InputError for a file that is
    not one, and where there is none."""
    paths = sorted(p for p in folder.rglob("*.json") if not p.name.startswith("."))
    if not paths:
        raise InputError(f"{folder}: holds no scores; unweave benchmark -o {folder} makes some")
    found = [files.read(path) for path in paths]
    return sorted(found, key=lambda s: (s.dataset, s.split, KINDS.index(s.kind), s.separator,
                                        s.track))  # fmt: skip


def frame_median(values: Values) -> float:
    """Median over the frames `(frame,)` that have a score; NaN where none has."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else math.nan


def track_values(
    scores: Sequence[TrackScores], stem: str, metric: str = "SDR"
) -> dict[str, dict[str, float]]:
    """`[separator][track]`: the median over frames of one stem, where the stem was scored."""
    found: dict[str, dict[str, float]] = {}
    for item in scores:
        if stem in item.targets:
            value = frame_median(item.targets[stem][metric])
            found.setdefault(item.separator, {})[item.track] = value
    return found


def stems_of(scores: Iterable[TrackScores]) -> tuple[str, ...]:
    """The stems that were scored, in the customary order, others by name."""
    names = {stem for item in scores for stem in (*item.targets, *item.global_)}
    known = [stem for stem in STEM_ORDER if stem in names]
    return (*known, *sorted(names - set(STEM_ORDER)))


def csdr_table(scores: Sequence[TrackScores], metric: str = "SDR") -> Table:
    """SiSEC's way, for any of SDR, ISR, SIR and SAR."""
    return _table(
        _music(scores),
        f"{metric}, dB (BSS Eval v4)",
        "median over frames, then median over tracks" + (" (cSDR)" if metric == "SDR" else ""),
        lambda item, stem: _frames(item, stem, metric),
        np.median,
    )


def mean_table(scores: Sequence[TrackScores], metric: str = "SDR") -> Table:
    """The mean over tracks of the medians over frames."""
    return _table(
        _music(scores),
        f"{metric}, dB (BSS Eval v4)",
        "median over frames, then mean over tracks",
        lambda item, stem: _frames(item, stem, metric),
        np.mean,
    )


def global_table(scores: Sequence[TrackScores], figure: str = "global_sdr_db") -> Table:
    """The mean over tracks of a figure for the whole track: global_sdr_db, si_sdr_db or snr_db."""
    titles = {
        "global_sdr_db": "global SDR, dB (MDX)",
        "si_sdr_db": "SI-SDR, dB",
        "snr_db": "SNR, dB",
    }
    return _table(
        scores,
        titles[figure],
        "whole track, then mean over tracks",
        lambda item, stem: item.global_.get(stem, {}).get(figure, math.nan),
        np.mean,
    )


def mir1k_table(scores: Sequence[TrackScores]) -> Table:
    """GNSDR, GSIR and GSAR of each stem: means over clips, weighted by their length in samples."""
    own = [item for item in scores if item.protocol == MIR_1K]
    stems = [stem for stem in stems_of(own) if any(stem in item.mir1k for item in own)]
    columns = tuple(f"{stem} {name}" for stem in stems for name in ("GNSDR", "GSIR", "GSAR"))
    rows = []
    for label, kind, items in _by_separator(own):
        values, counts = [], []
        for stem in stems:
            for metric in ("NSDR", "SIR", "SAR"):
                pairs = [(i.mir1k[stem][metric], i.samples) for i in items if stem in i.mir1k]
                pairs = [(value, weight) for value, weight in pairs if not math.isnan(value)]
                values.append(_weighted(pairs))
                counts.append(len(pairs))
        rows.append(_row(label, kind, values, counts))
    return Table(
        title="MIR-1K, dB (BSS Eval v3 sources)",
        aggregation="one figure per clip, then mean over clips weighted by their length",
        columns=columns,
        rows=tuple(rows),
    )


def tables(scores: Sequence[TrackScores]) -> list[Table]:
    """The tables that fit these scores: MIR-1K's for its clips, the others for music."""
    found = []
    if any(item.protocol == MIR_1K for item in scores):
        found.append(mir1k_table(scores))
    if _music(scores):
        found += [csdr_table(scores), mean_table(scores)]
    if any(item.global_ for item in scores):
        found.append(global_table(scores))
    return found


def _table(
    scores: Sequence[TrackScores],
    title: str,
    aggregation: str,
    value_of: Callable[[TrackScores, str], float],
    over_tracks: Callable[[list[float]], np.floating],
) -> Table:
    stems = stems_of(scores)
    rows = []
    for label, kind, items in _by_separator(scores):
        values, counts = [], []
        for stem in stems:
            found = [value_of(item, stem) for item in items]
            found = [value for value in found if not math.isnan(value)]
            with np.errstate(invalid="ignore"):  # infinite scores stay infinite
                values.append(float(over_tracks(found)) if found else math.nan)
            counts.append(len(found))
        rows.append(_row(label, kind, values, counts))
    return Table(title=title, aggregation=aggregation, columns=stems, rows=tuple(rows))


def _music(scores: Iterable[TrackScores]) -> list[TrackScores]:
    """Those whose frames are of BSS Eval v4; a clip of MIR-1K has one frame, of v3."""
    return [item for item in scores if item.protocol == BSS_EVAL_V4]


def _by_separator(scores: Iterable[TrackScores]) -> list[tuple[str, str, list[TrackScores]]]:
    groups: dict[tuple[str, str], list[TrackScores]] = {}
    for item in scores:
        groups.setdefault((item.separator, item.kind), []).append(item)
    ordered = sorted(groups, key=lambda key: (KINDS.index(key[1]), key[0]))
    return [(label, kind, groups[label, kind]) for label, kind in ordered]


def _row(label: str, kind: str, values: list[float], counts: list[int]) -> Row:
    tracks = min((count for count in counts if count), default=0)
    return Row(label=label, kind=kind, tracks=tracks, values=tuple(values))


def _frames(item: TrackScores, stem: str, metric: str) -> float:
    return frame_median(item.targets[stem][metric]) if stem in item.targets else math.nan


def _weighted(pairs: Sequence[tuple[float, int]]) -> float:
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else math.nan
