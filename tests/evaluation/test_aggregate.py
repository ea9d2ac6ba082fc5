import math
from dataclasses import replace

import numpy as np
import pytest

from unweave.errors import InputError
from unweave.evaluation import aggregate, scores
from unweave.evaluation.scores import METRICS, MIR_1K, TrackScores


def track(name, separator, frames, samples=100, **more) -> TrackScores:
    """frames: SDR of the vocals; the other metrics are 1, 2 and 3 dB higher."""
    values = np.array(frames, np.float64)
    facts = {
        "dataset": "d",
        "split": "test",
        "track": name,
        "separator": separator,
        "samples": samples,
        "targets": {"vocals": {metric: values + n for n, metric in enumerate(METRICS)}},
        "global_": {"vocals": {"global_sdr_db": values[0], "si_sdr_db": 0.0, "snr_db": 1.0}},
    }
    return TrackScores(**facts | more)


NAN = math.nan
SCORES = [
    track("a", "one", [1.0, NAN, 2.0, 9.0]),  # median 2
    track("b", "one", [10.0, 20.0]),  # 15
    track("c", "one", [NAN, NAN]),  # no score
    track("d", "one", [4.0]),
    track("a", "two", [1.0]),
    track("a", "ibm1", [5.0], kind="oracle"),
]


def test_median_of_frames_then_of_tracks():
    table = aggregate.csdr_table(SCORES)
    assert table.names == ("vocals",)
    assert [(row.label, row.kind, row.tracks) for row in table.rows] == [
        ("one", "separator", "3"),
        ("two", "separator", "1"),
        ("ibm1", "oracle", "1"),
    ]
    assert table.rows[0].values == (4.0,)
    assert "median over tracks" in table.aggregation
    assert aggregate.csdr_table(SCORES, "SAR").rows[0].values == (4.0 + METRICS.index("SAR"),)


def test_mean_of_tracks():
    table = aggregate.mean_table(SCORES)
    assert table.rows[0].values == (7.0,)
    assert "mean over tracks" in table.aggregation
    assert "median over frames" in table.aggregation


def test_global():
    table = aggregate.global_table(SCORES[:2])
    assert table.rows[0].values == (5.5,)
    assert "global SDR" in table.title
    assert aggregate.global_table(SCORES[:2], "snr_db").rows[0].values == (1.0,)


def test_every_table_names_its_aggregation():
    found = aggregate.tables(SCORES)
    assert len(found) == 3
    assert len({table.aggregation for table in found}) == 3


def test_columns_in_the_customary_order():
    values = SCORES[0].targets["vocals"]
    wide = replace(
        SCORES[0],
        targets=dict.fromkeys(("accompaniment", "piano", "bass", "vocals"), values),
        global_={},
    )
    table = aggregate.csdr_table([wide, SCORES[4]])
    assert table.names == ("vocals", "bass", "accompaniment", "piano")
    assert table.rows[1].values[0] == 1.0
    assert all(math.isnan(value) for value in table.rows[1].values[1:])
    assert table.rows[1].counts == (1, 0, 0, 0)
    assert table.rows[1].tracks == "1"


def test_mir_1k_is_weighted_by_length():
    def clip(name, nsdr, samples):
        figures = {"SDR": nsdr + 1, "SIR": 2 * nsdr, "SAR": 3 * nsdr, "NSDR": nsdr}
        return track(name, "x", [nsdr], samples, protocol=MIR_1K, mir1k={"vocals": figures})

    clips = [clip("a", 2.0, 100), clip("b", 8.0, 300), clip("c", NAN, 900)]
    table = aggregate.mir1k_table(clips)
    assert table.names == ("vocals GNSDR", "vocals GSIR", "vocals GSAR")
    assert table.rows[0].values == pytest.approx((6.5, 13.0, 19.5))
    assert table.rows[0].tracks == "2"
    assert "weighted" in table.aggregation
    # Frames of v3 are no frames of v4.
    assert aggregate.csdr_table(clips).rows == ()
    assert aggregate.tables([*clips, *SCORES])[0].title.startswith("MIR-1K")


def test_values_by_track_for_the_report():
    assert aggregate.track_values(SCORES, "vocals")["one"]["a"] == 2.0
    assert math.isnan(aggregate.track_values(SCORES, "vocals")["one"]["c"])
    assert aggregate.track_values(SCORES, "drums") == {}


def test_load(tmp_path):
    for item in SCORES:
        scores.write(item, scores.path_of(tmp_path, "d", item.separator, item.split, item.track))
    (tmp_path / "d" / "one" / "test" / ".a.json.partial").write_text("{")
    (tmp_path / "d" / "notes.txt").write_text("no scores")
    found = aggregate.load(tmp_path)
    assert [(s.separator, s.track) for s in found] == [
        ("one", "a"), ("one", "b"), ("one", "c"), ("one", "d"), ("two", "a"), ("ibm1", "a"),
    ]  # fmt: skip
    assert aggregate.csdr_table(found) == aggregate.csdr_table(SCORES)
    with pytest.raises(InputError, match="unweave benchmark"):
        aggregate.load(tmp_path / "d" / "none")
    (tmp_path / "d" / "odd.json").write_text("[]")
    said = []
    assert len(aggregate.load(tmp_path, said.append)) == len(found)
    (line,) = said
    assert "odd.json" in line


def test_scores_made_in_two_ways_never_stand_in_one_row(tmp_path):
    """One row's folder after an upgrade that scored only one of its tracks anew."""
    made = {"software": "0.1.0", "options": {"share": 0.5}}
    for name, more in (("a", {}), ("b", {}), ("c", {"software": "0.2.0"})):
        item = replace(track(name, "one", [1.0]), **made | more)
        scores.write(item, scores.path_of(tmp_path, "d", "one", "test", name))
    said = []
    assert [item.track for item in aggregate.load(tmp_path, said.append)] == ["a", "b"]
    assert said == [
        "one: 1 of its 3 tracks were scored with other software than the rest and are left out; "
        "run the benchmark again to score them alike"
    ]
    for more in (
        {"options": {"share": 0.7}},
        {"card_sha256": "0" * 64},
        {"files": {"x": "1" * 64}},
    ):
        item = replace(track("c", "one", [1.0]), **made | more)
        scores.write(item, scores.path_of(tmp_path, "d", "one", "test", "c"))
        assert [item.track for item in aggregate.load(tmp_path)] == ["a", "b"]


def test_tracks_are_counted_for_each_column():
    both = track("a", "one", [1.0])
    alone = replace(track("b", "one", [3.0]), targets={"drums": both.targets["vocals"]})
    (row,) = aggregate.csdr_table([both, track("c", "one", [5.0]), alone]).rows
    assert (row.counts, row.tracks) == ((2, 1), "1 to 2")
