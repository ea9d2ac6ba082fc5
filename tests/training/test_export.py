"""The commit on a card is that of unweave's own source, of no repository around it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from unweave.core.source import commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *name, *words], cwd=folder, env=environment, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    return done.stdout.strip()


def repository(root: Path, package: str) -> Path:
    """A repository with a file in `package`; the folder of that."""
    folder = root / package
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    return folder


def test_the_source_of_unweave_has_a_commit(tmp_path: Path) -> None:
    package = repository(tmp_path, "src/unweave")
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert commit(package) == head
    (package / "new.py").write_text("")
    assert commit(package) == f"{head}+"


@pytest.mark.parametrize(
    "package", [".venv/lib/python3.11/site-packages/unweave", "lib/src/unweave", "unweave"]
)
def test_a_repository_around_the_package_is_not_its_own(tmp_path: Path, package: str) -> None:
    assert commit(repository(tmp_path, package)) == ""


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "unweave"
    package.mkdir(parents=True)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert commit(package) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(package) == ""


def test_the_environment_of_a_hook_does_not_lead_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = repository(tmp_path / "ours", "src/unweave")
    repository(tmp_path / "other", "src/unweave")
    ours = commit(package)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert commit(package) == ours
