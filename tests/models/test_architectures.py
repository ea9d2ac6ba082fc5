"""Architectures stand alone: each imports what all share, and nothing of another."""

import ast
import re
from pathlib import Path

import pytest

import unweave
from unweave.models import architectures

MODELS = Path(unweave.__path__[0], "models")
OWN = sorted(file.parent.name for file in MODELS.glob("*/model.py"))


def imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("unweave.models.")}


@pytest.mark.parametrize("name", OWN)
def test_an_architecture_imports_no_other_and_not_the_store(name: str) -> None:
    allowed = (f"unweave.models.{name}.", "unweave.models.layers.")
    for file in (MODELS / name).glob("*.py"):
        assert all(each.startswith(allowed) for each in imported(file)), file


@pytest.mark.parametrize("name", OWN)
def test_options_and_names_are_known_before_torch_is(name: str) -> None:
    assert name in architectures.names()
    for part in ("options", "convert", "__init__"):
        file = MODELS / name / f"{part}.py"
        if file.is_file():
            assert not re.search(r"(import|from) torch\b", file.read_text(encoding="utf-8"))
