"""The page as HTML and as Markdown: whole, by itself, safe, and the same twice."""

import csv
import io
import json
import math
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from tests.evaluation.report.made import campaign_of, clip, names, track_scores, write
from unweave.errors import InputError, OutputError, UsageError
from unweave.evaluation import report, sisec
from unweave.evaluation.report.document import Report, Section, Text
from unweave.evaluation.report.render import html, markdown
from unweave.evaluation.table import RANKED, Column, Row, Table

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
    rows = (Row(NASTY, (value,), group=RANKED), Row("b", (0.5,), group=NASTY))
    table = Table(title=NASTY, aggregation=NASTY, columns=(Column(NASTY, "dB", best="high"),),
                  rows=rows)  # fmt: skip
    heat = Table(title=NASTY, aggregation=NASTY, columns=(Column(NASTY, "dB", 1, kind="oracle"),),
                 rows=(Row(NASTY, (value,), "track"),), shades=(0.0, 2.0))  # fmt: skip
    return Report(NASTY, NASTY, NASTY, (Section(NASTY, 2, (table, heat, Text(NASTY, True))),))


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
    assert not re.search(r"url\((?!#)|@import|https?:", text)
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
        assert "&#34;quoted&#34;" in text
    else:
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_figures_that_are_none_are_shown_and_are_json(value):
    odd = odd_page(value)
    assert Reader(html(odd)).open == []
    json.dumps(report.document(odd), allow_nan=False)


def test_both_twins_hold_the_same_figures(page):
    found = [table for section in page.sections for table in section.tables()]
    wanted = [table.cells(row) for table in found for row in table.rows]
    in_html = [
        [unescape(re.sub("<.*?>", "", cell)) for cell in re.findall("<td.*?>(.*?)</td>", row)]
        for table in re.findall(r'<table class="sortable.*?</table>', html(page), re.DOTALL)
        for row in re.findall(r'<tr class="(?!group)\w+">(.*?)</tr>', table, re.DOTALL)
    ]
    assert in_html == wanted
    assert len(wanted) > 250
    rows = [line.split(" | ") for line in markdown(page).splitlines() if line.startswith("| ")]
    in_markdown = [[cell.strip(" |*\\").replace("-", "−") for cell in row[1:]] for row in rows]
    for row in wanted:
        assert [cell.replace("-", "−").replace("\\", "") for cell in row] in in_markdown
    in_csv = list(csv.DictReader(io.StringIO(report.to_csv(page))))
    assert len(in_csv) == sum(map(len, wanted))
    assert {row["section"] for row in in_csv} <= {section.title for section in page.sections}


def test_latex_has_the_tables_that_do_not_go_by_track(page):
    text = report.to_latex(page)
    tables = [t for section in page.sections for t in section.tables() if t.shades is None]
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == len(tables)
    body = re.findall(r"\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)
    for table, lines in zip(tables, body, strict=True):
        rows = [line for line in lines.splitlines() if line.endswith(r"\\")]
        assert len(rows) == len(table.rows) + 1
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns)}


def test_one_size_of_letters_and_no_colours_of_its_own(page):
    """Charts take every colour from the page's style, which has one for light and one for dark."""
    text = html(page)
    charts = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert charts
    for chart in charts:
        assert not re.search(r"#[0-9a-f]{6}\b|DejaVu|<style", chart)
        assert "<text" in chart
    used = {name for chart in charts for name in re.findall(r"var\((--[\w-]+)\)", chart)}
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert used <= set(re.findall(r"(--[\w-]+):", light))
    assert used - {"--font"} <= set(re.findall(r"(--[\w-]+):", dark))


@pytest.mark.parametrize("mode", [0, 1])
def test_ink_can_be_read_on_the_strongest_colour_of_a_map(page, mode):
    root = re.findall(r":root \{(.*?)\}", html(page), re.DOTALL)[mode]

    def colour(name):
        value = re.search(rf"--{name}: (.*?);", root)[1]
        digits = value.lstrip("#")
        digits = "".join(2 * c for c in digits) if len(digits) == 3 else digits
        return [int(v) for v in value.split()] if " " in value else list(bytes.fromhex(digits))

    def luminance(parts):
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ink, paper, heat = colour("ink"), colour("paper"), colour("heat")
    assert "* 60%" in html(page)
    strongest = [(0.6 * h + 0.4 * p) / 255 for h, p in zip(heat, paper, strict=True)]
    both = sorted([luminance(strongest), luminance([i / 255 for i in ink])])
    assert (both[1] + 0.05) / (both[0] + 0.05) >= 4.5  # WCAG 2, level AA


def test_equal_scores_give_equal_bytes(full, page):
    later = report.build(full, made="2030-12-31 23:59 UTC")
    for write_out in (html, markdown):
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
    report.write({tmp_path / "new" / "r.html": html(page), tmp_path / "r.md": markdown(page)})
    assert (tmp_path / "new" / "r.html").read_text("utf-8") == html(page)
    assert (tmp_path / "r.md").read_bytes() == markdown(page).encode()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder"):
        report.write({tmp_path / "folder": html(page), tmp_path / "r.md": ""})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "new", "r.md"]
