"""TFC-TDF v3 equals the original; it is recognised by its names and shapes.

The pairs are from benchmarks/networks/record.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.errors import WeightsError
from unweave.models.cards import Card
from unweave.models.tfc_tdf import options
from unweave.models.tfc_tdf.convert import convert
from unweave.models.tfc_tdf.model import TfcTdf, TfcTdfConfig, Up, build
from unweave.models.tfc_tdf.recognise import TRANSFORMS, recognise

SMALL = {
    "frame_size": 256,
    "hop": 64,
    "bins": 64,
    "width": 6,
    "growth": 2,
    "levels": 2,
    "narrow": 2,
}
PAIRS = ["tfc_tdf", "tfc_tdf_batch", "tfc_tdf_kit"]


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of less than a second."""
    plan = Plan(length=8192, hop=4096, window="linear", fade=819, edge="reflect")
    return replace(card, config={**card.config, **SMALL}, segment=plan)


def agreement_db(name: str, change: Callable[[nn.Module], object] = lambda network: None) -> float:
    """How far ours is below what the original made of the recorded mix."""
    pair = waveform.recorded(name)
    weights = convert({"": pair.weights})
    network = build(pair.stem_names, pair.channels, pair.config, weights)
    change(network)
    with torch.inference_mode():
        return waveform.below_db(pair.stems, network(pair.mix))


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original(name: str) -> None:
    assert agreement_db(name) > 110


def another_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, (nn.InstanceNorm2d, nn.BatchNorm2d)):
            module.eps = 1e-3


def another_activation(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.GELU):
            module.approximate = "tanh"
        elif isinstance(module, nn.ELU):
            module.alpha = 0.51


def subbands_as_neighbours(network: nn.Module) -> None:
    """Bins 0, 4, 8 ... are a sub-band, instead of the lowest quarter."""
    usual = network.network

    def turned(x: Tensor, parts: int = 4) -> Tensor:
        bands = x.unflatten(1, (-1, parts)).transpose(2, 3).flatten(2, 3)
        return bands.unflatten(2, (parts, -1)).flatten(1, 2)

    network.network = lambda mix: usual(turned(mix))


def skips_first(network: nn.Module) -> None:
    for up in network.modules():
        if isinstance(up, Up):
            up.forward = lambda x, skip, up=up: up.blocks(torch.cat([skip, up.grow(x)], dim=1))


@pytest.mark.parametrize(
    "broken", [another_epsilon, another_activation, subbands_as_neighbours, skips_first]
)
@pytest.mark.parametrize("name", PAIRS)
def test_one_broken_operator_shows(name: str, broken: Callable[[nn.Module], None]) -> None:
    assert agreement_db(name, broken) < 85


def test_running_statistics_count() -> None:
    def forgotten(network: nn.Module) -> None:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = torch.zeros_like(module.running_mean)

    assert agreement_db("tfc_tdf_batch", forgotten) < 40


def test_segments() -> None:
    for length, changes in (
        (300, {}),
        (64, {"norm": "group", "channels": 1, "frame_stride": 1, "hop": 100}),
    ):
        torch.manual_seed(0)
        network = TfcTdf(TfcTdfConfig(**SMALL | changes)).eval()
        channels = changes.get("channels", 2)
        waveform.check_segments(network, channels, stems=2, lengths=(length,))


def test_silence_is_silent_to_the_last_bit() -> None:
    torch.manual_seed(0)
    weights = waveform.random_arrays(TfcTdf(TfcTdfConfig(**SMALL)))
    network = build(("vocals", "instrumental"), 2, SMALL, weights)
    with torch.inference_mode():
        assert not network(torch.zeros(1, 2, 500)).any()


def test_gradient_reaches_every_parameter() -> None:
    network = TfcTdf(TfcTdfConfig(**SMALL, channels=1))
    assert waveform.unreached(network, torch.randn(1, 1, 600)) == set()
    network.zero_grad()
    waveform.check_mixed_precision(network, 1)


def test_only_what_is_asked_for_is_made() -> None:
    torch.manual_seed(0)
    network = TfcTdf(TfcTdfConfig(**SMALL, stems=("a", "b", "c"))).eval()
    mix = torch.randn(1, 2, 500)
    with torch.inference_mode():
        chosen, all_of_them = network.select(["c", "a"]), network(mix)
        assert chosen is not None
        found, want = chosen(mix), all_of_them[:, [2, 0]]
        torch.testing.assert_close(found, want, atol=1e-6, rtol=1e-5)
        config = TfcTdfConfig(**SMALL, stems=("a", "b", "c", "rest"), remainder=True)
        whole = TfcTdf(config).eval()
        whole.load_state_dict(network.state_dict())
        rest = (mix - all_of_them.sum(1))[:, None]
        torch.testing.assert_close(whole(mix), torch.cat([all_of_them, rest], 1))
        assert whole.select(["rest"]) is None
        narrowed = whole.select(["c", "a"])
        assert narrowed is not None
        assert torch.equal(narrowed(mix), found)


KIT = {"frame_size": 2048, "hop": 512, "bins": 1024}
SIX = ("kick", "snare", "toms", "hh", "ride", "crash")
FIVE = (*SIX[:4], "cymbals")
PUBLISHED = [
    ({}, 111_990_272, 261120),
    ({"frame_size": 12288, "hop": 2048, "growth": 64}, 45_809_792, 260096),
    ({**KIT, "stems": SIX}, 109_378_624, 130560),
    ({**KIT, "stems": FIVE}, 109_376_576, 523776),
]


def theirs(config: TfcTdfConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of a checkpoint, by the tables of its authors' code."""
    parts = config.subbands * 2 * config.channels
    width, growth, levels = config.width, config.growth, config.levels
    stride = config.frame_stride, config.bin_stride

    def norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", (size,)
        yield f"{name}.bias", (size,)

    def blocks(start: str, first: int, outer: int, level: int) -> Iterator:
        bins = config.bins // config.subbands // config.bin_stride**level
        for n in range(config.blocks):
            inner, name = first if n == 0 else outer, f"{start}.blocks.{n}"
            yield from norm(f"{name}.tfc1.0", inner)
            yield f"{name}.tfc1.2.weight", (outer, inner, 3, 3)
            yield from norm(f"{name}.tdf.0", outer)
            yield f"{name}.tdf.2.weight", (bins // config.narrow, bins)
            yield from norm(f"{name}.tdf.3", outer)
            yield f"{name}.tdf.5.weight", (bins, bins // config.narrow)
            yield from norm(f"{name}.tfc2.0", outer)
            yield f"{name}.tfc2.2.weight", (outer, outer, 3, 3)
            yield f"{name}.shortcut.weight", (outer, inner, 1, 1)

    yield "first_conv.weight", (width, parts, 1, 1)
    for n in range(levels):
        here = width + n * growth
        yield from blocks(f"encoder_blocks.{n}.tfc_tdf", here, here, n)
        yield from norm(f"encoder_blocks.{n}.downscale.conv.0", here)
        yield f"encoder_blocks.{n}.downscale.conv.2.weight", (here + growth, here, *stride)
    here = width + levels * growth
    yield from blocks("bottleneck_block", here, here, levels)
    for n in range(levels):
        here = width + (levels - n) * growth
        yield from norm(f"decoder_blocks.{n}.upscale.conv.0", here)
        yield f"decoder_blocks.{n}.upscale.conv.2.weight", (here, here - growth, *stride)
        here -= growth
        yield from blocks(f"decoder_blocks.{n}.tfc_tdf", 2 * here, here, levels - 1 - n)
    yield "final_conv.0.weight", (width, width + parts, 1, 1)
    yield "final_conv.2.weight", (parts * config.heads, width, 1, 1)


def arrays(config: TfcTdfConfig) -> dict[str, np.ndarray]:
    """A checkpoint that takes no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in theirs(config)}


@pytest.mark.parametrize(("settings", "parameters", "chunk"), PUBLISHED)
def test_published_sizes(settings: dict[str, Any], parameters: int, chunk: int) -> None:
    config = TfcTdfConfig(**settings)
    foreign = arrays(config)
    assert len(foreign) == 319
    assert sum(each.size for each in foreign.values()) == parameters
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in TfcTdf(config).state_dict().items()}
    assert {name: value.shape for name, value in convert({"": foreign}).items()} == shapes
    found = recognise(foreign, {})
    assert found is not None
    assert TfcTdfConfig(config.stems, **found["config"]) == config
    assert (tuple(found["stems"]), found["channels"]) == (config.stems, 2)
    assert (found["segment"]["length"], found["segment"]["hop"]) == (chunk, chunk // 4)
    voice = config.frame_size == 8192
    needed = options.bytes_per_sample(found["config"], 2, 2, chunk)
    assert needed == options.BYTES_PER_SAMPLE * (1 if voice else 0.5)
    said = ("stereo", f"a transform of {config.frame_size} ", "a hop of ", "GELU", "chunks of ")
    assert all(each in found["notes"] for each in said)
    # A chunk is whole frames, and these are whole strides: nothing is filled up.
    assert chunk % config.hop == 0
    assert (chunk // config.hop + 1) % config.frame_stride**config.levels == 0


TOLD = {
    "audio": {
        "chunk_size": 4096,
        "sample_rate": 8000,
        "num_channels": 2,
        "n_fft": 256,
        "hop_length": 64,
    },
    "model": {"act": "gelu", "norm": "InstanceNorm", "num_subbands": 4},
    "training": {"instruments": ["a", "b"], "target_instrument": None},
    "inference": {"num_overlap": 2},
}


def told(**changes: Any) -> dict[str, Any]:
    """A YAML file, with other settings of the network."""
    return {**TOLD, "model": {**TOLD["model"], **changes}}


def test_a_yaml_file_tells_what_shapes_do_not() -> None:
    config = TfcTdfConfig(("a", "b"), **SMALL)
    found = recognise(arrays(config), TOLD)
    assert found is not None
    assert TfcTdfConfig(("a", "b"), **found["config"]) == config
    assert (found["stems"], found["sample_rate_hz"], found["notes"]) == (["a", "b"], 8000, "")
    assert "target" not in found
    segment = {"length": 4096, "hop": 2048, "fade": 409, "window": "linear", "edge": "reflect"}
    assert found["segment"] == segment
    for instruments, stems in (
        (["A", "b"], ["a", "b"]),
        (["A", "b", "c"], ["a"]),
        (["A", "residual"], ["a"]),
        (None, ["a"]),
    ):
        training = {"instruments": instruments, "target_instrument": "A"}
        one = {**TOLD, "training": training, "inference": {"num_overlap": 1}}
        found = recognise(arrays(replace(config, stems=("a",))), one)
        assert found is not None
        assert (found["stems"], found["target"]) == (stems, "a")
        assert found.get("complement") == (stems[1:] or [None])[0]
        assert found["config"]["remainder"] == (len(stems) > 1)
        plain = {"length": 4096, "hop": 4096, "window": "none", "edge": "reflect"}
        assert found["segment"] == plain
    for changes, want in (
        ({"norm": "GroupNorm2", "act": "relu"}, ("group", 2, "relu", 1.0)),
        ({"act": "elu0.5"}, ("instance", 1, "elu", 0.5)),
    ):
        found = recognise(arrays(config), told(**changes))
        assert found is not None
        made = TfcTdfConfig(("a", "b"), **found["config"])
        assert (made.norm, made.groups, made.activation, made.alpha) == want


def test_arrays_tell_norms_of_batches_and_none() -> None:
    foreign = arrays(TfcTdfConfig(("a", "b"), **SMALL))
    start = "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0"
    batch = recognise(foreign | {f"{start}.running_mean": np.zeros(6)}, TOLD)
    del foreign[f"{start}.weight"]
    none = recognise(foreign, TOLD)
    assert batch is not None
    assert none is not None
    assert (batch["config"]["norm"], none["config"]["norm"]) == ("batch", "none")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "its transform is not in it: --config states 'n_fft', 'hop_length'"),
        (told(num_subbands=8), "made for the Hartley transform"),
        (told(norm="LayerNorm"), "its norm is 'LayerNorm'"),
        (told(act="mish"), "its activation is 'mish'"),
        ({**TOLD, "training": {"instruments": ["a"]}}, "name 1 stems, and its arrays are for 2"),
    ],
)
def test_what_it_lacks_is_refused_by_name(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        recognise(arrays(TfcTdfConfig(("a", "b"), **SMALL)), settings)


def test_other_networks_are_none() -> None:
    assert recognise({"first_conv.weight": np.zeros((4, 2, 1, 1))}, {}) is None
    configs = [TfcTdfConfig(**row[0]) for row in PUBLISHED]
    assert set(TRANSFORMS) == {(config.bins, config.growth) for config in configs}


def test_an_unknown_name_is_one_line() -> None:
    foreign = arrays(TfcTdfConfig(**SMALL)) | {"first_conv.bias": np.zeros(1)}
    with pytest.raises(WeightsError, match=r"unknown parameter 'first_conv\.bias'"):
        convert({"": foreign})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 255}, "frame_size is even"),
        ({"hop": 200}, "hop at most half"),
        ({"blocks": 0}, "1 or more"),
        ({"bins": 65}, "bins are a multiple of 16"),
        ({"bins": 256}, "at most 129"),
        ({"narrow": 9}, "4 bins at the bottom cannot be 9 less"),
        ({"frame_stride": 65}, "steps of over 4096 frames"),
        ({"norm": "layer"}, "norm"),
        ({"activation": "mish"}, "activation"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 2, SMALL | config, {})
