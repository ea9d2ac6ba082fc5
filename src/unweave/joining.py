"""How several models that are named together are joined: the options of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unweave.errors import UsageError, quoted
from unweave.options import option

ALGORITHMS = (
    "avg_wave", "median_wave", "min_wave", "max_wave",
    "avg_fft", "median_fft", "min_fft", "max_fft",
    "uvr_max_spec", "uvr_min_spec", "ensemble_wav",
)  # fmt: skip
USUAL = ALGORITHMS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """The options of an ensemble, which a name such as `a+b` stands for."""

    ensemble: str | None = option(
        None, "how models joined by + become one", choices=ALGORITHMS, unset=USUAL
    )
    ensemble_weights: str | None = option(
        None, "weight of each model in avg_wave and avg_fft, as in 2,1,1", unset="all alike"
    )


def weights_of(value: object) -> tuple[float, ...]:
    """The numbers of `2,1,1`, or of a sequence; none where there are none. Raises UsageError."""
    words = value.split(",") if isinstance(value, str) else value
    if words is None:
        return ()
    try:
        if not isinstance(words, Sequence):
            raise TypeError
        return tuple(float(word) for word in words)
    except (TypeError, ValueError):
        raise UsageError(
            f"ensemble_weights must be numbers, as in 2,1,1; got {quoted(value)}"
        ) from None
