"""Only what may be compared stands together, and nothing is left out without a word."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.report.made import campaign_of, clip, names, track_scores
from unweave.bench import sisec
from unweave.bench.report import notes
from unweave.bench.report.study import campaign, joins_campaign, studies

SONGS = list(sisec.campaign().tracks)


def words(study) -> str:
    return "\n".join(block.text for block in notes.cautions(study))


def test_datasets_splits_and_protocols_stay_apart():
    found = studies(
        [
            track_scores("a"),
            track_scores("a", split="train"),
            track_scores("a", dataset="dsd100"),
            clip("a", "ours", 5.0, 16000),
        ]
    )
    assert [(study.dataset, study.split, study.protocol) for study in found] == [
        ("dsd100", "test", "bss-eval-v4"),
        ("mir-1k", "test-public", "mir-1k"),
        ("musdb18", "test", "bss-eval-v4"),
        ("musdb18", "train", "bss-eval-v4"),
    ]


def test_common_tracks_only_and_those_that_lack_some_are_named():
    scores = campaign_of("one", "two", tracks=names(10), split="train")
    scores = [s for s in scores if (s.separator, s.track) not in {("two", "track 03")}]
    (study,) = studies(scores)
    assert study.tracks == tuple(name for name in names(10) if name != "track 03")
    assert study.lacking == {"two": ("track 03",)}
    assert {s.track for s in study.scores} == set(study.tracks)
    assert "two lacks 1 track (track 03)" in words(study)
    assert "9 tracks that all systems have" in words(study)


def test_a_system_with_few_tracks_is_set_aside_and_named():
    scores = campaign_of("one", "two", tracks=names(10), split="train")
    scores = [s for s in scores if s.separator == "one" or s.track < "track 04"]
    (study,) = studies(scores)
    assert len(study.tracks) == 10
    assert [system.label for system in study.systems] == ["one"]
    assert study.aside == {"two": 4}
    assert "two is left out: it has scores of 4 tracks only" in words(study)


def test_no_common_track_is_said():
    found = studies([track_scores("a", "one"), track_scores("b", "two")])
    assert found[0].tracks == ()
    assert "nothing can be compared" in words(found[0])


@pytest.mark.parametrize("dataset", ["musdb18", "musdb18-hq", ""])
def test_the_campaign_joins_on_its_own_songs(dataset):
    (study,) = studies(campaign_of("one", tracks=SONGS[:7], dataset=dataset))
    assert joins_campaign(study)
    published = [system for system in study.systems if system.published]
    assert len(published) == 31
    values = study.values("vocals", "SIR")["TAK1"]
    assert values == pytest.approx(sisec.campaign().of("TAK1", "vocals", "SIR")[:7])
    assert {s.separator for s in study.own} == {"one"}
    if dataset:
        assert "the same 7 of its 50 tracks" in words(study)


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
    (study,) = studies(campaign_of("one", tracks=tracks, **more))
    assert not joins_campaign(study)
    assert not any(system.published for system in study.systems)
    if study.dataset == "musdb18":
        assert "cannot be compared directly with SiSEC 2018" in words(study)


def test_excerpts_say_how_long_they_are():
    (study,) = studies(campaign_of("one", tracks=SONGS, length_s=6.8))
    assert "excerpts of 6.8 s" in words(study)


def test_museval_files_tell_their_length_by_their_frames():
    item = replace(track_scores(SONGS[0], dataset=""), samples=0, sample_rate_hz=0)
    (study,) = studies([item])
    assert study.lengths_s == {SONGS[0]: 6.0}
    assert study.excerpts


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
    (study,) = studies(items)
    assert study.values("vocals", "SDR")["ours"] == pytest.approx([-4, 1, np.nan], nan_ok=True)
    assert study.values("vocals", "ISR")["ours"] == pytest.approx([1, 6, np.nan], nan_ok=True)
    assert study.stems == ("vocals", "drums")


def test_mir1k_is_weighted_by_length():
    items = [clip("a", "ours", 4.0, 16000), clip("b", "ours", 10.0, 48000)]
    (study,) = studies(items)
    assert study.primary == "NSDR"
    assert study.headline("vocals") == {"ours": pytest.approx(8.5)}
    assert "published figures are on all of it" in words(study)


def test_stems_scored_beside_different_stems_are_said():
    two = {"vocals": ("vocals", "accompaniment")}
    four = {"vocals": ("vocals", "drums", "bass", "other")}
    items = [
        track_scores("a", "one", {"vocals": 1.0}, scored_with=two),
        track_scores("a", "two", {"vocals": 2.0}, scored_with=four),
    ]
    found = words(studies(items)[0])
    assert "vocals was scored beside different stems" in found
    assert "two beside bass, drums, other" in found
    assert "SIR and SAR cannot be compared" in found
