"""`unweave report` on the command line."""

import json
from pathlib import Path

import pytest

from tests.evaluation.report.made import campaign_of, names, write


@pytest.fixture
def folder(here):
    return write(Path("out"), campaign_of("one", "two", "irm1", tracks=names(7), split="train"))


def test_a_page_beside_the_scores(folder, say):
    done = say("report", folder)
    assert (done.code, done.out, done.err) == (0, "out/report.html\nout/report.md\n", "")
    assert Path("out/report.html").read_text("utf-8").startswith("<!doctype html>")
    assert Path("out/report.md").read_text("utf-8").startswith("# Separation benchmark")
    assert say("report", folder).code == 0  # the page is no score


def test_both_twins_where_asked(folder, say):
    assert say("report", folder, "-o", "a.html").out == "a.html\na.md\n"
    done = say("report", folder, "-o", "page.html", "--markdown", "page.md", "--baseline", "irm1")
    assert done.out == "page.html\npage.md\n"
    assert "against irm1" in Path("page.html").read_text("utf-8")
    assert "against irm1" in Path("page.md").read_text("utf-8")
    assert not Path("out/report.html").exists()


def test_json(folder, say):
    done = say("report", folder, "--json")
    assert done.json["files"] == {"html": "out/report.html", "markdown": "out/report.md"}
    chapter = done.json["sections"][0]
    assert chapter["title"] == "musdb18, train"
    table = chapter["sections"][0]["tables"][0]
    assert "cSDR" in table["aggregation"]
    assert [row["label"] for row in table["rows"]] == ["one", "two", "irm1"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gone"], 1, ["gone", "no such folder"]),
        (["empty"], 1, ["empty", "no scores"]),
        (["out", "--baseline", "three"], 2, ["three", "irm1, one, two"]),
        (["out", "-o", "empty"], 1, ["empty"]),
        (["out", "-o", "page.md"], 2, ["page.md", ".html"]),
    ],
)
def test_refused_in_one_line(folder, say, arguments, code, words):
    Path("empty").mkdir()
    done = say("report", *arguments)
    assert done.code == code
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_what_is_no_score_is_passed_over_and_named(folder, say):
    first = say("report", folder, "--json")
    Path("out/broken.json").write_text("{")
    Path("out/tables.json").write_text(first.out)
    Path("out/notes").mkdir()
    Path("out/notes/report.json").write_text('{"schema_version": 2}')
    done = say("report", folder, "--json")
    assert done.code == 0
    assert done.json["sections"][1:] == first.json["sections"]
    assert len(done.json["left_out"]) == 3
    for name in ("broken.json", "tables.json", "report.json"):
        assert name in done.err
        assert name in Path("out/report.html").read_text("utf-8")


def test_a_folder_that_holds_nothing_but_other_json_is_refused(here, say):
    Path("out").mkdir()
    Path("out/tables.json").write_text("{}")
    done = say("report", "out")
    assert done.code == 1
    assert "tables.json" in done.err
    assert not Path("out/report.html").exists()


@pytest.mark.parametrize("place", ["MINE/train", "musdb18/MINE/train"])
def test_files_of_museval_alone_and_beside_ours(folder, say, place):
    """They have no `unweave` block: only targets."""
    for name in names(7):
        ours = json.loads(Path(f"out/musdb18/one/train/{name}.json").read_text())
        for root in ("out", "alone"):
            path = Path(root, place, f"{name}.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"targets": ours["targets"]}))
    done = say("report", "alone", "--json")
    assert done.code == 0, done.err
    (chapter, _) = done.json["sections"]
    assert [row["label"] for row in chapter["sections"][0]["tables"][0]["rows"]] == ["MINE"]
    assert any("scored by museval" in words for words in chapter["cautions"])
    found = say("report", folder, "--json").json["sections"]
    labels = [[row["label"] for row in chapter["sections"][0]["tables"][0]["rows"]]
              for chapter in found[:-1]]  # fmt: skip
    if place.startswith("musdb18"):  # the path tells the dataset
        assert [sorted(rows) for rows in labels] == [["MINE", "irm1", "one", "two"]]
    else:
        assert sorted(labels) == [["MINE"], ["one", "two", "irm1"]]


def test_help_names_what_it_reads(say):
    done = say("report", "--help")
    assert done.code == 0
    assert "SiSEC" in done.out
