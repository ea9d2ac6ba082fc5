"""Graphs of MDX-Net for tests, of any size, with random weights that all matter.

They have the steps of the published ones, in number and order: see `COUNTS`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from tests.models import onnx

# Of all that are published, as others have counted them.
COUNTS = {
    "Conv": 40, "Relu": 66, "BatchNormalization": 27, "MatMul": 22, "Add": 11, "ConvTranspose": 5,
    "Mul": 5, "Transpose": 2,
}  # fmt: skip
PUBLISHED = {"bins": 3072, "frames": 256, "width": 48, "levels": 5, "layers": 3, "narrow": 8}
SMALL = {"bins": 64, "frames": 16, "width": 4, "levels": 2, "layers": 1, "narrow": 4}
MIXED = (0, 1, 3, 2)  # the order of axes in which frames and bins change places


def attribute(name: str, value: float | Sequence[int]) -> bytes:
    """One attribute of a step: a whole number, a number or whole numbers."""
    if isinstance(value, int):
        content = onnx.field(3, value) + onnx.field(20, 2)
    elif isinstance(value, float):
        content = onnx.varint(2 << 3 | 5) + struct.pack("<f", value) + onnx.field(20, 1)
    else:
        content = b"".join(onnx.field(8, each) for each in value) + onnx.field(20, 7)
    return onnx.field(1, name) + content


def step(operator: str, inputs: Sequence[str], output: str, **attributes: object) -> bytes:
    """A node, with the name that torch's exporter gives it."""
    parts = [onnx.field(1, name) for name in inputs]
    parts += [onnx.field(2, output), onnx.field(3, f"{operator}_{output}")]
    parts.append(onnx.field(4, operator))
    parts += [onnx.field(5, attribute(name, value)) for name, value in attributes.items()]
    return b"".join(parts)


def value(name: str, shape: Sequence[int]) -> bytes:
    """An input or an output of float32, with a batch of any size before `shape`."""
    sizes = [onnx.field(1, onnx.field(2, "batch_size"))]
    sizes += [onnx.field(1, onnx.field(1, size)) for size in shape]
    kind = onnx.field(1, 1) + onnx.field(2, b"".join(sizes))
    return onnx.field(1, name) + onnx.field(2, onnx.field(1, kind))


def model(steps: Sequence[bytes], arrays: dict[str, np.ndarray], shape: Sequence[int]) -> bytes:
    """A file of steps from `input` to `output`."""
    content = b"".join(onnx.field(1, each) for each in steps) + onnx.field(2, "torch-jit-export")
    content += b"".join(onnx.field(5, onnx.tensor(*each)) for each in arrays.items())
    content += onnx.field(11, value("input", shape)) + onnx.field(12, value("output", shape))
    return (
        onnx.field(1, 7)
        + onnx.field(8, onnx.field(1, "") + onnx.field(2, 13))
        + onnx.field(7, content)
    )


class Drawing:
    """The steps so far, and arrays of random numbers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.steps: list[bytes] = []
        self.arrays: dict[str, np.ndarray] = {}

    def array(self, *shape: int, fan: float = 0.0, middle: float = 0.0) -> str:
        """Random numbers, which keep a signal near one where `fan` numbers are summed up."""
        drawn = self.rng.standard_normal(shape, np.float32)
        drawn = drawn / np.sqrt(fan) if fan else middle + 0.3 * drawn
        name = f"onnx::Conv_{len(self.arrays)}"
        self.arrays[name] = drawn.astype(np.float16).astype(np.float32)
        return name

    def step(self, operator: str, *inputs: str, **attributes: object) -> str:
        output = f"value_{len(self.steps)}"
        self.steps.append(step(operator, inputs, output, **attributes))
        return output

    def convolution(self, x: str, inner: int, outer: int, size: int, stride: int = 1) -> str:
        weight = self.array(outer, inner, size, size, fan=inner * size * size / 2)
        pads = [size // 2 if stride == 1 else 0] * 4
        return self.step(
            "Conv", x, weight, self.array(outer), dilations=[1, 1], group=1,
            kernel_shape=[size, size], pads=pads, strides=[stride, stride],
        )  # fmt: skip

    def normed(self, x: str, width: int) -> str:
        parts = [self.array(width, middle=1.0), self.array(width), self.array(width)]
        parts.append(self.array(width))
        self.arrays[parts[-1]] = 0.5 + abs(self.arrays[parts[-1]])
        made = self.step("BatchNormalization", x, *parts, epsilon=1e-5, momentum=0.9)
        return self.step("Relu", made)

    def block(self, x: str, width: int, bins: int, layers: int, narrow: int) -> str:
        for _ in range(layers):
            x = self.step("Relu", self.convolution(x, width, width, 3))
        y = x
        for inner, outer in ((bins, bins // narrow), (bins // narrow, bins)):
            weight = self.array(inner, outer, fan=inner / 2)
            y = self.normed(self.step("MatMul", y, weight), width)
        return self.step("Add", x, y)


def graph(
    *, bins: int, frames: int, width: int, levels: int, layers: int, narrow: int, seed: int = 0
) -> bytes:
    """The ONNX file of an MDX-Net. width: channels of the first level, and more with each level."""
    drawing, shape, channels, skips = Drawing(seed), (4, bins, frames), width, []
    x = drawing.step("Relu", drawing.convolution("input", 4, width, 1))
    x = drawing.step("Transpose", x, perm=MIXED)
    for _ in range(levels):
        x = drawing.block(x, channels, bins, layers, narrow)
        skips.append(x)
        x = drawing.step("Relu", drawing.convolution(x, channels, channels + width, 2, 2))
        channels, bins = channels + width, bins // 2
    x = drawing.block(x, channels, bins, layers, narrow)
    for _ in range(levels):
        weight = drawing.array(channels, channels - width, 2, 2, fan=channels / 2)
        x = drawing.step(
            "ConvTranspose", x, weight, drawing.array(channels - width), dilations=[1, 1], group=1,
            kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2],
        )  # fmt: skip
        channels, bins = channels - width, bins * 2
        x = drawing.step("Mul", drawing.normed(x, channels), skips.pop())
        x = drawing.block(x, channels, bins, layers, narrow)
    x = drawing.convolution(drawing.step("Transpose", x, perm=MIXED), channels, 4, 1)
    drawing.steps[-1] = drawing.steps[-1].replace(onnx.field(2, x), onnx.field(2, "output"))
    # Signals multiply at each level: the output is of order one again.
    scale = 8.0**-levels
    for name in list(drawing.arrays)[-2:]:
        drawing.arrays[name] = (drawing.arrays[name] * scale).astype(np.float32)
    return model(drawing.steps, drawing.arrays, shape)
