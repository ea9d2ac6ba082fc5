from __future__ import annotations

import pytest

from tests import loading
from tests.jobs.fakes import Share, spec


@pytest.fixture
def fake_model(monkeypatch) -> list[dict[str, object]]:
    """The registry gives a `Share`; returns the options of every load."""
    loads: list[dict[str, object]] = []

    def load(name: str, **options: object) -> Share:
        loads.append(options)
        return Share(spec(name=name, options=options))

    loading.give(monkeypatch, load)
    return loads
