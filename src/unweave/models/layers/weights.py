"""Weights into a network, strictly: every name, every shape, none more.

A network is put together on the meta device, where its parameters have shapes but no memory and no
random start, and then takes the arrays as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from unweave.core.typed import typed
from unweave.errors import Unfit, WeightsError

Net = TypeVar("Net", bound=nn.Module)


def settings(
    config_type: type, stems: tuple[str, ...], channels: int, config: Mapping[str, Any]
) -> Any:
    """The settings of a network as a card's `[config]` has them. Raises ValueError, one line."""
    try:
        return typed(config_type, {"stems": stems, "channels": channels, **config})
    except ValueError as error:
        raise ValueError(f"[config]: {error}") from error


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
        try:
            with torch.device("meta"):
                network = network_type(chosen, **options)
        except (RuntimeError, ZeroDivisionError) as error:  # torch's, of sizes that cannot be
            raise ValueError(f"its settings make no network ({error})") from error
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
