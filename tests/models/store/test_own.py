"""A checkpoint of a known network becomes a model with a name; nothing else does."""

import dataclasses
import os
from pathlib import Path

import pytest
import torch

from tests.models.networks import waveform
from unweave import registry
from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, cards, store
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers import safetensors
from unweave.models.store import own
from unweave.models.store.verify import check

LIKE = "mir1k-demucs"


@pytest.fixture
def mine(tmp_path, monkeypatch, cache):
    """An empty folder for models of the user's own."""
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "data"))
    cards.refresh()
    yield tmp_path / "data" / "models"
    monkeypatch.undo()
    cards.refresh()


@pytest.fixture
def tensors():
    """The weights of a small network, fine-tuned so to say."""
    arrays = store.weights(cards.card(LIKE))
    return {name: torch.from_numpy(array * 1.01) for name, array in arrays.items()}


@pytest.fixture
def checkpoint(tmp_path, tensors):
    path = tmp_path / "My Tune v2.ckpt"
    torch.save({"state_dict": tensors}, path)
    return path


def test_a_checkpoint_like_that_of_a_card_is_recognised(mine, checkpoint, tensors):
    card = own.add(checkpoint, licence="my own")
    like = cards.card(LIKE)
    assert card.name == "my-tune-v2"
    for fact in ("architecture", "stems", "complement", "sample_rate_hz", "channels", "segment"):
        assert getattr(card, fact) == getattr(like, fact)
    assert card.config == like.config
    assert card.licence_weights == "my own"
    assert LIKE in card.notes
    assert sorted(path.name for path in mine.iterdir()) == [
        "my-tune-v2.safetensors",
        "my-tune-v2.toml",
    ]
    checkpoint.unlink()  # it is not needed any more
    assert card.name in registry.names()
    loaded = registry.load(card.name).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())


def test_settings_name_its_stems(mine, checkpoint, tmp_path):
    (tmp_path / "c.yaml").write_text("training:\n  instruments: !!python/tuple [Speech, Music]\n")
    card = own.add(checkpoint, name="mine", config=tmp_path / "c.yaml")
    assert (card.name, card.stems) == ("mine", ("speech", "music"))
    assert card.complement == "music"


def test_an_architecture_may_know_more_forms_of_itself(mine, tmp_path, monkeypatch):
    file = tmp_path / "a.safetensors"
    arrays = store.weights(cards.card(LIKE))
    with file.open("wb") as stream:
        safetensors.write(stream, {f"theirs.{name}": each for name, each in arrays.items()})
    with pytest.raises(WeightsError, match=r"a\.safetensors: no network of unweave takes these"):
        own.add(file)
    like = cards.card(LIKE)
    facts = {
        "stems": ["a", "b"], "sample_rate_hz": 8000, "channels": like.channels,
        "segment": {"length": like.segment.length}, "config": dict(like.config),
    }  # fmt: skip

    def recognised(name, found, settings):
        assert all(each.startswith("theirs.") for each in found)
        return dict(facts) if name == like.architecture else None

    def converter(name):
        return lambda sources: {k.removeprefix("theirs."): v for k, v in sources[""].items()}

    monkeypatch.setattr(architectures, "recognised", recognised)
    monkeypatch.setattr(architectures, "converter", converter)
    card = own.add(file)
    assert (card.name, card.architecture, card.stems) == ("a", like.architecture, ("a", "b"))


@pytest.mark.parametrize("pair", ["htdemucs", "htdemucs_plain"])
def test_ht_demucs_is_recognised_by_its_shapes_and_arguments(mine, tmp_path, pair):
    known = waveform.recorded(pair)
    weights = {name: torch.from_numpy(each.copy()) for name, each in known.weights.items()}
    arguments = {"sources": known.stem_names, "nfft": known.config["frame_size"], "segment": 0.1}
    arguments |= {"t_heads": known.config["heads"], "samplerate": 41000}
    torch.save({"state": weights, "kwargs": arguments}, tmp_path / "a.th")
    card = own.add(tmp_path / "a.th")
    assert (card.architecture, card.stems) == ("htdemucs", known.stem_names)
    assert (card.sample_rate_hz, card.segment.length, card.normalise_track) == (41000, 4100, True)
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        stems = ours(known.mix[..., :4001], 41000)
    if known.config["length"] == card.config["length"]:
        assert waveform.below_db(known.stems, stems) > 100


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("spleeter-2stems", "a model is called 'spleeter-2stems' already"),
        ("../up", "'../up' is no name"),
        ("-x", "'-x' is no name"),
    ],
)
def test_a_wrong_name_is_one_line(mine, checkpoint, name, match):
    with pytest.raises(UsageError, match=match):
        own.add(checkpoint, name=name)
    assert not mine.exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"", "my.pth"), (b"PK\x03\x04nonsense", "my.pth"), (None, "my.pth: no such file")],
)
def test_what_is_no_checkpoint_is_one_line(mine, tmp_path, content, match):
    file = tmp_path / "my.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((UsageError, WeightsError), match=match) as caught:
        own.add(file)
    assert "\n" not in str(caught.value)
    assert not mine.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_what_is_no_file_is_one_line(mine, checkpoint, tmp_path, monkeypatch):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: bytes(1 << 60))
        with pytest.raises(
            WeightsError, match=r"cannot be read .it has \d+ bytes, more than memory"
        ):
            own.add(checkpoint, name="mine")
    for wrong, words in ((pipe, "a pipe or a device"), (tmp_path, "a folder")):
        with pytest.raises((UsageError, WeightsError), match=words) as caught:
            own.add(wrong, name="mine")
        assert str(wrong) in str(caught.value)
    with pytest.raises(UsageError, match=r"pipe\.toml: cannot be read .it is a pipe"):
        own.add(checkpoint, config=pipe)
    with pytest.raises(UsageError, match=r"pipe\.toml: cannot be read .it is a pipe"):
        cards.card(str(pipe))
    assert not mine.exists()
    card = own.add(checkpoint, name="mine")
    card.file.unlink()
    os.mkfifo(card.file)
    found = check(card)
    assert not found.right
    assert f"{card.file} cannot be read (it is a pipe" in found.words
    card.path.unlink()
    os.mkfifo(card.path)
    cards.refresh()
    with pytest.raises(UsageError, match=r"mine\.toml: cannot be read .it is a pipe"):
        cards.card("mine")


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "!!python/object/apply:os.mkdir [made]", "[" * 20000, None]
)
def test_wrong_settings_are_one_line(mine, checkpoint, tmp_path, text):
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"c\.yaml: ") as caught:
        own.add(checkpoint, config=tmp_path / "c.yaml")
    assert "\n" not in str(caught.value)


def test_one_parameter_more_is_no_network(mine, tmp_path, tensors):
    torch.save(tensors | {"spy": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="no network of unweave takes these"):
        own.add(tmp_path / "a.pth")


def test_removing_it_removes_card_and_weights(mine, checkpoint):
    card = own.add(checkpoint)
    assert own.is_own(card)
    assert not own.is_own(cards.card(LIKE))
    assert own.remove(card) > card.weights.size_bytes
    assert list(mine.iterdir()) == []
    assert card.name not in cards.names()


def test_a_package_has_the_name_first(mine, checkpoint):
    card = own.add(checkpoint, name="mine")
    (mine / "mine.toml").rename(mine / "spleeter-2stems.toml")
    cards.refresh()
    assert cards.card("spleeter-2stems").origin == "unweave"
    assert not cards.known("mine")
    assert dataclasses.is_dataclass(card)
