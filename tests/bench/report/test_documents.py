"""The page as HTML and as Markdown: whole, by itself, safe, and the same twice."""

import json
import math
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from tests.bench.report.made import campaign_of, clip, names, track_scores, write
from unweave.bench import report, sisec
from unweave.bench.report.html import html
from unweave.bench.report.markdown import markdown
from unweave.bench.report.page import Column, Group, HeatMap, Page, Row, Section, Table, Text, shown
from unweave.core.errors import InputError, OutputError, UsageError

VOID = {"meta", "br", "link", "img"}
NASTY = 'A|B <script>alert(1)</script> & "quoted" `x` *y*'


class Reader(HTMLParser):
    """Checks that tags are closed in their order, and collects ids, attributes and words."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.links = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if found.get("href"):
            self.links.append(found["href"])

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A folder with a bit of everything."""
    songs = list(sisec.campaign().tracks[:12])
    items = campaign_of("one", "two", "irm1", "mixture", tracks=songs)
    items += campaign_of("one", "irm1", tracks=names(8), split="train", length_s=7.0)
    items += [clip(f"clip {n}", s, 5.0 + n, 100) for n in range(8) for s in ("one", "two")]
    return write(tmp_path_factory.mktemp("full"), items)


@pytest.fixture(scope="module")
def page(full):
    return report.build(full, made="2026-01-01 00:00 UTC")


def odd_page(value=1.0):
    column, rows = Column(NASTY, "dB", 2, "high"), (Row(NASTY, (value,)), Row("b", (0.5,)))
    table = Table(title=NASTY, aggregation=NASTY, columns=(column,), groups=(Group(NASTY, rows),))
    heat = HeatMap(
        title=NASTY, aggregation=NASTY, rows=(NASTY,), columns=(NASTY,), kinds=("separator",),
        values=[[value]], unit="dB", low=0.0, high=2.0,
    )  # fmt: skip
    return Page(NASTY, NASTY, NASTY, (Section(NASTY, 2, (table, heat, Text(NASTY, True))),))


def test_the_head_counts_systems_and_names_the_mixture_only_where_it_is_scored(page):
    text = markdown(page)
    assert "2 separators, 1 oracle, the mixture" in text
    assert "1 separator, 1 oracle\n" in text.replace(" |\n", "\n")


def test_html_is_well_formed_and_its_anchors_are_there_once(page):
    reader = Reader(html(page))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert reader.links


def test_html_asks_the_network_for_nothing(page):
    text = html(page)
    reader = Reader(text)
    assert not re.search(r"url\(|@import|https?:", text)
    for tag, attributes in reader.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed")
        assert "src" not in attributes
    metas = [attributes for tag, attributes in reader.tags if tag == "meta"]
    (policy,) = [a["content"] for a in metas if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_html_can_be_heard_as_well_as_seen(page):
    reader = Reader(html(page))
    tags = reader.tags
    assert ("html", {"lang": "en"}) in tags
    pictures = [attributes for tag, attributes in tags if tag == "svg"]
    assert pictures
    assert all(a["role"] == "img" and len(a["aria-label"]) > 30 for a in pictures)
    count = [tag for tag, _ in tags]
    assert count.count("caption") == count.count("table") > 10
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


def test_every_table_names_its_aggregation(page):
    text = html(page)
    captions = re.findall(r"<caption><span>(.*?)<span class=\"how\">(.*?)</span>", text)
    assert len(captions) == text.count("<table")
    assert all(len(how) > 8 for _, how in captions)


@pytest.mark.parametrize("write_out", [html, markdown])
def test_names_never_become_markup(write_out):
    text = write_out(odd_page())
    assert "alert(1)" in text
    assert "<script>alert" not in text
    if write_out is html:
        assert Reader(text).open == []
        assert "&quot;quoted&quot;" in text
    else:
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_figures_that_are_none_are_shown_and_are_json(value):
    odd = odd_page(value)
    assert Reader(html(odd)).open == []
    json.dumps(report.document(odd), allow_nan=False)


def test_both_twins_hold_the_same_figures(page):
    wanted = []

    def visit(section):
        for block in section.blocks:
            if isinstance(block, Table):
                for group in block.groups:
                    for row in group.rows:
                        cells = zip(row.cells, block.columns, strict=True)
                        wanted.append([shown(cell, column.decimals) for cell, column in cells])
        for part in section.sections:
            visit(part)

    for section in page.sections:
        visit(section)
    in_html = [
        [unescape(re.sub("<.*?>", "", cell)) for cell in re.findall("<td.*?>(.*?)</td>", row)]
        for table in re.findall(r'<table class="sortable">.*?</table>', html(page), re.DOTALL)
        for row in re.findall(r"<tr class=\"(?!group)\w+\">(.*?)</tr>", table)
    ]
    assert in_html == wanted
    assert len(wanted) > 250
    text = markdown(page)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    in_markdown = [[cell.strip(" |*\\").replace("-", "−") for cell in row[1:]] for row in rows]
    for row in wanted:
        assert [cell.replace("-", "−").replace("\\", "") for cell in row] in in_markdown


def test_equal_scores_give_equal_bytes(full, page):
    again = report.build(full, made="2026-01-01 00:00 UTC")
    later = report.build(full, made="2030-12-31 23:59 UTC")
    for write_out in (html, markdown):
        assert write_out(again) == write_out(page)
        ours, others = write_out(page).splitlines(), write_out(later).splitlines()
        assert sum(a != b for a, b in zip(ours, others, strict=True)) == 1


def test_the_page_says_what_stands_beside_what(page):
    text = html(page)
    assert sisec.CITATION.split(":")[0] in text
    assert "the same 12 tracks" in text
    assert "excerpts of 7.0 s" in text
    assert "Not on the tracks above" in text
    assert "Split train" in text
    assert "from memory" in text
    assert "unweave 0." in text


def test_the_document_has_every_table(page):
    document = report.document(page)
    titles = [chapter["title"] for chapter in document["sections"]]
    assert titles[:3] == ["mir-1k, test-public", "musdb18, test", "musdb18, train"]
    results = document["sections"][2]["sections"][0]
    assert results["tables"][0]["rows"][0]["label"] == "one"
    assert document["sections"][2]["cautions"]


def test_a_finding_is_in_the_remarks(tmp_path):
    silent = {"vocals": math.nan, "accompaniment": 5.0}
    items = [
        track_scores("a", "one", warnings=("clipped",), missing=("drums",), split="train"),
        track_scores("b", "one", silent, warnings=("clipped",), split="train"),
        track_scores("a", "two", unscored=("piano",), split="train"),
        track_scores("b", "two", split="train"),
    ]
    text = markdown(report.build(write(tmp_path, items)))
    for words in [
        "clipped: 2 tracks, one",
        "No estimate of drums: 1 track, one",
        "No reference for piano: 1 track, two",
        "No frame of vocals has a score: 1 track, one",
        "2 of 12",  # silent frames of all
    ]:
        assert words in text


def test_nothing_to_report(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        report.build(tmp_path / "gone")
    with pytest.raises(InputError, match="no scores"):
        report.build(tmp_path)


def test_an_unknown_baseline(full):
    with pytest.raises(UsageError, match="nobody"):
        report.build(full, baseline="nobody")


def test_written_whole_or_not_at_all(tmp_path, page):
    report.write(page, tmp_path / "new" / "r.html", tmp_path / "r.md")
    assert (tmp_path / "new" / "r.html").read_text("utf-8") == html(page)
    assert (tmp_path / "r.md").read_bytes() == markdown(page).encode()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder"):
        report.write(page, tmp_path / "folder", tmp_path / "r.md")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "new", "r.md"]
