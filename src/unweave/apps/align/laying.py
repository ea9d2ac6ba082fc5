"""Units of text laid along pieces of singing: dynamic programming over a semi-Markov model.

The units, lines or syllables, follow each other. Each takes a run of pieces; pieces may be left out
before, between and after them. In nats, the model scores

- how much singing a unit takes: log-normal about its syllables times the rate, which is how much a
  syllable takes. Each syllable varies by itself, and a unit as a whole with the song;
- where a unit begins, and where singing without text does: what the caller says of each piece, as
  of the silence before it;
- singing without text: a price for leaving the text, and one for each syllable that it could be.

The same recursions give the best way (with maxima) and how probable each beginning is (with sums:
the forward-backward algorithm). The rate is the likeliest of some. M. Ostendorf, V. Digalakis,
O. Kimball, "From HMM's to segment models", IEEE Trans. Speech and Audio Processing 4(5), 1996.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Which = npt.NDArray[np.intp]

OF_SYLLABLE, OF_UNIT = 0.3, 0.2  # standard deviations of the log of what is sung
LEAVING, LEFT = 2.0, 0.25  # prices of singing without text: once, and for each syllable's
RATES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)  # of all singing over all syllables
LONGEST = 4.0  # times what is expected


@dataclass(frozen=True)
class Laid:
    """Where the units lie.

    first, end: the piece at which each begins, and the one after its last, `(unit,)`. probable:
    that a unit begins at a piece, `(unit, piece)`. rate: how much singing a syllable takes.
    """

    first: Which
    end: Which
    probable: Values
    rate: float


def lay(amounts: Values, begins: Values, leaves: Values, sizes: Values) -> Laid:
    """Lay units along pieces of singing.

    amounts: syllables of each unit, above 0, `(unit,)`. begins: nats for each beginning at each
    piece, `(unit, piece)`. leaves: nats for singing without text that begins at one, `(piece,)`.
    sizes: how much singing each piece is, above 0, `(piece,)`. Raises ValueError where there are
    fewer pieces than units.
    """
    if len(sizes) < len(amounts):
        raise ValueError("there are fewer pieces of singing than units to lay along them")
    mean = float(sizes.sum() / amounts.sum())
    models = [_model(amounts, begins, leaves, sizes, share * mean) for share in RATES]
    ways = [_forward(model) for model in models]
    model, (before, likelihood) = max(zip(models, ways, strict=True), key=lambda each: each[1][1])
    after, _ = _backward(model, largest=False)
    first, end = _best(model)
    return Laid(first, end, np.exp(before + after - likelihood), model.rate)


@dataclass(frozen=True)
class _Model:
    """What one rate makes of units and pieces.

    runs: the log of how much singing a run of `count + 1` pieces from a piece on is,
    `(piece, count)`, -inf where there are not so many. expected, spread: of that for each unit.
    left: the price of leaving out all pieces before one, and leaves: of leaving the text there,
    `(piece + 1,)`.
    """

    runs: Values
    expected: Values
    spread: Values
    begins: Values
    left: Values
    leaves: Values
    rate: float

    def fits(self, unit: int) -> Values:
        """How well a unit fits each run, `(piece, count)`."""
        off = (self.runs - self.expected[unit]) / self.spread[unit]
        return -0.5 * np.square(off)


def _model(amounts: Values, begins: Values, leaves: Values, sizes: Values, rate: float) -> _Model:
    at = np.concatenate([[0.0], np.cumsum(sizes)])
    pieces = np.arange(len(sizes))
    longest = LONGEST * rate * float(amounts.max())
    most = int((np.searchsorted(at, at[:-1] + longest, side="right") - 1 - pieces).max())
    ends = pieces[:, None] + np.arange(1, max(1, most) + 1)
    sung = at[np.minimum(ends, len(pieces))] - at[:-1, None]
    runs = np.full(ends.shape, -np.inf)
    np.log(sung, out=runs, where=ends <= len(pieces))
    spread = np.sqrt(OF_UNIT**2 + OF_SYLLABLE**2 / amounts)
    left, leaves = LEFT * at / rate, np.append(leaves - LEAVING, 0.0)
    return _Model(runs, np.log(amounts * rate), spread, begins, left, leaves, rate)


def _forward(model: _Model) -> tuple[Values, float]:
    """For each unit at each piece, all ways to the unit's beginning there, `(unit, piece)`, and all
    ways through."""
    before = []
    reached = -model.left[:-1]
    for unit in range(len(model.begins)):
        before.append(reached + model.begins[unit])
        runs = _by_end(before[-1][:, None] + model.fits(unit))
        ended = np.concatenate([[-np.inf], _log_sum(runs)])
        going = ended + model.leaves + model.left
        passing = np.logaddexp.accumulate(going)[:-1] - model.left[1:]
        reached = np.logaddexp(ended, np.concatenate([[-np.inf], passing]))[:-1]
    whole = np.logaddexp.reduce(going - model.left[-1])
    return np.array(before), float(whole)


def _backward(model: _Model, *, largest: bool) -> tuple[Values, Values]:
    """For each unit, all ways on from its beginning at a piece, `(unit, piece)`, and from its end
    before one, `(unit, piece + 1)`; the best of them where `largest`."""
    add = np.maximum if largest else np.logaddexp
    pieces, counts = model.runs.shape
    ends = np.minimum(np.arange(pieces)[:, None] + np.arange(1, counts + 1), pieces)
    from_beginning, from_end = [], [model.leaves + model.left - model.left[-1]]
    for unit in reversed(range(len(model.begins))):
        ways = model.fits(unit) + from_end[-1][ends]
        from_beginning.append(ways.max(-1) if largest else _log_sum(ways))
        begun = np.append(from_beginning[-1] + model.begins[unit], -np.inf)
        later = np.append(add.accumulate((begun - model.left)[:0:-1])[::-1], -np.inf)
        from_end.append(add(begun, later + model.leaves + model.left))
    return np.array(from_beginning[::-1]), np.array(from_end[-2::-1])


def _best(model: _Model) -> tuple[Which, Which]:
    """The likeliest way: the first piece of each unit, and the one after its last."""
    from_beginning, from_end = _backward(model, largest=True)
    pieces, counts = model.runs.shape
    first, end = [], [0]
    for unit, begins in enumerate(model.begins):
        here = end[-1]
        ways = from_beginning[unit] + begins - model.left[:-1]
        ways[here + 1 :] += model.leaves[here] * (unit > 0)
        piece = here + int(np.argmax(ways[here:]))
        most = min(counts, pieces - piece)
        on = model.fits(unit)[piece, :most] + from_end[unit][piece + 1 : piece + 1 + most]
        first.append(piece)
        end.append(piece + 1 + int(np.argmax(on)))
    return np.array(first), np.array(end[1:])


def _by_end(values: Values) -> Values:
    """What is said of runs by the piece at which they begin, by their last piece instead."""
    pieces, counts = values.shape
    start = np.arange(pieces)[:, None] - np.arange(counts)
    found = values[np.maximum(start, 0), np.arange(counts)]
    return np.where(start >= 0, found, -np.inf)


def _log_sum(values: Values) -> Values:
    """The log of the sum of exponentials over the last axis."""
    top = np.maximum(values.max(-1), -1e300)  # finite where all are -inf
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log(np.exp(values - top[..., None]).sum(-1)))
