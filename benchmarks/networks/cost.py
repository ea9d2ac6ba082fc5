"""What a network costs: parameters, and multiply-adds for a second of sound.

Counted on the meta device, where tensors have shapes only, so that any size is counted in seconds
and no memory. Convolutions, matrix products and recurrences count; Fourier transforms, norms and
activations, a small share, do not, nor does k-means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Cost:
    """parameters: how many numbers are learned; multiply_adds_per_s: for a second of sound."""

    parameters: int
    multiply_adds_per_s: float


def cost(
    make: Callable[[], nn.Module], channels: int, sample_rate_hz: int, segment_s: float = 10.0
) -> Cost:
    """What the network that `make` makes costs on segments of `segment_s`."""
    with (
        torch.device("meta"),
        torch.no_grad(),
        FlopCounterMode(display=False) as counter,
        patch("torch.istft", waves_without_numbers),
        patch("torch.nn.RNN.forward", all_steps_at_once),
        patch("torch.nn.LSTM.forward", all_steps_at_once),
        patch("torch.nn.GRU.forward", all_steps_at_once),
    ):
        network = make().to("meta").eval().requires_grad_(False)
        mix = torch.empty(1, channels, round(segment_s * sample_rate_hz))
        if getattr(network, "by", None) == "clusters":  # k-means cannot run without numbers
            network.estimate_and_embed(network.transform.analyse(mix))
        elif hasattr(network, "transform"):  # nor can the inverse transform
            network.estimate(network.transform.analyse(mix))
        else:
            network(mix)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, counter.get_total_flops() / 2 / segment_s)


def waves_without_numbers(
    spectrum: torch.Tensor, frame_size: int, hop: int, *_: object, **settings: object
) -> torch.Tensor:
    """What stands for `torch.istft`, which looks at numbers."""
    length = settings.get("length") or hop * (spectrum.shape[-1] - 1)
    return torch.empty(*spectrum.shape[:-2], length)


def all_steps_at_once(network: nn.RNNBase, x: torch.Tensor) -> tuple[torch.Tensor, None]:
    """The products of an RNN alone; its own forward without numbers takes minutes, step by step."""
    lead, directions = x.shape[:-1], 1 + network.bidirectional
    for number, (of_input, of_state, *_) in enumerate(network.all_weights, 1):
        found = x.reshape(-1, of_input.shape[1]) @ of_input.T
        found.new_empty(len(found), of_state.shape[1]) @ of_state.T
        if number % directions == 0:  # the next layer sees both directions
            x = x.new_empty(*lead, directions * network.hidden_size)
    return x, None
