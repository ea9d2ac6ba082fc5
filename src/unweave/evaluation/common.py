"""Which tracks all systems have, stem by stem: averages over different tracks are not comparable.

A system that lacks tracks, or a stem of some tracks, takes these tracks from everybody. One that
has fewer than half as many as the fullest is set aside and named, so that a run in progress does
not shrink everybody's tables to a handful. A stem that is there but has no score, as a silent
estimate has none, takes nothing from the others: its system is not ranked in that stem.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unweave.evaluation.scores import MIR_1K, TrackScores, Values

SHOWN = 6  # tracks that are named before the rest is counted
Place = tuple[str, str, str]  # dataset, split, track


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The scores that may be compared, and what had to be left out for that.

    `scores` holds every system on every one of `tracks`, and of each stem only the tracks in which
    all systems have it that have it anywhere. The others name tracks, or count them:
    `lacking[label]` are those that others have and this system has not; `aside[label]` counts those
    of a system left out. `lacking_stem` and `aside_stem` are the same for `[label, stem]`.
    `unscored[label, stem]` are tracks in which others have a score of the stem and this system's
    estimate has none.
    """

    scores: tuple[TrackScores, ...]
    tracks: tuple[str, ...]
    lacking: Mapping[str, tuple[str, ...]]
    aside: Mapping[str, int]
    lacking_stem: Mapping[tuple[str, str], tuple[str, ...]]
    aside_stem: Mapping[tuple[str, str], int]
    unscored: Mapping[tuple[str, str], tuple[str, ...]]

    @property
    def seen(self) -> tuple[str, ...]:
        """The systems that were trained on these songs: none of them is ranked or tested."""
        return tuple(sorted({item.separator for item in self.scores if item.seen_in_training}))

    def unranked(self, stem: str) -> set[str]:
        """The systems whose scores of a stem cover fewer tracks than the others'."""
        return {label for label, name in self.unscored if name == stem}


def common(scores: Sequence[TrackScores]) -> Common:
    """What all systems of `scores` have in common. Each system has a track once at most."""
    has: dict[str, set[Place]] = {}
    for item in scores:
        has.setdefault(item.separator, set()).add(_place(item))
    kept, aside = _fullest(has)
    shared = set.intersection(*kept.values()) if kept else set()
    items = [item for item in scores if item.separator in kept and _place(item) in shared]
    lacking_stem: dict[tuple[str, str], tuple[str, ...]] = {}
    aside_stem: dict[tuple[str, str], int] = {}
    unscored: dict[tuple[str, str], tuple[str, ...]] = {}
    allowed: dict[str, dict[str, set[Place]]] = {}  # [stem][label]
    for stem in sorted({name for item in items for name in stems(item)}):
        own = [item for item in items if stem in stems(item)]
        given: dict[str, set[Place]] = {}
        for item in own:
            given.setdefault(item.separator, set()).add(_place(item))
        full, few = _fullest(given)
        aside_stem |= {(label, stem): count for label, count in few.items()}
        lacking_stem |= {(label, stem): names for label, names in _gaps(full).items()}
        both = set.intersection(*full.values())
        allowed[stem] = dict.fromkeys(full, both)
        scored: dict[str, set[Place]] = {label: set() for label in full}
        for item in own:
            if item.separator in full and _place(item) in both and _has_score(item, stem):
                scored[item.separator].add(_place(item))
        unscored |= {(label, stem): names for label, names in _gaps(scored).items()}
    return Common(
        scores=tuple(_with_stems(item, allowed) for item in items),
        tracks=tuple(sorted(track for *_, track in shared)),
        lacking=_gaps(kept),
        aside=aside,
        lacking_stem=lacking_stem,
        aside_stem=aside_stem,
        unscored=unscored,
    )


def stems(item: TrackScores) -> Set[str]:
    """The stems that an item has scores or NaN of."""
    return {*item.targets, *item.mir1k, *item.global_}


def frame_median(values: Values) -> float:
    """Median over the frames `(frame,)` that have a score; NaN where none has."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else math.nan


def cautions(found: Common) -> list[str]:
    """What was left out and who is not ranked, a sentence each; tables without it would mislead."""
    words = []
    if not found.tracks:
        words.append("No track has scores of all systems, so that nothing can be compared.")
    if found.seen:
        was = "was" if len(found.seen) == 1 else "were"
        words.append(
            f"{', '.join(found.seen)} {was} trained on these songs, as the card says: marked in "
            "every table, not ranked and not tested."
        )
    for names, labels in _alike(found.lacking):
        words.append(
            f"{_lack(labels)} {named(names)}; all tables, plots and tests hold the "
            f"{counted(len(found.tracks), 'track')} that all systems have."
        )
    for label, count in found.aside.items():
        words.append(
            f"{label} is left out: it has scores of {counted(count, 'track')} only so far."
        )
    for stem in sorted({stem for _, stem in found.lacking_stem}):
        for names, labels in _alike(_of(found.lacking_stem, stem)):
            words.append(
                f"{_lack(labels)} {stem} of {named(names)}; for {stem}, all tables, plots and "
                "tests hold the tracks in which all systems that give it have it."
            )
    for (label, stem), count in found.aside_stem.items():
        words.append(
            f"{label} is left out for {stem}: it has it in {counted(count, 'track')} only."
        )
    for stem in sorted({stem for _, stem in found.unscored}):
        for names, labels in _alike(_of(found.unscored, stem)):
            verb, its = ("has", "its") if len(labels) == 1 else ("have", "their")
            words.append(
                f"{', '.join(labels)} {verb} no score of {stem} in {named(names)}, where others "
                f"have one, as a silent estimate has none: {its} scores of {stem} are not ranked "
                "and not tested."
            )
    return words


def counted(count: int, noun: str) -> str:
    """`1 track`, `2 tracks`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def named(tracks: Sequence[str]) -> str:
    """How many tracks, with the first few names."""
    first = ", ".join(tracks[:SHOWN])
    more = len(tracks) - SHOWN
    return f"{counted(len(tracks), 'track')} ({first}{f' and {more} more' if more > 0 else ''})"


def _place(item: TrackScores) -> Place:
    return item.dataset, item.split, item.track


def _fullest(has: Mapping[str, set[Place]]) -> tuple[dict[str, set[Place]], dict[str, int]]:
    """Those with at least half as many tracks as the fullest, and how many the others have."""
    most = max(map(len, has.values()), default=0)
    kept = {label: places for label, places in sorted(has.items()) if 2 * len(places) >= most}
    return kept, {label: len(has[label]) for label in sorted(has) if label not in kept}


def _gaps(has: Mapping[str, set[Place]]) -> dict[str, tuple[str, ...]]:
    """`[label]`: the tracks that somebody has and it has not."""
    every = set().union(*has.values())
    return {
        label: tuple(sorted(track for *_, track in every - places))
        for label, places in sorted(has.items())
        if every - places
    }


def _has_score(item: TrackScores, stem: str) -> bool:
    if item.protocol == MIR_1K and stem in item.mir1k:
        return not math.isnan(item.mir1k[stem]["NSDR"])
    if stem in item.targets:
        return not math.isnan(frame_median(item.targets[stem]["SDR"]))
    return True  # whole-track scores only, which silence has too


def _with_stems(item: TrackScores, allowed: Mapping[str, Mapping[str, set[Place]]]) -> TrackScores:
    """The item with the stems alone that it may show: `allowed[stem][label]` are their tracks."""
    gone = {s for s in stems(item) if _place(item) not in allowed[s].get(item.separator, ())}
    if not gone:
        return item
    fields = ("targets", "among_stems", "mir1k", "global_", "silent_frames", "scored_with")
    left: dict[str, Any] = {
        name: {stem: value for stem, value in getattr(item, name).items() if stem not in gone}
        for name in fields
    }
    return replace(item, **left)


def _alike(gaps: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[tuple[str, ...], list[str]]]:
    """The tracks, each with all labels that lack just these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for label, names in gaps.items():
        found.setdefault(names, []).append(label)
    return found.items()


def _of(gaps: Mapping[tuple[str, str], tuple[str, ...]], stem: str) -> dict[str, tuple[str, ...]]:
    return {label: names for (label, name), names in gaps.items() if name == stem}


def _lack(labels: Sequence[str]) -> str:
    return f"{', '.join(labels)} {'lacks' if len(labels) == 1 else 'lack'}"
