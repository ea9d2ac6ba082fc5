"""Figures as text, and which of them are the best."""

import math

import pytest

from unweave.bench.report.page import Column, Group, Row, Table, shown, significant


def table(*groups, best="high", decimals=2):
    return Table(
        title="t",
        aggregation="as it is",
        columns=(Column("x", "dB", decimals, best),),
        groups=tuple(
            Group("", tuple(Row(str(n), (v,)) for n, v in enumerate(values)), ranked)
            for values, ranked in groups
        ),
    )


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
    found = table(([1.0, 3.0], True), ([9.0], False), ([2.0], True)).best()
    assert found == {(0, 1, 0)}
    assert table(([1.0, 3.0], True), best="low").best() == {(0, 0, 0)}
    assert table(([1.0, 3.0], True), best="").best() == set()


def test_what_reads_equal_shares_the_honour():
    assert table(([3.001, 3.004, 2.99], True)).best() == {(0, 0, 0), (0, 1, 0)}
    assert table(([0.0461, 0.0459, 0.05], True), best="low", decimals=None).best() == {
        (0, 0, 0),
        (0, 1, 0),
    }


def test_no_best_without_a_competitor():
    assert table(([3.0], True)).best() == set()
    assert table(([3.0, math.nan, None], True)).best() == set()
