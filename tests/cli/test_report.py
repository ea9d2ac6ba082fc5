"""`unweave report` on the command line."""

from pathlib import Path

import pytest

from tests.bench.report.made import campaign_of, names, write


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


def test_a_damaged_file_is_named(folder, say):
    Path("out/broken.json").write_text("{")
    done = say("report", folder)
    assert done.code == 1
    assert "broken.json" in done.err
    assert not Path("out/report.html").exists()


def test_help_loads_nothing_heavy(start):
    done = start("report", "--help")
    assert done.code == 0
    assert "SiSEC" in done.out
