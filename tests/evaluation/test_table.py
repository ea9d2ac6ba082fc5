"""Figures as text, and which of them are the best."""

import math
import sys

import pytest

from unweave.errors import UsageError
from unweave.evaluation.table import RANKED, Column, Row, Table
from unweave.evaluation.text import shown, significant


def table(*groups, best="high", decimals=2):
    rows = [
        Row(f"{g}{n}", (value,), group=RANKED if ranked else "Apart")
        for g, (values, ranked) in enumerate(groups)
        for n, value in enumerate(values)
    ]
    return Table(
        title="t",
        aggregation="as it is",
        columns=(Column("x", "dB", decimals, best),),
        rows=tuple(rows),
    )


def best(table):
    return {row.label for row, _ in table.best()}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.005, "1.00"),
        (-3.456, "−3.46"),
        (-0.001, "0.00"),
        (0.0, "0.00"),
        (7, "7"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        ("words", "words"),
    ],
)
def test_shown(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00031, "0.00031"), (0.046, "0.046"), (1.44, "1.4"), (123.4, "123"), (9.96, "10"), (0, "0")],
)
def test_two_significant_digits(value, text):
    assert significant(value) in (text, text + ".0")


def test_best_among_ranked_groups_only():
    assert best(table(([1.0, 3.0], True), ([9.0], False))) == {"01"}
    assert best(table(([1.0, 3.0], True), best="low")) == {"00"}
    assert best(table(([1.0, 3.0], True), best="")) == set()
    assert best(table(([1.0, math.inf], True))) == {"01"}


def test_what_reads_equal_shares_the_honour():
    assert best(table(([3.001, 3.004, 2.99], True))) == {"00", "01"}
    assert best(table(([0.0461, 0.0459, 0.05], True), best="low", decimals=None)) == {"00", "01"}


def test_no_best_without_a_competitor():
    assert best(table(([3.0], True))) == set()
    assert best(table(([3.0, math.nan, None], True))) == set()


def test_as_text_markdown_latex_html_and_json():
    found = Table(
        title="SDR",
        aggregation="median_of_all",
        columns=(Column("vocals", "dB", best="high"), Column("p", text=True)),
        rows=(Row("a_b", (1.0, "<0.1"), group=RANKED, counts=(3, 3)),
              Row("c&d", (math.inf, None), group=RANKED, counts=(2, 3)),
              Row("e", (math.nan, "x|y"), group="Apart", counts=(0, 0))),
    )  # fmt: skip
    assert str(found).splitlines() == [
        "SDR: median_of_all",
        "       vocals     p  tracks",
        "  a_b    1.00  <0.1       3",
        "  c&d       ∞     -  2 to 3",
        "  e         -   x|y       0",
    ]
    assert found.markdown().splitlines() == [
        "| System       | vocals (dB) |     p |",
        "| :----------- | ----------: | ----: |",
        "| *Separators* |             |       |",
        "| a\\_b         |        1.00 | \\<0.1 |",
        "| c&d          |       **∞** |     – |",
        "| *Apart*      |             |       |",
        "| e            |           – |  x\\|y |",
    ]
    latex = found.to_latex()
    assert r"\caption{SDR: median\_of\_all}" in latex
    assert r"a\_b & 1.00 & $<$0.1 \\" in latex
    assert r"c\&d & \textbf{$\infty$} & -- \\" in latex
    html = found._repr_html_()
    assert "<strong>∞</strong>" in html
    assert "c&amp;d" in html
    assert [row["values"] for row in found.document()["rows"]] == [
        [1.0, "<0.1"], [None, None], [None, "x|y"],
    ]  # fmt: skip


def test_a_frame_and_one_line_without_pandas(monkeypatch):
    pandas = pytest.importorskip("pandas")
    found = table(([1.0, 2.0], True)).to_frame()
    pandas.testing.assert_frame_equal(found, pandas.DataFrame({"x": [1.0, 2.0]}, ["00", "01"]))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        table(([1.0], True)).to_frame()
