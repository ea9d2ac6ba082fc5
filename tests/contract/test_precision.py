"""Every network in the arithmetic of 16 bits: another result, and not far from that of 32."""

from __future__ import annotations

import pytest
import torch

from tests.contract import trials
from unweave.engine.adapters.precision import DTYPES, Precision
from unweave.errors import UsageError

LEAST_DB = {"bfloat16": 15.0, "float16": 30.0}  # untrained networks: their masks are anywhere


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
    assert not torch.equal(found, exact), "options.MIXED_PRECISION = False says that it does not"
    difference_db = 10 * torch.log10(exact.square().sum() / (found - exact).square().sum())
    assert difference_db > LEAST_DB[dtype], float(difference_db)
