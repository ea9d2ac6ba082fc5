import pytest

from unweave.pretrained.convert import spleeter


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNWEAVE_CACHE", str(folder))
    monkeypatch.delenv("UNWEAVE_OFFLINE", raising=False)
    return folder


@pytest.fixture
def small(monkeypatch):
    """The architecture of Spleeter with a handful of features, so that files stay small."""
    monkeypatch.setattr(spleeter, "FILTERS", (1, 2, 3, 4, 5, 6))
