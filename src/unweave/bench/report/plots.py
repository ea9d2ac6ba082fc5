"""The pictures of a study: box plots, quality against speed, and the track-by-track map."""

from __future__ import annotations

import numpy as np

from unweave.bench.report.boxes import Box, box_plot
from unweave.bench.report.page import Block, Figures, HeatMap, Text
from unweave.bench.report.scatter import Point, scatter
from unweave.bench.report.study import Study
from unweave.bench.report.tables import real_time_factor
from unweave.bench.scores import MIR_1K

BOXES = (
    "Box plots: the box spans the quartiles over tracks, its line is the median, whiskers reach to "
    "the last track within 1.5 interquartile ranges, circles are tracks beyond. Oracles and the "
    "mixture stand on shaded ground."
)


def box_plots(study: Study, stem: str) -> list[Block]:
    """One picture for each metric of a stem."""
    figures = []
    for metric in study.metrics:
        finite = {
            label: values[np.isfinite(values)]
            for label, values in study.values(stem, metric).items()
        }
        boxes = [
            Box(system.label, system.kind, finite[system.label])
            for system in study.systems
            if finite.get(system.label, np.array([])).size
        ]
        if boxes:
            figures.append(box_plot(f"{metric}, {stem}", boxes, "dB"))
    if not figures:
        return [Text(f"No finite score for {stem}.")]
    return [Figures(tuple(figures))]


def speed_plots(study: Study) -> list[Block]:
    """Quality against real-time factor, a picture for each stem; none where nothing was timed."""
    factors = {
        system.label: real_time_factor([i for i in study.own if i.separator == system.label])
        for system in study.systems
        if system.kind == "separator"
    }
    timed = {label: factor for label, factor in factors.items() if factor}
    figures = []
    for stem in study.stems:
        quality = study.headline(stem)
        points = [
            Point(label, quality[label], factor)
            for label, factor in timed.items()
            if np.isfinite(quality.get(label, np.nan))
        ]
        if points:
            figures.append(
                scatter(f"{_figure(study)}, {stem}", "dB", points, _levels(study, quality))
            )
    if not figures:
        return []
    return [
        Figures(tuple(figures), "Up is better, left is faster. Lines: mixture and best oracle.")
    ]


def heat_map(study: Study, stem: str) -> HeatMap:
    """Tracks by systems, easiest track first, separators first."""
    found = study.values(stem, study.primary)
    systems = [system for system in study.systems if system.label in found]
    values = np.array([found[system.label] for system in systems]).T
    judges = [n for n, system in enumerate(systems) if system.kind in ("separator", "published")]
    ease = np.array([_median(row[judges] if judges else row) for row in values])
    order = np.lexsort((np.arange(len(ease)), -np.nan_to_num(ease, nan=-np.inf)))
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [5, 95]) if finite.size else (0.0, 1.0)
    how = "one figure per clip" if study.protocol == MIR_1K else "median over frames of each track"
    return HeatMap(
        title=f"{study.primary} of {stem}, track by track",
        aggregation=f"{how}; easiest track for the separators first",
        rows=tuple(study.tracks[n] for n in order),
        columns=tuple(system.label for system in systems),
        kinds=tuple(system.kind for system in systems),
        values=[[float(value) for value in values[n]] for n in order],
        unit="dB",
        low=float(np.floor(low)),
        high=float(np.ceil(high)),
    )


def _figure(study: Study) -> str:
    return "GNSDR" if study.protocol == MIR_1K else "cSDR"


def _levels(study: Study, quality: dict[str, float]) -> list[tuple[str, float]]:
    """The mixture and the best oracle, ours rather than the campaign's."""
    own = [system for system in study.systems if not system.published and system.label in quality]
    mixture = [(s.label, quality[s.label]) for s in own if s.kind == "mixture"]
    oracles = [(f"{s.label} (oracle)", quality[s.label]) for s in own if s.kind == "oracle"]
    best = [max(oracles, key=lambda item: item[1])] if oracles else []
    return [(label, value) for label, value in [*mixture, *best] if np.isfinite(value)]


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")
