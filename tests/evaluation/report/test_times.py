"""Times of separators: each weighed by its tracks, and compared only where they ran alike."""

import pytest

from tests.evaluation.report.made import campaign_of, names, track_scores
from tests.evaluation.report.test_tables import cells, labels
from unweave.evaluation.report import times
from unweave.evaluation.report.comparison import comparisons


def test_cost_weighs_tracks_by_their_length():
    items = [
        track_scores("a", length_s=100.0, real_time_factor=0.1),
        track_scores("b", length_s=300.0, real_time_factor=0.5),
    ]
    table = times.cost_table(comparisons(items)[0])
    assert cells(table)["ours"] == (pytest.approx(0.4), pytest.approx(2.5), None)
    assert times.cost_table(comparisons([track_scores("a")])[0]) is None


@pytest.mark.parametrize(
    ("one", "two", "columns", "words"),
    [
        ((1, 2), (1, 2), 3, ""),
        ((2, 1), (2, 1), 3, "time with --jobs 1"),
        ((1, 2), (2, 1), 4, "one with 1 job of 2 threads; two with 2 jobs of 1 thread"),
        ((1, 2), (None, None), 4, "two with an unknown number of jobs"),
        ((None, None), (None, None), 3, ""),
    ],
)
def test_times_of_other_jobs_or_threads_are_not_compared(one, two, columns, words):
    items = [
        track_scores("a", label, real_time_factor=0.1 * n, jobs=way[0], threads=way[1])
        for n, (label, way) in enumerate((("one", one), ("two", two)), start=1)
    ]
    (comparison,) = comparisons(items)
    table = times.cost_table(comparison)
    assert len(table.columns) == columns
    assert bool(table.best()) == (columns == 3)
    said = " ".join(text.words for text in times.time_cautions(comparison))
    assert words in said
    assert bool(said) == bool(words)


def test_fast_ones_come_first():
    found = times.cost_table(comparisons(campaign_of("b", "a", tracks=names(3)))[0])
    assert cells(found)["a"][0] > cells(found)["b"][0]
    assert labels(found) == [["b", "a"]]
