"""Weights into a network, strictly: every name, every shape, none more.

A network is put together on the meta device, where its parameters have shapes but no memory and no
random start, and then takes the arrays as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from unweave.core.typed import typed
from unweave.errors import Unfit, WeightsError, quoted

Net = TypeVar("Net", bound=nn.Module)
# Settings that say how often a part of a network is made. Beyond these numbers a setting is a slip
# of the pen: it would take hours to find out that weights do not fit.
PARTS = frozenset((
    "layers", "levels", "depth", "lstm_layers", "branches", "blocks", "repeats", "shared_levels",
    "banded_levels",
))  # fmt: skip
MOST_PARTS = 1000
LARGEST = 1 << 28  # of any other
STUMBLES = RuntimeError, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError


def settings(
    config_type: type, stems: tuple[str, ...], channels: int, config: Mapping[str, Any]
) -> Any:
    """The settings of a network as a card's `[config]` has them. Raises ValueError, one line."""
    try:
        for name, value in config.items():
            most = MOST_PARTS if name in PARTS else LARGEST
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, (int, float)) and not -most <= each <= most:
                    raise ValueError(f"{name} must be at most {most}; got {quoted(each)}")
        with making():
            return typed(config_type, {"stems": stems, "channels": channels, **config})
    except ValueError as error:
        raise ValueError(f"[config]: {error}") from error


@contextmanager
def making() -> Iterator[None]:
    """What settings bring about that make no network, as a ValueError of one line."""
    try:
        yield
    except STUMBLES as error:  # torch's, of sizes that cannot be
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"its settings make no network ({reason:.200})") from error


def builder(config_type: type, network_type: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """What builds networks of one type, for inference. Options are its keyword arguments."""

    def build(
        stems: tuple[str, ...],
        channels: int,
        config: Mapping[str, Any],
        weights: Mapping[str, np.ndarray],
        **options: object,
    ) -> nn.Module:
        """A network with its weights, with the options of a user, as a card describes it.

        Raises ValueError for settings that mean nothing, WeightsError as `filled` does.
        """
        chosen = settings(config_type, stems, channels, config)
        with making(), torch.device("meta"):
            network = network_type(chosen, **options)
        return filled(network, weights)

    return build


def filled(
    network: Net,
    weights: Mapping[str, np.ndarray],
    in_file: Callable[[str], str] = lambda name: name,
) -> Net:
    """The network with its weights, for inference; numbers of any type become float32.

    in_file: what an array is called in the file, by its name in the network. Raises WeightsError
    in one line when an array is missing, unknown, of another shape, or holds no numbers.
    """
    shapes = {
        name: tuple(value.shape) for name, value in network.state_dict(keep_vars=True).items()
    }
    names = {name: in_file(name) for name in shapes}
    missing = sorted(set(names.values()) - weights.keys())
    extra = sorted(weights.keys() - set(names.values()))
    if missing:
        line = f"the weights lack {len(missing)} arrays, as {missing[0]!r}"
        raise Unfit(line, [*extra, *missing])
    if extra:
        raise Unfit(f"the weights hold {len(extra)} unknown arrays, as {extra[0]!r:.80}", extra)
    for name, shape in shapes.items():
        array = weights[names[name]]
        if array.shape != shape:
            line = f"the weights' {names[name]!r} has shape {array.shape}, the network's {shape}"
            raise Unfit(line, [names[name]])
        if array.dtype.kind not in "fiu":
            raise WeightsError(f"the weights' {names[name]!r} holds {array.dtype}, not numbers")
    state = {
        # Readers may give arrays that are read-only, which torch does not take.
        name: torch.from_numpy(np.require(weights[names[name]], np.float32, "W"))
        for name in shapes
    }
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
