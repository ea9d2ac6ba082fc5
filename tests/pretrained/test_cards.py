"""A card holds facts; wrong ones are noticed."""

import dataclasses
import re

import pytest

from unweave.core.errors import UsageError
from unweave.pretrained import cards
from unweave.pretrained.convert import converter

MINIMAL = """
title = "Any"
network = "any"
stems = ["a", "b"]
sample_rate_hz = 8000
channels = 1
licence_code = "MIT"
licence_weights = "CC-BY-4.0"
paper = "A paper"
training_data = "Noise"
urls = ["https://example.org/any.safetensors"]
[weights]
sha256 = "00"
size_bytes = 1
"""


def test_the_default_model_is_there():
    assert "spleeter-2stems" in cards.names()
    card = cards.card("spleeter-2stems")
    assert card.stems == ("vocals", "accompaniment")
    assert (card.sample_rate_hz, card.channels) == (44100, 2)
    assert card.licence_weights == "MIT"


@pytest.mark.parametrize("name", cards.names())
def test_every_card_is_complete(name):
    card = cards.card(name)
    assert card.name == name
    assert all((card.title, card.paper, card.training_data, card.licence_code))
    assert card.licence_weights
    assert len(set(card.stems)) == len(card.stems) > 0
    hashes = [card.weights.sha256]
    sources = (card.package is not None, bool(card.urls), card.file is not None)
    assert sum(sources) == 1
    if card.package is not None:
        assert callable(converter(card.package.convert))
        assert len({file.role for file in card.package.files}) == len(card.package.files)
        hashes += [file.sha256 for file in card.package.files]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)
    if card.segment is not None:
        assert 0 <= card.segment.overlap < card.segment.length


def test_spleeters_segment_is_its_frames():
    card = cards.card("spleeter-2stems")
    frames, size, hop = (card.config[key] for key in ("frames", "frame_size", "hop"))
    assert card.segment.length == (frames - 1) * hop + size
    assert card.segment.length - card.segment.overlap == frames * hop
    assert card.segment.lead == size


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(UsageError, match=r"'spleter-2stem'; perhaps you mean spleeter-2stems"):
        cards.card("spleter-2stem")
    with pytest.raises(UsageError, match="spleeter-2stems"):
        cards.card("../../etc/passwd")


def test_a_card_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cards.card("spleeter-2stems").name = "mine"


def test_optional_facts_have_defaults():
    card = cards.parse("any", MINIMAL)
    assert card.name == "any"
    assert card.urls == ("https://example.org/any.safetensors",)
    assert card.segment is None
    assert card.package is None


def test_lists_of_the_config_become_tuples():
    config = cards.parse("any", MINIMAL + "[config]\nfilters = [1, 2]\nsoftmax = true\n").config
    assert config == {"filters": (1, 2), "softmax": True}


@pytest.mark.parametrize(
    "text",
    [MINIMAL + "licence = 'MIT'", MINIMAL.replace("channels", "chanels"), "color = 1\n" + MINIMAL],
)
def test_a_misspelt_fact_is_an_error(text):
    with pytest.raises(TypeError):
        cards.parse("any", text)


def test_a_path_is_a_name_too(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert cards.known(str(path))
    assert not cards.known("mine")
    card = cards.card(str(path))
    assert (card.name, card.file) == ("mine", None)
    (tmp_path / "mine.safetensors").write_bytes(b"x")
    assert cards.card(str(path)).file == tmp_path / "mine.safetensors"


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("[", "is not a card"), ("a = 1", "is not a card")],
)
def test_a_path_without_a_card_is_one_line(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        cards.card(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
