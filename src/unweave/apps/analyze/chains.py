"""Hidden Markov chains: the likeliest way through states, and how likely each state is.

L. Rabiner, A tutorial on hidden Markov models and selected applications in speech recognition,
Proceedings of the IEEE 77(2), 1989. Scores are logarithms of likelihoods.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def viterbi(score: Array, cost: Array) -> npt.NDArray[np.int64]:
    """The states `(time,)` with the largest sum of scores `(time, state)` less the costs between
    them, `(to, from)`."""
    best, back = score[0], np.zeros(score.shape, np.int16)
    for n in range(1, len(score)):
        from_all = best[None, :] - cost
        back[n] = from_all.argmax(1)
        best = from_all[np.arange(len(cost)), back[n]] + score[n]
    way = np.zeros(len(score), np.int64)
    way[-1] = best.argmax()
    for n in range(len(score) - 1, 0, -1):
        way[n - 1] = back[n, way[n]]
    return way


def posteriors(score: Array, step: Array) -> tuple[Array, float]:
    """How likely each state is at each time, `(time, state)`, and the logarithm of the likelihood
    of all.

    score: `(time, state)`; step: how likely a state follows another, `(from, to)`. All states are
    as likely at first.
    """
    likely = np.exp(score - score.max(1, keepdims=True))
    forward, scale = np.zeros_like(score), np.zeros(len(score))
    belief = np.full(score.shape[1], 1 / score.shape[1])
    for n, row in enumerate(likely):
        belief = (belief if n == 0 else belief @ step) * row
        scale[n] = belief.sum()
        belief = belief / scale[n]
        forward[n] = belief
    backward = np.ones_like(score)
    for n in range(len(score) - 2, -1, -1):
        backward[n] = step @ (likely[n + 1] * backward[n + 1]) / scale[n + 1]
    found = forward * backward
    total = float(np.sum(np.log(scale)) + score.max(1).sum())
    return found / found.sum(1, keepdims=True), total
