"""What is checked on every network from waves to stems, and pairs recorded from the originals.

benchmarks/networks/record.py made the pairs: the original's random weights, a mix, its stems.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import CPU
from tests.contract.trials import card_of
from unweave.core.plan import Plan
from unweave.engine.run import separate_array
from unweave.engine.workers import Workers
from unweave.models.adapter import NeuralSeparator

DATA = Path(__file__).parents[2] / "data" / "networks"
RATE_HZ = 8000


def parameters(make: Callable[[], nn.Module]) -> int:
    """How many numbers the network that `make` makes has; nothing is computed."""
    with torch.device("meta"):
        return sum(each.numel() for each in make().parameters())


@dataclass(frozen=True)
class Pair:
    """weights: by the original's names. mix: `(1, channel, time)`; stems: what it made of it."""

    stem_names: tuple[str, ...]
    channels: int
    config: Mapping[str, Any]
    weights: Mapping[str, np.ndarray]
    mix: Tensor
    stems: Tensor


def recorded(name: str) -> Pair:
    with np.load(DATA / f"{name}.npz") as file:
        facts = json.loads(str(file["facts"]))
        shapes = facts["shapes"]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
        parts = np.split(file["weights"].astype(np.float32), ends[:-1])
        arrays = zip(shapes.items(), parts, strict=True)
        return Pair(
            tuple(facts["stems"]),
            facts["channels"],
            facts["config"],
            {name: part.reshape(shape) for (name, shape), part in arrays},
            torch.from_numpy(file["mix"].astype(np.float32)),
            torch.from_numpy(file["stems"]),
        )


def below_db(reference: Tensor, estimate: Tensor) -> float:
    """How far the difference lies below the reference."""
    lost = (reference.double() - estimate).square().sum() / reference.double().square().sum()
    return float(-10 * torch.log10(lost + 1e-30))


def check_segments(network: nn.Module, channels: int, stems: int, lengths: Collection[int]) -> None:
    """Any length; batch equals singles; the same twice; the mix untouched; silence stays finite."""
    for length in lengths:
        mix = torch.randn(2, channels, length, generator=torch.Generator().manual_seed(length))
        before = mix.clone()
        with torch.inference_mode():
            out, again = network(mix), network(mix)
            alone = torch.cat([network(mix[:1]), network(mix[1:])])
            silent = network(torch.zeros_like(mix))
        assert out.shape == (2, stems, channels, length)
        assert out.isfinite().all()
        assert silent.isfinite().all()
        assert torch.equal(mix, before)
        assert torch.equal(out, again)
        torch.testing.assert_close(alone, out, atol=1e-4, rtol=1e-4)


def unreached(network: nn.Module, mix: Tensor) -> set[str]:
    """The parameters that no gradient reaches."""
    stems = network.train()(mix)
    probe = torch.randn(stems.shape, generator=torch.Generator().manual_seed(1))
    (stems * probe).sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert all(g is None or g.isfinite().all() for g in gradients.values())
    return {name for name, g in gradients.items() if g is None or not g.any()}


def check_mixed_precision(network: nn.Module, channels: int, apart: Collection[str] = ()) -> None:
    """As in training with `bf16-mixed`: nearly the same stems, in float32, and a gradient.

    apart: the parameters that stems do not depend on.
    """
    mix = torch.randn(2, channels, 2000, generator=torch.Generator().manual_seed(4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stems = network.train()(mix)
        stems.square().mean().backward()
    assert stems.dtype == torch.float32
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert {name for name, gradient in gradients.items() if gradient is None} == set(apart)
    assert all(g is None or g.isfinite().all() for g in gradients.values())
    assert below_db(network(mix).detach(), stems.detach()) > 15


def two_voices(channels: int = 1, length: int = 2048) -> Tensor:
    """One pair of stems, `(1, 2, channel, time)`: a low tone and a high one that pulses."""
    time = torch.arange(length) / RATE_HZ
    low = 0.3 * torch.sin(2 * torch.pi * 150 * time)
    high = 0.3 * torch.sin(2 * torch.pi * 1100 * time) * (torch.sin(2 * torch.pi * 9 * time) > 0)
    gains = torch.linspace(1, 0.5, channels)[:, None]
    return torch.stack([gains * low, gains.flip(0) * high])[None]


def overfit(network: nn.Module, stems: Tensor, steps: int, rate: float) -> float:
    """How far the error lies below the stems after training on this batch alone, in dB."""
    mix = stems.sum(1)
    optimiser = torch.optim.Adam(network.train().parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(steps):
        optimiser.zero_grad()
        (network(mix) - stems).abs().mean().backward()
        optimiser.step()
        schedule.step()
    with torch.inference_mode():
        return below_db(stems, network.eval()(mix))


def check_behind_the_contract(
    name: str,
    config: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    *,
    additive: bool = False,
    **options: object,
) -> None:
    """As a mono model with a card, through the engine, over several segments."""
    card = card_of(
        "trial",
        architecture=name,
        stems=("voice", "accompaniment"),
        channels=1,
        segment=Plan(length=4096, fade=1024, context=512),
        config=config,
    )
    mix = np.random.default_rng(3).standard_normal((1, 10001)).astype(np.float32) * 0.1
    separator = NeuralSeparator(card, options, weights)
    stems = separate_array(separator, mix, RATE_HZ, execution=CPU, warn=pytest.fail)
    assert list(stems) == ["voice", "accompaniment", *["residual"] * (not additive)]
    assert all(np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-5)
    assert np.std(stems["voice"]) > 1e-4
    assert separator.spec.additive == additive


def random_arrays(network: nn.Module, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights for `network`, as a file holds them, under which every layer matters."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, value in network.state_dict().items():
        drawn = rng.standard_normal(tuple(value.shape))
        scale = value[0].numel() ** -0.5 if value.dim() > 1 else 0.3
        centre = float(value.dim() == 1 and name.endswith(("weight", "scale")))
        drawn = np.abs(drawn) if name.endswith("running_var") else drawn
        arrays[name] = (centre + scale * drawn).astype(np.float16)
    return arrays


def check_idle_threads(network: nn.Module, mix: Tensor) -> None:
    """One segment gives the same bytes however many threads have nothing else to do."""

    def separated() -> Tensor:
        with torch.inference_mode():
            return network(mix)

    def on(threads: int) -> Tensor:
        with Workers(threads).at_work() as pool:
            return pool.submit(separated).result()

    alone = on(1)
    assert torch.equal(alone, on(2))
    assert torch.equal(alone, on(3))
