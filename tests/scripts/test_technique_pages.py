"""The pages of the techniques say what the code says, and what was measured."""

import re

import pytest
from scripts.technique_pages import PAGES, pages, tables

from unweave import catalog

FOUND = pages()


@pytest.mark.parametrize("file", FOUND)
def test_a_page_is_what_its_technique_says_today(file: str) -> None:
    assert (PAGES / file).read_text(encoding="utf-8") == FOUND[file], (
        f"docs/techniques/{file} is old: run python -m scripts.technique_pages"
    )


def test_there_is_no_page_of_a_technique_that_is_gone() -> None:
    assert {path.name for path in PAGES.glob("*.md")} == set(FOUND)


@pytest.mark.parametrize("name", catalog.techniques())
def test_a_technique_tells_its_idea_its_formula_its_limits_and_its_paper(name: str) -> None:
    facts = catalog.describe(name)
    assert isinstance(facts, catalog.Technique)
    headings = re.findall(r"^\*\*(.+?)\.\*\*", facts.doc, re.MULTILINE)
    assert headings == ["Idea", "Formula", "When it fails", "Paper"]


@pytest.mark.parametrize("name", catalog.techniques())
def test_every_page_has_figures_and_a_small_picture(name: str) -> None:
    assert any(table.of(name) for table in tables())
    picture = PAGES / "pictures" / f"{name}.png"
    assert 5_000 < picture.stat().st_size < 60_000
