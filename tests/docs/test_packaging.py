"""What is handed out is whole, and says what is in it."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["benchmarks", "docs", "recipes", "scripts", "src", "tests"])
def test_the_source_distribution_has_what_tests_and_documents_name(name: str) -> None:
    assert f"/{name}" in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


RESEARCH = ROOT / "packages" / "unweave-mir1k"


def test_what_is_for_research_only_is_in_a_package_of_its_own() -> None:
    from unweave.models import cards

    assert not list((ROOT / "src").glob("**/*.safetensors"))
    assert PROJECT["project"]["license"] == "MIT"
    research = tomllib.loads((RESEARCH / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert research["license"] == "LicenseRef-MIR-1K-research-only"
    for root, project in ((ROOT, PROJECT["project"]), (RESEARCH, research)):
        for file in project["license-files"]:
            assert (root / file).is_file(), file
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    inside = [cards.card(str(path)) for path in RESEARCH.glob("src/**/*.toml")]
    assert len(inside) == 10
    for card in inside:
        assert card.licence_weights == "research (MIR-1K)"
        assert f"`{card.name}`" in page
        assert card.name in cards.names()


def test_no_text_names_a_folder_outside_the_project() -> None:
    for folder in ("docs", "recipes", "benchmarks", "packages", "scripts", "src", "."):
        pattern = "*" if folder == "." else "**/*"
        for path in (ROOT / folder).glob(pattern):
            ours = ".venv" not in path.parts and path.is_file()
            if ours and path.suffix in (".md", ".toml", ".py", ".sh", ".csv"):
                assert "../shared" not in path.read_text(encoding="utf-8"), path
