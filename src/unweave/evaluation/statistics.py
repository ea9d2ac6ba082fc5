"""Which differences between systems are more than chance: paired signed-rank tests, Holm-corrected.

Two systems are compared on the same tracks: the differences, track by track, go into Wilcoxon's
signed-rank test, two-sided. Many tests at once would find differences by luck; Holm's step-down
correction keeps the chance of even one false finding in the family below the level.

Sources: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945;
S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6(2), 1979.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
LEVEL = 0.05
_EXACT = 200  # tracks


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """One system against another on the tracks that both have a finite score for."""

    system: str
    baseline: str
    tracks: int
    difference: float  # typical system - baseline over tracks, in the metric's unit
    p: float  # two-sided, uncorrected; NaN without a common track
    p_holm: float  # corrected for the family it was tested in

    @property
    def significant(self) -> bool:
        """At 5 %, after the correction."""
        return bool(self.p_holm < LEVEL)


def compare(scores: Mapping[str, Values], pairs: Iterable[tuple[str, str]]) -> list[PairedTest]:
    """Test every `(system, baseline)` of `pairs`; together they are one family for Holm.

    scores: for each system `(track,)`, the same tracks in the same order; NaN or infinity where a
    system has no score.
    """
    pairs = list(pairs)
    differences = [_differences(scores[system], scores[baseline]) for system, baseline in pairs]
    p = np.array([signed_rank(values) for values in differences])
    return [
        PairedTest(
            system=system,
            baseline=baseline,
            tracks=values.size,
            difference=typical(values),
            p=float(before),
            p_holm=float(after),
        )
        for (system, baseline), values, before, after in zip(
            pairs, differences, p, holm(p), strict=True
        )
    ]


def _differences(one: Values, other: Values) -> Values:
    both = np.isfinite(one) & np.isfinite(other)
    return one[both] - other[both]


def signed_rank(differences: Values) -> float:
    """Wilcoxon's two-sided p for finite `differences (track,)`.

    Differences of exactly zero are left out, as Wilcoxon did; if nothing else is left, p is 1.
    NaN where there are no differences at all. Up to 200 tracks the p is exact, equal sizes
    included, which scipy's is only without them; beyond, it is scipy's normal approximation.
    """
    from scipy.stats import rankdata, wilcoxon

    nonzero = differences[differences != 0.0]
    if not nonzero.size:
        return 1.0 if differences.size else float("nan")
    if nonzero.size > _EXACT:
        return float(wilcoxon(nonzero, method="approx").pvalue)
    # Twice the rank, so that the middle rank of equal sizes is whole.
    ranks = np.rint(2 * rankdata(np.abs(nonzero))).astype(np.int64)
    won = int(ranks[nonzero > 0].sum())
    chance = _rank_sums(ranks)
    return min(1.0, 2 * float(min(chance[: won + 1].sum(), chance[won:].sum())))


def _rank_sums(ranks: npt.NDArray[np.int64]) -> Values:
    """`[sum]`: its chance where each rank counts or not by the toss of a coin."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:
        with_it = np.zeros_like(chance)
        with_it[rank:] = chance[:-rank]
        chance = (chance + with_it) / 2
    return chance


def typical(differences: Values) -> float:
    """The Hodges-Lehmann estimate for finite `differences (track,)`; NaN where there are none.

    The median of the means of all pairs, each with itself too: the shift that the signed-rank test
    would find nothing left of, so that its sign agrees with what the test finds.
    Source: J. L. Hodges, E. L. Lehmann, "Estimates of location based on rank tests", Annals of
    Mathematical Statistics 34(2), 1963.
    """
    if not differences.size:
        return float("nan")
    one, other = np.triu_indices(differences.size)
    return float(np.median((differences[one] + differences[other]) / 2))


def holm(p: Values) -> Values:
    """Corrected p-values `(comparison,)`: below the level where Holm's procedure rejects.

    The smallest p is multiplied by the number of comparisons m, the next by m - 1, and so on; none
    may be smaller than the one before it. NaN (nothing to test) stays NaN and does not count.
    """
    corrected = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    weights = np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(weights * p[order]))
    return corrected
