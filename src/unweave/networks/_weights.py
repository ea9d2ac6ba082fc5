"""Weights into a network, strictly: every name, every shape, none more.

A network is put together on the meta device, where its parameters have shapes but no memory and no
random start, and then takes the arrays as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from unweave.core.errors import WeightsError

Net = TypeVar("Net", bound=nn.Module)


def loaded(make: Callable[[], Net], weights: Mapping[str, np.ndarray]) -> Net:
    """What `make` makes, with its weights, for inference; arrays of any float type become float32.

    Raises WeightsError in one line when a parameter is missing, unknown or of another shape.
    """
    with torch.device("meta"):
        network = make()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if missing := sorted(shapes.keys() - weights.keys()):
        raise WeightsError(f"the weights lack {len(missing)} parameters, as {missing[0]}")
    if extra := sorted(weights.keys() - shapes.keys()):
        raise WeightsError(f"the weights hold {len(extra)} unknown parameters, as {extra[0]!r:.80}")
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise WeightsError(
                f"the weights' {name} has shape {weights[name].shape}, the network's {shape}"
            )
    state = {k: torch.from_numpy(np.asarray(v, dtype=np.float32)) for k, v in weights.items()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
