"""What is handed out is whole, and says what is in it."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["benchmarks", "docs", "recipes", "scripts", "src", "tests"])
def test_the_source_distribution_has_what_tests_and_documents_name(name: str) -> None:
    assert f"/{name}" in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def test_the_licence_names_the_weights_that_are_inside() -> None:
    from unweave.pretrained import cards

    inside = [
        cards.card(path.stem) for path in Path(cards.__file__).parent.glob("cards/*.safetensors")
    ]
    assert {card.licence_weights for card in inside} == {"research (MIR-1K)"}
    assert PROJECT["project"]["license"] == "MIT AND LicenseRef-MIR-1K-research-only"
    for file in PROJECT["project"]["license-files"]:
        assert (ROOT / file).is_file(), file
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for card in inside:
        assert f"`{card.name}`" in page


def test_no_text_names_a_folder_outside_the_project() -> None:
    for folder in ("docs", "recipes", "benchmarks", "scripts", "src", "."):
        pattern = "*" if folder == "." else "**/*"
        for path in (ROOT / folder).glob(pattern):
            ours = ".venv" not in path.parts and path.is_file()
            if ours and path.suffix in (".md", ".toml", ".py", ".sh", ".csv"):
                assert "../shared" not in path.read_text(encoding="utf-8"), path
