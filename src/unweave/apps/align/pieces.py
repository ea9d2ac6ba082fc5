"""Pieces of singing that text is laid along, and where in them a line may begin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from unweave.apps.align.voice import Values

EVEN_S = 0.3  # a silence that is as probably the end of a line as not
SLOPE = 2.0  # nats by which that changes with each e-fold of the silence
SHORTEST_PIECE_S = 0.06
HELD_S = 0.5  # a note that is held longer is no more syllables
SHORTEST_S = 0.03  # silences count as no shorter,
BREATH_S, PAUSE_S = 1.5, 6.0  # and as no longer, between lines and between stanzas


def cut(passages: Sequence[tuple[float, float]], notes: Values) -> Values:
    """Passages cut where notes begin in them: start and end of each piece, `(piece, 2)`.

    passages, notes `(note, 2)`: in order, in seconds.
    """
    found: list[tuple[float, float]] = []
    for start_s, end_s in passages:
        onsets = notes[:, 0]
        inner = onsets[(onsets > start_s + SHORTEST_PIECE_S) & (onsets < end_s - SHORTEST_PIECE_S)]
        found += pairwise([start_s, *inner.tolist(), end_s])
    return np.array(found, np.float64).reshape(-1, 2)


def amounts(start_s: Values, end_s: Values) -> Values:
    """How much singing each piece is, in seconds, `(piece,)`: held notes are cut short."""
    return np.minimum(end_s - start_s, HELD_S)


def breaks(start_s: Values, end_s: Values, longest_s: float = BREATH_S) -> Values:
    """How probably each piece begins something new, by the silence before it: nats `(piece,)`.

    start_s, end_s: of the pieces. longest_s: as which all longer silences count.
    """
    silence_s = np.clip(start_s[1:] - end_s[:-1], SHORTEST_S, longest_s)
    return np.concatenate([[0.0], SLOPE * np.log(silence_s / EVEN_S)])


def begins(start_s: Values, end_s: Values, stanza: npt.NDArray[np.bool_]) -> Values:
    """The same for each line, `(line, piece)`; stanza: whether a line begins one, `(line,)`."""
    line, pause = breaks(start_s, end_s), breaks(start_s, end_s, PAUSE_S)
    return np.where(stanza[:, None], pause, line)
