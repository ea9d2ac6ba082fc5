"""A card holds facts; wrong ones are noticed."""

import dataclasses
import re

import pytest

from unweave.core.errors import UsageError
from unweave.pretrained import cards
from unweave.pretrained.convert import converter

MINIMAL = """
title = "Any"
network = "demucs"
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
[segment]
length = 8000
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


def test_spleeters_segment_is_its_frames():
    card = cards.card("spleeter-2stems")
    frames, size, hop = (card.config[key] for key in ("frames", "frame_size", "hop"))
    assert card.segment.length == (frames - 1) * hop + size
    assert card.segment.hop == frames * hop
    assert card.segment.before == size


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("spleter-2stem", "spleeter-2stems"),
        ("spleter", "spleeter-2stems"),
        ("spleeter", "spleeter-2stems"),
        ("htdemucs", None),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_an_unknown_name_gives_what_is_spelt_nearly_so(name, near):
    with pytest.raises(UsageError) as caught:
        cards.card(name)
    guess = f"perhaps you mean {near}; " if near else ""
    message = f"no model is called {name!r}; {guess}'unweave models list' shows all"
    assert str(caught.value) == message


def test_a_card_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cards.card("spleeter-2stems").name = "mine"


def test_optional_facts_have_defaults():
    card = cards.parse("any", MINIMAL)
    assert card.name == "any"
    assert card.urls == ("https://example.org/any.safetensors",)
    assert card.package is None


def test_lists_of_the_config_become_tuples():
    config = cards.parse("any", MINIMAL + "[config]\nfilters = [1, 2]\nsoftmax = true\n").config
    assert config == {"filters": (1, 2), "softmax": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "licence = 'MIT'", "[segment]: there is no 'licence'"),
        (MINIMAL.replace("channels", "chanels"), "no 'chanels'; perhaps you mean channels"),
        (MINIMAL.replace("channels = 1", ""), "it lacks 'channels'"),
        ("color = 1\n" + MINIMAL, "there is no 'color'"),
        (MINIMAL.replace("[segment]\nlength = 8000", ""), "it lacks 'segment'"),
        (MINIMAL.replace("length = 8000", "length = '1 s'"), "length must be a whole number"),
        (
            MINIMAL.replace("length = 8000", "length = 10\nhop = 11"),
            "hop must be above 0 and at most 10",
        ),
        (MINIMAL.replace("length = 8000", "length = 10\ncontext = 5"), "hop must be above 0"),
        (MINIMAL.replace("8000\nchannels", "8000.5\nchannels"), "sample_rate_hz must be a whole"),
        (MINIMAL.replace("8000\nchannels", "0\nchannels"), "sample_rate_hz and channels must be"),
        (MINIMAL.replace('["a", "b"]', '"vocals"'), "stems must be a list, each a word"),
        (MINIMAL.replace('["a", "b"]', '["a", "a"]'), "stems must be names that differ"),
        (MINIMAL.replace('"demucs"', '"htdemucs"'), "there is no network 'htdemucs'; there are"),
        (MINIMAL.replace("[weights]", "[[weights]]"), "weights must be a table"),
        ("file = '/etc/passwd'\n" + MINIMAL, "a card does not say its file"),
    ],
)
def test_a_wrong_fact_is_one_line_that_names_the_card(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        cards.card(str(path))
    assert str(caught.value).startswith(f"{path}: is not a card: ")
    assert "\n" not in str(caught.value)


def test_a_path_is_a_name_too(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert cards.known(str(path))
    assert not cards.known("mine")
    card = cards.card(str(path))
    assert (card.name, card.file, card.origin) == ("mine", None, path)  # it has an address
    path.write_text(MINIMAL.replace("urls", "# urls"))
    assert cards.card(str(path)).file == tmp_path / "mine.safetensors"
    path.write_text(MINIMAL)
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
