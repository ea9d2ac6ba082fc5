"""Quality against cost: each separator a point, its real-time factor on a logarithmic axis.

The real-time factor is processing time over the length of the sound: left is faster, up is better.
The mixture and the best oracle are lines, as they have no speed worth the name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unweave.bench.report import svg
from unweave.bench.report.page import Figure, shown, significant

Taken = tuple[float, float, float, float]  # left, right, middle line, how near another may come

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 400.0, 300.0, 44.0, 12.0, 12.0, 44.0


@dataclass(frozen=True, slots=True)
class Point:
    """A separator: its quality in dB and its real-time factor."""

    label: str
    quality: float
    factor: float


def scatter(
    title: str, unit: str, points: Sequence[Point], lines: Sequence[tuple[str, float]]
) -> Figure:
    """Draw the points (at least one, factors above zero), and a level line for each of `lines`."""
    fast, slow = _span([point.factor for point in points])
    values = [point.quality for point in points] + [value for _, value in lines]
    spare = 0.08 * (max(values) - min(values)) or 1.0
    low, high = min(values) - spare, max(values) + spare

    def x(factor: float) -> float:
        return LEFT + math.log(factor / fast) / math.log(slow / fast) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    shapes = []
    for tick in svg.log_ticks(fast, slow):
        shapes.append(svg.line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, "grid"))
        shapes.append(svg.text(x(tick), HEIGHT - BOTTOM + 11, f"{tick:g}", "tick", "middle"))
    for tick in svg.ticks(low, high):
        shapes.append(svg.line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid"))
        shapes.append(svg.text(LEFT - 6, y(tick), f"{tick:g}".replace("-", "−"), "tick", "end"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    words = "Real-time factor, logarithmic: faster to the left"
    shapes.append(svg.text(middle, HEIGHT - BOTTOM + 29, words, "axis", "middle"))
    shapes.append(_upright(11, (TOP + HEIGHT - BOTTOM) / 2, f"{title} ({unit})"))
    taken: list[Taken] = []
    for label, value in lines:
        shapes.append(svg.line(LEFT, y(value), WIDTH - RIGHT, y(value), "level"))
        shapes.append(svg.text(LEFT + 5, y(value) - 8, label, "level-name"))
        taken.append((LEFT + 5, LEFT + 5 + svg.width_of(label), y(value) - 8, 12))
        taken.append((LEFT, WIDTH, y(value), 7))
    marks = [(x(point.factor), y(point.quality), point) for point in points]
    taken += [(px - 6, px + 6, py, 11) for px, py, _ in marks]
    for px, py, point in sorted(marks, key=lambda mark: (mark[1], mark[0], mark[2].label)):
        tx, ty, anchor = _place(px, py, svg.width_of(point.label, True), taken)
        shapes.append(
            svg.tag(
                "g",
                svg.title(
                    f"{point.label}: {shown(point.quality)} {unit}, "
                    f"real-time factor {significant(point.factor)}"
                ),
                svg.tag("circle", cx=px, cy=py, r=4.5, class_="point"),
                svg.text(tx, ty, point.label, "label", anchor),
                class_="separator",
            )
        )
    listed = ", ".join(
        f"{point.label} {shown(point.quality)} {unit} at {significant(point.factor)}"
        for point in sorted(points, key=lambda point: -point.quality)
    )
    alt = f"{title} against the real-time factor: {listed}."
    alt += "".join(f" {label}: {shown(value)} {unit}." for label, value in lines)
    return Figure(title=title, svg=svg.picture(WIDTH, HEIGHT, alt, *shapes), alt=alt)


def _span(factors: Sequence[float]) -> tuple[float, float]:
    """Ends of the logarithmic axis: at least a decade, with room at both sides."""
    low, high = min(factors) / 1.6, max(factors) * 1.6
    missing = max(0.0, 1.2 - math.log10(high / low)) / 2
    return low / 10**missing, high * 10**missing


def _upright(x: float, y: float, words: str) -> str:
    place = f"rotate(-90 {svg.number(x)} {svg.number(y)})"
    text = svg.text(x, y, words, "axis", "middle")
    return svg.tag("g", text, transform=place)


def _place(x: float, y: float, width: float, taken: list[Taken]) -> tuple[float, float, str]:
    """Where a label finds room: right or left of its point, moved up or down if it must be.

    Takes that room. Where all is full the label goes beside its point over what is there.
    """
    for step in range(14):
        middle = y + 6.0 * ((step + 1) // 2) * (-1 if step % 2 else 1)
        for anchor in ("start", "end"):
            left = x + 9 if anchor == "start" else x - 9 - width
            fits = left >= LEFT and left + width <= WIDTH - 2
            fits = fits and TOP <= middle <= HEIGHT - BOTTOM - 4
            if fits and not any(
                left < end and left + width > start and abs(middle - at) < room
                for start, end, at, room in taken
            ):
                taken.append((left, left + width, middle, 12))
                return (left if anchor == "start" else x - 9), middle, anchor
    return x + 9, y, "start"
