"""Many cards in one file: what an index means, and that unweave's own is right in itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unweave.core.plan import Plan
from unweave.errors import UsageError
from unweave.models import architectures, cards, options
from unweave.models.cards import Card, index
from unweave.models.layers import msst
from unweave.models.layers.weights import settings

Shapes = dict[str, tuple[int, ...]]
SHARED = """
version = 1
[default]
version = 2
sample_rate_hz = 8000
channels = 1
licence_code = "MIT"
licence_weights = "not stated"
paper = "A paper"
training_data = "Noise"
architecture = "mask_inference"
reader = "safetensors"
segment = { length = 4000, fade = 400, edge = "inside" }
config = { frame_size = 256, hop = 64, width = 8 }
[board.test]
metric = "global SDR"
data = "a test set"
origin = "somebody"
[class.two]
stems = ["a", "b"]
complement = "b"
config = { hop = 32 }
[class.wide]
config = { width = 16 }
[class.both]
class = ["two", "wide"]
"""
ONE = """
[model.one]
class = "both"
title = "One"
segment = { length = 8000 }
scores.test = { a = 3.5, mean = 2 }
url = "https://example.org/one.safetensors"
sha256 = "0123abcd"
size_bytes = 7
"""
# Graphs of MDX-Net have tests of their own.
ROWS = sorted(
    name
    for name, row in cards._rows().items()
    if row.origin == "unweave" and cards.card(name).architecture != "mdx_net"
)
ENTRIES = {  # of published files
    "kim-vocals": 684, "viperx-1297": 699, "bs-roformer-sw": 1939, "mega-53": 13595,
    "scnet-xl-ihf": 510, "scnet-small": 372, "drumsep-5": 319, "mdx23c-instvoc-hq": 319,
}  # fmt: skip


def written(folder: Path, text: str) -> Path:
    file = folder / "any.index.toml"
    file.write_text(text)
    return file


def test_facts_are_those_of_the_row_then_of_its_classes_then_of_all(tmp_path: Path) -> None:
    facts = index.read(written(tmp_path, SHARED + ONE))["one"]
    card = cards.made("one", facts)
    assert (card.stems, card.complement, card.title) == (("a", "b"), "b", "One")
    assert card.config == {"frame_size": 256, "hop": 32, "width": 16}
    assert card.segment == Plan(length=8000, fade=400, edge="inside")
    (source,) = card.sources
    assert (source.reader, source.size_bytes) == ("safetensors", 7)
    assert [(s.stem, s.value_db, s.data) for s in card.scores] == [
        ("a", 3.5, "a test set"), ("", 2.0, "a test set"),
    ]  # fmt: skip


def test_the_index_in_the_documents_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    section = page.partition("## Many cards in one file")[2]
    text = section.partition("```toml\n")[2].partition("```")[0]
    ((name, facts),) = index.read(written(tmp_path, text)).items()
    card = cards.made(name, facts)
    assert (card.name, card.target, card.config["remainder"]) == ("my-voice", "vocals", True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 2", "its version must be 1; got 2"),
        ("version = 1\nmodels = 3", "there is no 'models'; an index has board, class"),
        ("version = 1\nmodel = 3", r"model must be tables, as \[model.NAME\]"),
        ("version = 1\n[model]\na = 1", r"model must be tables"),
        ("version = 1\ndefault = 3", "default must be a table"),
        ("version = 1\n[model.'../a']\nclass = 'x'", "no model can be called '../a'"),
        ("version = 1\n[model.a]\nclass = 'x'", r"\[model.a\]: there is no class 'x'"),
        ("version = 1\n[model.a]\nclass = [['x']]", r"\[model.a\]: there is no class \['x'\]"),
        (
            "version = 1\n[class.x]\nclass = 'y'\n[class.y]\nclass = 'x'\n[model.a]\nclass = 'x'",
            r"\[model.a\]: the class x is of itself",
        ),
        ("version = 1\n[model.a]\nscores.b = { c = 1 }", "there is no board 'b'"),
        ("version = 1\n[board.b]\n[model.a]\nscores.b = 3", "scores are scores.BOARD.STEM"),
        ("version = 1\n[model.a]\nurl = 'x'\nsources = []", "both sources and a source of its own"),
    ],
)
def test_an_index_that_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        index.read(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def shapes(card: Card) -> Shapes:
    """The names and shapes of a checkpoint as MSST's programs write it, and reading nothing."""
    if card.architecture != "roformer":
        network = import_module(f"tests.models.networks.test_{card.architecture}")
        config = settings(
            architectures.model(card.architecture).NETWORK[0],
            card.stems,
            card.channels,
            card.config,
        )
        return dict(network.theirs(config))
    return dict(_roformer(card))


def _roformer(card: Card) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The rules of names of P. Wang's programs, of both kinds."""
    network = architectures.model("roformer")
    facts: dict[str, Any] = {"heads": 8, "head_width": 64, "mask_layers": 2, **card.config}
    mel = facts.get("mel_bands", 0)
    if mel:
        split = import_module("unweave.models.roformer.bands").on_mel_scale(mel, 44100, 2048)
        bins = [end - first for first, end in split]
    else:  # a file whose bands no card names has those of another
        bins = list(facts.get("bands") or network.BANDS)
    width, heads, inner = facts["width"], facts["heads"], facts["heads"] * facts["head_width"]
    numbers = [2 * card.channels * each for each in bins]
    for k, each in enumerate(numbers):
        yield f"band_split.to_features.{k}.0.gamma", (each,)
        yield f"band_split.to_features.{k}.1.weight", (width, each)
        yield f"band_split.to_features.{k}.1.bias", (width,)
    for block in range(facts["depth"]):
        for axis in (0, 1):
            start = f"layers.{block}.{axis}.layers.0"
            yield f"{start}.0.rotary_embed.freqs", (facts["head_width"] // 2,)
            yield f"{start}.0.norm.gamma", (width,)
            yield f"{start}.0.to_qkv.weight", (3 * inner, width)
            yield f"{start}.0.to_gates.weight", (heads, width)
            yield f"{start}.0.to_gates.bias", (heads,)
            yield f"{start}.0.to_out.0.weight", (width, inner)
            if facts.get("value_residual") and block:
                yield f"{start}.0.to_value_residual_mix.weight", (heads, width)
                yield f"{start}.0.to_value_residual_mix.bias", (heads,)
            yield f"{start}.1.net.0.gamma", (width,)
            yield f"{start}.1.net.1.weight", (facts["hidden"], width)
            yield f"{start}.1.net.1.bias", (facts["hidden"],)
            yield f"{start}.1.net.4.weight", (width, facts["hidden"])
            yield f"{start}.1.net.4.bias", (width,)
            if mel:
                yield f"layers.{block}.{axis}.norm.gamma", (width,)
    if not mel:
        yield "final_norm.gamma", (width,)
    for stem in range(len(card.stems) - facts.get("remainder", False)):
        for k, each in enumerate(numbers):
            inside = [width, *[facts["mask_hidden"]] * (facts["mask_layers"] - 1), 2 * each]
            for n, (before, after) in enumerate(pairwise(inside)):
                start = f"mask_estimators.{stem}.to_freqs.{k}.0.{2 * n}"
                yield f"{start}.weight", (after, before)
                yield f"{start}.bias", (after,)


def told(card: Card) -> dict[str, Any]:
    """What a YAML file says of a card that no shape says."""
    facts = card.config
    model = {
        "stft_hop_length": facts.get("hop", 512),
        "stft_normalized": facts.get("normalised", False),
        "zero_dc": facts.get("zero_dc", False),
        "use_value_residual_learning": facts.get("value_residual") == "bare",
        "band_SR": [*facts.get("shares", ()), 0.0],
    }
    audio = {"num_channels": card.channels, "chunk_size": card.segment.length}
    if card.architecture == "tfc_tdf":
        audio |= {"n_fft": facts["frame_size"], "hop_length": facts["hop"]}
    if card.architecture == "scnet":
        del model["stft_hop_length"]
    return {
        "model": model | {"stereo": card.channels == 2},
        "audio": audio,
        "training": {"instruments": list(card.stems), "target_instrument": card.target},
        "inference": {"num_overlap": card.segment.length // card.segment.hop},
    }


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_what_its_checkpoint_would_be_recognised_as(name: str) -> None:
    """The settings follow from shapes and a YAML file, the shapes have the size of the file."""
    card = cards.card(name)
    (source,) = card.sources
    assert len(source.sha256) == 64, "what nobody states the hash of is not fetched"
    made = shapes(card)
    arrays = {key: np.broadcast_to(np.float32(0), shape) for key, shape in made.items()}
    if name in ENTRIES:
        assert len(arrays) == ENTRIES[name]
    ours, _ = architectures.model(card.architecture).NETWORK
    found = architectures.recognised(card.architecture, arrays, told(card))
    assert found is not None
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in found["config"].items()}
    known = {**card.config, "bands": config.get("bands", ())} if "bands" in config else card.config
    here, there = (settings(ours, card.stems, card.channels, each) for each in (config, known))
    assert here == there
    assert tuple(found["stems"]) == card.stems
    assert (found.get("target"), found.get("complement")) == (card.target, card.complement)
    assert Plan(**found["segment"]) == card.segment
    assert options.bytes_per_sample(card) == pytest.approx(
        options.bytes_per_sample(cards.made(name, row_with(name, config))), rel=0.3
    )
    numbers = sum(each.size for each in arrays.values())
    if source.size_bytes and card.config.get("bands") != ():
        # Numbers of 4 or 2 bytes, and what archives say of them: 200 to 440 bytes an array.
        least = numbers * (4 if source.size_bytes > 3 * numbers else 2)
        assert 0 <= source.size_bytes - least <= 1000 + 450 * len(arrays)


def row_with(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {**cards._rows()[name].facts, "config": config}


def test_segments_are_those_of_msst() -> None:
    for name in ROWS:
        plan = cards.card(name).segment
        assert plan == Plan(**msst.segment(plan.length, plan.length // plan.hop)), name


def test_every_network_takes_its_settings() -> None:
    from unweave.models import adapter

    for name in ROWS:
        adapter.check_config(cards.card(name))


def test_bands_that_no_card_names_are_those_of_the_weights() -> None:
    network = import_module("tests.models.networks.test_roformer")
    model = architectures.model("roformer")
    made = model.RoFormer(model.RoFormerConfig(stems=("vocals", "rest"), **network.SMALL))
    arrays = {key: value.numpy() for key, value in made.state_dict().items()}
    bare = {**network.SMALL, "bands": ()}
    built = model.build(("vocals", "rest"), 2, bare, arrays)
    mix = torch.randn(1, 2, 500)
    with torch.inference_mode():
        torch.testing.assert_close(built(mix), made.eval()(mix))
    with pytest.raises(ValueError, match="its bands are those of its weights"):
        model.build(("vocals", "rest"), 2, bare, {})


def test_a_package_brings_an_index(plug_in: Any, caplog: pytest.LogCaptureFixture) -> None:
    plug_in("bringer", "bringer.inner", {"mine.index": SHARED + ONE})
    assert "one" in cards.names()
    assert "mine.index" not in cards.names()
    card = cards.card("one")
    assert (card.origin, card.place, card.path) == ("bringer", "one", None)
    assert cards.path("one").name == "mine.index.toml"
    before = cards.sha256("one")
    cards.refresh()
    assert cards.sha256("one") == before
    assert not caplog.text


def test_an_index_that_is_wrong_costs_its_own_names(
    plug_in: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plug_in("bringer", "bringer.inner", {"mine.index": "version = 3", "one": "["})
    assert "kim-vocals" in cards.names()
    assert "mine.index.toml: is not a table of cards: its version must be 1; got 3" in caplog.text


def test_a_row_that_is_wrong_says_where(plug_in: Any) -> None:
    plug_in("bringer", "bringer.inner", {"mine.index": SHARED + ONE.replace("length", "long")})
    with pytest.raises(UsageError, match=r"mine.index.toml: .*\[segment\]: there is no 'long'"):
        cards.card("one")


def test_a_file_counts_before_a_row(plug_in: Any) -> None:
    text = (Path(cards.__file__).parent / "drumsep.toml").read_text()
    plug_in("bringer", "bringer.inner", {"mine.index": SHARED + ONE, "one": text})
    assert cards.card("one").title != "One"
