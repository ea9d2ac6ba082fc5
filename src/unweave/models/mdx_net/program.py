"""A graph run by torch, step by step; a value goes when its last user has it.

What an operator does is said by ONNX's specification of operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.errors import Unfit, WeightsError
from unweave.models.layers.graphs import GRAPH, SOURCE, Graph, parsed
from unweave.models.mdx_net.shapes import Attributes, check, groups, pads, pair

MOVES = "Transpose"  # an operator whose output is a view of its input


class Program(nn.Module):
    """A graph with its arrays, which are its buffers. One value in, one out."""

    def __init__(self, graph: Graph, arrays: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.graph, self.ends = graph, graph.ends
        self.places = {name: f"array_{n}" for n, name in enumerate(arrays)}
        for name, place in self.places.items():
            self.register_buffer(place, arrays[name])
        # Values that share their memory with no other: they may be changed where they are.
        moved = {name for step in graph.steps if step.operator == MOVES for name in step.inputs}
        self.own = {step.output for step in graph.steps if step.operator != MOVES} - moved

    @property
    def arrays(self) -> dict[str, Tensor]:
        """By the names that the steps have for them."""
        return {name: self.get_buffer(place) for name, place in self.places.items()}

    def forward(self, x: Tensor) -> Tensor:
        values = {SOURCE: x, **self.arrays}
        for n, step in enumerate(self.graph.steps):
            taken = [values[name] for name in step.inputs]
            ended = {name for name in step.inputs if self.ends[name] == n}
            if step.operator == "Relu" and ended & self.own:
                values[step.output] = taken[0].relu_()
            else:
                values[step.output] = OPERATORS[step.operator](step.attributes, *taken)
            del taken
            for name in ended:
                del values[name]
        return values[self.graph.output]


def program(weights: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> Program:
    """The graph that lies in `weights`, for inputs of `shape`, which is that of its outputs, too.

    Raises WeightsError, one line, where the arrays are not those of the graph, and for a graph that
    cannot run.
    """
    if GRAPH not in weights:
        raise Unfit(f"the weights lack 1 arrays, as {GRAPH!r}", [GRAPH, *weights])
    graph = parsed(weights[GRAPH])
    stated = (shape[0], *graph.shape)
    if len(stated) != len(shape) or any(
        a not in (0, b) for a, b in zip(stated, shape, strict=True)
    ):
        raise WeightsError(f"its graph takes {graph.shape}, and the settings say {shape[1:]}")
    names = graph.arrays
    if missing := sorted({*names} - weights.keys()):
        raise Unfit(f"the weights lack {len(missing)} arrays, as {missing[0]!r:.80}", missing)
    if extra := sorted(weights.keys() - {*names, GRAPH}):
        raise Unfit(f"the weights hold {len(extra)} unknown arrays, as {extra[0]!r:.80}", extra)
    for name in names:
        if weights[name].dtype.kind != "f":
            raise WeightsError(f"the weights' {name!r:.80} holds {weights[name].dtype}, no floats")
    arrays = {name: torch.from_numpy(np.require(weights[name], np.float32, "W")) for name in names}
    try:
        check(graph, {name: tuple(array.shape) for name, array in arrays.items()}, shape)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    return Program(graph, arrays)


def convolution(at: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x`: `(batch, channel, height, width)`, `weight`: `(out, in / groups, height, width)`."""
    strides, dilations = pair(at, "strides"), pair(at, "dilations")
    return F.conv2d(x, weight, bias, strides, pads(at), dilations, groups(at))


def transposed(at: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same upwards, `weight` is `(in, out / groups, height, width)`."""
    strides, dilations = pair(at, "strides"), pair(at, "dilations")
    more = pair(at, "output_padding", 0)
    return F.conv_transpose2d(x, weight, bias, strides, pads(at), more, groups(at), dilations)


def batch_norm(
    at: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, eps=at.get("epsilon", 1e-5))


OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    "Add": lambda at, x, y: x + y,
    "BatchNormalization": batch_norm,
    "Conv": convolution,
    "ConvTranspose": transposed,
    "MatMul": lambda at, x, y: x @ y,
    "Mul": lambda at, x, y: x * y,
    "Relu": lambda at, x: F.relu(x),
    "Transpose": lambda at, x: x.permute(at.get("perm", tuple(reversed(range(x.ndim))))),
}
