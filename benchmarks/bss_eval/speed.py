"""How long scoring takes beside museval, mir_eval and fast_bss_eval, and where the time goes.

    benchmarks/bss_eval/install.sh
    benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/speed.py [--repeats 3] [--peers ...]

Medians of several, everybody in turn in one process. BSS Eval v4 on four stereo stems of 60 s,
v3 "sources" on four mono stems of 30 s, 44.1 kHz, all permutations tried.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from compare import RATE_HZ, sources_ours, sources_theirs, synthetic, v4_ours, v4_theirs

from unweave.evaluation.metrics import decompose, project
from unweave.evaluation.metrics.correlate import correlations


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fast_bss_eval(refs: Any, ests: Any) -> Any:
    """fast_bss_eval's torch path: float64, filters solved directly, as for equal figures."""
    import fast_bss_eval as peer

    x, y = (torch.from_numpy(np.ascontiguousarray(part[:, 0])) for part in (refs, ests))
    return peer.bss_eval_sources(x, y, compute_permutation=True)


def table(title: str, calls: dict[str, Callable[[], Any]], repeats: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in calls}
    calls["unweave"]()  # the first call loads what the others share
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(seconds(call))
    ours = median(times["unweave"])
    print(f"\n| {title} | s | ratio | from run to run |\n|---|---|---|---|")
    for name, found in times.items():
        spread = f"{min(found):.2f} to {max(found):.2f}"
        print(
            f"| {name} | {median(found):.2f} | {median(found) / ours:.1f} | {spread} |", flush=True
        )


def stages(refs: Any, ests: Any, taps: int = 512) -> None:
    """One pass of v4 in its parts."""
    stems, _, length = refs.shape
    x, y = (torch.from_numpy(part) for part in (refs, ests))
    rows, columns = x.flatten(0, 1), y.flatten(0, 1)
    own = torch.arange(stems)[:, None]
    found: dict[str, Any] = {}

    def run(name: str, call: Callable[[], Any]) -> None:
        start = time.perf_counter()
        found[name] = call()
        print(f"| {name} | {time.perf_counter() - start:.2f} |", flush=True)

    print("\n| part of v4 | s |\n|---|---|")
    run("correlations", lambda: correlations(rows, (rows, columns), taps))
    both = found["correlations"]
    run("the matrix", lambda: project.gram(both[:, : len(rows)]))
    matrix = found["the matrix"]
    matrix.diagonal().mul_(1 + 1e-9)
    run("its factor alone", lambda: torch.linalg.cholesky_ex(matrix))
    fitted = decompose.fit(x[..., : 4 * RATE_HZ], y[..., : 4 * RATE_HZ], own, taps)
    fit = decompose.spectra(fitted, RATE_HZ)
    frames = [slice(t, t + RATE_HZ) for t in range(0, length - RATE_HZ + 1, RATE_HZ)]
    run("frames", lambda: [decompose.ratios(x[..., p], y[..., p], own, fit, False) for p in frames])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60, help="of v4; v3 takes half")
    parser.add_argument("--peers", nargs="*", default=["museval", "mir_eval", "fast_bss_eval"])
    given = parser.parse_args()
    x, y = synthetic(4, 1, given.seconds / 2)
    calls = {"unweave": lambda: sources_ours(x, y)}
    if "mir_eval" in given.peers:
        calls["mir_eval"] = lambda: sources_theirs(x, y)
    if "fast_bss_eval" in given.peers:
        calls["fast_bss_eval, torch"] = lambda: fast_bss_eval(x, y)
    table(f"v3 sources, four mono stems, {given.seconds / 2:g} s", calls, given.repeats)
    refs, ests = synthetic(4, 2, given.seconds)
    calls = {"unweave": lambda: v4_ours(False)(refs, ests)}
    if "museval" in given.peers:
        calls["museval"] = lambda: v4_theirs(False)(refs, ests)
    table(f"v4, four stereo stems, {given.seconds:g} s", calls, given.repeats)
    stages(refs, ests)


if __name__ == "__main__":
    main()
