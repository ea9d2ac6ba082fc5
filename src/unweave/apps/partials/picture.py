"""Partials as lines over time and frequency, brighter where they are louder. Needs matplotlib."""

from __future__ import annotations

import io
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.partials.formats import Analysis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANGE_DB = 60.0
STRETCH = 8  # points of a line that have one colour


def picture(found: Analysis) -> bytes:
    """A PNG."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that matplotlib's font lacks gets boxes, not a page of warnings.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        draw(found).savefig(out, format="png")
    return out.getvalue()


def draw(found: Analysis) -> Figure:
    """A matplotlib figure of all tracks; the frequency axis is logarithmic."""
    import matplotlib as mpl
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    tracks = found.tracks
    points = np.column_stack([found.time_s, found.frequency_hz / 1000.0])
    level_db = 20 * np.log10(np.maximum(np.sqrt(np.mean(tracks.amplitude**2, axis=1)), 1e-10))
    begins = tracks.begins
    lines, levels_db = [], []
    for first, last in pairwise(begins):
        for start in range(first, max(last - 1, first + 1), STRETCH):
            end = min(start + STRETCH + 1, last)
            lines.append(points[start:end])
            levels_db.append(level_db[start:end].mean())
    top_db = max(-100.0, max(levels_db, default=-100.0))
    colours = mpl.colormaps["magma"]
    drawn = LineCollection(lines, array=np.array(levels_db), cmap=colours, linewidths=1.0)
    drawn.set_clim(top_db - RANGE_DB, top_db)
    figure = Figure(figsize=(12.0, 6.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.add_collection(drawn)
    axes.set_facecolor("black")
    axes.set_yscale("log")
    low_khz = max(0.02, points[:, 1].min(initial=0.1) * 0.9)
    axes.set_ylim(low_khz, max(points[:, 1].max(initial=1.0) * 1.1, 2 * low_khz))
    axes.set_xlim(0.0, max(found.samples / found.sample_rate_hz, 1e-3))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (kHz)")
    title = f"{found.source}: {len(begins) - 1} partials"
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", parse_math=False)
    figure.colorbar(drawn, ax=axes, label="dB re full-scale sine", pad=0.01, fraction=0.03)
    return figure
