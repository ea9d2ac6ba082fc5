"""How far is museval, and how far are we, from BSS Eval v4 in exact arithmetic?

    benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/rounding.py data/musdb18-7s

Two seconds of a song whose stems come from AAC, as decoded and rounded to 16 bits; IRM2 estimates;
frames of half a second; few taps, so that the equations can be solved in 80 bits: products of
float32 are exact in float64, sums and elimination are carried in long double. Prints the largest
and the median difference in dB, over stems and frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from compare import GAIN
from museval.metrics import bss_eval
from scipy.signal import fftconvolve

from unweave import datasets
from unweave.evaluation import metrics, oracles
from unweave.evaluation.scores import BSS_EVAL_V4

RATE_HZ = 44100
PART = slice(100_000, 100_000 + 2 * RATE_HZ)
WINDOW = RATE_HZ // 2
TAPS = 48
FIGURES = ("SDR", "ISR", "SIR", "SAR")


def museval(refs: Any, ests: Any) -> Any:
    turned = (np.moveaxis(x, 1, 2) for x in (refs, ests))
    return np.stack(bss_eval(*turned, window=WINDOW, hop=WINDOW, filters_len=TAPS)[:4])


def unweave(refs: Any, ests: Any) -> Any:
    found = metrics.bss_eval_v4(refs, ests, window=WINDOW, hop=WINDOW, filter_taps=TAPS)
    return np.stack([found.sdr, found.isr, found.sir, found.sar])


def lags(left: Any, right: Any) -> Any:
    """`[i, j, k]`: sum over n of left[i, n] right[j, n + k], in long double."""
    length = left.shape[1]
    out = np.empty((len(left), len(right), TAPS), np.longdouble)
    for k in range(TAPS):
        for i, x in enumerate(left):
            out[i, :, k] = (x[: length - k] * right[:, k:]).sum(1, dtype=np.longdouble)
    return out


def gram(own: Any) -> Any:
    step = np.arange(TAPS)[:, None] - np.arange(TAPS)
    blocks = [[np.where(step >= 0, own[i, j][abs(step)], own[j, i][abs(step)])
               for j in range(len(own))] for i in range(len(own))]  # fmt: skip
    return np.block(blocks)


def solved(matrix: Any, columns: Any) -> Any:
    """Gaussian elimination with pivoting, in the type of the matrix."""
    a, b = matrix.copy(), columns.copy()
    for k in range(len(a)):
        pivot = k + np.argmax(abs(a[k:, k]))
        a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
        factor = (a[k + 1 :, k] / a[k, k])[:, None]
        a[k + 1 :, k + 1 :] -= factor * a[k, k + 1 :]
        b[k + 1 :] -= factor * b[k]
    for k in reversed(range(len(a))):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
    return b


def exact(refs: Any, ests: Any) -> Any:
    stems, channels, length = refs.shape
    x, y = (part.reshape(stems * channels, length) for part in (refs, ests))
    own, cross = lags(x, x), lags(x, y)

    def filters(rows: slice, columns: slice) -> Any:
        wanted = np.moveaxis(cross[rows, columns], 2, 1)
        flat = solved(gram(own[rows, rows]), wanted.reshape(-1, wanted.shape[2]))
        return flat.astype(float).reshape(-1, TAPS, wanted.shape[2])

    out = np.empty((4, stems, length // WINDOW))
    everything = filters(slice(None), slice(None))
    for j in range(stems):
        mine = slice(j * channels, (j + 1) * channels)
        single = filters(mine, mine)
        for t in range(length // WINDOW):
            part = slice(t * WINDOW, (t + 1) * WINDOW)
            shown = x[:, part]
            ref, est = (np.pad(z[mine, part], ((0, 0), (0, TAPS - 1))) for z in (x, y))
            both, target = (
                np.stack([sum(fftconvolve(a, h) for a, h in zip(rows, bank[..., c], strict=True))
                          for c in picks])
                for rows, bank, picks in (
                    (shown, everything, range(mine.start, mine.stop)),
                    (shown[mine], single, range(channels)),
                )
            )  # fmt: skip
            pairs = ((ref, est - ref), (ref, target - ref), (target, both - target),
                     (both, est - both))  # fmt: skip
            out[:, j, t] = [10 * np.log10((a**2).sum() / (b**2).sum()) for a, b in pairs]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("musdb", type=Path, help="the folder musdb18-7s")
    parser.add_argument("--track", type=int, default=20)
    given = parser.parse_args()
    track = datasets.load("musdb18", given.musdb, "train")[given.track]
    stems = {stem: track.stem(stem) for stem in track.stems}
    found = oracles.oracle("irm2", track.mix(), stems, BSS_EVAL_V4)
    decoded = [np.stack([x[n] for n in stems]).astype(float)[..., PART] for x in (stems, found)]
    print(f"{track.name}, {TAPS} taps; largest and median difference, dB\n")
    print("| signals | | " + " | ".join(FIGURES) + " |\n|" + "---|" * 6)
    for form in ("as decoded", "16 bit"):
        refs, ests = decoded
        if form == "16 bit":
            refs, ests = (np.round(x * 2**15) / 2**15 for x in decoded)
        truth, theirs = exact(refs, ests), museval(refs, ests)
        for name, a, b in (
            ("museval from exact", theirs, truth),
            ("unweave from exact", unweave(refs, ests), truth),
            ("unweave from museval", unweave(refs, ests), theirs),
            (f"museval, all times {GAIN}, from museval", museval(GAIN * refs, GAIN * ests), theirs),
        ):
            cells = [f"{d.max():.1e}, {np.median(d):.1e}" for d in abs(a - b)]
            print(f"| {form} | {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
