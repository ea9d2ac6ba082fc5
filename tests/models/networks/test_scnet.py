"""SCNet equals the original, with masks and without; it is recognised by its names and shapes.

The pairs are from benchmarks/networks/record.py; the one with masks is from MSST's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.errors import WeightsError
from unweave.models.cards import Card
from unweave.models.layers import centred
from unweave.models.scnet import model, options
from unweave.models.scnet.convert import convert
from unweave.models.scnet.model import ScNet, ScNetConfig, build, in_time, slow_to_fast
from unweave.models.scnet.recognise import SHARES, recognise

SMALL = {"widths": (8, 8), "frame_size": 256, "hop": 64, "layers": 2, "branches": (1, 1, 1)}
PAIRS = ["scnet", "scnet_masked"]


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


def test_idle_threads_take_a_share() -> None:
    pair = waveform.recorded("scnet")
    network = build(pair.stem_names, pair.channels, pair.config, convert({"": pair.weights}))
    waveform.check_idle_threads(network, pair.mix)


def another_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.eps = 1e-3


@pytest.mark.parametrize("name", PAIRS)
def test_another_epsilon_shows(name: str) -> None:
    assert agreement_db(name, another_epsilon) < 85


def another_gelu(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = F.gelu
    monkeypatch.setattr(model.F, "gelu", lambda x, **_: usual(x, approximate="tanh"))


def parts_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed(x: Tensor) -> Tensor:
        found = torch.fft.rfft(x, dim=-1, norm="ortho")
        return torch.stack([found.real, found.imag], dim=2).flatten(1, 2)

    monkeypatch.setattr(model, "slow_to_fast", mixed)


def another_window(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = centred.Centred._window
    other = lambda self, like: usual(replace(self, hann=not self.hann), like)  # noqa: E731
    monkeypatch.setattr(centred.Centred, "_window", other)


def silence_beyond_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centred, "mirrored", lambda x, before, after: F.pad(x, (before, after)))


@pytest.mark.parametrize(
    "broken", [another_gelu, parts_in_turn, another_window, silence_beyond_the_ends]
)
@pytest.mark.parametrize("name", PAIRS)
def test_one_broken_operator_shows(
    name: str, broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert agreement_db(name) < 85


@pytest.mark.parametrize("length", [1, 201])
def test_segments_of_any_length(length: int) -> None:
    torch.manual_seed(0)
    changes = {"hop": 100, "normalised": False, "stems": ("a", "b")}
    network = ScNet(ScNetConfig(**SMALL | changes)).eval()
    mix = torch.randn(2, 2, length)
    mix[1] = 0
    with torch.inference_mode():
        stems = network(mix)
    assert stems.shape == (2, 2, 2, length)
    assert stems.isfinite().all()
    assert stems[0].any()
    assert not stems[1].any()  # where the original hums


def test_gradient_reaches_every_parameter() -> None:
    network = ScNet(ScNetConfig(**SMALL, mask_width=6, channels=1))
    assert waveform.unreached(network, torch.randn(1, 1, 400)) == set()
    network = ScNet(ScNetConfig(**SMALL, channels=1))
    waveform.check_mixed_precision(network, 1)


def test_only_what_is_asked_for_is_made() -> None:
    torch.manual_seed(0)
    network = ScNet(ScNetConfig(**SMALL)).eval()
    mix = torch.randn(1, 2, 500)
    chosen = network.select(["vocals", "bass"])
    assert chosen is not None
    with torch.inference_mode():
        torch.testing.assert_close(chosen(mix), network(mix)[:, [3, 1]], atol=1e-6, rtol=1e-5)
    assert ScNet(ScNetConfig(**SMALL, mask_width=6)).select(["vocals"]) is None


def test_what_the_stems_leave_of_the_mix_is_one_more() -> None:
    torch.manual_seed(0)
    network = ScNet(ScNetConfig(**SMALL, stems=("a", "rest"), remainder=True)).eval()
    mix = torch.randn(1, 2, 500)
    alone = network.select(["a"])
    assert alone is not None
    assert network.select(["rest"]) is None
    with torch.inference_mode():
        found = network(mix)
        torch.testing.assert_close(found[:, :1], alone(mix), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.sum(1), mix, atol=1e-6, rtol=1e-5)


def test_frames_that_are_transformed_come_back() -> None:
    x = torch.randn(2, 3, 5, 8)
    turned = slow_to_fast(x)
    assert turned.shape == (2, 6, 5, 5)
    torch.testing.assert_close(in_time(turned), x, atol=1e-6, rtol=1e-5)


# The published ones: small, large, XL, and XL with finer high bands (IHF).
WIDE = (64, 128, 256)
FINER = {"strides": (1, 4, 4), "kernels": (3, 4, 4), "branches": (3, 3, 3)}
PUBLISHED = [
    ({}, 372, 10_578_768),
    ({"widths": WIDE, "shares": (0.225, 0.372)}, 372, 42_181_232),
    ({"widths": WIDE, "shares": (0.23, 0.37), "layers": 8}, 420, 54_006_896),
    ({"widths": WIDE, "shares": (0.23, 0.37), "layers": 8, **FINER}, 510, 53_466_800),
]


def theirs(config: ScNetConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of a checkpoint, by the tables of its authors' code."""
    first, stems = 2 * config.channels, config.heads
    inner = (first, *config.widths)

    def layer(name: str, *shape: int, out: int = 0) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", shape
        yield f"{name}.bias", (out or shape[0],)

    for n, width in enumerate(config.widths):
        narrow, size = width // config.compress, config.around
        for band, kernel in enumerate(config.kernels):
            yield from layer(f"encoder.{n}.SDlayer.convs.{band}", width, inner[n], kernel, 1)
            for branch in range(config.branches[band]):
                start = f"encoder.{n}.conv_modules.{band}.layers.{branch}"
                yield from layer(f"{start}.0", width)
                yield from layer(f"{start}.1", 2 * narrow, width, size)
                yield from layer(f"{start}.3", narrow, 1, size)
                yield from layer(f"{start}.4", narrow)
                yield from layer(f"{start}.6", width, narrow, 1)
        yield from layer(f"encoder.{n}.globalconv", width, width, 3, 3)
    for n in range(config.layers):
        width = config.widths[-1] * (1 + n % 2)
        for axis in (0, 1):
            start = f"separation_net.dp_modules.{n}"
            hidden = width * config.expand
            for end in ("", "_reverse"):
                name = f"{start}.lstm_layers.{axis}"
                yield f"{name}.weight_ih_l0{end}", (4 * hidden, width)
                yield f"{name}.weight_hh_l0{end}", (4 * hidden, hidden)
                yield f"{name}.bias_ih_l0{end}", (4 * hidden,)
                yield f"{name}.bias_hh_l0{end}", (4 * hidden,)
            yield from layer(f"{start}.linear_layers.{axis}", width, 2 * hidden)
            yield from layer(f"{start}.norm_layers.{axis}", width)
    for n, width in enumerate(config.widths[::-1]):
        outer = n == len(config.widths) - 1
        out = first * stems if outer else config.widths[-2 - n]
        yield from layer(f"decoder.{n}.0.conv", 2 * width, 2 * width, 3, 3)
        for band, kernel in enumerate(config.kernels):
            yield from layer(f"decoder.{n}.1.convtrs.{band}", width, out, kernel, 1, out=out)
    if config.mask_width:
        yield "pos_embed_f", (1, first, config.frame_size // 2 + 1, 1)
        yield from layer("mask_layer.0", config.mask_width, first * stems, 3, 3)
        yield from layer("mask_layer.2", first * stems, config.mask_width, 1, 1)


def arrays(config: ScNetConfig) -> dict[str, np.ndarray]:
    """A checkpoint that takes no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in theirs(config)}


@pytest.mark.parametrize(("settings", "entries", "parameters"), PUBLISHED)
def test_published_sizes(settings: dict[str, Any], entries: int, parameters: int) -> None:
    config = ScNetConfig(**settings)
    foreign = arrays(config)
    assert len(foreign) == entries
    assert sum(each.size for each in foreign.values()) == parameters
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in ScNet(config).state_dict().items()}
    assert {name: value.shape for name, value in convert({"": foreign}).items()} == shapes
    found = recognise(foreign, {})
    assert found is not None
    assert ScNetConfig(**{k: _frozen(v) for k, v in found["config"].items()}) == config
    assert (found["stems"], found["channels"]) == (["drums", "bass", "other", "vocals"], 2)
    needed = options.bytes_per_sample(found["config"], 4, 2, 1)
    assert needed == options.BYTES_PER_SAMPLE * config.widths[0] / 32
    said = ("chunks of 485100 samples", "4 chunks over", "a hop of 1024", "of the bins", "strides")
    assert all(each in found["notes"] for each in said)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def test_a_masked_one_tells_its_transform_and_a_yaml_file_the_rest() -> None:
    config = ScNetConfig(**SMALL, stems=("voice", "other"), remainder=True, mask_width=64)
    told = {
        "audio": {"chunk_size": 4096, "sample_rate": 8000, "num_channels": 2},
        "model": {"hop_size": 64, "band_SR": [0.175, 0.392, 0.433], "band_stride": [1, 4, 16]},
        "training": {"instruments": ["Voice", "other"], "target_instrument": "Voice"},
        "inference": {"num_overlap": 2, "normalize": True},
    }
    found = recognise(arrays(config), told)
    assert found is not None
    made = {k: _frozen(v) for k, v in found["config"].items()}
    assert ScNetConfig(("voice", "other"), **made) == config
    assert (found["stems"], found["notes"]) == (["voice", "other"], "")
    assert (found["target"], found["complement"]) == ("voice", "other")
    assert (found["sample_rate_hz"], found["normalise_track"]) == (8000, True)
    segment = {"length": 4096, "hop": 2048, "fade": 409, "window": "linear", "edge": "reflect"}
    assert found["segment"] == segment
    told["inference"] = {"chunk_size": 8192, "num_overlap": 4}  # counts before the training's
    found = recognise(arrays(config), told)
    assert found is not None
    assert (found["segment"]["length"], found["segment"]["hop"]) == (8192, 2048)


@pytest.mark.parametrize(
    ("changes", "told", "words"),
    [
        ({}, {}, "where its bands part is not in it: --config states 'band_SR'"),
        ({"separation_net.dp_modules.0.time_layer.norm.gamma": ()}, {}, "it is SCNet Tran"),
        ({"sd_blocks.0.global_conv.weight": ()}, {}, "it is the SCNet of amanteur"),
        ({}, {"win_size": 512}, "its windows are shorter"),
        ({}, {"nfft": "large"}, "its setting 'nfft' must be a number"),
        (
            {},
            {"band_SR": [0.2, 0.3, 0.5], "num_overlap": 0},
            "'num_overlap' must be a number from 1 to",
        ),
    ],
)
def test_what_it_lacks_is_refused_by_name(
    changes: dict[str, Any], told: dict[str, Any], words: str
) -> None:
    foreign = arrays(ScNetConfig(**SMALL)) | changes
    with pytest.raises(WeightsError, match=words):
        recognise(foreign, {"model": told})


def test_other_networks_are_none() -> None:
    assert recognise({"encoder.0.conv.weight": np.zeros((4, 2, 8))}, {}) is None
    assert set(SHARES) == {
        (config.widths[-1], config.layers)
        for config in (ScNetConfig(**row[0]) for row in PUBLISHED)
    }


def test_an_unknown_name_is_one_line() -> None:
    foreign = arrays(ScNetConfig(**SMALL)) | {"encoder.0.SDlayer.spy": np.zeros(1)}
    with pytest.raises(WeightsError, match=r"unknown parameter 'encoder\.0\.SDlayer\.spy'"):
        convert({"": foreign})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 255}, "frame_size is even"),
        ({"hop": 200}, "hop at most half"),
        ({"strides": (1, 4)}, "one number for each band"),
        ({"kernels": (3, 0, 16)}, "1 or more"),
        ({"branches": (1, -1, 1)}, "branches are 0 to"),
        ({"widths": (8, 7)}, "widths are at least 8"),
        ({"around": 4}, "around is odd"),
        ({"layers": 3}, "layers are even"),
        ({"stems": ("a",), "remainder": True}, "two stems or more"),
        ({"shares": (0.5, 0.5)}, "sum to less than 1"),
        ({"kernels": (3, 2, 16)}, "does not come back"),
        ({"shares": (0.5, 0.499)}, "does not come back"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(config.pop("stems", ("a", "b")), 2, SMALL | config, {})
