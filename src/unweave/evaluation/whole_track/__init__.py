"""Metrics of a whole track, one score for each stem: one file = one metric, its name the file's.

A file holds `METRIC`. Every benchmark and every evaluation computes all of them; a file of scores
has them by their names, `NAME_db` where they are in dB. Only computing imports torch, as a report
needs no more than their titles.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from unweave.evaluation.metrics import Bleed
    from unweave.types import Wave

    Scores: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """What is scored: references and estimates `(stem, channel, time)`; mix: `(channel, time)`, or
    None where it is not known."""

    references: Wave
    estimates: Wave
    sample_rate_hz: int
    mix: Wave | None = None

    @cached_property
    def bleed(self) -> Bleed:
        """Two scores that take the same spectra."""
        from unweave.evaluation import metrics

        return metrics.bleedless_fullness(self.references, self.estimates)


@dataclass(frozen=True, slots=True)
class Metric:
    """title: as tables name it. score: a score for each stem of a track, `(stem,)`; NaN where there
    is none; the higher the better. unit: dB, or none. reported: has a table in reports. rate_hz:
    the only rate at which it is defined; None: any. takes_mix: is defined where the mix is known.
    """

    title: str
    score: Callable[[Track], Scores]
    unit: str = "dB"
    reported: bool = True
    rate_hz: int | None = None
    takes_mix: bool = False

    def is_defined(self, track: Track) -> bool:
        """Whether a track can have scores of it."""
        at_rate = self.rate_hz in (None, track.sample_rate_hz)
        return at_rate and not (self.takes_mix and track.mix is None)


def scores(track: Track) -> dict[str, Scores]:
    """By the metric's name a score for each stem, `(stem,)`, of all that are defined."""
    return {n: metric.score(track) for n, metric in metrics().items() if metric.is_defined(track)}


@cache
def metrics() -> Mapping[str, Metric]:
    """All of them, by their names in files of scores."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = {name: import_module(f"{__name__}.{name}").METRIC for name in names}
    return {f"{n}_db" if metric.unit == "dB" else n: metric for n, metric in found.items()}
