"""How often relevance finds the notes of `tests/separators/nmf/test_relevance.py`.

    .venv/bin/python -m benchmarks.nmf.relevance [--cases 50]

Each case has 2 to 12 notes, other pitches, times and noise; a line is one strength of the noise, by
which every value scatters, as a part of it.
"""

from __future__ import annotations

import argparse

import numpy as np
from tests.separators.nmf.test_relevance import found_in, notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--scatters", type=float, nargs="*", default=[0.05, 0.2, 0.5])
    arguments = parser.parse_args()
    for scatter in arguments.scatters:
        wrong = []
        for seed in range(arguments.cases):
            count = int(np.random.default_rng(seed).integers(2, 13))
            found = found_in(notes(count, seed=seed, scatter=scatter))
            if found != count:
                wrong.append(f"{count} taken for {found}")
        right = arguments.cases - len(wrong)
        print(
            f"scatter {scatter:g}: {right} of {arguments.cases} right {'; '.join(wrong)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
