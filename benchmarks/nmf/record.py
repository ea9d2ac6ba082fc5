"""Records what scikit-learn finds in a small matrix, for `tests/separators/nmf/test_updates.py`.

    PYTHONPATH=src benchmarks/nmf/.venv/bin/python benchmarks/nmf/record.py

(a person runs this; the tests only read) Writes `tests/data/nmf/scikit-learn.npz`: the values,
where both began, the factors after ROUNDS of its multiplicative updates for each divergence, and
its NNDSVD start in the variant "a".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peers
from sklearn.decomposition import _nmf

TARGET = Path(__file__).resolve().parents[2] / "tests" / "data" / "nmf" / "scikit-learn.npz"
ROUNDS = 50


def exact_svd(values: np.ndarray, components: int, **_: object) -> tuple[np.ndarray, ...]:
    """In place of scikit-learn's, which is approximate."""
    left, sizes, right = np.linalg.svd(values, full_matrices=False)
    return left[:, :components], sizes[:components], right[:components]


def main() -> None:
    given = peers.case(40, 90, 5, np.dtype(np.float64))
    out = dict(zip(("values", "bases", "activations"), given, strict=True), rounds=ROUNDS)
    for divergence in peers.NAMES:
        found = peers.theirs(given, divergence, ROUNDS)
        out |= {f"{divergence} bases": found[0], f"{divergence} activations": found[1]}
    _nmf._randomized_svd = exact_svd
    start = _nmf._initialize_nmf(given[0], 5, init="nndsvda")
    out |= {"nndsvd bases": start[0], "nndsvd activations": start[1]}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **out)


if __name__ == "__main__":
    main()
