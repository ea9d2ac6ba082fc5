"""A model of an index: fetched from a server, or added from a file of the user's, and run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from tests.models.networks import waveform
from tests.models.store import servers
from tests.models.test_recognise_roformer import written
from unweave.core import toml
from unweave.models import cards, store

PAIR = "bs_roformer_values"
SEGMENT = {"length": 1600, "hop": 400, "window": "linear", "fade": 160, "edge": "reflect"}


def checkpoint() -> bytes:
    """As training leaves it."""
    arrays = waveform.recorded(PAIR).weights.items()
    stream = io.BytesIO()
    torch.save(
        {"state_dict": {name: torch.from_numpy(each.copy()) for name, each in arrays}}, stream
    )
    return stream.getvalue()


@pytest.fixture
def address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_in: Any, here: Path
) -> Iterator[Any]:
    """A server with the file of `two`, of a package's index, in which `alone` has no address."""
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "data"))
    content = checkpoint()
    (here / "model.ckpt").write_bytes(content)
    published = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    shared = {
        "version": 2, "sample_rate_hz": 16000, "channels": 2, "licence_code": "MIT",
        "licence_weights": "not stated", "paper": "none", "training_data": "none",
        "architecture": "roformer", "convert": True, "reader": "torch-zip", "segment": SEGMENT,
        "stems": ["vocals", "other"], "target": "vocals", "complement": "other",
    }  # fmt: skip
    with servers.running(content) as server:
        models = {
            "two": {**published, "title": "Two", "url": f"{server.address}/model.ckpt"},
            "alone": {**published, "title": "Alone", "file": "model.ckpt", "sha256": "0" * 64},
        }
        small = {"small": {"config": {**waveform.recorded(PAIR).config, "remainder": True}}}
        each = {name: {"class": "small", **facts} for name, facts in models.items()}
        facts = {"version": 1, "default": shared, "class": small, "model": each}
        plug_in("bringer", "bringer.inner", {"mine.index": toml.dumps(facts).decode()})
        yield server
    monkeypatch.undo()
    cards.refresh()


def song(make_wave: Callable[..., Any]) -> None:
    soundfile.write("song.wav", make_wave(2, 5000, 16000).T, 16000, subtype="FLOAT")


def stems(folder: str) -> list[bytes]:
    found = sorted(Path(folder).rglob("*.wav"))
    assert len(found) == 2
    return [file.read_bytes() for file in found]


def test_fetched_it_separates_as_the_same_file_with_its_yaml(
    say: Callable[..., Any], address: Any, make_wave: Callable[..., Any], here: Path
) -> None:
    song(make_wave)
    pulled = say("models", "pull", "two")
    assert pulled.code == 0, pulled.err
    assert address.asked == [("/model.ckpt", None, None)]
    done = say("separate", "song.wav", "-m", "two", "-o", "fetched", "--device", "cpu")
    assert done.code == 0, done.err
    config = written(here, PAIR)
    added = say("models", "add", "model.ckpt", "--config", config, "--name", "mine")
    assert added.code == 0, added.err
    assert say("separate", "song.wav", "-m", "mine", "-o", "added", "--device", "cpu").code == 0
    assert stems("fetched") == stems("added")
    assert say("separate", "song.wav", "-m", "two", "-o", "again", "--device", "cpu").code == 0
    assert stems("again") == stems("fetched")
    assert say("models", "verify", "two").code == 0
    assert len(address.asked) == 1


def test_a_file_that_is_there_already_is_taken_by_its_hash(
    say: Callable[..., Any], address: Any, here: Path
) -> None:
    added = say("models", "add", "model.ckpt")
    assert (added.code, added.out) == (0, "two: its weights are here; Two\n")
    assert store.cached(cards.card("two"))
    assert "two" in say("models", "list", "--installed").out
    assert say("models", "add", "model.ckpt", "--json").json["name"] == "two"
    assert address.asked == []
    assert not list(store.cache_folder().rglob(".*"))
    settings = ("--name", "own", "--config", written(here, PAIR))
    assert say("models", "add", "model.ckpt", *settings).out.startswith("own: roformer")


def test_what_has_no_address_is_one_line(say: Callable[..., Any], address: Any) -> None:
    soundfile.write("song.wav", torch.zeros(100, 2).numpy(), 16000)
    line = (
        "alone: unweave has no address of its weights, as nobody is known to be allowed to pass "
        "them on; if you have model.ckpt, run: unweave models add model.ckpt\n"
    )
    for words in (["models", "pull", "alone"], ["separate", "song.wav", "-m", "alone"]):
        said = say(*words)
        assert said.code == 3
        assert said.err.endswith(line)
        assert said.err.count("\n") == 1
    assert [file.name for file in Path().glob("*.wav")] == ["song.wav"]


def test_another_file_at_the_address_is_not_taken(say: Callable[..., Any], address: Any) -> None:
    address.script[:] = [servers.other(b"x" * len(checkpoint()))]
    said = say("models", "pull", "two")
    assert said.code == 3
    assert "its SHA-256" in said.err
    assert not store.cached(cards.card("two"))
