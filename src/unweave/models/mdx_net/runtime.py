"""A graph run by ONNX Runtime (MIT licence) on the CPU, an extra.

It never sees the file that the graph comes from: a model is written anew from the steps and arrays
that were read and checked, so that nothing is in it that unweave does not know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from unweave.errors import UsageError
from unweave.models.layers.graphs import SOURCE, Attribute, Step
from unweave.models.mdx_net.program import Program

FORMAT = 7  # of the file
FLOAT32 = 1  # a data type


class OnnxRuntime(nn.Module):
    """The program of a graph as a session; one thread runs it, and many may at a time."""

    def __init__(self, program: Program, shape: tuple[int, ...]) -> None:
        """shape: of what goes in and comes out. Raises UsageError where the extra lacks."""
        super().__init__()
        try:
            import onnxruntime
        except ImportError:
            raise UsageError(
                "the option runtime=onnxruntime needs ONNX Runtime; install it with: "
                "pip install 'unweave[onnx]'"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a segment has one thread
        options.use_deterministic_compute = True
        options.enable_mem_pattern = False  # one block for a whole run is half as much again
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            model(program, shape), options, providers=["CPUExecutionProvider"]
        )

    def forward(self, x: Tensor) -> Tensor:
        (made,) = self.session.run(None, {SOURCE: x.cpu().contiguous().numpy()})
        return torch.from_numpy(made).to(x.device)


def model(program: Program, shape: tuple[int, ...]) -> bytes:
    """An ONNX file of a program (onnx.proto3)."""
    graph = program.graph
    content = b"".join(field(1, _node(step)) for step in graph.steps) + field(2, "graph")
    arrays = [(name, array.numpy()) for name, array in program.arrays.items()]
    content += b"".join(field(5, _tensor(*each)) for each in arrays)
    content += field(11, _value(SOURCE, shape)) + field(12, _value(graph.output, shape))
    opset = field(1, "") + field(2, graph.opset)
    return field(1, FORMAT) + field(8, opset) + field(7, content)


def _node(step: Step) -> bytes:
    parts = [field(1, name) for name in step.inputs]
    parts += [field(2, step.output), field(4, step.operator)]
    parts += [field(5, _attribute(*each)) for each in step.attributes.items()]
    return b"".join(parts)


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case float():
            kind, content = 1, varint(2 << 3 | 5) + struct.pack("<f", value)
        case int():
            kind, content = 2, field(3, value)
        case str():
            kind, content = 3, field(4, value)
        case _:
            kind, content = 7, b"".join(field(8, each) for each in value)
    return field(1, name) + content + field(20, kind)


def _tensor(name: str, array: np.ndarray) -> bytes:
    sizes = b"".join(field(1, size) for size in array.shape)
    return sizes + field(2, FLOAT32) + field(8, name) + field(9, array.tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT32) + field(2, sizes)))


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a message of Protocol Buffers."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A whole number of 64 bits, seven to a byte."""

    def groups(left: int) -> Iterator[int]:
        while left > 127:
            yield left & 127 | 128
            left >>= 7
        yield left

    return bytes(groups(value % (1 << 64)))
