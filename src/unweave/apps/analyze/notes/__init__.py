"""Notes of any instrument: a network says which pitches sound and where they begin (`network`),
and `creation` makes notes of that.

The weights are those of the card `basic-pitch`, which the store keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unweave.apps.analyze.events import Event
from unweave.apps.analyze.mono import mono

if TYPE_CHECKING:
    from unweave.apps.analyze.notes.network import BasicPitch
    from unweave.types import Wave

MODEL = "basic-pitch"
LOWEST, HIGHEST = 21, 108  # MIDI numbers: a piano's


def find(
    blocks: Iterator[Wave], rate_hz: int, lowest: int = LOWEST, highest: int = HIGHEST
) -> list[Event]:
    """The notes of a stem or a mix, by MIDI number, in order of their start.

    blocks: `(channel, time)` of any size. lowest, highest: notes beyond are not looked for. Memory
    does not grow with the sound, but for the events. confidence: how surely the network sees the
    pitch, the mean over the note. Raises WeightsError, saying what to run, without the weights.
    """
    network = loaded()
    from unweave.apps.analyze.notes.creation import created
    from unweave.apps.analyze.notes.network import RATE_HZ, activations, time_s

    below, above = lowest - LOWEST, highest + 1 - LOWEST
    seen = activations(network, mono(blocks, rate_hz, RATE_HZ))
    asked = ((note[:, below:above], onset[:, below:above]) for note, onset in seen)
    return [
        Event(time_s(note.start), time_s(note.end), lowest + note.pitch, note.level)
        for note in created(asked)
    ]


def loaded() -> BasicPitch:
    """The network with its weights. Raises WeightsError, saying what to run, without them."""
    from unweave.registry import estimators

    weights = estimators.weights(MODEL)
    from unweave.apps.analyze.notes.network import built

    return built(weights)
