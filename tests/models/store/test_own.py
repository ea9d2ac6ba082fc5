"""A checkpoint of a known network becomes a model with a name; nothing else does."""

import dataclasses
import errno
import os
from pathlib import Path

import pytest
import torch

from tests.models.networks import waveform
from unweave import registry
from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, cards, store
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers import safetensors, torch_zip
from unweave.models.readers._shared.numbers import room
from unweave.models.store import own
from unweave.models.store.verify import check

LIKE = "mir1k-demucs"


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
        ("SPLEETER-2stems", "a model is called 'spleeter-2stems' already"),  # one file on a Mac
        ("hpss", "a separator is called 'hpss' already"),
        ("nul", "'nul' is no name"),  # a device on Windows
        ("a.", "'a.' is no name"),
        ("a.toml", "'a.toml' is no name"),
        ("a" * 181, "is no name: it takes up to 180 letters"),
    ],
)
def test_a_wrong_name_is_one_line(mine, checkpoint, name, match):
    with pytest.raises(UsageError, match=match):
        own.add(checkpoint, name=name, taken=["hpss"])
    assert not mine.exists()


def test_any_name_of_a_file_will_do(mine, checkpoint, tmp_path):
    odd = tmp_path / os.fsdecode(b"x\xffy.ckpt")
    try:
        checkpoint.rename(odd)
    except OSError:
        pytest.skip("this disk has names of UTF-8 only")
    assert own.add(odd, licence="by \udcff").name == "x-y"
    for name in ("\u6b4c.ckpt", "..ckpt"):
        odd = odd.rename(tmp_path / name)
        with pytest.raises(UsageError, match=r"ckpt: no name can be made .*; give one by --name"):
            own.add(odd)


def test_the_file_is_looked_at_before_its_name(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^\.: is a folder"):
        own.add(Path("."))
    with pytest.raises(UsageError, match=r"^-: no such file"):
        own.add(Path("-"))
    with pytest.raises(UsageError, match="the name is too long"):
        own.add(Path("x" * 300))


@pytest.mark.parametrize("wrong", [float("nan"), float("-inf"), 1e300])
def test_numbers_that_are_not_finite_are_named(mine, tmp_path, tensors, wrong):
    name = sorted(tensors)[3]
    tensors[name] = tensors[name].double() * 0 + wrong
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=f"a.pth: its array '{name}' has numbers that are not"):
        own.add(tmp_path / "a.pth")
    assert not mine.exists()


def test_a_file_that_changes_meanwhile_is_not_taken(mine, checkpoint, monkeypatch):
    recognised = own.readers.settings

    def meanwhile(kind, file):
        found = recognised(kind, file)
        with file.open("ab") as stream:
            stream.write(b"more")
        return found

    monkeypatch.setattr(own.readers, "settings", meanwhile)
    with pytest.raises(WeightsError, match=r"v2\.ckpt: it changed while it was read"):
        own.add(checkpoint)


def test_a_card_that_cannot_be_written_leaves_no_weights(mine, checkpoint, monkeypatch):
    finish = own.Hidden.finish

    def full(hidden):
        if hidden.target.suffix == ".toml":
            raise OSError(errno.ENOSPC, "full", str(hidden.path))
        finish(hidden)

    monkeypatch.setattr(own.Hidden, "finish", full)
    with pytest.raises(WeightsError, match=r"models: the disk is full; .*UNWEAVE_DATA"):
        own.add(checkpoint)
    assert list(mine.iterdir()) == []


def test_who_comes_second_does_not_mix_its_weights_in(mine, checkpoint, monkeypatch):
    """As where two processes add a model of one name: the name is looked at again, alone."""
    locked = own.locked

    def quicker(path):
        monkeypatch.setattr(own, "locked", locked)
        own.add(checkpoint, name="mine", licence="the first")
        return locked(path)

    monkeypatch.setattr(own, "locked", quicker)
    with pytest.raises(UsageError, match="a model is called 'mine' already"):
        own.add(checkpoint, name="mine", licence="the second")
    card = cards.card("mine")
    assert card.licence_weights == "the first"
    assert store.cached(card)


def test_what_a_package_brings_tells_the_network_before_ones_own(mine, checkpoint):
    own.add(checkpoint, name="a")
    assert f"as that of {LIKE}," in own.add(checkpoint, name="b").notes


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"my\.pth: refused, it is empty"),
        (b"PK\x03\x04nonsense", "my.pth"),
        (b"<html>Please log in</html>", r"my\.pth: refused, no checkpoint: it begins with b'<html"),
        (None, "my.pth: no such file"),
    ],
)
def test_what_is_no_checkpoint_is_one_line(mine, tmp_path, content, match):
    file = tmp_path / "my.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((UsageError, WeightsError), match=match) as caught:
        own.add(file)
    assert "\n" not in str(caught.value)
    assert not mine.exists()


def test_the_numbers_of_a_checkpoint_name_its_table(mine, tmp_path):
    file = tmp_path / "model.data-00000-of-00001"
    file.write_bytes(b"numbers")
    with pytest.raises(UsageError, match=r"00001: holds .* numbers; name its table, model\.index$"):
        own.add(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_what_is_no_file_is_one_line(mine, checkpoint, tmp_path, monkeypatch):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with monkeypatch.context() as patch:
        patch.setattr(torch_zip, "room", lambda size: room(1 << 60))
        with pytest.raises(
            WeightsError, match=r"cannot be read .an array in it has \d+ bytes, more than memory"
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
    "text",
    [
        "a: [",
        "- 1",
        "!!python/object/apply:os.mkdir [made]",
        "[" * 2000,
        "a: !!timestamp x",
        "a: &a [*a]",
        None,
    ],
)
def test_wrong_settings_are_one_line(mine, checkpoint, tmp_path, text):
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"c\.yaml: ") as caught:
        own.add(checkpoint, config=tmp_path / "c.yaml")
    assert "\n" not in str(caught.value)


def test_settings_in_another_encoding_are_told(mine, checkpoint, tmp_path):
    (tmp_path / "c.yaml").write_bytes("training: {instruments: [bébé, x]}".encode("latin-1"))
    with pytest.raises(UsageError, match=r"c\.yaml: is not text in UTF-8.*save it as UTF-8"):
        own.add(checkpoint, config=tmp_path / "c.yaml")


def test_what_torch_saved_is_read_however_it_is_called(mine, checkpoint, tensors, tmp_path):
    for ending in ("onnx", "safetensors", "tar"):
        file = checkpoint.rename(tmp_path / f"its.{ending}")
        card = own.add(file, name=f"by-{ending}")
        assert store.weights(card).keys() == tensors.keys()
        checkpoint = file


def test_one_parameter_more_is_no_network(mine, tmp_path, tensors):
    torch.save(tensors | {"spy": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="no network of unweave takes these"):
        own.add(tmp_path / "a.pth")


def test_removing_it_removes_card_and_weights(mine, checkpoint):
    card = own.add(checkpoint)
    assert own.called(card.name) == own.called(str(card.path)) == card.name
    assert own.called(LIKE) is None
    assert own.remove(card.name) > card.weights.size_bytes
    assert list(mine.iterdir()) == []
    assert card.name not in cards.names()


def test_a_wrong_card_can_be_removed_by_its_name(mine, checkpoint):
    card = own.add(checkpoint, name="mine")
    card.path.write_text("nonsense")
    cards.refresh()
    assert own.called("mine") == own.called(str(card.path)) == "mine"
    assert own.remove("mine") > 1000
    assert list(mine.iterdir()) == []
    assert own.called("mine") is None


def test_a_package_has_the_name_first(mine, checkpoint):
    card = own.add(checkpoint, name="mine")
    (mine / "mine.toml").rename(mine / "spleeter-2stems.toml")
    cards.refresh()
    assert cards.card("spleeter-2stems").origin == "unweave"
    assert not cards.known("mine")
    assert dataclasses.is_dataclass(card)
