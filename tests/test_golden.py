"""A separator that gives other stems than before says so by its revision: see scripts/golden.py."""

import json

import numpy as np
import pytest
from scripts.golden import FOLDER, facts, path

from unweave import registry

NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
# Processors round differently, and techniques that decide by comparing turn a bin over now and
# then: a change of code moves more than this.
MOST_DB = 0.1
HEARD_DB = -50.0  # levels below it are of rounding


def test_none_is_of_a_separator_that_is_gone() -> None:
    assert set(NAMES) <= set(registry.names())
    assert len(NAMES) >= 24


@pytest.mark.parametrize("name", NAMES)
def test_other_stems_need_another_revision(name: str) -> None:
    then, now = json.loads(path(name).read_text()), facts(name)
    advice = f"if it is meant, raise its REVISION and run python -m scripts.golden {name}"
    assert then["levels_db"].keys() == now["levels_db"].keys()
    for stem, levels in now["levels_db"].items():
        old, new = (np.maximum(each, HEARD_DB) for each in (then["levels_db"][stem], levels))
        worst = np.abs(old - new).max()
        assert worst < MOST_DB, f"{name}: {stem} changed by {worst:.2f} dB; {advice}"
    kept = (then["revision"], then["engine_revision"])
    assert kept == (now["revision"], now["engine_revision"]), f"run python -m scripts.golden {name}"
