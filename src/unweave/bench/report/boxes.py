"""Box plots as in the paper of SiSEC 2018: one row for each system, ordered by median.

A box spans the quartiles over tracks, its line is the median, whiskers reach to the last track
within 1.5 interquartile ranges, dots are the tracks beyond. Oracles and the mixture, which no
separator competes with, stand apart on shaded ground below the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.bench.report import svg
from unweave.bench.report.page import Figure, Kind, shown

WIDTH, ROW, TOP, AXIS = 400.0, 17.0, 6.0, 38.0
LABELS = 150.0  # the most room that labels may take


@dataclass(frozen=True, slots=True)
class Box:
    """One row: the statistics of `values (track,)`, finite and not empty."""

    label: str
    kind: Kind
    values: npt.NDArray[np.float64]

    @property
    def bold(self) -> bool:
        return self.kind == "separator"

    @property
    def quartiles(self) -> tuple[float, float, float]:
        low, middle, high = np.percentile(self.values, [25, 50, 75])
        return float(low), float(middle), float(high)

    @property
    def whiskers(self) -> tuple[float, float]:
        low, _, high = self.quartiles
        reach = 1.5 * (high - low)
        inside = self.values[(self.values >= low - reach) & (self.values <= high + reach)]
        return float(inside.min()), float(inside.max())

    @property
    def beyond(self) -> npt.NDArray[np.float64]:
        low, high = self.whiskers
        return self.values[(self.values < low) | (self.values > high)]


def box_plot(title: str, boxes: Sequence[Box], unit: str) -> Figure:
    """Draw the boxes, best median on top, oracles and mixture below. At least one box."""
    order = sorted(boxes, key=lambda box: (-box.quartiles[1], box.label))
    above = [box for box in order if box.kind in ("separator", "published")]
    below = [box for box in order if box not in above]
    left = min(LABELS, max(svg.width_of(box.label, box.bold) for box in boxes)) + 10
    gap = ROW * 0.6 if above and below else 0.0
    bottom = TOP + ROW * len(order) + gap
    low, high = _range(boxes)

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - 8)

    shapes = []
    if below:
        y = TOP + ROW * len(above) + gap / 2
        area = {"x": 0, "y": y, "width": WIDTH, "height": bottom - y + 1}
        shapes.append(svg.tag("rect", class_="apart", **area))
    for tick in svg.ticks(low, high):
        shapes.append(svg.line(x(tick), TOP, x(tick), bottom, "zero" if not tick else "grid"))
        shapes.append(
            svg.text(x(tick), bottom + 11, shown(tick, _decimals(tick)), "tick", "middle")
        )
    shapes.append(svg.text((left + WIDTH) / 2, bottom + 27, f"{title} ({unit})", "axis", "middle"))
    outside = 0
    for n, box in enumerate([*above, *below]):
        y = TOP + ROW * (n + 0.5) + (gap if n >= len(above) else 0.0)
        label = svg.text(left - 8, y, svg.fitted(box.label, LABELS, box.bold), "label", "end")
        if low <= box.whiskers[0] and box.whiskers[1] <= high:
            dots = [value for value in box.beyond if low <= value <= high]
            outside += box.beyond.size - len(dots)
            shapes.append(_row(box, label, y, [x(value) for value in dots], x, unit))
        else:
            shapes.append(_far(box, label, y, left, box.quartiles[1] > high))
    height = bottom + AXIS
    alt = _alt(title, above, below, unit)
    left_out = "" if not outside else _outside(outside)
    return Figure(
        title=title, svg=svg.picture(WIDTH, height, alt, *shapes), alt=alt, caption=left_out
    )


def _row(
    box: Box, label: str, y: float, dots: list[float], x: Callable[[float], float], unit: str
) -> str:
    (q1, middle, q3), (low, high) = box.quartiles, box.whiskers
    half = ROW * 0.32
    words = (
        f"{box.label}: median {shown(middle)} {unit}, quartiles {shown(q1)} and {shown(q3)}, "
        f"{box.values.size} tracks"
    )
    return svg.tag(
        "g",
        svg.title(words),
        label,
        svg.line(x(low), y, x(high), y, "whisker"),
        svg.tag("rect", x=x(q1), y=y - half, width=x(q3) - x(q1), height=2 * half, class_="box"),
        svg.line(x(middle), y - half, x(middle), y + half, "median"),
        *(svg.tag("circle", cx=dot, cy=y, r=1.6, class_="dot") for dot in dots),
        class_=box.kind,
    )


def _far(box: Box, label: str, y: float, left: float, above: bool) -> str:
    """A box that would squeeze all others: its median, and an arrow to where it lies."""
    middle = shown(box.quartiles[1], 1)
    if above:
        words = svg.text(WIDTH - 8, y, f"median {middle} →", "tick", "end")
    else:
        words = svg.text(left, y, f"← median {middle}", "tick")
    return svg.tag("g", label, words, class_=box.kind)


def _range(boxes: Sequence[Box]) -> tuple[float, float]:
    """From the lowest to the highest whisker, and a little more.

    The mixture, whose artefacts are nought but for rounding, counts only where it lies no further
    from the others than twice their spread.
    """
    ends = np.array([box.whiskers for box in boxes if box.kind != "mixture"] or [(0.0, 0.0)])
    low, high = float(ends.min()), float(ends.max())
    reach = 2 * (high - low) or np.inf
    for box in boxes:
        if box.kind == "mixture":
            bottom, top = box.whiskers
            if low - reach <= bottom and top <= high + reach:
                low, high = min(low, bottom), max(high, top)
    spare = 0.03 * (high - low) or 0.5
    return low - spare, high + spare


def _decimals(tick: float) -> int:
    return 0 if float(tick).is_integer() else 1


def _outside(count: int) -> str:
    return f"{count} {'circle lies' if count == 1 else 'circles lie'} beyond the axis."


def _alt(title: str, above: Sequence[Box], below: Sequence[Box], unit: str) -> str:
    def medians(boxes: Sequence[Box]) -> str:
        return ", ".join(f"{box.label} {shown(box.quartiles[1])}" for box in boxes)

    parts = [f"separators: {medians(above)}"] if above else []
    parts += [f"oracles and mixture: {medians(below)}"] if below else []
    return f"Box plots of {title}, medians in {unit}, best first. {'; '.join(parts)}."
