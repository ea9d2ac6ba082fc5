"""What shapes the values of a graph have, before anything is computed: whether it can run at all.

Whatever the steps of a graph say, it runs in bounded memory, or it is refused. The rules are those
of ONNX's specification of operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unweave.models.layers.graphs import SOURCE, Graph

MOST_NUMBERS = 1 << 29  # in all values that are needed at a time: more than published graphs make

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]


def check(graph: Graph, arrays: Mapping[str, Shape], source: Shape) -> None:
    """Raises ValueError, one line, for a step that cannot run or that makes more than memory may
    hold, and for an output of another shape than that of the input, `source`."""
    shapes, ends = {**arrays, SOURCE: source}, graph.ends
    held: dict[str, int] = {}  # how many numbers there are in each value
    for n, step in enumerate(graph.steps):
        what = f"step {n + 1} of its graph, {step.operator},"
        try:
            found = RULES[step.operator](step.attributes, *(shapes[name] for name in step.inputs))
        except (ValueError, TypeError, LookupError) as error:
            raise ValueError(f"{what} cannot run: {error!s:.160}") from error
        if min(found, default=1) < 1:
            raise ValueError(f"{what} makes nothing, an array of {found}")
        shapes[step.output], held[step.output] = found, math.prod(found)
        if sum(held.values()) > MOST_NUMBERS:
            raise ValueError(f"{what} makes an array of {found}, too large for the memory")
        for name in step.inputs:
            if ends[name] == n:
                held.pop(name, None)
    if shapes[graph.output] != source:
        raise ValueError(
            f"its graph makes {shapes[graph.output]} of {source}, and MDX-Net keeps the shape"
        )


def pair(at: Attributes, name: str, default: int = 1) -> tuple[int, int]:
    """Two whole numbers, for rows and columns."""
    found = at.get(name, (default, default))
    if not isinstance(found, tuple) or len(found) != 2 or min(found) < default:
        raise ValueError(f"{name} must be two numbers of {default} or more; got {found!r:.60}")
    return found


def pads(at: Attributes) -> tuple[int, int]:
    """Zeros at both ends of the rows and of the columns."""
    found = at.get("pads", (0, 0, 0, 0))
    if not isinstance(found, tuple) or len(found) != 4 or min(found) < 0 or found[:2] != found[2:]:
        raise ValueError(f"pads must be alike at both ends, and 0 or more; got {found!r:.60}")
    if at.get("auto_pad", "NOTSET") != "NOTSET":
        raise ValueError(f"auto_pad must be NOTSET; got {at['auto_pad']!r:.60}")
    return found[:2]


def groups(at: Attributes) -> int:
    found = at.get("group", 1)
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"group must be 1 or more; got {found!r:.60}")
    return found


def _convolution(at: Attributes, x: Shape, weight: Shape, bias: Shape | None = None) -> Shape:
    count = groups(at)
    _agree(at, x, weight)
    if x[1] != weight[1] * count or weight[0] % count or bias not in (None, weight[:1]):
        raise ValueError(f"{x} does not go with weights of {weight} and {bias}")
    sizes = (
        (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, pad, dilation, stride in _along(at, x, weight)
    )
    return (x[0], weight[0], *sizes)


def _transposed(at: Attributes, x: Shape, weight: Shape, bias: Shape | None = None) -> Shape:
    count = groups(at)
    _agree(at, x, weight)
    width = weight[1] * count
    if x[1] != weight[0] or weight[0] % count or bias not in (None, (width,)):
        raise ValueError(f"{x} does not go with weights of {weight} and {bias}")
    more = pair(at, "output_padding", 0)
    if any(extra >= stride for extra, stride in zip(more, pair(at, "strides"), strict=True)):
        raise ValueError("output_padding must be below the strides")
    sizes = (
        (size - 1) * stride - 2 * pad + dilation * (kernel - 1) + extra + 1
        for (size, kernel, pad, dilation, stride), extra in zip(
            _along(at, x, weight), more, strict=True
        )
    )  # fmt: skip
    return (x[0], width, *sizes)


def _agree(at: Attributes, x: Shape, weight: Shape) -> None:
    if len(x) != 4 or len(weight) != 4 or at.get("kernel_shape", weight[2:]) != weight[2:]:
        raise ValueError(f"{x} does not go with weights of {weight}")


def _along(at: Attributes, x: Shape, weight: Shape) -> zip[tuple[int, ...]]:
    """Of rows, and of columns: size, kernel, pad, dilation and stride."""
    parts = x[2:], weight[2:], pads(at), pair(at, "dilations"), pair(at, "strides")
    return zip(*parts, strict=True)


def _batch_norm(at: Attributes, x: Shape, *each: Shape) -> Shape:
    if len(each) != 4 or len(x) < 2 or {*each} != {x[1:2]} or at.get("training_mode", 0) != 0:
        raise ValueError(f"{x} does not go with {', '.join(map(str, each))}, or it learns")
    if not isinstance(at.get("epsilon", 1e-5), float) or not 0 < at.get("epsilon", 1e-5) < 1:
        raise ValueError("epsilon must be a number between 0 and 1")
    return x


def _product(at: Attributes, x: Shape, y: Shape) -> Shape:
    if min(len(x), len(y)) < 2 or x[-1] != y[-2]:
        raise ValueError(f"{x} does not go with {y}")
    return (*np.broadcast_shapes(x[:-2], y[:-2]), x[-2], y[-1])


def _transpose(at: Attributes, x: Shape) -> Shape:
    order = at.get("perm", tuple(reversed(range(len(x)))))
    if not isinstance(order, tuple) or sorted(order) != [*range(len(x))]:
        raise ValueError(f"perm must name each of {len(x)} axes; got {order!r:.60}")
    return tuple(x[axis] for axis in order)


def _elementwise(at: Attributes, x: Shape, y: Shape) -> Shape:
    return np.broadcast_shapes(x, y)


def _same(at: Attributes, x: Shape) -> Shape:
    return x


RULES: Mapping[str, Callable[..., Shape]] = {
    "Add": _elementwise,
    "BatchNormalization": _batch_norm,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MatMul": _product,
    "Mul": _elementwise,
    "Relu": _same,
    "Transpose": _transpose,
}
