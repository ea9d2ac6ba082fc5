"""A graph run by torch, step by step; a value goes when its last user has it.

What an operator does is said by ONNX's specification of operators. On a CPU images lie channels
last, as oneDNN's convolutions take them without a copy.
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
            changes = step.operator in IN_PLACE and step.inputs[0] in ended & self.own
            operator = (IN_PLACE if changes else OPERATORS)[step.operator]
            values[step.output] = operator(step.attributes, *taken)
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
    if x.is_cpu:
        x = x.contiguous(memory_format=torch.channels_last)
        if (*weight.shape[2:], *strides, *pads(at), groups(at)) == (1, 1, 1, 1, 0, 0, 1):
            return _spread(x, weight.transpose(0, 1), bias)
    return F.conv2d(x, weight, bias, strides, pads(at), dilations, groups(at))


def transposed(at: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same upwards, `weight` is `(in, out / groups, height, width)`."""
    strides, dilations = pair(at, "strides"), pair(at, "dilations")
    more = pair(at, "output_padding", 0)
    apart = strides == weight.shape[2:] and dilations == (1, 1)
    if x.is_cpu and apart and (*pads(at), *more, groups(at)) == (0, 0, 0, 0, 1):
        return _spread(x, weight, bias)
    return F.conv_transpose2d(x, weight, bias, strides, pads(at), more, groups(at), dilations)


def _spread(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Each pixel becomes `height` by `width` of them: one product of matrices, channels last.

    weight: `(in, out, height, width)`.
    """
    batch, channels, rows, columns = x.shape
    _, out, height, width = weight.shape
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    matrix = weight.permute(2, 3, 1, 0).reshape(-1, channels)
    made = F.linear(pixels, matrix, None if bias is None else bias.repeat(height * width))
    made = made.view(batch, rows, columns, height, width, out).transpose(2, 3)
    return made.reshape(batch, rows * height, columns * width, out).permute(0, 3, 1, 2)


def product(at: Attributes, x: Tensor, y: Tensor) -> Tensor:
    """Images `(batch, channel, height, width)` times a matrix `(width, out)`, or any two values.

    Images that a matrix makes narrower stay channels last, with a product for each row. To lay out
    what it makes wider costs less than products of so few channels.
    """
    if not x.is_cpu or x.ndim != 4 or y.ndim != 2:
        return x @ y
    if y.shape[0] < y.shape[1]:
        return x.contiguous() @ y
    batch, channels, rows, columns = x.shape
    images = x.permute(0, 2, 3, 1).reshape(-1, columns, channels)
    made = y.T.expand(len(images), -1, -1).bmm(images)
    return made.view(batch, rows, -1, channels).permute(0, 3, 1, 2)


def batch_norm(
    at: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, eps=at.get("epsilon", 1e-5))


def batch_norm_(
    at: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    factor = scale / torch.sqrt(variance + at.get("epsilon", 1e-5))
    shape = -1, *[1] * (x.ndim - 2)
    return x.mul_(factor.view(shape)).add_((bias - factor * mean).view(shape))


OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    "Add": lambda at, x, y: x + y,
    "BatchNormalization": batch_norm,
    "Conv": convolution,
    "ConvTranspose": transposed,
    "MatMul": product,
    "Mul": lambda at, x, y: x * y,
    "Relu": lambda at, x: F.relu(x),
    "Transpose": lambda at, x: x.permute(at.get("perm", tuple(reversed(range(x.ndim))))),
}
# The same where nobody needs the first value afterwards: its memory is that of the result.
IN_PLACE: Mapping[str, Callable[..., Tensor]] = {
    "Add": lambda at, x, y: x.add_(y) if fits(x, y) else x + y,
    "BatchNormalization": batch_norm_,
    "Mul": lambda at, x, y: x.mul_(y) if fits(x, y) else x * y,
    "Relu": lambda at, x: x.relu_(),
}


def fits(x: Tensor, y: Tensor) -> bool:
    """Whether the two make a value of the shape of `x`."""
    return torch.broadcast_shapes(x.shape, y.shape) == x.shape
