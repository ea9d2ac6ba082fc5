"""The tables hold the right scores, each with its aggregation's name."""

import numpy as np
import pytest

from tests.evaluation.report.made import campaign_of, clip, names, track_scores
from unweave.evaluation import sisec
from unweave.evaluation.report import differences, tables
from unweave.evaluation.report.comparison import comparisons


def cells(table):
    return {row.label: row.values for row in table.rows}


def labels(table):
    return [[row.label for row in rows] for _, rows in table.groups()]


@pytest.fixture
def comparison():
    levels = {"a": 1.0, "b": 2.0, "c": 9.0}
    items = [track_scores(t, "one", {"vocals": v}) for t, v in levels.items()]
    items += [track_scores(t, "two", {"vocals": v + 1, "drums": v}) for t, v in levels.items()]
    items += [track_scores(t, "irm1", {"vocals": v + 9}, kind="oracle") for t, v in levels.items()]
    return comparisons(items)[0]


def test_the_overview_is_the_median_of_medians_best_first_oracles_apart(comparison):
    (table,) = tables.overview(comparison)
    assert "median over frames, then median over tracks (cSDR); 3 tracks" in table.aggregation
    assert labels(table) == [["two", "one"], ["irm1"]]
    assert table.names == ("vocals", "drums")
    assert cells(table)["two"] == pytest.approx((3.0, 2.0))
    assert cells(table)["one"] == pytest.approx((2.0, np.nan), nan_ok=True)
    assert {(row.label, name) for row, name in table.best()} == {("two", "vocals")}


def test_all_metrics_of_a_stem(comparison):
    table = tables.stem_table(comparison, "vocals")
    assert table.names == ("SDR", "ISR", "SIR", "SAR")
    assert cells(table)["one"] == pytest.approx((2.0, 7.0, 5.0, 3.0))
    assert list(cells(tables.stem_table(comparison, "drums"))) == ["two"]


def test_the_mean_is_another_table_with_another_name(comparison):
    (table,) = tables.other_averages(comparison)
    assert "mean over tracks" in table.aggregation
    assert cells(table)["one"][0] == pytest.approx(4.0)


def test_rows_on_different_numbers_of_tracks_say_so():
    items = [track_scores(t, "one", {"vocals": 1.0}) for t in "abc"]
    items += [
        track_scores(t, "two", {"vocals": v}) for t, v in {"a": 1, "b": 2, "c": np.nan}.items()
    ]
    (table,) = tables.overview(comparisons(items)[0])
    assert table.columns[-1].name == "Tracks"
    assert "track" not in table.aggregation.removeprefix("median over frames, then median over")[8:]
    assert {label: row[-1] for label, row in cells(table).items()} == {"one": 3, "two": 2}


def test_global_figures_are_means_over_tracks():
    figures = {"vocals": {"global_sdr_db": 3.0, "si_sdr_db": 1.0, "snr_db": 3.0}}
    items = [
        track_scores("a", global_=figures),
        track_scores("b", global_={"vocals": {k: v + 2 for k, v in figures["vocals"].items()}}),
    ]
    found = {table.title: table for table in tables.other_averages(comparisons(items)[0])}
    assert cells(found["Global SDR"])["ours"][0] == pytest.approx(4.0)
    assert cells(found["SI-SDR"])["ours"][0] == pytest.approx(2.0)
    assert "whole track" in found["Global SDR"].aggregation


def test_ours_stand_among_the_campaigns():
    songs = list(sisec.campaign().tracks)
    items = [track_scores(t, "ours", {"vocals": 6.55}) for t in songs]
    (table,) = tables.overview(comparisons(items)[0])
    ranked, apart = labels(table)
    assert ranked[:5] == ["TAK2", "TAU1", "TAK3", "TAK1", "ours"]
    assert apart[0] == "IRM2"
    assert cells(table)["TAU1"] == pytest.approx((7.15,), abs=0.006)
    four = dict.fromkeys(("vocals", "drums", "bass", "other"), 6.55)
    (table,) = tables.overview(comparisons([track_scores(t, "ours", four) for t in songs])[0])
    assert cells(table)["TAU1"] == pytest.approx((7.15, 6.96, 5.86, 4.73), abs=0.006)


def test_stems_that_no_separator_of_ours_gives_have_no_column():
    four = dict.fromkeys(("vocals", "drums", "bass", "other"), 6.55)
    ours, ideal = track_scores("a", "ours"), track_scores("a", "irm2", four, kind="oracle")
    assert comparisons([ours, ideal])[0].stems == ("vocals", "accompaniment")
    assert comparisons([ideal])[0].stems == ("vocals", "drums", "bass", "other")


def test_elsewhere_the_campaign_is_a_table_of_its_own():
    table = tables.campaign_apart()
    assert len(labels(table)[0]) == 25
    assert "50 tracks" in table.aggregation
    assert sisec.CITATION in table.notes[1]


def test_mir1k_has_its_three_figures_and_papers_beside_it_unranked():
    items = [clip("a", "one", 4.0, 100), clip("b", "one", 8.0, 300)]
    items += [clip("a", "two", 5.0, 100), clip("b", "two", 6.0, 300)]
    table, *cautions = tables.overview(comparisons(items)[0])
    assert table.names == ("GNSDR", "GSIR", "GSAR")
    assert cells(table)["one"] == pytest.approx((7.0, 12.0, 9.0))
    assert cells(table)["DRNN-2, joint mask"] == (7.27, 11.98, 9.99)
    assert {row.label for row, _ in table.best()} == {"one"}
    assert "from memory" in cautions[0].words
    assert cautions[0].caution
    assert any("Huang" in note for note in table.notes)


def test_the_map_has_every_score_easiest_track_first():
    (comparison,) = comparisons(campaign_of("one", "two", "irm1", tracks=names(5), split="train"))
    heat = tables.heat_map(comparison, "vocals")
    assert heat.names == ("one", "two", "irm1")
    scores = comparison.values("vocals", "SDR")
    for row in heat.rows:
        at = comparison.tracks.index(row.label)
        assert list(row.values) == [scores[label][at] for label in heat.names]
    ease = [np.median(row.values[:2]) for row in heat.rows]
    assert ease == sorted(ease, reverse=True)


def test_a_track_without_any_score_comes_last_in_the_map():
    items = [track_scores("a", levels={"vocals": np.nan}), track_scores("b")]
    heat = tables.heat_map(comparisons(items)[0], "vocals")
    assert [row.label for row in heat.rows] == ["b", "a"]


def test_who_was_trained_on_these_songs_is_not_ranked():
    names = [f"track {n}" for n in range(8)]
    items = [track_scores(t, "one", {"vocals": 1.0 + n}) for n, t in enumerate(names)]
    items += [track_scores(t, "two", {"vocals": 2.0 + 2 * n}) for n, t in enumerate(names)]
    items += [
        track_scores(t, "best", {"vocals": 20.0 + n}, seen_in_training=True)
        for n, t in enumerate(names)
    ]
    comparison = comparisons(items)[0]
    (table,) = tables.overview(comparison)
    assert [name for name, _ in table.groups()] == ["Separators", "Not ranked"]
    assert labels(table) == [["two", "one"], ["best"]]
    assert {row.label for row, _ in table.best()} == {"two"}
    assert "best (trained on these songs)" in table.markdown()
    tested = differences.paired_tests(comparison, "vocals")
    assert {(test.system, test.baseline) for test in tested} == {("two", "one")}
    assert differences.paired_tests(comparison, "vocals", baseline="best") == []
