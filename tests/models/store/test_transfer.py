"""Weights go to a machine without a network by a folder, and are checked on arrival."""

import dataclasses
import errno
import hashlib
import io
import json
import shutil
import tomllib

import numpy as np
import pytest

from tests.models.store.test_own import checkpoint, tensors  # noqa: F401
from unweave.core import toml
from unweave.errors import UsageError, WeightsError
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
    monkeypatch.setattr(cards, "estimators", lambda: [])
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
    assert transfer.import_(stick) == ([NAME], [])
    assert store.cached(card)


def test_a_wrong_file_is_not_imported(stick, card):
    (file,) = stick.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    names, (error,) = transfer.import_(stick)
    assert names == []
    assert f"{file.name}: not the weights of {NAME}" in str(error)
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
    own.remove(card.name)
    assert transfer.import_(tmp_path / "stick") == (["tune"], [])
    assert store.cached(cards.card("tune"))


def test_a_second_import_changes_nothing(mine, checkpoint, tmp_path):  # noqa: F811
    card = own.add(checkpoint, name="tune")
    transfer.export([card], tmp_path / "stick")
    assert transfer.import_(tmp_path / "stick") == (["tune"], [])
    own.remove("tune")
    own.add(checkpoint, name="tune", licence="another")
    names, (error,) = transfer.import_(tmp_path / "stick")
    assert names == []
    assert "a model is called 'tune' already; remove that first, or rename" in str(error)
    assert cards.card("tune").licence_weights == "another"


def test_a_wrong_card_does_not_keep_the_others(mine, checkpoint, tmp_path):  # noqa: F811
    card = own.add(checkpoint, name="tune")
    transfer.export([card], tmp_path / "stick")
    own.remove("tune")
    (tmp_path / "stick/cards/broken.toml").write_text("[")
    names, (error,) = transfer.import_(tmp_path / "stick")
    assert names == ["tune"]
    assert "broken.toml: is not a card" in str(error)


def test_settings_in_another_file_go_along(mine, checkpoint, tmp_path):  # noqa: F811
    card = own.add(checkpoint, name="tune")
    facts = tomllib.loads(card.path.read_text())
    (tmp_path / "c.yaml").write_text(json.dumps(facts.pop("config")))
    (tmp_path / "far.toml").write_bytes(toml.dumps({"config": "c.yaml", **facts}))
    shutil.move(card.file, tmp_path / "far.safetensors")
    transfer.export([cards.card(str(tmp_path / "far.toml"))], tmp_path / "stick")
    (tmp_path / "c.yaml").unlink()
    assert transfer.import_(tmp_path / "stick") == (["far"], [])
    assert cards.card("far").config == card.config
    assert store.cached(cards.card("far"))


def test_two_cards_of_one_name_do_not_replace_each_other(mine, checkpoint, tmp_path):  # noqa: F811
    found = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        card = own.add(checkpoint, name="tune")
        folder.mkdir()
        for file in (card.file, card.path):
            shutil.copy(file, folder)
        own.remove("tune")
        found.append(cards.card(str(folder / "tune.toml")))
    with pytest.raises(UsageError, match="two models are called 'tune'"):
        transfer.export(found, tmp_path / "stick")
    assert not (tmp_path / "stick").exists()


def test_a_bag_of_ones_own_goes_along(mine, checkpoint, tmp_path):  # noqa: F811
    card = own.add(checkpoint, name="tune")
    facts = {key: getattr(card, key) for key in (
        "version", "title", "stems", "sample_rate_hz", "channels", "licence_code",
        "licence_weights", "paper", "training_data",
    )}  # fmt: skip
    bag = {"members": ["tune", "tune.toml"], "matrix": [[1, 1], [1, 1]]}
    card.path.with_name("two.toml").write_bytes(toml.dumps({**facts, "bag": bag}))
    cards.refresh()
    assert own.bags_with("tune") == ["two"]
    transfer.export([card, cards.card("two")], tmp_path / "stick")
    for name in ("two", "tune"):
        own.remove(name)
    assert transfer.import_(tmp_path / "stick") == (["tune", "two"], [])
    assert cards.card("two").bag.members == ("tune", "tune.toml")


def test_what_is_no_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for name, words in (("gone", "no such file or folder"), ("file", "it is a file, not a folder")):
        with pytest.raises(WeightsError, match=f"{name}: cannot be read: {words}"):
            transfer.import_(tmp_path / name)


def test_a_full_disk_is_the_sticks(tmp_path, card, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "full", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(WeightsError, match=rf"{tmp_path}/stick/.*: the disk is full"):
        transfer.export([card], tmp_path / "stick")
    assert [each for each in (tmp_path / "stick").rglob("*") if each.is_file()] == []
