"""How fast a model ran, kept for those who choose one: of plain runs only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from unweave.models.store import measured
from unweave.registry.lookup import declared, describe, names
from unweave.request import Execution, Inference, SeparationRequest


def remember(model: str, request: SeparationRequest, report: Mapping[str, Any]) -> None:
    """Keep how fast a model ran, and in how much memory, by the report of a separation.

    A request with options of its own is passed over, and so is work that was done twice for its
    level: their figures are not those of the model.
    """
    execution = report["execution"]
    if execution["passes"] > 1 or model not in names() or not _is_plain(model, request):
        return
    run = measured.Measured(
        duration_s=report["input"]["duration_s"],
        seconds=execution["seconds"]["separate"],
        peak_memory_mb=execution["peak_memory_mb"] or 0.0,
        device=execution["device"],
    )
    measured.keep(model, run)


def _is_plain(model: str, request: SeparationRequest) -> bool:
    """Whether all stems are asked for, and no option that changes the time or the memory."""
    own = request.separator.options
    return (
        set(describe(model).stems) <= set(request.stems)
        and all(own.get(item.name, item.default) == item.default for item in declared(model))
        and request.inference == Inference()
        and replace(request.execution, device="auto") == Execution()
    )
