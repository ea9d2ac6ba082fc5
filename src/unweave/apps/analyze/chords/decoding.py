"""The most probable course of chords: a hidden Markov model on a stream, decoded as it goes by.

Each frame stays with its chord, or pays once and goes to any other, as in the paper's decoder. All
courses that may still win soon go back to one; what lies before that is decided and given, so that
memory does not grow with the recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.analyze.chords.vocabulary import CLASSES

if TYPE_CHECKING:
    from unweave.types import Wave

CHANGE = 30.0  # nats that a change of chords costs, as in the paper's program
UNDECIDED = 20_000  # frames, after which the best course is taken
FLOOR = 1e-30  # below which a probability counts as this


@dataclass(frozen=True)
class Run:
    """Frames `start` to `end` with one chord. confidence: its mean probability by these frames."""

    start: int
    end: int
    chord: int
    confidence: float


def log_likelihood(parts: Sequence[Wave]) -> np.ndarray:
    """Of each chord of the vocabulary, `(frame, chord)`: the sum over its parts.

    parts: for each the probabilities of its classes, `(frame, class)`.
    """
    found = np.zeros((parts[0].shape[0], CLASSES.shape[0]))
    for classes, part in zip(CLASSES.T, parts, strict=True):
        told = classes >= 0
        found[:, told] += np.log(np.maximum(part, FLOOR))[:, classes[told]]
    return found


def decoded(blocks: Iterable[np.ndarray]) -> Iterator[Run]:
    """Runs of chords from blocks of `log_likelihood`, in order and without gaps."""
    start = end = 0
    chord, total = -1, 0.0
    for path, sure in _decided(blocks):
        for low, high in pairwise([0, *np.flatnonzero(np.diff(path)) + 1, path.shape[0]]):
            if path[low] != chord:
                if end > start:
                    yield Run(start, end, chord, total / (end - start))
                start, chord, total = end, int(path[low]), 0.0
            end += int(high - low)
            total += float(sure[low:high].sum())
    if end > start:
        yield Run(start, end, chord, total / (end - start))


def _decided(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The chords of frames that no later sound changes, and how probable these frames make them.

    Viterbi's algorithm. Of each frame that is not decided yet `before` has the chord that the best
    course to each chord comes from, `sure` the probabilities of all chords.
    """
    chords = CLASSES.shape[0]
    every = np.arange(chords, dtype=np.int16)
    before = np.zeros((0, chords), np.int16)
    sure = np.zeros((0, chords), np.float32)
    score = np.where(every == 0, 0.0, -np.inf)  # a recording begins without a chord
    for block in blocks:
        came = np.empty(block.shape, np.int16)
        for n, told in enumerate(block):
            best = int(np.argmax(score))
            changed = score[best] - CHANGE
            came[n] = np.where(score > changed, every, best)
            score = np.maximum(score, changed) + told
            score -= score.max()
        before, sure = np.concatenate([before, came]), np.concatenate([sure, _posterior(block)])
        decided, chord = _common(before)
        if before.shape[0] - decided > UNDECIDED:
            decided, chord = before.shape[0] - 1, int(np.argmax(score))
            score = np.where(every == chord, 0.0, -np.inf)
        if decided:
            path = _back(before[: decided + 1], chord)[:-1]
            yield path, sure[np.arange(decided), path]
            before, sure = before[decided:], sure[decided:]
    if before.shape[0]:
        path = _back(before, int(np.argmax(score)))
        yield path, sure[np.arange(path.shape[0]), path]


def _posterior(told: np.ndarray) -> np.ndarray:
    """How probable each frame by itself makes each chord, `(frame, chord)`."""
    odds = np.exp(told - told.max(1, keepdims=True))
    found: np.ndarray = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
    return found


def _common(before: np.ndarray) -> tuple[int, int]:
    """The last frame in which all courses have the same chord, and that chord; 0 for none."""
    chord = np.arange(before.shape[1])
    for frame in range(before.shape[0] - 1, 0, -1):
        chord = before[frame, chord]
        if (chord == chord[0]).all():
            return frame - 1, int(chord[0])
    return 0, 0


def _back(before: np.ndarray, chord: int) -> np.ndarray:
    """The course that ends with `chord` in the last frame, `(frame,)`."""
    path = np.empty(before.shape[0], np.int64)
    for frame in range(before.shape[0] - 1, -1, -1):
        path[frame] = chord
        chord = int(before[frame, chord])
    return path
