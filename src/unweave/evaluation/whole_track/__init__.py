"""Metrics of a whole track, one score for each stem: one file = one metric, its name the file's.

A file holds `METRIC`. Every benchmark and every evaluation computes all of them; a file of scores
has them as `NAME_db`. Only computing imports torch, as a report needs no more than their titles.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from unweave.types import Wave

    Score: TypeAlias = Callable[[Wave, Wave], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Metric:
    """title: as tables name it. score: from references and estimates `(stem, channel, time)` to a
    score in dB for each stem, `(stem,)`; NaN where there is none. reported: has a table in reports.
    """

    title: str
    score: Score
    reported: bool = True


@cache
def metrics() -> Mapping[str, Metric]:
    """All of them, by their names in files of scores."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {f"{name}_db": import_module(f"{__name__}.{name}").METRIC for name in names}
