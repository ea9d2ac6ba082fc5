"""Who is tested against whom, and how the outcome reads."""

import pytest

from tests.evaluation.report.made import campaign_of, names, track_scores
from unweave.errors import UsageError
from unweave.evaluation import sisec
from unweave.evaluation.report import differences
from unweave.evaluation.report.comparison import comparisons


@pytest.fixture
def comparison():
    return comparisons(
        campaign_of("one", "two", "irm1", "mixture", tracks=names(20), split="train")
    )[0]


def pairs(found):
    return {frozenset((item.system, item.baseline)) for item in found}


def cells(table):
    return {row.label: row.values for row in table.rows}


def test_each_separator_against_everybody_once(comparison):
    found = differences.paired_tests(comparison, "vocals")
    assert len(found) == len(pairs(found)) == 5  # not irm1 against mixture
    assert frozenset(("irm1", "mixture")) not in pairs(found)


def test_a_baseline_against_everybody(comparison):
    found = differences.paired_tests(comparison, "vocals", "irm1")
    assert {item.baseline for item in found} == {"irm1"}
    assert {item.system for item in found} == {"one", "two", "mixture"}


def test_only_oracles_are_compared_with_each_other():
    items = campaign_of("irm1", "irm2", "mwf", tracks=names(8), split="train")
    assert len(differences.paired_tests(comparisons(items)[0], "vocals")) == 3


def test_a_stem_that_no_separator_has_is_not_tested(comparison):
    drums = {"drums": 1.0}
    more = [track_scores(t, "irm2", drums, kind="oracle", split="train") for t in comparison.tracks]
    (both,) = comparisons([*comparison.scores, *more])
    assert list(both.values("drums", "SDR")) == ["irm2"]
    assert both.stems == ("vocals", "accompaniment")
    assert differences.baselines(both, "drums") == []
    assert differences.difference_table(both, "drums") == []


@pytest.mark.parametrize(
    ("count", "baseline", "reached"), [(8, None, False), (8, "one", True), (20, None, True)]
)
def test_the_page_says_where_nothing_can_be_shown(count, baseline, reached):
    """8 tracks and 10 comparisons: winning on all of them has p = 10 x 2 / 256 after Holm."""
    rows = ("one", "two", "three", "four", "irm1")
    (comparison,) = comparisons(campaign_of(*rows, tracks=names(count), split="train"))
    *cautions, table = differences.difference_table(comparison, "vocals", baseline)
    if reached:
        assert cautions == []
    else:
        (caution,) = cautions
        assert caution.caution
        assert "8 tracks and 10 comparisons no difference can be shown" in caution.words
        assert "p = 0.078" in caution.words
        marks = [cell for row in cells(table).values() for cell in row if cell]
        assert all(cell.endswith("○") for cell in marks)


def test_one_baseline_gives_details(comparison):
    (table,) = differences.difference_table(comparison, "vocals", "two")
    difference, p, corrected, tracks, verdict = cells(table)["one"]
    assert difference == pytest.approx(1.0, abs=0.3)
    assert (p, tracks, verdict) == ("<0.0001", 20, "▲ better")
    assert corrected in ("<0.0001",) or float(corrected) < 0.05
    assert "3 comparisons in the family" in table.aggregation


def test_several_give_a_matrix_that_reads_both_ways(comparison):
    (table,) = differences.difference_table(comparison, "vocals")
    assert table.names == ("one", "two")  # the better one first
    found = cells(table)
    assert found["one"][0] is None
    assert found["two"][1] is None
    assert found["one"][1].startswith("+")
    assert found["one"][1].endswith("▲")
    assert found["two"][0] == found["one"][1].replace("+", "−").replace("▲", "▼")
    assert "20 tracks each" in table.aggregation


def test_equal_systems_show_no_difference():
    items = campaign_of("one", tracks=names(12), split="train")
    items += [track_scores(s.track, "two", split="train") for s in items]
    items += [track_scores(s.track, "three", split="train") for s in items[:12]]
    (table,) = differences.difference_table(comparisons(items)[0], "accompaniment", "two")
    assert cells(table)["three"][1:] == ("1.00", "1.00", 12, "no difference shown")


def test_too_few_tracks_are_said():
    items = campaign_of("one", "two", tracks=names(5), split="train")
    (text,) = differences.difference_table(comparisons(items)[0], "vocals")
    assert "5 common tracks" in text.words


def test_the_campaigns_systems_are_tested_on_the_same_songs():
    songs = list(sisec.campaign().tracks)
    comparison = comparisons(campaign_of("one", tracks=songs))[0]
    found = {item.system: item for item in differences.paired_tests(comparison, "vocals")}
    assert len(found) == 31
    assert found["HPLP"].tracks == 50
    assert found["HPLP"].significant
    assert found["HPLP"].difference < -3


def test_an_unknown_baseline_is_refused_with_those_there_are(comparison):
    differences.check_baseline([comparison], "mixture")
    with pytest.raises(UsageError, match=r"nobody.*irm1, mixture, one, two"):
        differences.check_baseline([comparison], "nobody")


@pytest.mark.parametrize(
    ("p", "text"),
    [(1e-9, "<0.0001"), (0.00031, "0.00031"), (0.049, "0.049"), (0.5, "0.50"), (1.0, "1.00"),
     (float("nan"), "–")],
)  # fmt: skip
def test_p_is_never_shown_as_zero(p, text):
    assert differences.p_value(p) == text
