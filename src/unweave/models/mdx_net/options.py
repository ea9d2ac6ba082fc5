"""The options of MDX-Net: see `models/mdx_net/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unweave.options import Option

# Working memory for a sample, of a graph of published widths and 3072 bins.
BYTES_PER_SAMPLE = 2100.0
BYTES_OF_ONNX_RUNTIME = 5100.0
REVISION = 2
MIXED_PRECISION = False
LARGE_PAGES = True


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample: it grows with the bins, and depends on what runs the graph."""
    by_torch = config.get("runtime", "torch") == "torch"
    return (
        (BYTES_PER_SAMPLE if by_torch else BYTES_OF_ONNX_RUNTIME) * config.get("bins", 3072) / 3072
    )


def additive(options: Mapping[str, object]) -> bool:
    """The second stem is what the first leaves, but for its compensation."""
    return options.get("compensation", 1.0) == 1.0


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose, alike for every card."""
    return (
        Option(
            name="runtime",
            types=(str,),
            default="torch",
            meaning="what runs the graph: torch on any device, or ONNX Runtime on the CPU, which "
            "pip install 'unweave[onnx]' brings",
            choices=("torch", "onnxruntime"),
        ),
    )
