"""A graph of operators as plain data: steps that turn one value into another, as JSON in an array.

What a step may be stands in `OPERATORS`: they are ONNX's own, and none of them does anything but
compute. All that a step may have is checked when a graph is made, wherever it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from unweave.errors import WeightsError, quoted

GRAPH = "graph"  # what the array of the steps is called, beside the arrays that they use
SOURCE = "input"  # the one value that comes from outside
MOST_STEPS = 4096
OPSETS = range(9, 100)  # versions of ONNX's operators that are understood
_CONVOLUTION = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
OPERATORS: Mapping[str, tuple[str, ...]] = {  # with the attributes that each may have
    "Add": (),
    "BatchNormalization": ("epsilon", "momentum", "training_mode"),
    "Conv": _CONVOLUTION,
    "ConvTranspose": (*_CONVOLUTION, "output_padding"),
    "MatMul": (),
    "Mul": (),
    "Relu": (),
    "Transpose": ("perm",),
}

Attribute = int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One operator. inputs: names of values and of arrays.

    Raises ValueError for an operator or an attribute that is not in `OPERATORS`.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __post_init__(self) -> None:
        allowed = OPERATORS.get(self.operator)
        if allowed is None:
            raise ValueError(
                f"it uses the operator {quoted(self.operator)}, which unweave does not run"
            )
        for name in self.attributes:
            if name not in allowed:
                raise ValueError(f"its {self.operator} has the unknown attribute {quoted(name)}")


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps in the order in which they run.

    opset: the version of ONNX's operators. shape: of the input without its batch; 0 is a size that
    is free. Raises ValueError for a value that is made twice, or never.
    """

    opset: int
    shape: tuple[int, ...]
    output: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise ValueError(
                f"its operators are of version {quoted(self.opset)}, and unweave runs those from "
                f"{OPSETS.start} on"
            )
        if len(self.steps) > MOST_STEPS:
            raise ValueError(f"it has {len(self.steps)} steps, more than {MOST_STEPS}")
        made = {SOURCE}
        for step in self.steps:
            if step.output in made:
                raise ValueError(f"two values in it are called {quoted(step.output)}")
            made.add(step.output)
        if self.output not in made:
            raise ValueError(f"its output {quoted(self.output)} is never made")

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of the arrays that the steps use, in order of use.

        A value that is used before it is made is one of them, and is missing among the arrays.
        """
        made = {SOURCE}
        found: dict[str, None] = {}
        for step in self.steps:
            found |= dict.fromkeys(name for name in step.inputs if name not in made)
            made.add(step.output)
        return tuple(found)

    @property
    def ends(self) -> dict[str, int]:
        """Of each name, the last step that needs it; of the output none, which is one more."""
        last = {name: n for n, step in enumerate(self.steps) for name in step.inputs}
        return {**last, self.output: len(self.steps)}


def written(graph: Graph) -> np.ndarray:
    """A graph as an array of bytes, uint8."""
    text = json.dumps(asdict(graph), separators=(",", ":"), allow_nan=False)
    return np.frombuffer(text.encode(), np.uint8)


def parsed(array: np.ndarray) -> Graph:
    """The graph that `written` wrote. Raises WeightsError, one line, for anything else."""
    try:
        if array.dtype != np.uint8:
            raise ValueError(f"it is of {array.dtype}")
        facts = json.loads(array.tobytes().decode())
        opset, shape, output = facts["opset"], tuple(facts["shape"]), facts["output"]
        if type(opset) is not int or {*map(type, shape)} != {int} or type(output) is not str:
            raise ValueError("its opset, shape or output is no number or name")
        return Graph(opset, shape, output, tuple(map(_step, facts["steps"])))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"the weights' {GRAPH!r} is no graph ({reason:.160})") from error


def _step(facts: Mapping[str, Any]) -> Step:
    """Raises ValueError, TypeError or LookupError for what is none."""
    attributes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in facts["attributes"].items()
    }
    for name, value in attributes.items():
        kinds = {*map(type, value)} if isinstance(value, tuple) else {type(value)}
        if not kinds <= ({int} if isinstance(value, tuple) else {int, float, str}):
            raise ValueError(f"its attribute {quoted(name)} is {quoted(value)}")
    step = Step(facts["operator"], tuple(facts["inputs"]), facts["output"], attributes)
    if not all(isinstance(name, str) for name in (step.operator, step.output, *step.inputs)):
        raise ValueError("a name in it is no text")
    return step
