"""The form of a song: where its sound changes, and which parts are alike. Coarse.

Boundaries are peaks of novelty, by a kernel like a checkerboard along the diagonal of the matrix of
self-similarity (J. Foote, Automatic audio segmentation using a measure of audio novelty, ICME
2000), of which only the band under the kernel is made, so that memory stays flat. Parts get one
letter where pitch classes and timbre of one go along with those of the other.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from unweave.apps.analyze.events import Event
from unweave.apps.analyze.features import TONES_HZ, Array, ToneTrack
from unweave.apps.analyze.rhythm import folded

STEP_S = 0.5
REACH_S = 14.0  # of the kernel, before and after
SHORTEST_S = 8.0
SMOOTH_S = 1.5
LEAST = 0.02  # novelty of a boundary
ALIKE = 0.72  # the similarity from which on two parts share a letter
NEAR_S = 1.3  # within which a boundary goes to the first beat of a bar
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def form(tones: ToneTrack, timbre: np.ndarray, downbeats_s: Array) -> list[Event]:
    """Parts with a letter each; one part where nothing changes, none without sound.

    tones: of the accompaniment; timbre: levels of bands of the mix, `(frame, band)`, in step with
    it. downbeats_s: where bars begin, in order. The confidence is that of the part's beginning.
    """
    step = round(STEP_S * TONES_HZ)
    count = min(len(tones.chroma), len(timbre)) // step
    duration_s = len(tones.chroma) / TONES_HZ
    if count < 4 or not np.any(tones.chroma):
        return []
    chroma = _stepped(folded(tones.chroma), step, count)
    bands = _stepped(np.asarray(timbre, np.float64), step, count)
    parts = [_unit(chroma), _unit((bands - bands.mean(0)) / np.maximum(bands.std(0), 1.0))]
    features = np.concatenate([_smooth(part) for part in parts], axis=1)
    novelty = _novelty(features, round(REACH_S / STEP_S))
    at, sure = _peaks(novelty, round(SHORTEST_S / STEP_S))
    edges_s = [0.0, *(_snapped(n * STEP_S, downbeats_s) for n in at), duration_s]
    cuts = [0, *at, count]
    letters = _letters([features[a:b] for a, b in pairwise(cuts)])
    rows = zip(edges_s[:-1], edges_s[1:], letters, [max(sure, default=0.5), *sure], strict=True)
    return [Event(a, b, letter, p) for a, b, letter, p in rows if b > a]


def _stepped(values: Array, step: int, count: int) -> Array:
    return values[: count * step].reshape(count, step, -1).mean(1)


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) / np.sqrt(2)


def _smooth(rows: Array) -> Array:
    size = round(SMOOTH_S / STEP_S)
    padded = np.pad(rows, ((size // 2, size // 2), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, size, axis=0).mean(-1)[: len(rows)]


def _novelty(features: Array, reach: int) -> Array:
    """How much the sound before differs from that after, at each step, `(step,)`."""
    place = np.arange(-reach, reach) + 0.5
    taper = np.exp(-0.5 * (place / (0.5 * reach)) ** 2)
    signs = np.sign(place)
    kernel = np.outer(taper * signs, taper * signs)
    padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge")
    found = np.empty(len(features))
    for at in range(len(features)):
        around = padded[at : at + 2 * reach]
        found[at] = np.sum(kernel * (around @ around.T))
    scale = np.sum(np.abs(kernel)) / 2
    edge = np.minimum(np.arange(len(features)), np.arange(len(features))[::-1])
    return np.maximum(found, 0.0) / scale * np.minimum(1.0, edge / (0.5 * reach))


def _peaks(novelty: Array, apart: int) -> tuple[list[int], list[float]]:
    """Places of the largest values, `apart` or more from each other and from the ends, and how
    far each stands out, 0 to 1."""
    usual, spread = float(np.median(novelty)), float(novelty.std()) + 1e-9
    found: list[int] = []
    for at in np.argsort(-novelty, kind="stable").tolist():
        if novelty[at] < max(usual + 0.7 * spread, LEAST):
            break
        if apart <= at <= len(novelty) - apart and all(abs(at - other) >= apart for other in found):
            found.append(at)
    found.sort()
    height = (novelty[found] - usual) / spread if found else np.zeros(0)
    return found, [float(h) for h in np.clip(height / 4, 0, 1)]


def _snapped(time_s: float, downbeats_s: Array) -> float:
    if not len(downbeats_s):
        return time_s
    near = float(downbeats_s[np.abs(downbeats_s - time_s).argmin()])
    return near if abs(near - time_s) <= NEAR_S else time_s


def _letters(parts: list[Array]) -> list[str]:
    """A letter for each part: that of the first part that it is like enough, else the next one."""
    means = [part.mean(0) for part in parts]
    first: list[Array] = []
    found = []
    for mean in means:
        like = [
            float(mean @ other / (np.linalg.norm(mean) * np.linalg.norm(other) + 1e-9))
            for other in first
        ]
        best = int(np.argmax(like)) if like else -1
        if best < 0 or like[best] < ALIKE:
            first.append(mean)
            best = len(first) - 1
        found.append(LETTERS[best % len(LETTERS)] + (str(best // 26) if best >= 26 else ""))
    return found
