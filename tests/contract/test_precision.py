"""Every network in the arithmetic of 16 bits: not far from that of 32, and really in it.

Where a network multiplies matrices, another result shows that it did so in 16 bits; one that does
not heed the precision has to say so, for whoever asks for it to be told. Where it multiplies none,
such as one of gains alone, there is nothing to heed, and the same result is right.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tests.contract import trials
from unweave.engine.adapters.precision import DTYPES, Precision
from unweave.errors import UsageError

PRODUCTS = ("mm", "matmul", "linear", "conv", "lstm", "gru", "rnn", "attention", "einsum")
LEAST_DB = {"bfloat16": 15.0, "float16": 30.0}  # untrained networks: their masks are anywhere


class Products(TorchFunctionMode):
    """The names of all functions that multiply matrices, while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        self.seen |= {func.__name__} if any(each in func.__name__ for each in PRODUCTS) else set()
        return func(*args, **(kwargs or {}))


def test_products_are_seen() -> None:
    x = torch.ones(1, 2, 3)
    modules = nn.Linear(3, 2), nn.Conv1d(2, 2, 1), nn.ConvTranspose1d(2, 2, 1), nn.LSTM(3, 2)
    for multiply in (*modules, nn.GRU(3, 2), lambda y: y @ y.mT, lambda y: torch.bmm(y, y.mT)):
        with torch.inference_mode(), Products() as products:
            multiply(x)
        assert products.seen
    with torch.inference_mode(), Products() as products:
        x.softmax(0).mul(x).sum()
    assert not products.seen


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", trials.names())
def test_the_precision_reaches_the_network(name: str, dtype: str) -> None:
    separator = trials.load(name).to("cpu")
    if not separator.spec.mixed_precision:
        with pytest.raises(UsageError, match="computes in float32 alone"):
            Precision(separator, dtype)
        return
    mix = 0.1 * torch.randn(2, 2, 4096, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        exact, found = separator(mix, 8000), Precision(separator, dtype)(mix, 8000)
    assert found.dtype == torch.float32
    if torch.equal(found, exact):
        with torch.inference_mode(), Products() as products:
            separator(mix, 8000)
        assert not products.seen, "options.MIXED_PRECISION = False says that it does not heed it"
        return
    difference_db = 10 * torch.log10(exact.square().sum() / (found - exact).square().sum())
    assert difference_db > LEAST_DB[dtype], float(difference_db)
