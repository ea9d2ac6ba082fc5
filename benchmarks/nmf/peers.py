"""NMF by scikit-learn's multiplicative updates and by ours: the same loss, and in what time.

    benchmarks/nmf/install.sh
    PYTHONPATH=src benchmarks/nmf/.venv/bin/python benchmarks/nmf/peers.py [--repeat 5] [--small]

Same values, same start, same rounds, no early end, same precision. Ours and theirs are run in turn
in one process, so that a machine that drifts drifts for both; times are medians. The values are
those of few components and noise. A line is one divergence in one precision.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np
import torch
from sklearn.decomposition import non_negative_factorization

from unweave.separators.nmf import updates

NAMES = {"euclid": "frobenius", "kl": "kullback-leibler", "itakura-saito": "itakura-saito"}
SHORT = {"euclid": "Euclid", "kl": "KL", "itakura-saito": "Itakura-Saito"}
Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def case(rows: int, columns: int, components: int, dtype: np.dtype) -> Case:
    """Values `(row, column)` with a mean near 1, and where bases and activations begin."""
    rng = np.random.default_rng(0)
    bases, activations = (
        rng.gamma(0.3, 1, (rows, components)),
        rng.gamma(0.3, 1, (components, columns)),
    )
    values = bases @ activations * rng.gamma(4, 0.25, (rows, columns)) + 0.01
    values /= values.mean()
    start = rng.random((rows, components)), rng.random((components, columns))
    return (values.astype(dtype), *(x.astype(dtype) for x in start))


def theirs(given: Case, divergence: str, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    values, bases, activations = given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has not converged
        found = non_negative_factorization(
            values, W=bases.copy(), H=activations.copy(), n_components=bases.shape[1],
            init="custom", solver="mu", beta_loss=NAMES[divergence], tol=0, max_iter=rounds,
        )  # fmt: skip
    return found[0], found[1]


def ours(given: Case, divergence: str, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    tensors = (torch.from_numpy(x) for x in given)
    with torch.inference_mode():
        found = updates.fit(*tensors, beta=updates.BETAS[divergence], iterations=rounds)
    return found.bases.numpy(), found.activations.numpy()


def loss(given: Case, found: tuple[np.ndarray, np.ndarray], divergence: str) -> float:
    """In double precision, by formulas that neither of the two uses."""
    v, m = given[0].astype(float), found[0].astype(float) @ found[1].astype(float)
    m = np.maximum(m, np.finfo(np.float32).tiny)
    if divergence == "euclid":
        return float(np.sum((v - m) ** 2) / 2)
    if divergence == "kl":
        return float(np.sum(v * np.log(np.maximum(v, 1e-300) / m) - v + m))
    return float(np.sum(v / m - np.log(v / m) - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a trial: little work")
    parser.add_argument("--divergences", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--precisions", nargs="*", default=["float32", "float64"])
    arguments = parser.parse_args()
    size, rounds = ((129, 300, 8), 20) if arguments.small else ((1025, 2600, 30), 200)
    shape = f"{size[0]} x {size[1]} values, {size[2]} components"
    print("| technique | work | precision | unweave (s) | scikit-learn (s) | times as fast"
          " | losses apart |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for divergence in arguments.divergences:
        for dtype in map(np.dtype, arguments.precisions):
            given = case(*size, dtype)
            times: dict[str, list[float]] = {"ours": [], "theirs": []}
            losses = {}
            for _ in range(arguments.repeat):
                for name, run in (("ours", ours), ("theirs", theirs)):
                    start = time.perf_counter()
                    found = run(given, divergence, rounds)
                    times[name].append(time.perf_counter() - start)
                    losses[name] = loss(given, found, divergence)
            own, other = (statistics.median(times[name]) for name in ("ours", "theirs"))
            apart = abs(losses["ours"] / losses["theirs"] - 1)
            print(
                f"| nmf | {shape}, {SHORT[divergence]} | {dtype.name} | {own:.2f} | {other:.2f}"
                f" | {other / own:.2f} | {apart:.1e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
