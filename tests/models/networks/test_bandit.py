"""Bandit equals the original, v2 and the first one; it is recognised by its names and shapes.

The pairs are from benchmarks/networks/record.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unweave
from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.errors import WeightsError
from unweave.models.bandit import options
from unweave.models.bandit.bands import musical
from unweave.models.bandit.convert import convert
from unweave.models.bandit.model import Bandit, BanditConfig, Entrance, build
from unweave.models.bandit.recognise import recognise
from unweave.models.cards import Card
from unweave.models.store import own

SMALL: dict[str, Any] = {
    "rate_hz": 8000,
    "frame_size": 128,
    "hop": 32,
    "bands": 8,
    "width": 8,
    "layers": 2,
    "hidden": 6,
    "mask_hidden": 10,
}
PAIRS = ["bandit", "bandit_first"]
TWO = ("a", "b")


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of less than a second."""
    plan = Plan(length=8192, hop=4096, window="linear", fade=819, edge="reflect")
    return replace(card, config={**card.config, **SMALL}, segment=plan)


def agreement_db(name: str, change: Callable[[nn.Module], object] = lambda network: None) -> float:
    """How far ours is below what the original made of the recorded mix."""
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"": pair.weights}))
    change(network)
    with torch.inference_mode():
        return waveform.below_db(pair.stems, network(pair.mix))


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original(name: str) -> None:
    assert agreement_db(name) > 110


def another_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-3


def parts_apart(network: nn.Module) -> None:
    """All real parts of a band before its imaginary ones, as the other kind has them."""

    def turned(entrance: Entrance, spectrum: Tensor) -> Tensor:
        parts = torch.cat([spectrum.real, spectrum.imag], dim=1).transpose(1, 2)
        return entrance.layer(entrance.norm(parts))

    for module in network.modules():
        if isinstance(module, Entrance):
            module.forward = lambda spectrum, module=module: turned(module, spectrum)


def bands_first(network: Bandit) -> None:
    """RNNs along the bands where those along time belong."""
    usual = network.layers[0].forward
    network.layers[0].forward = lambda x: usual(x.transpose(1, 2)).transpose(1, 2)


def summed(network: Bandit) -> None:
    network.config = replace(network.config, averaged=False)


@pytest.mark.parametrize("broken", [another_epsilon, parts_apart, bands_first, summed])
@pytest.mark.parametrize("name", PAIRS)
def test_one_broken_operator_shows(name: str, broken: Callable[[Any], None]) -> None:
    assert agreement_db(name, broken) < 60


def test_segments() -> None:
    for length, changes in ((300, {}), (1, {"channels": 1, "cell": "lstm"})):
        torch.manual_seed(0)
        network = Bandit(BanditConfig(**SMALL | changes)).eval()
        channels = changes.get("channels", 2)
        waveform.check_segments(network, channels, stems=3, lengths=(length,))


def test_each_channel_is_separated_by_itself() -> None:
    torch.manual_seed(0)
    network, mix = Bandit(BanditConfig(**SMALL)).eval(), torch.randn(1, 2, 700)
    with torch.inference_mode():
        both = network(mix)
        for channel in (0, 1):
            alone = network(mix[:, [channel]])[:, :, 0]
            torch.testing.assert_close(both[:, :, channel], alone, atol=1e-6, rtol=1e-4)


def test_gradient_reaches_every_parameter() -> None:
    network = Bandit(BanditConfig(**SMALL, channels=1))
    assert waveform.unreached(network, torch.randn(1, 1, 600)) == set()
    network.zero_grad()
    waveform.check_mixed_precision(network, 1)


def test_only_what_is_asked_for_is_made() -> None:
    torch.manual_seed(0)
    network, mix = Bandit(BanditConfig(**SMALL)).eval(), torch.randn(1, 2, 500)
    chosen = network.select(["sfx", "speech"])
    with torch.inference_mode():
        torch.testing.assert_close(chosen(mix), network(mix)[:, [2, 0]], atol=0, rtol=0)
    assert {name.split(".")[1] for name in chosen.state_dict() if "masks." in name} == {
        "sfx",
        "speech",
    }


def test_behind_the_contract() -> None:
    names = "voice", "accompaniment"
    config = {**SMALL, "channels": 1}
    weights = waveform.random_arrays(Bandit(BanditConfig(names, **config)))
    waveform.check_behind_the_contract("bandit", SMALL, weights)


LAYOUTS = (
    (44100, 2048, 64), (48000, 2048, 64), (8000, 128, 8), (16000, 512, 24), (48000, 4096, 2),
)  # fmt: skip


@pytest.mark.parametrize(("rate_hz", "size", "bands"), LAYOUTS)
def test_bands_have_every_bin_and_overlap(rate_hz: int, size: int, bands: int) -> None:
    found = musical(rate_hz, size, bands)
    counts = np.zeros(size // 2 + 1, int)
    for start, stop in found:
        counts[start:stop] += 1
    assert counts.all()
    assert (found[0][0], found[-1][1]) == (0, size // 2 + 1)
    assert [*found] == sorted(found)
    assert counts.max() > 1


def theirs(config: BanditConfig, *, first: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of a checkpoint, by its authors' code: v2, or the first one."""
    start, norm, layer = ("bsrnn.", "norm", "fc") if first else ("", "combined.0", "combined.1")
    gates = {"gru": 3, "lstm": 4}[config.cell] * config.hidden
    widths = [b - a for a, b in musical(config.rate_hz, config.frame_size, config.bands)]

    def affine(name: str, outer: int, *inner: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{start}{name}.weight", (outer, *inner)
        yield f"{start}{name}.bias", (outer,)

    yield "stft.window", (config.frame_size,)
    for n, bins in enumerate(widths):
        place = f"band_split.norm_fc_modules.{n}"
        yield from affine(f"{place}.{norm}", 2 * bins)
        yield from affine(f"{place}.{layer}", config.width, 2 * bins)
    for n in range(2 * config.layers):
        place = f"tf_model.seqband.{n if first else 2 * n}"
        yield from affine(f"{place}.norm", config.width)
        for direction in ("l0", "l0_reverse"):
            yield f"{start}{place}.rnn.weight_ih_{direction}", (gates, config.width)
            yield f"{start}{place}.rnn.weight_hh_{direction}", (gates, config.hidden)
            yield f"{start}{place}.rnn.bias_ih_{direction}", (gates,)
            yield f"{start}{place}.rnn.bias_hh_{direction}", (gates,)
        yield from affine(f"{place}.fc", config.width, 2 * config.hidden)
    for stem in config.stems:
        for n, bins in enumerate(widths):
            place = f"mask_estim.{stem}.norm_mlp.{n}"
            yield from affine(f"{place}.norm", config.width)
            yield from affine(f"{place}.hidden.0", config.mask_hidden, config.width)
            yield from affine(f"{place}.output.0", 4 * bins, config.mask_hidden)
            yield f"{start}mask_estim.{stem}.freq_weights/{n}", (bins,)


def arrays(config: BanditConfig, *, first: bool) -> dict[str, np.ndarray]:
    """A checkpoint that takes no memory."""
    found = theirs(config, first=first)
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in found}


@pytest.mark.parametrize("first", [False, True])
def test_published_sizes(first: bool) -> None:
    names = ("speech", "music", "effects") if first else ("speech", "music", "sfx")
    rate_hz, chunk = (44100, 264600) if first else (48000, 384000)
    config = BanditConfig(names, rate_hz=rate_hz)
    foreign = arrays(config, first=first)
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in Bandit(config).state_dict().items()}
    assert {name: value.shape for name, value in convert({"": foreign}).items()} == shapes
    found = recognise(foreign, {})
    assert found is not None
    assert BanditConfig(names, **found["config"]) == config
    assert (tuple(found["stems"]), found["channels"]) == (names, 2)
    assert (found["sample_rate_hz"], found["segment"]["length"]) == (rate_hz, chunk)
    assert options.bytes_per_sample(found["config"], 3, 2, chunk) == options.BYTES_PER_SAMPLE
    assert all(each in found["notes"] for each in ("stereo", f"{rate_hz} Hz", "chunks of "))
    assert "stems called" not in found["notes"]


TOLD: dict[str, Any] = {
    "audio": {"chunk_size": 4096, "sample_rate": 8000, "num_channels": 1},
    "kwargs": {"in_channels": 1, "fs": 8000, "n_fft": 128, "hop_length": 32, "n_bands": 8},
    "training": {"instruments": ["B", "a"], "target_instrument": None},
    "inference": {"num_overlap": 2},
}


@pytest.mark.parametrize("first", [False, True])
def test_a_yaml_file_tells_what_shapes_do_not(first: bool) -> None:
    config = BanditConfig(TWO, **SMALL | {"channels": 1, "cell": "lstm"})
    settings = {**TOLD, "model": TOLD["kwargs"]} if first else TOLD
    found = recognise(arrays(config, first=first), settings)
    assert found is not None
    assert replace(BanditConfig(TWO, **found["config"]), channels=1) == config
    assert (found["stems"], found["channels"], found["notes"]) == (["b", "a"], 1, "")
    segment = {"length": 4096, "hop": 2048, "fade": 409, "window": "linear", "edge": "reflect"}
    assert found["segment"] == segment
    other = {**TOLD, "training": {"instruments": ["x", "y", "z"]}}
    assert recognise(arrays(config, first=first), other)["stems"] == ["a", "b"]


def told(**changes: Any) -> dict[str, Any]:
    return {**TOLD, "kwargs": TOLD["kwargs"] | changes}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "its bands are not 64 of musical width of 2048 samples at 48000 Hz"),
        (told(n_fft=256), "not 8 of musical width of 256 samples at 8000 Hz"),
        (told(n_bands=10**9), "not 1000000000 of musical width"),
        (told(n_fft=-4), "of musical width of -4 samples"),
        (told(n_fft="many"), "'n_fft' must be a number"),
    ],
)
def test_what_it_lacks_is_refused_by_name(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        recognise(arrays(BanditConfig(TWO, **SMALL), first=False), settings)


def test_other_layers_are_refused_by_name() -> None:
    foreign = arrays(BanditConfig(TWO, **SMALL), first=False)
    aside = foreign | {"tf_model.seqband.0.0.rnn.weight_hh_l0": np.zeros((18, 6))}
    with pytest.raises(WeightsError, match="parallel_mode"):
        recognise(aside, TOLD)
    with pytest.raises(WeightsError, match="in one direction"):
        recognise(foreign | {"tf_model.seqband.0.fc.weight": np.zeros((8, 6))}, TOLD)
    assert recognise(foreign | {"tf_model.seqband.0.rnn.weight_hh_l0": np.zeros(0)}, TOLD) is None
    assert recognise({"band_split.norm_fc_modules.0.norm.weight": np.zeros(2)}, {}) is None


def test_an_unknown_name_is_one_line() -> None:
    foreign = arrays(BanditConfig(TWO, **SMALL), first=False) | {"tf_model.spin": np.zeros(1)}
    with pytest.raises(WeightsError, match=r"unknown parameter 'tf_model\.spin'"):
        convert({"": foreign})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 127}, "which is even"),
        ({"hop": 100}, "hop is at most half"),
        ({"layers": 0}, "1 or more"),
        ({"bands": 1}, "bands are 2 or more"),
    ],
)
def test_settings_that_mean_nothing(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BanditConfig(**{**SMALL, **config})


def test_it_joins_others_and_is_augmented_as_any_model(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(json.dumps(TOLD))
    rng = np.random.default_rng(4)
    for name in ("one", "two"):
        shapes = theirs(BanditConfig(TWO, **SMALL | {"channels": 1}), first=False)
        drawn = {key: rng.standard_normal(shape, np.float32) / 3 for key, shape in shapes}
        torch.save({key: torch.from_numpy(each) for key, each in drawn.items()}, tmp_path / name)
        own.add(tmp_path / name, config=tmp_path / "c.yaml")
    mix = 0.1 * rng.standard_normal((1, 9000), np.float32)

    def stems(model: str, mix: np.ndarray = mix, **options: str) -> dict[str, np.ndarray]:
        return unweave.separate(mix, 8000, model=model, device="cpu", **options)

    one, two, both = stems("one"), stems("two"), stems("one+two")
    augmented, inverted = stems("one", tta="invert"), stems("one", -mix)
    for stem in TWO:
        assert np.abs(one[stem] - two[stem]).max() > 1e-3
        np.testing.assert_allclose(both[stem], (one[stem] + two[stem]) / 2, atol=1e-6)
        np.testing.assert_allclose(augmented[stem], (one[stem] - inverted[stem]) / 2, atol=1e-6)
