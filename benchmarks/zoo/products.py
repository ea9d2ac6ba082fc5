"""How fast one core takes what a Mel-Band RoFormer of 384 numbers a token consists of.

    benchmarks/networks/install.sh
    benchmarks/networks/.venv/bin/python benchmarks/zoo/products.py

The tokens of one band over a chunk of 8 s, by PyTorch in float32 and in bfloat16 and by ONNX
Runtime. Milliseconds of processor time, best of ten. Where bfloat16 is slower than float32, the
processor has no instructions for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

TOKENS, WIDTH, HIDDEN, HEADS, INNER = 801, 384, 1536, 8, 512


def milliseconds(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(10):
        start = time.thread_time()
        work()
        took.append(time.thread_time() - start)
    return 1e3 * min(took)


def graph(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, np.ndarray],
    out: tuple[int, ...],
    weights: Mapping[str, np.ndarray],
) -> Callable[[], object]:
    """A call of a graph with these inputs, on one thread."""
    kind = TensorProto.FLOAT
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, x.shape) for name, x in inputs.items()],
        [helper.make_tensor_value_info("out", kind, out)],
        [
            helper.make_tensor(name, kind, x.shape, x.tobytes(), raw=True)
            for name, x in weights.items()
        ],
    )
    sets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(made, opset_imports=sets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, dict(inputs))


def by_runtime(arrays: Mapping[str, np.ndarray]) -> tuple[float, float, float]:
    """A layer, a feed-forward half, attention."""
    x, weights = {"x": arrays["x"]}, {key: arrays[key] for key in ("wide", "bias", "narrow")}
    layer = [helper.make_node("MatMul", ["x", "wide"], ["out"])]
    half = [
        helper.make_node("MatMul", ["x", "wide"], ["a"]),
        helper.make_node("Add", ["a", "bias"], ["b"]),
        helper.make_node("Gelu", ["b"], ["c"]),
        helper.make_node("MatMul", ["c", "narrow"], ["out"]),
    ]
    each = {key: arrays[key] for key in ("query", "key", "value")}
    attention = [
        helper.make_node(
            "MultiHeadAttention", list(each), ["out"], domain="com.microsoft", num_heads=HEADS
        )
    ]
    return (
        milliseconds(graph(layer, x, (TOKENS, HIDDEN), {"wide": weights["wide"]})),
        milliseconds(graph(half, x, (TOKENS, WIDTH), weights)),
        milliseconds(graph(attention, each, (1, TOKENS, INNER), {})),
    )


def by_torch(arrays: Mapping[str, np.ndarray], dtype: torch.dtype) -> tuple[float, float, float]:
    tensors = {name: torch.from_numpy(x).to(dtype) for name, x in arrays.items()}
    x, bias = tensors["x"], tensors["bias"]
    wide, narrow = (tensors[name].T.contiguous() for name in ("wide", "narrow"))
    query, key, value = (
        tensors[name].unflatten(-1, (HEADS, -1)).transpose(1, 2).contiguous()
        for name in ("query", "key", "value")
    )
    return (
        milliseconds(lambda: F.linear(x, wide)),
        milliseconds(lambda: F.linear(F.gelu(F.linear(x, wide, bias)), narrow)),
        milliseconds(lambda: F.scaled_dot_product_attention(query, key, value)),
    )


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    shapes = {
        "x": (TOKENS, WIDTH),
        "wide": (WIDTH, HIDDEN),
        "bias": (HIDDEN,),
        "narrow": (HIDDEN, WIDTH),
        **dict.fromkeys(("query", "key", "value"), (1, TOKENS, INNER)),
    }
    arrays = {
        name: rng.standard_normal(shape, dtype=np.float32) / 20 for name, shape in shapes.items()
    }
    with torch.inference_mode():
        single, half = (by_torch(arrays, each) for each in (torch.float32, torch.bfloat16))
    columns = zip(single, half, by_runtime(arrays), strict=True)
    print(
        "| ms | PyTorch, float32 | PyTorch, bfloat16 | ONNX Runtime, float32 |\n|---|---|---|---|"
    )
    for name, found in zip(("layer", "feed-forward half", "attention"), columns, strict=True):
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in found)} |")


if __name__ == "__main__":
    main()
