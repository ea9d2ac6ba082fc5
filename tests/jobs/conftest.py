from __future__ import annotations

import pytest

from tests.jobs.fakes import Share, spec


@pytest.fixture
def fake_model(monkeypatch) -> list[dict[str, object]]:
    """`registry.load` gives a `Share`; returns the options of every load."""
    loads: list[dict[str, object]] = []

    def load(name: str = "spleeter-2stems", **options: object) -> Share:
        loads.append(options)
        return Share(spec(name=name, options=options))

    monkeypatch.setattr("unweave.registry.loading.load", load)
    return loads
