"""How fast one core takes the products that HT Demucs consists of, in float32 and in bfloat16.

    .venv/bin/python benchmarks/htdemucs/products.py

Billions of operations (a product and a sum are two) in a second of processor time, best of three.
Where bfloat16 is slower than float32, the processor has no instructions for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

TOKENS, WIDTH, HIDDEN, HEADS = 672, 512, 2048, 8  # of the transformer; fewer tokens than it has


def rate(work: Callable[[], object], operations: float) -> float:
    work()
    took = []
    for _ in range(3):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return operations / min(took) / 1e9


def main() -> None:
    torch.set_num_threads(1)
    print("| product | float32 | bfloat16 |\n|---|---|---|")
    rows: dict[str, list[float]] = {"linear layer": [], "attention": [], "levels, matrices": []}
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode():
            x = torch.randn(TOKENS, WIDTH, dtype=dtype)
            weight = torch.randn(HIDDEN, WIDTH, dtype=dtype)
            heads = torch.randn(1, HEADS, TOKENS, WIDTH // HEADS, dtype=dtype)
            many, few = torch.randn(6, 384, 576, dtype=dtype), torch.randn(6, 576, 336, dtype=dtype)
            linear = rate(lambda: F.linear(x, weight), 2 * TOKENS * WIDTH * HIDDEN)  # noqa: B023
            attention = rate(
                lambda: F.scaled_dot_product_attention(heads, heads, heads),  # noqa: B023
                4 * TOKENS**2 * WIDTH,
            )
            levels = rate(lambda: many @ few, 12 * 384 * 576 * 336)  # noqa: B023
        for row, value in zip(rows.values(), (linear, attention, levels), strict=True):
            row.append(value)
    for name, (single, half) in rows.items():
        print(f"| {name} | {single:.0f} | {half:.0f} |")


if __name__ == "__main__":
    main()
