"""The charts of a comparison, as SVG by matplotlib: box plots, and quality against speed.

Each colour that matplotlib writes stands for a variable of the page's style, so that one chart
serves light, dark and print. Words stay text, and equal scores give equal bytes.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unweave.evaluation.report.comparison import Comparison, System
from unweave.evaluation.report.document import Block, Chart, Charts, Text
from unweave.evaluation.report.times import real_time_factor
from unweave.evaluation.table import SEEN
from unweave.evaluation.text import shown, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOXES = (
    "Box plots: the box spans the quartiles over tracks, its line is the median, whiskers reach to "
    "the last track within 1.5 interquartile ranges, circles are tracks beyond. What is not ranked "
    "stands on shaded ground: what was trained on these songs, oracles and the mixture."
)
WIDTH, ROW = 400.0, 17.0  # points of the chart, which the page scales to its column
# What matplotlib draws in, and the variable of style.css that it becomes.
_VARIABLES = ("ink", "soft", "rule", "paper", "apart", "ours", "ours-soft", "oracle",
              "oracle-soft", "other", "other-soft")  # fmt: skip
_COLOURS = {name: f"#abcd{n:02x}" for n, name in enumerate(_VARIABLES)}
_TONES = {"separator": "ours", "published": "other", SEEN: "oracle", "oracle": "oracle",
          "mixture": "oracle"}  # fmt: skip
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.0,
    "text.color": _COLOURS["soft"],
    "text.parse_math": False,
    "axes.edgecolor": _COLOURS["rule"],
    "axes.labelcolor": _COLOURS["soft"],
    "xtick.color": _COLOURS["rule"],
    "ytick.color": _COLOURS["rule"],
    "xtick.labelcolor": _COLOURS["soft"],
    "ytick.labelcolor": _COLOURS["soft"],
    "grid.color": _COLOURS["rule"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
Values = npt.NDArray[np.float64]
Boxes = Sequence[tuple[System, Values]]  # the values over tracks, finite and not empty


def box_plots(comparison: Comparison, stem: str) -> Block:
    """One chart for each metric of a stem."""
    charts = []
    for metric in comparison.metrics:
        values = comparison.values(stem, metric)
        finite = {label: found[np.isfinite(found)] for label, found in values.items()}
        boxes = [
            (system, finite[system.label])
            for system in comparison.systems
            if finite.get(system.label, np.array([])).size
        ]
        if boxes:
            charts.append(box_plot(f"{metric}, {stem}", boxes, "dB"))
    return Charts(tuple(charts)) if charts else Text(f"No finite score for {stem}.")


def box_plot(title: str, boxes: Boxes, unit: str) -> Chart:
    """One row for each system, best median on top, oracles and the mixture apart below."""
    from matplotlib.cbook import boxplot_stats

    order = sorted(boxes, key=lambda box: (_apart(box[0]), -np.median(box[1]), box[0].label))
    systems = [system for system, _ in order]
    stats = boxplot_stats([values for _, values in order])
    low, high = _range(systems, stats)
    outside = 0
    with _chart(ROW * len(order) + 44, _room(system.label for system in systems), 8) as (
        axes,
        result,
    ):
        axes.set(xlim=(low, high), ylim=(len(order) - 0.5, -0.5), xlabel=f"{title} ({unit})")
        axes.set_yticks(range(len(order)), [_cut(system.label) for system in systems])
        axes.tick_params(length=0)
        axes.grid(visible=False, axis="y")
        for label, system in zip(axes.get_yticklabels(), systems, strict=True):
            if system.kind == "separator":
                label.set(color=_COLOURS["ours"], fontweight="bold")
            else:
                label.set_color(_COLOURS["ink"])
        if count := sum(map(_apart, systems)):
            ground = _COLOURS["apart"]
            axes.axhspan(len(order) - count - 0.5, len(order) - 0.5, color=ground, lw=0)
        for n, (system, found) in enumerate(zip(systems, stats, strict=True)):
            middle = shown(found["med"], 1)
            if low <= found["whislo"] and found["whishi"] <= high:
                dots = [value for value in found["fliers"] if low <= value <= high]
                outside += len(found["fliers"]) - len(dots)
                _draw_box(axes, n, _TONES[system.kind], found, dots)
            elif found["med"] > high:  # it would squeeze all others
                axes.text(high, n, f"median {middle} →", ha="right", va="center")
            else:
                axes.text(low, n, f"← median {middle}", ha="left", va="center")
    parts = {
        name: ", ".join(
            f"{system.label} {shown(found['med'])}"
            for system, found in zip(systems, stats, strict=True)
            if _apart(system) == apart
        )
        for apart, name in ((False, "separators"), (True, "not ranked"))
    }
    listed = "; ".join(f"{name}: {medians}" for name, medians in parts.items() if medians)
    alt = f"Box plots of {title}, medians in {unit}, best first. {listed}."
    caption = f"{outside} circle{'s lie' if outside > 1 else ' lies'} beyond the axis."
    return Chart(_svg(result, alt), alt, caption if outside else "")


def _apart(system: System) -> bool:
    return system.kind in (SEEN, "oracle", "mixture")


def _draw_box(
    axes: Axes, n: int, tone: str, found: Mapping[str, Any], dots: Sequence[float]
) -> None:
    line, soft = _COLOURS[tone], _COLOURS[f"{tone}-soft"]
    width = found["q3"] - found["q1"]
    axes.plot([found["whislo"], found["whishi"]], [n, n], lw=1.1, color=line)
    axes.barh(n, width, 0.64, found["q1"], facecolor=soft, edgecolor=line, zorder=3)
    axes.plot([found["med"]] * 2, [n - 0.32, n + 0.32], lw=2.2, color=line, zorder=4)
    axes.plot(dots, [n] * len(dots), "o", ms=3.2, mfc="none", mec=line, mew=0.9)


def _range(systems: Sequence[System], stats: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """From the lowest to the highest whisker, and a little more.

    The mixture, whose artefacts are nought but for rounding, counts only where it lies no further
    from the others than twice their spread.
    """
    ends = [(found["whislo"], found["whishi"]) for found in stats]
    others = [pair for pair, system in zip(ends, systems, strict=True) if system.kind != "mixture"]
    low, high = np.min(others or [(0.0, 0.0)]), np.max(others or [(0.0, 0.0)])
    reach = 2 * (high - low) or np.inf
    near = [pair for pair in ends if low - reach <= pair[0] and pair[1] <= high + reach]
    low, high = min(low, np.min(near)), max(high, np.max(near))
    spare = 0.03 * (high - low) or 0.5
    return float(low - spare), float(high + spare)


def speed_charts(comparison: Comparison) -> list[Block]:
    """Quality against real-time factor, a chart for each stem; none where nothing was timed."""
    factors = {
        system.label: real_time_factor(comparison.own_of(system))
        for system in comparison.systems
        if system.kind == "separator"
    }
    charts = []
    for stem in comparison.stems:
        quality = comparison.headline(stem)
        points = {
            label: (factor, quality[label])
            for label, factor in factors.items()
            if factor and np.isfinite(quality.get(label, np.nan))
        }
        if points:
            lines = _levels(comparison, quality)
            charts.append(scatter(f"{comparison.ranking}, {stem}", points, lines, "dB"))
    caption = "Up is better, left is faster. Lines: mixture and best oracle."
    return [Charts(tuple(charts), caption)] if charts else []


def scatter(
    title: str,
    points: Mapping[str, tuple[float, float]],
    lines: Mapping[str, float],
    unit: str,
) -> Chart:
    """Each separator a point `(real-time factor, quality)`, and a line for each of `lines`.

    All names stand in one column at the right, so that none lies on a point or on another name.
    """
    names = {label: quality for label, (_, quality) in points.items()} | dict(lines)
    order = sorted(names, key=lambda label: (-names[label], label))
    factors = [factor for factor, _ in points.values()]
    with _chart(max(260.0, 15.0 * len(order) + 60), 48, _room(order) + 16) as (axes, result):
        middle = np.sqrt(min(factors) * max(factors))
        reach = max(1.6 * max(factors) / middle, 4.0)  # at least a decade
        spare = 0.08 * (max(names.values()) - min(names.values())) or 1.0
        low, high = min(names.values()) - spare, max(names.values()) + spare
        axes.set(
            xscale="log",
            xlim=(middle / reach, middle * reach),
            ylim=(low, high),
            xlabel="Real-time factor, logarithmic: faster to the left",
            ylabel=f"{title} ({unit})",
        )
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.tick_params(length=0)
        places = _spread([(names[label] - low) / (high - low) for label in order], 0.06)
        for label, place in zip(order, places, strict=True):
            level = label in lines
            at = (middle * reach if level else points[label][0], names[label])
            tone = _COLOURS["oracle" if level else "ours"]
            if level:
                axes.axhline(at[1], color=tone, ls="--", lw=1.2, zorder=1.5)
            axes.annotate(
                _cut(label),
                at,
                (1.06, place),
                textcoords="axes fraction",
                va="center",
                color=tone,
                fontweight="normal" if level else "bold",
                arrowprops={"arrowstyle": "-", "color": _COLOURS["rule"], "lw": 0.8},
            )
        axes.plot(*zip(*points.values(), strict=True), "o", ms=8, color=_COLOURS["ours"],
                  mec=_COLOURS["paper"], zorder=3)  # fmt: skip
    listed = ", ".join(
        f"{label} {shown(quality)} {unit} at {significant(points[label][0])}"
        for label, quality in ((label, names[label]) for label in order)
        if label in points
    )
    alt = f"{title} against the real-time factor: {listed}."
    alt += "".join(f" {label}: {shown(value)} {unit}." for label, value in lines.items())
    return Chart(_svg(result, alt), alt)


def _levels(comparison: Comparison, quality: Mapping[str, float]) -> dict[str, float]:
    """The mixture and the best oracle, ours rather than the campaign's."""
    own = {
        system.label: system.kind
        for system in comparison.systems
        if not system.published and np.isfinite(quality.get(system.label, np.nan))
    }
    found = {label: quality[label] for label, kind in own.items() if kind == "mixture"}
    oracles = [label for label, kind in own.items() if kind == "oracle"]
    if oracles:
        best = max(oracles, key=lambda label: quality[label])
        found[f"{best} (oracle)"] = quality[best]
    return found


def _spread(places: Sequence[float], least: float) -> list[float]:
    """`places`, highest first, moved apart where two are nearer than `least`, within 0 to 1."""
    found: list[float] = []
    for n, place in enumerate(places):
        left = least * (len(places) - n - 1)  # what those below need
        found.append(max(min(place, found[-1] - least if found else 1.0), left))
    return found


def _room(labels: Iterable[str]) -> float:
    """About how wide the widest label is in any of the page's fonts, in bold, and a gap."""
    return 7.0 * max(len(_cut(label)) for label in labels) + 10


def _cut(label: str, most: int = 26) -> str:
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"


@contextmanager
def _chart(height: float, left: float, right: float) -> Iterator[tuple[Axes, io.StringIO]]:
    """Axes to draw on, with room at their sides, which are SVG in the buffer afterwards."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure((WIDTH / 72, height / 72))
        figure.patch.set_visible(False)
        inside = (left, 38, WIDTH - left - right, height - 44)
        size = (WIDTH, height, WIDTH, height)
        axes = figure.add_axes(tuple(np.divide(inside, size)))
        axes.patch.set_visible(False)
        result = io.StringIO()
        yield axes, result
        with matplotlib.rc_context({"svg.hashsalt": "unweave"}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            figure.savefig(result, format="svg", metadata=nothing)


def _svg(result: io.StringIO, alt: str) -> str:
    """The chart as a part of a page: the page's colours and font, no names of its own."""
    text = result.getvalue()
    text = text[text.index("<svg ") :]
    box = re.findall(r'viewBox="[^"]*"', text)[0]
    text = re.sub(r"<svg [^>]*>", f'<svg {box} role="img" aria-label="{escape(alt)}">', text)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"(font(?:-family)?: [^;\"']*)'[^;\"]*", r"\1var(--font)", text)
    for name, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    # Shapes that are drawn often are named by their content; charts of one page must not share.
    own = f"{zlib.crc32(alt.encode()):08x}"
    return re.sub(r'(id="|href="#|url\(#)([mp][0-9a-f]{10})', rf"\g<1>{own}\g<2>", text)
