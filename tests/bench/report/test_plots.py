"""The pictures show the scores: places on the axis are computed again from the SVG."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tests.bench.report.made import campaign_of, clip, names, track_scores
from unweave.bench.report import colours, plots, svg
from unweave.bench.report.boxes import Box, box_plot
from unweave.bench.report.scatter import Point, scatter
from unweave.bench.report.study import studies


def parse(figure):
    return ET.fromstring(figure.svg)


def rows(figure):
    """`[label]`: the group of shapes of each row, from top to bottom."""
    groups = [g for g in parse(figure).iter("g") if g.find("text") is not None]
    return {g.find("text").text: g for g in groups}


def axis(figure):
    """A function from the picture's x to values, by two ticks."""
    words = [t for t in parse(figure).iter("text") if t.get("class") == "tick"]
    numbers = [(float(t.get("x")), t.text.replace("−", "-")) for t in words]
    (x0, a), (x1, b) = [(x, float(n)) for x, n in numbers if re.fullmatch(r"-?[\d.]+", n)][:2]
    return lambda x: a + (float(x) - x0) / (x1 - x0) * (b - a)


VALUES = np.array([0.0, 4.0, 5.0, 5.5, 6.0, 7.0, 7.5, 30.0])


def test_a_box_shows_quartiles_median_whiskers_and_what_lies_beyond():
    figure = box_plot("SDR", [Box("a", "separator", VALUES), Box("b", "oracle", VALUES + 9)], "dB")
    value = axis(figure)
    row = rows(figure)["a"]
    box = row.find("rect")
    q1, middle, q3 = np.percentile(VALUES, [25, 50, 75])
    assert value(box.get("x")) == pytest.approx(q1, abs=0.05)
    width = value(float(box.get("x")) + float(box.get("width"))) - value(box.get("x"))
    assert width == pytest.approx(q3 - q1, abs=0.05)
    whisker, median = row.findall("line")
    assert value(median.get("x1")) == pytest.approx(middle, abs=0.05)
    ends = [value(whisker.get(x)) for x in ("x1", "x2")]
    assert ends == pytest.approx([4.0, 7.5], abs=0.05)
    (circle,) = rows(figure)["b"].findall("circle")
    assert value(circle.get("cx")) == pytest.approx(9.0, abs=0.05)
    assert figure.caption == "3 circles lie beyond the axis."
    assert figure.alt in figure.svg


def test_circles_beyond_the_axis_are_counted():
    figure = box_plot("SDR", [Box("a", "separator", VALUES)], "dB")
    assert figure.caption == "2 circles lie beyond the axis."
    assert len(rows(figure)["a"].findall("circle")) == 0


def test_best_median_first_and_oracles_below():
    boxes = [
        Box("worse", "separator", np.array([1.0, 2.0, 3.0])),
        Box("oracle", "oracle", np.array([8.0, 9.0, 10.0])),
        Box("better", "published", np.array([3.0, 4.0, 5.0])),
        Box("mixture", "mixture", np.array([0.0, 0.1, 0.2])),
    ]
    figure = box_plot("SDR", boxes, "dB")
    assert list(rows(figure)) == ["better", "worse", "oracle", "mixture"]
    shade = next(r for r in parse(figure).iter("rect") if r.get("class") == "apart")
    middle = {k: float(g.find("text").get("y")) for k, g in rows(figure).items()}
    assert middle["worse"] < float(shade.get("y")) < middle["oracle"]


def test_a_mixture_far_off_does_not_squeeze_the_others():
    boxes = [
        Box("a", "separator", np.array([1.0, 2.0, 3.0])),
        Box("mixture", "mixture", np.array([150.0, 151.0, 152.0])),
    ]
    figure = box_plot("SAR", boxes, "dB")
    assert "median 151.0 →" in figure.svg
    assert axis(figure)(400) < 10
    near = box_plot("SAR", [boxes[0], Box("mixture", "mixture", np.array([5.0, 6.0]))], "dB")
    assert "→" not in near.svg


def test_one_track_or_equal_ones_have_a_picture_too():
    for values in ([3.0], [3.0, 3.0, 3.0]):
        figure = box_plot("SDR", [Box("a", "separator", np.array(values))], "dB")
        assert "nan" not in figure.svg


def test_scatter_is_logarithmic_and_nothing_leaves_it():
    points = [Point("a", 5.0, 0.01), Point("b", 6.0, 0.1), Point("c", 7.0, 1.0)]
    figure = scatter("cSDR", "dB", points, [("mixture", 1.0)])
    at = {
        g.find("text").text: [float(g.find("circle").get(k)) for k in ("cx", "cy")]
        for g in parse(figure).iter("g")
        if g.find("circle") is not None
    }
    assert at["b"][0] - at["a"][0] == pytest.approx(at["c"][0] - at["b"][0], abs=0.02)
    assert at["a"][1] - at["b"][1] == pytest.approx(at["b"][1] - at["c"][1], abs=0.02)
    for name, where in (("x", 400), ("cx", 400), ("y", 300), ("cy", 300)):
        assert all(0 <= float(v) <= where for v in re.findall(rf'\b{name}="([\d.-]+)"', figure.svg))
    assert "a 5.00 dB at 0.010" in figure.alt


def test_labels_do_not_lie_on_each_other():
    points = [Point(f"system {n}", 5.0 + 0.01 * n, 0.1) for n in range(6)]
    figure = scatter("cSDR", "dB", points, [])
    places = [
        (float(g.find("text").get("x")), float(g.find("text").get("y")))
        for g in parse(figure).iter("g")
        if g.find("circle") is not None
    ]
    for n, (x, y) in enumerate(places):
        assert all(x != a or abs(y - b) >= 11 for a, b in places[:n])


def test_the_map_has_every_figure_easiest_track_first():
    items = campaign_of("one", "two", "irm1", tracks=names(5), split="train")
    study = studies(items)[0]
    heat = plots.heat_map(study, "vocals")
    assert heat.columns == ("one", "two", "irm1")
    scores = study.values("vocals", "SDR")
    for track, row in zip(heat.rows, heat.values, strict=True):
        at = study.tracks.index(track)
        assert row == [scores[label][at] for label in heat.columns]
    ease = [np.median(row[:2]) for row in heat.values]
    assert ease == sorted(ease, reverse=True)


def test_a_track_without_any_score_comes_last():
    items = [track_scores("a", levels={"vocals": np.nan}), track_scores("b")]
    heat = plots.heat_map(studies(items)[0], "vocals")
    assert heat.rows == ("b", "a")


def test_nothing_timed_no_picture():
    assert plots.speed_plots(studies([track_scores("a")])[0]) == []
    assert plots.speed_plots(studies([clip("a", "ours", 5.0, 100)])[0]) == []


def test_the_ramp_only_falls_in_lightness_and_its_ink_can_be_read():
    light, dark = colours.rules().split("@media")
    for rules, order in ((light, -1), (dark, 1)):
        found = re.findall(r"\.h(\d+)\{background:#(\w{6});color:#(\w{3})\}", rules)
        assert [int(n) for n, *_ in found] == list(range(colours.STEPS))
        luminances = [
            colours._luminance(tuple(bytes.fromhex(colour)))  # type: ignore[arg-type]
            for _, colour, _ in found
        ]
        assert luminances == sorted(luminances, reverse=order < 0)
        for luminance, (*_, ink) in zip(luminances, found, strict=True):
            contrast = (luminance + 0.05) / 0.05 if ink == "000" else 1.05 / (luminance + 0.05)
            assert contrast >= 4.5  # WCAG 2, level AA


def test_steps_of_the_ramp():
    assert [colours.step(v, 0.0, 16.0) for v in (-9, 0, 0.99, 1, 15.9, 16, 99)] == [
        0, 0, 0, 1, 15, 15, 15,
    ]  # fmt: skip
    assert colours.step(1.0, 1.0, 1.0) == colours.STEPS // 2


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (-1.2, 5.3, [-1, 0, 1, 2, 3, 4, 5]),
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-68, 20, [-60, -40, -20, 0, 20]),
    ],
)
def test_ticks_are_round(low, high, wanted):
    assert svg.ticks(low, high) == pytest.approx(wanted)


def test_logarithmic_ticks():
    assert svg.log_ticks(0.008, 0.3) == pytest.approx([0.01, 0.02, 0.05, 0.1, 0.2])
    assert svg.log_ticks(0.0005, 2.0) == pytest.approx([0.001, 0.01, 0.1, 1.0])


def test_long_names_are_cut_and_markup_in_them_is_text():
    figure = box_plot("SDR", [Box("<b>" * 30, "separator", VALUES)], "dB")
    (label,) = rows(figure)
    assert label.startswith("<b><b>")
    assert label.endswith("…")
