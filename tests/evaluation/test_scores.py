import json
import math
import os
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from tests.evaluation.museval_case import OUT, our_scores
from unweave.core import schema
from unweave.errors import InputError, OutputError
from unweave.evaluation import aggregate, scores
from unweave.evaluation.scores import METRICS, TrackScores


def some(**more) -> TrackScores:
    rng = np.random.default_rng(0)
    targets = {
        stem: {metric: rng.normal(5, 3, 3) for metric in METRICS} for stem in ("drums", "vocals")
    }
    targets["vocals"]["SIR"][1] = np.inf
    targets["drums"]["SDR"][:] = np.nan
    facts = {
        "dataset": "musdb18",
        "split": "test",
        "track": "A - B",
        "separator": "nmf:components=8",
        "name": "nmf",
        "options": {"components": 8, "rule": "mu", "blind": True, "seed": None},
        "samples": 132300,
        "sample_rate_hz": 44100,
        "targets": targets,
        "among_stems": {"vocals": targets["vocals"]},
        "scored_with": {"vocals": ("vocals", "drums")},
        "global_": {"vocals": {"global_sdr_db": 3.0, "si_sdr_db": math.inf, "snr_db": -1.5}},
        "silent_frames": {"vocals": 1},
        "missing": ("bass",),
        "warnings": ("something",),
        "checksum": "0" * 64,
        "software": "0.1.0",
        "device": "cpu",
        "jobs": 2,
        "threads": 1,
        "seconds_separate": 1.5,
        "real_time_factor": 0.5,
        "rounded_to_bits": 16,
        "lossy_references": ("aac",),
        "files": {"noise": "1" * 64},
        "source": "package.module:Class",
        "environment": {"python": "3.11.2"},
        "card_sha256": "2" * 64,
    }
    return TrackScores(**facts | more)


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "deep" / "track.json"
    scores.write(some(), path)
    found = scores.read(path)
    for group in ("targets", "among_stems"):
        for stem, metrics in getattr(some(), group).items():
            for metric, values in metrics.items():
                rounded = np.where(np.isfinite(values), np.round(values, 5), np.nan)
                np.testing.assert_array_equal(getattr(found, group)[stem][metric], rounded)
    blank = {"targets": {}, "among_stems": {}}
    assert replace(found, **blank) == replace(some(), **blank)
    assert [p.name for p in path.parent.iterdir()] == ["track.json"]


def test_infinity_is_written_as_museval_does(tmp_path):
    scores.write(some(), tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_text())
    frame = document["targets"][1]["frames"][1]
    assert math.isnan(frame["metrics"]["SIR"])
    assert frame["time"] == 1.0
    assert frame["duration"] == 1.0
    assert document["unweave"]["global"]["vocals"]["si_sdr_db"] == math.inf  # ours may say it


def test_files_without_the_newer_fields_are_read(tmp_path):
    document = scores.document(some())
    assert document["unweave"]["timing"]["jobs"] == 2
    for name in ("jobs", "threads"):
        del document["unweave"]["timing"][name]
    for name in ("source", "environment"):
        del document["unweave"][name]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(document))
    found = scores.read(path)
    assert (found.jobs, found.threads, found.device) == (None, None, "cpu")
    assert (found.source, found.environment) == ("", {})


def test_our_schema_is_a_schema_and_our_checker_agrees_with_it():
    definition = schema.load("unweave.evaluation", "scores.schema.json")
    jsonschema.Draft202012Validator.check_schema(definition)
    validator = jsonschema.Draft202012Validator(definition)
    right = json.loads(json.dumps(scores.document(some())))
    broken = [right, {}, [], {"targets": {}}, {"targets": [{"name": "x"}]}]
    for place, value in [
        (("targets", 0, "frames", 0, "metrics", "SDR"), "high"),
        (("targets", 0, "frames", 0, "metrics"), {}),
        (("targets", 0, "name"), 3),
        (("unweave", "version"), 0),
        (("unweave", "version"), True),
        (("unweave", "checksum"), "xyz"),
        (("unweave", "weights_sha256"), "00"),
        (("unweave", "kind"), "magic"),
        (("unweave", "samples"), -1),
        (("unweave", "mapping"), {"a": 1}),
        (("unweave", "more"), 1),
        (("unweave", "timing", "device"), 1),
        (("unweave", "timing", "more"), 1),
        (("unweave", "timing", "jobs"), 0),
        (("unweave", "timing", "threads"), "two"),
        (("unweave", "global", "vocals"), {"snr_db": 1.0}),
        (("unweave", "silent_frames"), {"vocals": 0.5}),
        (("unweave", "missing"), ["bass", None]),
    ]:
        wrong = json.loads(json.dumps(right))
        at = wrong
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = value
        broken.append(wrong)
    for n, document in enumerate(broken):
        is_valid = validator.is_valid(document)
        assert is_valid == (n == 0), document
        assert (schema.fault(document, definition) is None) == is_valid
    for name in definition["properties"]["unweave"]["required"]:
        wrong = json.loads(json.dumps(right))
        del wrong["unweave"][name]
        assert name in str(schema.fault(wrong, definition))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"targets": 1}', "\x00"])
def test_a_file_that_is_none_is_named(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json: ") as error:
        scores.read(tmp_path / "x.json")
    assert "\n" not in str(error.value)


def test_scores_of_another_version_are_refused(tmp_path):
    document = scores.document(some())
    document["unweave"]["version"] = 99
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="version 99"):
        scores.read(tmp_path / "x.json")


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    scores.write(some(), tmp_path / "x.json")
    before = (tmp_path / "x.json").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match=r"x\.json"):
        scores.write(some(track="another"), tmp_path / "x.json")
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Actions - Devil's Words", "Actions - Devil's Words"),
        ("nmf:components=8", "nmf,components=8"),
        ("AC/DC", "AC_DC"),
        ("..", "_"),
        (".hidden", "_.hidden"),
        ("a\nb", "a_b"),
        ("", "_"),
        ("Søren", "Søren"),
    ],
)
def test_names_of_files(name, file):
    assert scores.safe(name) == file


def test_museval_file_is_read():
    found = scores.read(OUT / "theirs.json")
    assert (found.track, found.separator) == ("theirs", "data")  # what the path tells
    assert set(found.targets) == {"vocals", "drums", "bass", "other", "accompaniment"}
    assert len(found.targets["vocals"]["SDR"]) == 4
    assert np.isnan(found.targets["vocals"]["SDR"][1])
    assert np.isfinite(found.targets["vocals"]["SDR"][0])


def test_the_same_scores_as_museval_in_every_frame():
    theirs, ours = scores.read(OUT / "theirs.json"), our_scores()
    assert list(ours.targets) == list(theirs.targets)
    for stem, metrics in theirs.targets.items():
        for metric, values in metrics.items():
            np.testing.assert_allclose(ours.targets[stem][metric], values, rtol=0, atol=1.1e-4)


def test_what_museval_reads_in_our_file(tmp_path):
    recorded = json.loads((OUT / "read.json").read_text())
    path = scores.path_of(tmp_path, "synthetic", "irm1", "test", "pause")
    scores.write(our_scores(), path)
    found = aggregate.load(tmp_path)
    assert recorded["method"] == [path.parents[1].name]
    for how, table in [("median", aggregate.csdr_table), ("mean", aggregate.mean_table)]:
        for metric in METRICS:
            row = table(found, metric)
            for stem, value in zip(row.names, row.rows[0].values, strict=True):
                assert value == pytest.approx(recorded[how][f"{stem} {metric}"], abs=1.1e-4)
