"""SiSEC MUS 2018, track by track: what 30 systems and the mixture scored on MUSDB18's test songs.

Beside this file lies the campaign's public data as `sisec2018.csv`: for each system, track and
target the nan-median over one-second frames of the submitted museval v4 scores, in dB. A system's
published score for a target is the median over the 50 tracks.

Source: F.-R. Stöter, A. Liutkus, N. Ito, "The 2018 Signal Separation Evaluation Campaign",
LVA/ICA 2018; data: github.com/sigsep/sigsep-mus-2018.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

CITATION = (
    "F.-R. Stöter, A. Liutkus, N. Ito: The 2018 Signal Separation Evaluation Campaign, "
    "LVA/ICA 2018; data: github.com/sigsep/sigsep-mus-2018"
)
METRICS = ("SDR", "ISR", "SIR", "SAR")
TARGETS = ("vocals", "drums", "bass", "other", "accompaniment")

# The campaign's own grouping. Whoever is not named here was trained on MUSDB18's train split alone.
_ORACLES = frozenset({"IBM1", "IBM2", "IRM1", "IRM2", "MWF"})
_BLIND = frozenset({"2DFT", "HPLP", "HPSS", "MELO", "REP1", "REP2", "RPCA"})
_MORE_DATA = frozenset({"STL1", "TAK2", "TAK3", "TAU1", "UHL3"})


@dataclass(frozen=True, slots=True)
class Campaign:
    """All scores of the campaign.

    `values (system, track, target, metric)`: dB, float64, NaN where a system did not submit the
    target. Systems and tracks are sorted by name, targets and metrics as in this module.
    """

    systems: tuple[str, ...]
    tracks: tuple[str, ...]
    values: npt.NDArray[np.float64]

    def of(self, system: str, target: str, metric: str) -> npt.NDArray[np.float64]:
        """The scores of one system, `(track,)`; KeyError for names that the campaign lacks."""
        try:
            row = self.systems.index(system)
            column = TARGETS.index(target), METRICS.index(metric)
        except ValueError as error:
            raise KeyError(f"{system}, {target}, {metric}") from error
        return self.values[row, :, *column]


def training(system: str) -> str:
    """What a system had learned from: `oracle`, `mixture`, `blind`, `MUSDB18` or `more data`."""
    if system in _ORACLES:
        return "oracle"
    if system == "MIX":
        return "mixture"
    if system in _BLIND:
        return "blind"
    return "more data" if system in _MORE_DATA else "MUSDB18"


@cache
def campaign() -> Campaign:
    """The campaign as packaged; read once."""
    with resources.files(__package__).joinpath("sisec2018.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    systems = tuple(sorted({row["system"] for row in rows}))
    tracks = tuple(sorted({row["track"] for row in rows}))
    values = np.full((len(systems), len(tracks), len(TARGETS), len(METRICS)), np.nan)
    at = {name: n for names in (systems, tracks, TARGETS) for n, name in enumerate(names)}
    for row in rows:
        place = at[row["system"]], at[row["track"]], at[row["target"]]
        values[place] = [float(row[metric]) for metric in METRICS]
    values.setflags(write=False)
    return Campaign(systems, tracks, values)
