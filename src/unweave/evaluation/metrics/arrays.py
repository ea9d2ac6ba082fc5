"""What the metrics accept: references and estimates of one shape, checked, as torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def pair(references: Any, estimates: Any, axes: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Both as CPU tensors of one floating type, without a copy where that can be.

    Raises ValueError unless both have the same shape, the rank that `axes` names, at least one
    sample, and finite values: a metric does not guess how to make unequal lengths equal.
    """
    first, second = (_tensor(value, who, axes)
                     for value, who in ((references, "references"), (estimates, "estimates")))  # fmt: skip  # noqa: E501
    if first.shape != second.shape:
        raise ValueError(
            f"references {tuple(first.shape)} and estimates {tuple(second.shape)} differ in shape;"
            " cut or pad them first"
        )
    return first, second


def silent(signal: Tensor) -> bool:
    """Whether every sample is zero. Most signals are not, and show it within a moment."""
    step = max(1, signal.shape[-1] // 64)
    return not (bool(signal[..., ::step].any()) or bool(signal.any()))


def _tensor(value: Any, who: str, axes: tuple[str, ...]) -> Tensor:
    tensor = value.detach().cpu() if isinstance(value, Tensor) else torch.from_numpy(
        np.ascontiguousarray(value)
    )  # fmt: skip
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.to(torch.float64)
    if tensor.ndim != len(axes) or tensor.numel() == 0:
        raise ValueError(f"{who} must be ({', '.join(axes)}), got shape {tuple(tensor.shape)}")
    # NaN and infinity survive any sum, and a sum needs no second array.
    if not bool(torch.isfinite(tensor.sum())):
        raise ValueError(f"{who} hold values that are not finite")
    return tensor
