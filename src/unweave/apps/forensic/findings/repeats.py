"""Passages that occur twice, sample by sample: something was copied.

Sound never repeats to the sample. At the highest sample of every stretch of ANCHOR_S, a hash is
made of the steps around it, so that a copy has the same hashes wherever it lies. Hashes that occur
twice at the same distance, one after the other, are a copied passage.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings.channels import mono
from unweave.apps.forensic.findings.runs import highest
from unweave.signal.blocks import in_blocks, windows

ANCHOR_S = 0.04  # the highest sample for this long before and after
AROUND = 24  # samples on each side in the hash
LEAST_S = 0.25
LEAST_ANCHORS = 4
BLOCK_S = 4
LOWEST = 2**-9  # of full scale: below, few steps are there to tell passages apart

REPEAT = Kind(
    name="repeated-passage",
    title="A passage that occurs twice",
    measures="The length of a passage whose samples occur once more elsewhere, exactly.",
    limits="Produced music repeats its own samples. A copy that was changed in level, or encoded "
    "by a lossy codec afterwards, is not found.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind."""
    rate_hz = recording.info.sample_rate_hz
    reach = max(2 * AROUND, round(ANCHOR_S * rate_hz))
    hashes, places = array("Q"), array("q")
    start = 0
    size = BLOCK_S * rate_hz
    for wave in windows(in_blocks(mono(recording.blocks()), size), reach + AROUND):
        _anchors(wave[0], reach, start, hashes, places)
        start += wave.shape[1] - 2 * (reach + AROUND)
    yield from _passages(np.frombuffer(hashes, np.uint64), np.frombuffer(places, np.int64), rate_hz)


def _anchors(
    wave: np.ndarray, reach: int, start: int, hashes: array[int], places: array[int]
) -> None:
    steps = np.rint(wave * 32768 * 2).astype(np.int64)
    inner = wave[AROUND : len(wave) - AROUND]
    tops = highest(inner, 2 * reach + 1)
    own = inner[reach : len(inner) - reach]
    at = np.flatnonzero((own == tops) & (own > LOWEST))
    if not at.size:
        return
    index = at[:, None] + reach + np.arange(2 * AROUND + 1)
    around = steps[index].astype(np.uint64)
    mixed = np.zeros(len(at), np.uint64)
    with np.errstate(over="ignore"):
        for column in around.T:  # Fowler, Noll and Vo's hash, 64 bits, of whole samples
            mixed = (mixed ^ column) * np.uint64(1099511628211)
            mixed ^= mixed >> np.uint64(29)
    hashes.extend(mixed.tolist())
    places.extend((at + start).tolist())


def _passages(hashes: np.ndarray, places: np.ndarray, rate_hz: int) -> Iterator[Finding]:
    order = np.lexsort((places, hashes))
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    first, second = places[order][same], places[order][same + 1]
    apart = second - first
    found = []
    for distance in np.unique(apart):
        at = np.sort(first[apart == distance])
        breaks = np.flatnonzero(np.diff(at) > rate_hz) + 1
        for run in np.split(at, breaks):
            length_s = (run[-1] - run[0]) / rate_hz
            if len(run) >= LEAST_ANCHORS and length_s >= LEAST_S:
                found.append((int(run[0]), int(run[-1]), int(distance), len(run)))
    for begin, end, distance, anchors in sorted(found):
        yield Finding(
            kind=REPEAT.name,
            words=f"{(end - begin) / rate_hz:.2f} s of sound occur once more, to the sample, "
            f"{distance / rate_hz:.3f} s later.",
            start_s=begin / rate_hz,
            end_s=end / rate_hz,
            figure=round((end - begin) / rate_hz, 3),
            unit="s",
            limit=LEAST_S,
            details={
                "again_s": (begin + distance) / rate_hz,
                "distance_samples": distance,
                "places_compared": anchors,
            },
        )


FINDER = Finder(
    name="repeats",
    kinds=(REPEAT,),
    find=find,
    parameters={"anchor_s": ANCHOR_S, "least_s": LEAST_S, "least_anchors": LEAST_ANCHORS},
)
