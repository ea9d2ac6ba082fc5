"""Weights go to a machine without a network by a folder, and are checked on arrival."""

import dataclasses
import hashlib
import io
import shutil

import numpy as np
import pytest

from tests.models.store.test_own import checkpoint, mine, tensors  # noqa: F401
from unweave.errors import WeightsError
from unweave.models import cards, store
from unweave.models.readers import safetensors
from unweave.models.store import own, transfer

NAME = "small"


@pytest.fixture
def card(monkeypatch, cache):
    """The one card that there is, whose weights lie in the cache."""
    stream = io.BytesIO()
    safetensors.write(stream, {"a": np.arange(3.0)})
    content = stream.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    card = dataclasses.replace(
        cards.card("spleeter-2stems"),
        name=NAME,
        weights=cards.Weights(sha256=sha256, size_bytes=len(content)),
    )
    monkeypatch.setattr(cards, "names", lambda: [NAME])
    monkeypatch.setattr(cards, "card", {NAME: card}.__getitem__)
    store.path(card).parent.mkdir(parents=True)
    store.path(card).write_bytes(content)
    return card


@pytest.fixture
def stick(card, tmp_path, cache):
    """A folder with exported weights; the cache is empty again."""
    assert transfer.export([card], tmp_path / "stick") == [
        tmp_path / "stick" / store.path(card).name
    ]
    shutil.rmtree(cache)
    return tmp_path / "stick"


def test_what_is_exported_can_be_imported(stick, card, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    assert not store.cached(card)
    assert transfer.import_(stick) == [NAME]
    assert store.cached(card)


def test_a_wrong_file_is_not_imported(stick, card):
    (file,) = stick.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=f"{file.name}: not the weights of {NAME}"):
        transfer.import_(stick)
    assert not store.here(card)


def test_a_folder_without_weights_is_one_line(tmp_path):
    with pytest.raises(WeightsError, match="holds no weights of a model that is known here"):
        transfer.import_(tmp_path)


def test_what_is_not_here_cannot_be_exported(tmp_path, card):
    store.path(card).unlink()
    with pytest.raises(WeightsError, match=f"unweave models pull {NAME}"):
        transfer.export([card], tmp_path / "stick")


def test_what_a_package_brings_is_not_exported(tmp_path):
    with pytest.raises(WeightsError, match="come with the package unweave-mir1k"):
        transfer.export([cards.card("mir1k-dnn")], tmp_path / "stick")


def test_models_of_the_users_own_take_their_card_along(mine, checkpoint, tmp_path):  # noqa: F811
    card = own.add(checkpoint, name="tune")
    transfer.export([card], tmp_path / "stick")
    own.remove(card)
    assert transfer.import_(tmp_path / "stick") == ["tune"]
    assert store.cached(cards.card("tune"))
