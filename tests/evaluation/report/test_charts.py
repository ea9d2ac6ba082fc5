"""The charts show the scores: places on the axis are computed again from the SVG."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tests.evaluation.report.made import campaign_of, clip, names, track_scores
from unweave.evaluation.report import charts
from unweave.evaluation.report.charts import box_plot, scatter
from unweave.evaluation.report.comparison import System, comparisons

VALUES = np.array([0.0, 4.0, 5.0, 5.5, 6.0, 7.0, 7.5, 30.0])


def parse(chart):
    return ET.fromstring(chart.svg.replace("xlink:", ""))


def words(chart):
    """`[text]`: the place of each text."""
    return {t.text: (float(t.get("x")), float(t.get("y"))) for t in parse(chart).iter("text")}


def axis(chart):
    """A function from the chart's x to values, by two ticks on one line."""
    ticks = [(x, y, float(text.replace("−", "-"))) for text, (x, y) in words(chart).items()
             if re.fullmatch(r"[−\d.]+", text)]  # fmt: skip
    lowest = max(y for _, y, _ in ticks)
    (x0, _, a), (x1, _, b) = [tick for tick in ticks if tick[1] == lowest][:2]
    return lambda x: a + (x - x0) / (x1 - x0) * (b - a)


def shapes(chart, colour, element="path"):
    """`(xs, ys)` of each path that is drawn in a colour of the page."""
    found = []
    for path in parse(chart).iter(element):
        if f"stroke: var(--{colour})" in path.get("style", "") and path.get("clip-path"):
            numbers = re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path.get("d"))
            found.append(np.array(numbers, float).T)
    return found


def circles(chart):
    return [(float(use.get("x")), float(use.get("y"))) for use in parse(chart).iter("use")]


def test_a_box_shows_quartiles_median_whiskers_and_what_lies_beyond():
    boxes = [(System("a", "separator"), VALUES), (System("b", "oracle"), VALUES + 9)]
    chart = box_plot("SDR", boxes, "dB")
    value = axis(chart)
    ends = sorted((value(xs.min()), value(xs.max())) for xs, _ in shapes(chart, "ours"))
    q1, middle, q3 = np.percentile(VALUES, [25, 50, 75])
    wanted = sorted([(4.0, 7.5), (q1, q3), (middle, middle)])
    np.testing.assert_allclose(ends, wanted, atol=0.03)
    assert [round(value(x), 1) for x, _ in circles(chart)] == [9.0]
    assert chart.caption == "3 circles lie beyond the axis."
    assert chart.alt in chart.svg


def test_circles_beyond_the_axis_are_counted_and_not_drawn():
    chart = box_plot("SDR", [(System("a", "separator"), VALUES)], "dB")
    assert chart.caption == "2 circles lie beyond the axis."
    assert circles(chart) == []


def test_best_median_first_and_oracles_below_on_their_ground():
    boxes = [
        (System("worse", "separator"), np.array([1.0, 2.0, 3.0])),
        (System("oracle", "oracle"), np.array([8.0, 9.0, 10.0])),
        (System("better", "published"), np.array([3.0, 4.0, 5.0])),
        (System("mixture", "mixture"), np.array([0.0, 0.1, 0.2])),
    ]
    chart = box_plot("SDR", boxes, "dB")
    heights = {text: y for text, (_, y) in words(chart).items()}
    order = sorted(("better", "worse", "oracle", "mixture"), key=heights.get)
    assert order == ["better", "worse", "oracle", "mixture"]
    (ground,) = [path for path in parse(chart).iter("path")
                 if "fill: var(--apart)" in path.get("style", "")]  # fmt: skip
    ys = [float(y) for _, y in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", ground.get("d"))]
    assert heights["worse"] < min(ys) < heights["oracle"] < heights["mixture"] < max(ys) + 5


def test_a_mixture_far_off_does_not_squeeze_the_others():
    ours = (System("a", "separator"), np.array([1.0, 2.0, 3.0]))
    far = box_plot("SAR", [ours, (System("mixture", "mixture"), np.array([150.0, 152.0]))], "dB")
    assert "median 151.0 →" in far.svg
    assert axis(far)(400) < 10
    near = box_plot("SAR", [ours, (System("mixture", "mixture"), np.array([5.0, 6.0]))], "dB")
    assert "→" not in near.svg


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0, 3.0]])
@pytest.mark.parametrize("kind", ["separator", "mixture"])
def test_one_track_or_equal_ones_have_a_chart_too(values, kind):
    chart = box_plot("SDR", [(System("a", kind), np.array(values))], "dB")
    assert "nan" not in chart.svg


def test_scatter_is_logarithmic_and_nothing_leaves_it():
    points = {"a": (0.01, 5.0), "b": (0.1, 6.0), "c": (1.0, 7.0)}
    chart = scatter("cSDR", points, {"mixture": 1.0}, "dB")
    (ax, ay), (bx, by), (cx, cy) = circles(chart)
    assert bx - ax == pytest.approx(cx - bx, abs=0.02)
    assert ay - by == pytest.approx(by - cy, abs=0.02)
    height = float(parse(chart).get("viewBox").split()[-1])
    for x, y in [*words(chart).values(), *circles(chart)]:
        assert 0 <= x <= 400
        assert 0 <= y <= height
    assert "a 5.00 dB at 0.010" in chart.alt
    assert "mixture: 1.00 dB" in chart.alt


def test_names_do_not_lie_on_each_other():
    points = {f"system {n}": (0.1, 5.0 + 0.01 * n) for n in range(20)}
    found = words(scatter("cSDR", points, {"mixture": 1.0, "irm1 (oracle)": 5.1}, "dB"))
    heights = sorted(y for text, (_, y) in found.items() if re.match("system|mix|irm", text))
    assert len(heights) == 22
    assert min(np.diff(heights)) >= 10.5


def test_nothing_timed_no_chart():
    assert charts.speed_charts(comparisons([track_scores("a")])[0]) == []
    assert charts.speed_charts(comparisons([clip("a", "ours", 5.0, 100)])[0]) == []


def test_lines_are_our_mixture_and_our_best_oracle():
    items = campaign_of("one", "irm1", "irm2", "mixture", tracks=names(3), split="train")
    (comparison,) = comparisons(items)
    (block,) = charts.speed_charts(comparison)
    levels = comparison.headline("vocals")
    best = max(("irm1", "irm2"), key=levels.get)
    assert f"{best} (oracle): " in block.charts[0].alt
    assert "mixture: " in block.charts[0].alt


def test_long_names_are_cut_and_markup_in_them_is_text():
    chart = box_plot("SDR", [(System("<b>$" * 30, "separator"), VALUES)], "dB")
    (label,) = [text for text in words(chart) if text.startswith("<b>")]
    assert label.startswith("<b>$<b>$")
    assert label.endswith("…")
