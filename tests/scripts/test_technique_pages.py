"""The pages of the techniques say what the code says, and what was measured."""

import re

import pytest
from scripts.technique_pages import PAGES, pages, tables

from unweave import registry

FOUND = pages()
MAKE = "scripts.technique_pages"
STEPS = "; docs/new-technique.md lists the steps"


@pytest.mark.parametrize("file", FOUND)
def test_a_page_is_what_its_technique_says_today(file: str) -> None:
    page = PAGES / file
    assert page.is_file(), f"docs/techniques/{file} is missing: run python -m {MAKE}"
    assert page.read_text(encoding="utf-8") == FOUND[file], (
        f"docs/techniques/{file} is old: run python -m {MAKE}"
    )


def test_there_is_no_page_of_a_technique_that_is_gone() -> None:
    assert {path.name for path in PAGES.glob("*.md")} == set(FOUND)


@pytest.mark.parametrize("name", registry.techniques())
def test_a_technique_tells_its_idea_its_formula_its_limits_and_its_paper(name: str) -> None:
    facts = registry.describe(name)
    assert isinstance(facts, registry.Technique)
    headings = re.findall(r"^\*\*(.+?)\.\*\*", facts.doc, re.MULTILINE)
    assert headings == ["Idea", "Formula", "When it fails", "Paper"], (
        f"the docstring of {name} needs these headings in bold, each with a full stop{STEPS}"
    )


def test_scores_and_pictures_are_of_techniques_there_are() -> None:
    names = registry.techniques()
    for name in names:
        picture = PAGES / "pictures" / f"{name}.png"
        assert not picture.is_file() or 5_000 < picture.stat().st_size < 250_000
    assert {path.stem for path in (PAGES / "pictures").glob("*.png")} <= set(names)
    assert sum(any(table.of(name) for table in tables()) for name in names) >= 12
