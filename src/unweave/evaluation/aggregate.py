"""From files of scores to tables, pure functions; every table carries the name of its aggregation.

The same scores give quite different scores by different ways of averaging, so that a score
without the name of its way is worth little:

- cSDR (SiSEC): median over the frames of a track, then median over tracks;
- mean over tracks: median over the frames of a track, then mean over tracks;
- global (MDX): one score for the whole track, then mean over tracks;
- MIR-1K: one score per clip, then mean weighted by the clips' lengths (GNSDR, GSIR, GSAR).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unweave.errors import InputError
from unweave.evaluation import rounding, whole_track
from unweave.evaluation import scores as files
from unweave.evaluation.common import cautions, common, frame_median
from unweave.evaluation.scores import BSS_EVAL_V4, MIR_1K, TrackScores
from unweave.evaluation.table import SEEN, SEEN_NOTE, Column, Row, Table

__all__ = [
    "Row", "Table", "TrackScores", "compared", "csdr_table", "frame_median", "global_table",
    "load", "mean_table", "mir1k_table", "stems_of", "tables", "track_values",
]  # fmt: skip

STEM_ORDER = ("vocals", "drums", "bass", "other", "accompaniment")
KINDS = ("separator", "oracle", "published")


def load(folder: Path, warn: Callable[[str], None] = lambda _: None) -> list[TrackScores]:
    """All scores below `folder`, ours and museval's, sorted.

    warn: told, a line each, which JSON files are no scores and are passed over, and which scores
    are left out because their entry has others that were made in another way. Raises InputError
    where there are no scores at all.
    """
    paths = sorted(p for p in folder.rglob("*.json") if not p.name.startswith("."))
    found, passed = [], []
    for path in paths:
        try:
            found.append(files.read(path, folder))
        except InputError as error:
            passed.append(str(error))
    if not found:
        why = f" ({passed[0]})" if passed else ""
        raise InputError(
            f"{folder}: holds no scores{why}; unweave benchmark -o {folder} makes some"
        )
    for line in passed:
        warn(f"{line}; passed over")
    return sorted(_of_one_make(found, warn), key=lambda s: (
        s.dataset, s.split, KINDS.index(s.kind), s.separator, s.track))  # fmt: skip


def _of_one_make(
    scores: Iterable[TrackScores], warn: Callable[[str], None]
) -> Iterator[TrackScores]:
    """For each entry the scores made in the way that most of its tracks were.

    An entry is one label. Scores of another version, or with other weights or options, must not be
    averaged with the others.
    """
    entries: dict[tuple[object, ...], dict[str, list[TrackScores]]] = {}
    for item in scores:
        entry = (item.dataset, item.split, item.protocol, item.rounded_to_bits, item.is_foreign,
               item.kind, item.separator)  # fmt: skip
        entries.setdefault(entry, {}).setdefault(_make(item), []).append(item)
    for makes in entries.values():
        kept, *others = sorted(makes.values(), key=lambda items: (-len(items), _make(items[0])))
        yield from kept
        for items in others:
            one = items[0]
            differ = [name for name in _MADE if getattr(one, name) != getattr(kept[0], name)]
            warn(
                f"{one.separator}: {len(items)} of its {sum(map(len, makes.values()))} tracks were "
                f"scored with other {', '.join(differ)} than the rest and are left out; run the "
                "benchmark again to score them alike"
            )


_MADE = ("software", "name", "options", "files", "mapping", "card_sha256", "weights_sha256")


def _make(item: TrackScores) -> str:
    """All that an entry's tracks must have in common, as text that can be compared."""
    return json.dumps([getattr(item, name) for name in _MADE], sort_keys=True, default=str)


def track_values(
    scores: Sequence[TrackScores], stem: str, metric: str = "SDR"
) -> dict[str, dict[str, float]]:
    """`[separator][track]`: one score for one stem of a track, where the stem was scored.

    Under MIR-1K's protocol the clip's, else the median over frames.
    """
    found: dict[str, dict[str, float]] = {}
    for item in scores:
        if item.protocol == MIR_1K and stem in item.mir1k:
            found.setdefault(item.separator, {})[item.track] = item.mir1k[stem][metric]
        elif item.protocol != MIR_1K and stem in item.targets:
            found.setdefault(item.separator, {})[item.track] = _frames(item, stem, metric)
    return found


def records(scores: Iterable[TrackScores]) -> list[dict[str, str | float]]:
    """One record for each track, separator, stem and metric, medians over frames."""
    found = []
    for item in scores:
        facts = {name: getattr(item, name) for name in
                 ("dataset", "split", "track", "separator", "kind", "protocol")}  # fmt: skip
        for stem in stems_of([item]):
            frames = item.targets.get(stem, {})
            values = {metric: frame_median(frames[metric]) for metric in frames}
            values |= {**item.mir1k.get(stem, {}), **item.global_.get(stem, {})}
            found += [
                {**facts, "stem": stem, "metric": metric, "value": value}
                for metric, value in values.items()
            ]
    return found


def stems_of(scores: Iterable[TrackScores]) -> tuple[str, ...]:
    """The stems that were scored, in the customary order, others by name."""
    names = {stem for item in scores for stem in (*item.targets, *item.global_)}
    known = [stem for stem in STEM_ORDER if stem in names]
    return (*known, *sorted(names - set(STEM_ORDER)))


def csdr_table(
    scores: Sequence[TrackScores], metric: str = "SDR", stems: Sequence[str] | None = None
) -> Table:
    """SiSEC's way, for any of SDR, ISR, SIR and SAR. stems: the columns, all where not given."""
    return _table(
        _music(scores),
        f"{metric}, dB (BSS Eval v4)",
        "median over frames, then median over tracks" + (" (cSDR)" if metric == "SDR" else ""),
        lambda item, stem: _frames(item, stem, metric),
        np.median,
        stems,
    )


def mean_table(
    scores: Sequence[TrackScores], metric: str = "SDR", stems: Sequence[str] | None = None
) -> Table:
    """The mean over tracks of the medians over frames. stems: as in `csdr_table`."""
    return _table(
        _music(scores),
        f"{metric}, dB (BSS Eval v4)",
        "median over frames, then mean over tracks",
        lambda item, stem: _frames(item, stem, metric),
        np.mean,
        stems,
    )


def global_table(
    scores: Sequence[TrackScores],
    metric: str = "global_sdr_db",
    stems: Sequence[str] | None = None,
) -> Table:
    """The mean over tracks of a metric of whole tracks (`evaluation.whole_track`).

    stems: as in `csdr_table`.
    """
    about = whole_track.metrics()[metric]
    return _table(
        scores,
        f"{about.title}, {about.unit}" if about.unit else about.title,
        "whole track, then mean over tracks",
        lambda item, stem: item.global_.get(stem, {}).get(metric, math.nan),
        np.mean,
        stems,
        about.unit,
    )


def mir1k_table(scores: Sequence[TrackScores]) -> Table:
    """GNSDR, GSIR and GSAR of each stem: means over clips, weighted by their length in samples."""
    own = [item for item in scores if item.protocol == MIR_1K]
    stems = [stem for stem in stems_of(own) if any(stem in item.mir1k for item in own)]
    columns = [f"{stem} {name}" for stem in stems for name in ("GNSDR", "GSIR", "GSAR")]
    rows = []
    for label, kind, items in _by_separator(own):
        values, covered = [], []
        for stem in stems:
            for metric in ("NSDR", "SIR", "SAR"):
                clips = [
                    item for item in items
                    if stem in item.mir1k and not math.isnan(item.mir1k[stem][metric])
                ]  # fmt: skip
                values.append(_weighted([(i.mir1k[stem][metric], i.samples) for i in clips]))
                covered.append({(item.split, item.track) for item in clips})
        rows.append((_row(label, values, kind, items), covered))
    return _told(
        Table(
            title="MIR-1K, dB (BSS Eval v3 sources)",
            aggregation="one score per clip, then mean over clips weighted by their length",
            columns=columns_of(columns),
            rows=_counted(rows),
        ),
        own,
    )


def tables(scores: Sequence[TrackScores]) -> list[Table]:
    """The tables that fit these scores: MIR-1K's for its clips, the others for music.

    Scores of rounded samples and of others never stand in one table, and all rows of a column
    stand on the same tracks (`common.common`).
    """
    return compared(scores)[0]


def compared(scores: Sequence[TrackScores]) -> tuple[list[Table], list[str]]:
    """The tables that fit these scores, as `tables`, and what they leave out, a line each."""
    ways = sorted({item.rounded_to_bits for item in scores}, key=lambda bits: bits or 0)
    found: list[Table] = []
    words: list[str] = []
    for bits in ways:
        shared = common([item for item in scores if item.rounded_to_bits == bits])
        found += _tables(shared.scores)
        words += cautions(shared)
    return found, words


def _tables(scores: Sequence[TrackScores]) -> list[Table]:
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
    stems: Sequence[str] | None = None,
    unit: str = "dB",
) -> Table:
    stems = tuple(stems_of(scores) if stems is None else stems)
    rows = []
    for label, kind, items in _by_separator(scores):
        values, covered = [], []
        for stem in stems:
            scored = {(item.split, item.track): value_of(item, stem) for item in items}
            found = {place: value for place, value in scored.items() if not math.isnan(value)}
            with np.errstate(invalid="ignore"):  # infinite scores stay infinite
                values.append(float(over_tracks([*found.values()])) if found else math.nan)
            covered.append(set(found))
        rows.append((_row(label, values, kind, items), covered))
    return _told(
        Table(
            title=title,
            aggregation=aggregation,
            columns=columns_of(stems, unit),
            rows=_counted(rows),
        ),
        scores,
    )


def _row(label: str, values: Sequence[float], kind: str, items: Iterable[TrackScores]) -> Row:
    if any(item.seen_in_training for item in items):
        return Row(label, tuple(values), SEEN, SEEN_NOTE)
    return Row(label, tuple(values), kind)


def _counted(rows: Sequence[tuple[Row, Sequence[set[tuple[str, str]]]]]) -> tuple[Row, ...]:
    """The rows with their counts; `partial` where others of our own stand on more tracks.

    rows: each with the tracks of each of its values.
    """
    own = [covered for row, covered in rows if row.kind != "published"]
    own = own or [covered for _, covered in rows]
    every = [set().union(*column) for column in zip(*own, strict=True)]
    return tuple(
        replace(
            row,
            counts=tuple(map(len, covered)),
            partial=tuple(bool(all_ - some) for all_, some in zip(every, covered, strict=True)),
        )
        for row, covered in rows
    )


def columns_of(names: Iterable[str], unit: str = "dB") -> tuple[Column, ...]:
    """A column for each name; higher is better."""
    return tuple(Column(name, unit, best="high") for name in names)


def _told(table: Table, scores: Sequence[TrackScores]) -> Table:
    """The table with how its samples were rounded. Raises ValueError where that differs."""
    ways = {item.rounded_to_bits for item in scores if not item.is_foreign}
    if len(ways) > 1:
        raise ValueError("scores of rounded samples and of others cannot stand in one table")
    bits = next(iter(ways), None)
    how = rounding.with_rounding(table.aggregation, bits)
    return replace(table, aggregation=how, rounded_to_bits=bits)


def _music(scores: Iterable[TrackScores]) -> list[TrackScores]:
    """Those whose frames are of BSS Eval v4; a clip of MIR-1K has one frame, of v3."""
    return [item for item in scores if item.protocol == BSS_EVAL_V4]


def _by_separator(scores: Iterable[TrackScores]) -> list[tuple[str, str, list[TrackScores]]]:
    groups: dict[tuple[str, str], list[TrackScores]] = {}
    for item in scores:
        groups.setdefault((item.separator, item.kind), []).append(item)
    ordered = sorted(groups, key=lambda key: (KINDS.index(key[1]), key[0]))
    return [(label, kind, groups[label, kind]) for label, kind in ordered]


def _frames(item: TrackScores, stem: str, metric: str) -> float:
    return frame_median(item.targets[stem][metric]) if stem in item.targets else math.nan


def _weighted(pairs: Sequence[tuple[float, int]]) -> float:
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else math.nan
