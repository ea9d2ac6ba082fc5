"""Others' methods: separators by import path or in memory, estimates and scores made elsewhere."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from tests.evaluation import fakes
from unweave import datasets
from unweave.core.status import Status
from unweave.errors import InputError, UsageError
from unweave.evaluation import aggregate, report, scores

CODE = """
from dataclasses import replace
from tests.evaluation.fakes import Share
made = []
def build(share=0.5):
    made.append(share)
    return Share(share)
same = build
def nothing():
    return 3
class hpss(Share):
    @property
    def spec(self):
        return replace(super().spec, name="hpss")
"""


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    tracks = [fakes.duet("a"), fakes.duet("bb"), fakes.duet("ccc")]
    monkeypatch.setattr(datasets, "load", lambda name, root=None, split=None: list(tracks))
    monkeypatch.chdir(tmp_path)
    return tracks


def go(**more):
    return unweave.benchmark("synthetic", output="out", **more)


def estimates(tracks, folder="mine", rate=fakes.RATE_HZ, share=0.5, place="{name}", **more):
    for track in tracks:
        for stem in ("vocals", "accompaniment"):
            wave = share * track.mix() if stem == "vocals" else (1 - share) * track.mix()
            path = Path(folder, place.format(name=track.name), f"{stem}.wav")
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, wave.T, rate, subtype="FLOAT", **more)


def values(result):
    return {(s.separator, s.track): s.global_["vocals"]["global_sdr_db"] for s in result.scores}


@pytest.mark.parametrize("place", ["{name}", "test/{name}"])
def test_a_folder_of_estimates_scores_as_the_separator_that_made_it(here, place):
    estimates(here, place=place)
    result = go(separators=[fakes.Share(0.5)], estimates={"theirs": "mine"})
    assert [o.status for o in result] == [Status.DONE] * 6
    found = values(result)
    for track in here:
        assert found["theirs", track.name] == pytest.approx(
            found["share:share=0.5", track.name], abs=1e-4
        )
    assert result.warnings == ()
    assert all(s.estimates for s in result.scores if s.separator == "theirs")
    assert len({len(aggregate.load(Path("out"))), len(result.scores)}) == 1  # one make


def test_estimates_that_changed_are_scored_again_and_others_not(here):
    estimates(here)
    go(estimates={"theirs": "mine"})
    estimates(here[:1], share=0.25)
    again = go(estimates={"theirs": Path("mine")})
    assert [str(o.status) for o in again] == ["done", "skipped", "skipped"]


def test_missing_tracks_and_stems_are_said_before_any_work(here):
    estimates(here[:2])
    Path("mine/bb/vocals.wav").unlink()
    result = go(estimates={"theirs": "mine"})
    assert result.warnings == (
        "theirs: left out of ccc: mine holds no estimates of it: there is no test/ccc or ccc, "
        "but a, bb",
        "theirs: has no vocals of bb",
    )
    assert [o.track for o in result] == ["a", "bb"]


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"estimates": {"theirs": "gone"}}, InputError, "gone: no such folder"),
        ({"estimates": {"theirs": "empty"}}, UsageError, "there is no test/a or a, but no folder"),
        ({"estimates": {"theirs": "fast"}}, InputError, "has 44100 Hz, the track a has 8000"),
        ({"estimates": {"theirs": "odd"}}, UsageError, "theirs: none of piano is one of vocals"),
        ({"oracles": ["ibm"], "estimates": {"ibm": "empty"}}, UsageError, "another entry"),
        ({"estimates": {"hpss": "odd"}}, UsageError, "hpss is a separator of unweave"),
        ({"estimates": {"ibm1": "odd"}}, UsageError, "ibm1 is a separator of unweave"),
        ({"separators": ["theirs:hpss"]}, UsageError, "hpss is a separator of unweave"),
        ({"separators": ["their.module:Class"]}, UsageError, "ModuleNotFoundError"),
        ({"separators": ["theirs:nothing"]}, UsageError, "theirs:nothing: is no separator"),
        ({"separators": ["theirs:gone"]}, UsageError, "AttributeError"),
        ({"separators": ["theirs:build:cut=3"]}, UsageError, "TypeError"),
        ({"separators": ["theirs:build", "theirs:same"]}, UsageError, "two separators are called"),
        ({"separators": [3]}, UsageError, "3: is no separator"),
        ({"separators": [fakes.Share()], "jobs": 2}, UsageError, "share:share=0.25 is in memory"),
    ],
)
def test_a_knowable_error_is_one_line_before_any_work(here, more, error, words):
    Path("empty").mkdir()
    Path("theirs.py").write_text(CODE)
    estimates(here, "fast", 44100)
    estimates(here[:1], "odd")
    Path("odd/a/vocals.wav").rename("odd/a/piano.wav")
    Path("odd/a/accompaniment.wav").unlink()
    with pytest.raises(error) as caught:
        go(**more)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("out").exists()


def test_estimates_of_another_length_are_cut_or_padded_with_a_warning(here):
    estimates(here)
    path = Path("mine/a/vocals.wav")
    wave, rate = soundfile.read(path)
    soundfile.write(path, wave[:-10], rate, subtype="FLOAT")
    result = go(estimates={"theirs": "mine"}, tracks=["a"])
    assert "the estimate of vocals is 10 samples shorter" in result.scores[0].warnings[0]


def test_an_import_path_takes_options_and_is_never_taken_for_scored(here):
    Path("theirs.py").write_text(CODE)
    asked = {"separators": ["theirs:build:share=0.25", "theirs:build"], "tracks": ["1"]}
    first, second = go(**asked), go(**asked)
    assert [o.label for o in first] == ["share:share=0.25", "share"]
    assert [s.options for s in first.scores] == [{"share": 0.25}, {"share": 0.5}]
    assert {o.status for o in (*first, *second)} == {Status.DONE}


def test_the_result_is_short_prints_its_tables_and_is_a_frame(here):
    result = go(separators=[fakes.Share()], oracles=["mixture"])
    assert repr(result) == "<BenchmarkResult: 6 done; in out>"
    assert "cSDR" in str(result)
    assert result._repr_html_().count("<table") == len(result.tables())
    frame = pytest.importorskip("pandas").DataFrame(result.to_frame())
    at = frame[
        (frame.separator == "share:share=0.25") & (frame.stem == "vocals") & (frame.metric == "SDR")
    ]
    assert at.value.median() == pytest.approx(
        result.tables()[0].column("vocals")["share:share=0.25"]
    )
    assert result.report().read_text("utf-8").startswith("<!doctype html>")


def test_an_evaluation_is_a_frame_and_short(here):
    own = fakes.waves(samples=8000)
    found = unweave.evaluate(own, {n: w + 0.1 * own["drums"] for n, w in own.items()}, 8000)
    frame = found.to_frame()
    assert frame.loc["vocals", "SDR"] == pytest.approx(found["vocals"]["SDR"])
    assert list(frame.index) == list(found.stems)
    assert repr(found).startswith("<Evaluation: global SDR, dB: vocals ")
    assert "\n" not in repr(found)


def read_as_museval(folder):
    """What museval's `MethodStore.add_eval_dir` does to a folder of one system."""
    pandas = pytest.importorskip("pandas")
    parts = []
    for path in sorted(folder.glob("test/**/*.json")):
        wide = pandas.json_normalize(json.loads(path.read_text())["targets"], ["frames"], ["name"])
        wide.columns = [name.replace("metrics.", "") for name in wide.columns]
        metrics = ["SDR", "SAR", "ISR", "SIR"]
        long = pandas.melt(
            wide, id_vars=["time", "name"], value_vars=metrics, var_name="metric",
            value_name="score",
        )  # fmt: skip
        parts.append(long.assign(track=path.stem))
    return pandas.concat(parts, ignore_index=True)


def test_museval_aggregates_our_files_to_our_figures(here):
    result = go(separators=[fakes.Share()])
    frame = read_as_museval(Path("out/synthetic/share,share=0.25"))
    by_track = frame.groupby(["track", "name", "metric"])["score"].median()
    theirs = by_track.groupby(["name", "metric"]).median()
    for metric in scores.METRICS:
        ours = aggregate.csdr_table(result.scores, metric).column("vocals")["share:share=0.25"]
        np.testing.assert_allclose(theirs["vocals", metric], ours, atol=2e-5)


def test_a_report_has_systems_of_museval_beside_ours(here):
    """Whose files hold targets only, and its version."""
    result = go(separators=[fakes.Share()])
    for item in result.scores:
        foreign = scores.document(replace(item, samples=0))
        del foreign["unweave"]
        foreign["museval_version"] = "0.4.1"
        path = Path("out/synthetic/OTHER/test", f"{item.track}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(foreign))
    page = result.report(Path("page.html")).read_text("utf-8")
    assert page.count('<th scope="row">OTHER') >= 2
    assert "OTHER: scored by museval" in page


def test_the_report_says_what_ran_and_with_what(here):
    Path("theirs.py").write_text(CODE)
    estimates(here)
    result = go(separators=["theirs:build:share=0.5"], estimates={"mine": "mine"})
    (section,) = [s for s in report.build(Path("out")).sections if s.title == "synthetic, test"]
    last = section.sections[-1]
    table = next(block for block in last.blocks if getattr(block, "title", "") == "What was run")
    assert table.column("Made by") == {
        "share:share=0.5": "theirs:build", "mine": "6 files in mine",
    }  # fmt: skip
    made = [block.words for block in last.blocks if getattr(block, "words", "").startswith("Made")]
    assert len(made) == 1
    for name, version in result.scores[0].environment.items():
        assert f"{name} {version}" in made[0]
    assert set(result.scores[0].environment) == {"python", "torch", "numpy", "platform"}
