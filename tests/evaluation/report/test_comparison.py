"""Only what may be compared stands together, and nothing is left out without a word."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.report.made import campaign_of, clip, names, track_scores
from unweave.evaluation import sisec
from unweave.evaluation.report import notes
from unweave.evaluation.report.comparison import campaign, comparisons

SONGS = list(sisec.campaign().tracks)


def words(comparison) -> str:
    return "\n".join(block.words for block in notes.cautions(comparison))


def test_datasets_splits_and_protocols_stay_apart():
    found = comparisons(
        [
            track_scores("a"),
            track_scores("a", split="train"),
            track_scores("a", dataset="dsd100"),
            clip("a", "ours", 5.0, 16000),
        ]
    )
    assert [
        (comparison.dataset, comparison.split, comparison.protocol) for comparison in found
    ] == [
        ("dsd100", "test", "bss-eval-v4"),
        ("mir-1k", "test-public", "mir-1k"),
        ("musdb18", "test", "bss-eval-v4"),
        ("musdb18", "train", "bss-eval-v4"),
    ]


def test_common_tracks_only_and_those_that_lack_some_are_named():
    scores = campaign_of("one", "two", tracks=names(10), split="train")
    scores = [s for s in scores if (s.separator, s.track) not in {("two", "track 03")}]
    (comparison,) = comparisons(scores)
    assert comparison.tracks == tuple(name for name in names(10) if name != "track 03")
    assert comparison.common.lacking == {"two": ("track 03",)}
    assert {s.track for s in comparison.scores} == set(comparison.tracks)
    assert "two lacks 1 track (track 03)" in words(comparison)
    assert "9 tracks that all systems have" in words(comparison)


def test_a_system_with_few_tracks_is_set_aside_and_named():
    scores = campaign_of("one", "two", tracks=names(10), split="train")
    scores = [s for s in scores if s.separator == "one" or s.track < "track 04"]
    (comparison,) = comparisons(scores)
    assert len(comparison.tracks) == 10
    assert [system.label for system in comparison.systems] == ["one"]
    assert comparison.common.aside == {"two": 4}
    assert "two is left out: it has scores of 4 tracks only" in words(comparison)


def test_no_common_track_is_said():
    found = comparisons([track_scores("a", "one"), track_scores("b", "two")])
    assert found[0].tracks == ()
    assert "nothing can be compared" in words(found[0])


@pytest.mark.parametrize("dataset", ["musdb18", "musdb18-hq", ""])
def test_the_campaign_joins_on_its_own_songs(dataset):
    (comparison,) = comparisons(campaign_of("one", tracks=SONGS[:7], dataset=dataset))
    assert comparison.on_sisec_songs
    published = [system for system in comparison.systems if system.published]
    assert len(published) == 31
    values = comparison.values("vocals", "SIR")["TAK1"]
    assert values == pytest.approx(sisec.campaign().of("TAK1", "vocals", "SIR")[:7])
    assert {s.separator for s in comparison.own} == {"one"}
    if dataset:
        assert "the same 7 of its 50 tracks" in words(comparison)


@pytest.mark.parametrize(
    "more",
    [
        {"split": "train"},
        {"length_s": 7.0},  # the sample has the songs' names
        {"dataset": "dsd100"},
    ],
)
def test_the_campaign_does_not_join_other_sound(more):
    tracks = names(12) if "split" in more else SONGS[:12]
    (comparison,) = comparisons(campaign_of("one", tracks=tracks, **more))
    assert not comparison.on_sisec_songs
    assert not any(system.published for system in comparison.systems)
    if comparison.dataset == "musdb18":
        assert "cannot be compared directly with SiSEC 2018" in words(comparison)


def test_excerpts_say_how_long_they_are():
    (comparison,) = comparisons(campaign_of("one", tracks=SONGS, length_s=6.8))
    assert "excerpts of 6.8 s" in words(comparison)


def test_museval_files_tell_their_length_by_their_frames():
    item = replace(track_scores(SONGS[0], dataset=""), samples=0, sample_rate_hz=0)
    (comparison,) = comparisons([item])
    assert comparison.lengths_s == {SONGS[0]: 6.0}
    assert comparison.excerpts


def test_labels_that_are_taken_get_the_campaigns_name():
    systems, scores = campaign(SONGS[:2], ["irm1", "mine"])
    labels = [system.label for system in systems]
    assert "IRM1 (SiSEC)" in labels
    assert "IRM2" in labels
    assert {s.separator for s in scores} == set(labels)
    assert next(s for s in systems if s.label == "TAK2").note == "SiSEC · more data"


def test_values_are_medians_over_frames_in_the_order_of_tracks():
    items = [
        track_scores("b", levels={"vocals": 1.0}),
        track_scores("a", levels={"vocals": -4.0}),
        track_scores("c", levels={"drums": 3.0}),
    ]
    (comparison,) = comparisons(items)
    assert comparison.values("vocals", "SDR")["ours"] == pytest.approx([-4, 1, np.nan], nan_ok=True)
    assert comparison.values("vocals", "ISR")["ours"] == pytest.approx([1, 6, np.nan], nan_ok=True)
    assert comparison.stems == ("vocals", "drums")


def test_mir1k_is_weighted_by_length():
    items = [clip("a", "ours", 4.0, 16000), clip("b", "ours", 10.0, 48000)]
    (comparison,) = comparisons(items)
    assert comparison.primary == "NSDR"
    assert comparison.headline("vocals") == {"ours": pytest.approx(8.5)}
    assert "published scores are on all of it" in words(comparison)


def test_stems_scored_beside_different_stems_are_said():
    two = {"vocals": ("vocals", "accompaniment")}
    four = {"vocals": ("vocals", "drums", "bass", "other")}
    items = [
        track_scores("a", "one", {"vocals": 1.0}, scored_with=two),
        track_scores("a", "two", {"vocals": 2.0}, scored_with=four),
    ]
    found = words(comparisons(items)[0])
    assert "vocals was scored beside different stems" in found
    assert "two beside bass, drums, other" in found
    assert "SIR and SAR cannot be compared" in found


def test_a_stem_scored_alone_is_said_as_that():
    items = [
        track_scores("a", "one", {"vocals": 1.0}, scored_with={"vocals": ("vocals",)}),
        track_scores("a", "two", {"vocals": 2.0}, scored_with={"vocals": ("vocals", "drums")}),
    ]
    assert "(two beside drums; one alone)" in words(comparisons(items)[0])
