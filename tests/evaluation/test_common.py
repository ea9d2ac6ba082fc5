"""No system gains by what it lacks: tables hold the same tracks for all, stem by stem."""

import math

import numpy as np
import pytest

from tests.evaluation.report.made import clip, names, track_scores
from unweave.evaluation import aggregate
from unweave.evaluation.common import common
from unweave.evaluation.report import chapter, differences, notes, tables
from unweave.evaluation.report.comparison import comparisons
from unweave.evaluation.report.document import Highlights

EASY, HARD = {"vocals": 17.0, "drums": 9.0}, {"vocals": -2.0, "drums": 5.0}


def scores(*systems, count=2):
    """`full` on easy tracks and a hard one, the last; others lack its vocals, or are silent."""
    found = []
    for system in systems:
        for track in names(count):
            levels = dict(HARD if track == names(count)[-1] else EASY)
            if system == "cherry" and levels["vocals"] < 0:
                del levels["vocals"]
            if system == "silent" and levels["vocals"] < 0:
                levels["vocals"] = math.nan
            found.append(track_scores(track, system, levels, dataset="mine"))
    return found


def values(table, column="vocals"):
    return {row.label: (row.values[table.names.index(column)], row.tracks) for row in table.rows}


def bold(table, column="vocals"):
    return {row.label for row, name in table.best() if name == column}


def words(comparison):
    return "\n".join(block.words for block in notes.cautions(comparison))


def test_a_stem_that_one_system_lacks_is_compared_without_that_track():
    (comparison,) = comparisons(scores("full", "cherry"))
    (table,) = tables.overview(comparison)
    assert {value for value, _ in values(table).values()} == {17.0}
    assert {value for value, _ in values(table, "drums").values()} == {7.0}  # both tracks
    assert bold(table) == {"full", "cherry"}
    for metric in comparison.metrics:
        assert np.isnan(comparison.values("vocals", metric)["full"]).tolist() == [False, True]
    assert "cherry lacks vocals of 1 track (track 01)" in words(comparison)


def test_a_silent_estimate_gains_nothing_and_costs_the_others_nothing():
    (comparison,) = comparisons(scores("full", "silent", "third", count=8))
    (table,) = tables.overview(comparison)
    assert bold(table) == {"full", "third"}
    assert [row.label for row in table.rows] == ["full", "third", "silent"]
    assert bold(tables.stem_table(comparison, "vocals"), "SIR") == {"full", "third"}
    assert math.isnan(comparison.headline("vocals")["silent"])
    assert comparison.headline("drums")["silent"] == 9.0
    tested = differences.paired_tests(comparison, "vocals")
    assert {frozenset((test.system, test.baseline)) for test in tested} == {
        frozenset(("full", "third"))
    }
    assert differences.paired_tests(comparison, "vocals", "silent") == []
    assert "silent has no score of vocals in 1 track (track 07)" in words(comparison)


def test_the_headline_is_never_of_one_that_covers_fewer_tracks():
    (comparison,) = comparisons(scores("full", "silent"))
    shown = chapter.chapter(comparison).sections[0].blocks[0]
    assert isinstance(shown, Highlights)
    assert [item[2] for item in shown.scores if item[0].startswith("Vocals")] == ["full"]


def test_a_reference_that_is_silent_leaves_everybody_ranked():
    items = scores("silent") + [
        track_scores(s.track, "other", {stem: s.targets[stem]["SDR"][2] for stem in s.targets},
                     dataset="mine")
        for s in scores("silent")
    ]  # fmt: skip
    (comparison,) = comparisons(items)
    assert not comparison.common.unscored
    assert bold(tables.overview(comparison)[0]) == {"silent", "other"}


def test_a_stem_of_few_tracks_does_not_shrink_everybodys():
    items = scores("full", count=9)
    items += [
        track_scores(t, "few", EASY if n < 3 else {"drums": 9.0}, dataset="mine")
        for n, t in enumerate(names(9))
    ]
    found = common(items)
    assert found.aside_stem == {("few", "vocals"): 3}
    (table, *_) = aggregate.tables(items)
    assert values(table)["full"][1] == "9"
    assert math.isnan(values(table)["few"][0])
    assert "few is left out for vocals: it has it in 3 tracks only." in words(comparisons(items)[0])


def test_clips_follow_the_rule_too():
    items = [clip(t, s, v, 100) for s in ("one", "two") for t, v in (("a", 9.0), ("b", 1.0))]
    items[-1].mir1k["vocals"] |= dict.fromkeys(("SDR", "NSDR", "SIR", "SAR"), math.nan)
    (comparison,) = comparisons(items)
    assert math.isnan(comparison.headline("vocals")["two"])
    assert bold(tables.overview(comparison)[0], "GNSDR") == set()


@pytest.mark.parametrize("of", [1, 2])
def test_tables_of_an_interrupted_run_hold_common_tracks(of):
    items = [s for s in scores("full", "late") if s.separator == "full" or s.track in names(of)]
    found, told = aggregate.compared(items)
    assert {row.tracks for table in found for row in table.rows} == {str(of)}
    assert told == [] if of == 2 else told == [
        "late lacks 1 track (track 01); all tables, plots and tests hold the 1 track that all "
        "systems have."
    ]  # fmt: skip


def test_no_common_track_is_said_and_no_table_shown():
    items = [track_scores("a", "one"), track_scores("b", "two")]
    found, told = aggregate.compared(items)
    assert found == []
    assert told[0] == "No track has scores of all systems, so that nothing can be compared."
