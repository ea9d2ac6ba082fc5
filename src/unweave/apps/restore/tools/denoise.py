"""Noise that stays the same is turned down, frequency by frequency.

**What the noise is.** `measured` takes the spectrum of a passage where it is alone, or of a
recording of it. `learn` finds it below the music: in each frequency, the level that it keeps
coming back to. Noise has such a level, which third of a second after third of a second differs
little, and within it the power is as random as that of a Gaussian noise is. Music has neither, so
that of clean music nothing is found. Where a frequency never pauses, the noise is drawn from its
neighbours.

**What is turned down.** `gamma` is the power over the noise's, `xi` the signal's alone. In a first
step xi follows from the frame before (Ephraim and Malah 1984, "decision-directed") and gives a gain
(1985, log-MMSE). The second step takes as xi what that gain leaves, averaged with the frames and
frequencies beside: what is music has neighbours, and what is left of noise by chance has none, so
there is no musical noise, and onsets are not late (after Plapous, Marro and Scalart 2006, who
take the second step without an average). Where there is likely no signal the gain is the floor
(Cohen 2002). The floor is a part of the noise that stays: silence between notes would be heard as
pumping. All channels share one gain.

A noise whose power varies more than that of a Gaussian noise (crackle, a crowd) counts with the
geometric mean of its power and of the power that it has where its energy is, `E[p^2] / 2 E[p]`; of
a Gaussian noise both are the same.

- Boll, IEEE Trans. ASSP 27(2), 1979; Berouti, Schwartz and Makhoul, ICASSP 1979: `subtraction`.
- Ephraim and Malah, IEEE Trans. ASSP 32(6), 1984 and 33(2), 1985: `wiener` and `log-mmse`.
- Cohen, IEEE Signal Processing Letters 9(4), 2002: signal presence.
- Plapous, Marro and Scalart, "Improved signal-to-noise ratio estimation for speech enhancement",
  IEEE Trans. ASLP 14(6), 2006.
- Martin, IEEE Trans. SAP 9(5), 2001: the noise as the least power in some seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.signal import noise_gains
from unweave.signal.centred import frame_size
from unweave.signal.frames import OVERLAP, Spectra, less, spectra
from unweave.types import Wave

METHODS = ("log-mmse", "wiener", "subtraction")
REDUCTION_DB = 16.0
WINDOW_S = 0.04  # of a frame; the next power of two
MEMORY_S = 0.2  # of the decision-directed estimate
ABSENCE = 0.2  # prior probability that a frequency holds no signal
OVERSUBTRACTION = 4.0  # of `subtraction`, at 0 dB

PIECE_S = 0.3  # over which the power is averaged to find the noise
LEAST_PIECES = 34  # of sound, ten seconds; fewer say nothing
LOW, HIGH = 0.05, 0.20  # noise is alone at least that share of the time
SPREAD_DB = 2.6  # most between the levels of the two shares
RANDOM_DB = (2.1, 2.9)  # arithmetic over geometric mean of power; of Gaussian noise 2.5 dB
AROUND = 9  # frequencies over which both are averaged
SEEN = 0.15  # the least share of the frequencies at which a noise is seen
_FROM_DB, _STEP_DB, _STEPS = -200.0, 0.5, 500  # of histograms
_TINY = 1e-20

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """`power (frequency,)`: the mean of `|X|^2` of frames; 0 where there is no noise.

    `level_db`: of all of it together, in dBFS.
    """

    power: Array
    level_db: float

    def __bool__(self) -> bool:
        return bool(self.power.any())


def denoise(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    profile: Noise,
    reduction_db: float = REDUCTION_DB,
    method: str = METHODS[0],
) -> Iterator[Wave]:
    """The same samples with less noise; as they are where there is no noise.

    blocks: `(channel, time)` float32, of any size. profile: as `learn` or `measured` gives it, at
    the same rate. reduction_db: the most that it is turned down. method: one of METHODS.
    """
    if not profile or reduction_db <= 0:
        return blocks
    size = size_of(sample_rate_hz)
    weight = math.exp(-size / OVERLAP / sample_rate_hz / MEMORY_S)
    level = torch.from_numpy(profile.power.astype(np.float32))
    gains = partial(_gains, noise=level, floor=10 ** (-reduction_db / 20), weight=weight)
    return less(blocks, size, partial(_taken, gains=partial(gains, method=method)))


def measured(blocks: Iterator[Wave], sample_rate_hz: int) -> Noise:
    """A noise that is all that is to be heard in `blocks`.

    Raises ValueError where that is shorter than a frame.
    """
    first: Array | float = 0.0
    second: Array | float = 0.0
    count = 0
    for group in spectra(blocks, size_of(sample_rate_hz)):
        power = _power(group).astype(np.float64)
        first, second, count = first + power.sum(0), second + (power**2).sum(0), count + len(power)
    if not count:
        raise ValueError(f"lasts less than {size_of(sample_rate_hz) / sample_rate_hz:.3f} s")
    mean = np.asarray(first) / count
    gaussian = 2.0 * mean**2  # the second moment of the power of a Gaussian noise
    excess = np.divide(second / count, gaussian, out=np.ones_like(mean), where=gaussian > 0)
    return _noise(mean * np.sqrt(np.maximum(1.0, _smooth(excess, 33))), sample_rate_hz)


def learn(blocks: Iterator[Wave], sample_rate_hz: int) -> Noise:
    """The noise that lies below all of `blocks`; none where none is found."""
    size = size_of(sample_rate_hz)
    frames = max(2, round(PIECE_S * sample_rate_hz * OVERLAP / size))
    counts, randomness = (np.zeros((size // 2 + 1, _STEPS)) for _ in range(2))
    rows, pieces = np.arange(len(counts)), 0
    for piece in _pieces(spectra(blocks, size), frames):
        if not piece.any(axis=(0, 2)).all():  # digital silence says nothing
            continue
        level_db = _decibels(piece.mean((0, 1)))
        place = np.clip((level_db - _FROM_DB) / _STEP_DB, 0, _STEPS - 1).astype(int)
        counts[rows, place] += 1
        each = _decibels(piece.mean(1)) - _decibels(piece).mean(1)
        randomness[rows, place] += each.mean(0)
        pieces += 1
    silence = Noise(np.zeros(len(rows)), -math.inf)
    if pieces < LEAST_PIECES:
        return silence
    low, high = (_quantiles(counts, share) for share in (LOW, HIGH))
    below = _FROM_DB + _STEP_DB * np.arange(_STEPS) < high[:, None]
    random_db = _smooth((randomness * below).sum(1) / np.maximum(1, (counts * below).sum(1)))
    seen = (_smooth(high - low) <= SPREAD_DB) & (random_db > RANDOM_DB[0])
    seen &= random_db < RANDOM_DB[1]
    if seen.mean() < SEEN:
        return silence
    level_db = np.where(seen, low, np.minimum(low, np.interp(rows, rows[seen], low[seen])))
    return _noise(10 ** ((level_db + _bias_db(frames)) / 10), sample_rate_hz)


def size_of(sample_rate_hz: int) -> int:
    """The samples of a frame."""
    return frame_size(WINDOW_S, sample_rate_hz)


def _noise(power: Array, sample_rate_hz: int) -> Noise:
    size = size_of(sample_rate_hz)
    # A frame's window has half of its power; both halves of the spectrum count.
    total = 2 * float(power.sum()) / (size * size / 2)
    return Noise(power, 10 * math.log10(total) if total > 0 else -math.inf)


def _power(group: Spectra) -> npt.NDArray[np.float32]:
    """The mean over channels of `|X|^2`, `(frame, frequency)`."""
    return np.mean(np.square(np.abs(group)), axis=0)


def _decibels(power: npt.NDArray[np.floating]) -> Array:
    return 10 * np.log10(np.maximum(power, _TINY), dtype=np.float64)


def _pieces(groups: Iterator[Spectra], frames: int) -> Iterator[npt.NDArray[np.float32]]:
    """Powers `(channel, frame, frequency)`, as many frames at once."""
    rest: npt.NDArray[np.float32] | None = None
    for group in groups:
        power = np.square(np.abs(group))
        power = power if rest is None else np.concatenate([rest, power], axis=1)
        whole = power.shape[1] // frames * frames
        for first in range(0, whole, frames):
            yield power[:, first : first + frames]
        rest = power[:, whole:]


def _quantiles(counts: Array, share: float) -> Array:
    """In dB, the level that so much of each row of a histogram lies below."""
    total = np.cumsum(counts, axis=1)
    wanted = share * total[:, -1:]
    place = np.argmax(total >= wanted, axis=1)
    rows = np.arange(len(counts))
    before = np.where(place > 0, total[rows, place - 1], 0.0)
    part = (wanted[:, 0] - before) / np.maximum(1.0, counts[rows, place])
    return _FROM_DB + _STEP_DB * (place + part)


@lru_cache(maxsize=16)
def _bias_db(frames: int) -> float:
    """By how much the low quantile of a piece of white noise lies below its mean, measured."""
    size, pieces = 64, 400
    hops = pieces * frames
    noise = np.random.default_rng(0).standard_normal((1, hops * size // OVERLAP + size))
    groups = spectra(iter([noise.astype(np.float32)]), size)
    means = np.array([piece.mean((0, 1)) for piece in _pieces(groups, frames)])[:, 2:-2]
    return float(10 * np.log10(means.mean() / np.quantile(means, LOW)))


def _smooth(values: Array, width: int = AROUND) -> Array:
    """The mean of `width` (odd) neighbours, of fewer at the ends."""
    kernel = np.ones(width)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones_like(values), kernel, "same")


def _taken(groups: Iterator[Spectra], gains: partial[Iterator[Tensor]]) -> Iterator[Spectra]:
    """What the gains take of each group."""
    waiting: list[Spectra] = []

    def powers() -> Iterator[Tensor]:
        for group in groups:
            waiting.append(group)
            yield torch.from_numpy(_power(group))

    for gain in gains(powers()):
        yield waiting.pop(0) * (1.0 - gain.numpy())


def _gains(
    powers: Iterator[Tensor], *, noise: Tensor, floor: float, weight: float, method: str
) -> Iterator[Tensor]:
    """The gain `(frame, frequency)` of each group of powers."""
    if method == "subtraction":
        for power in powers:
            yield noise_gains.berouti(power, noise[None], OVERSUBTRACTION, floor)
        return
    rule = noise_gains.log_mmse if method == "log-mmse" else noise_gains.wiener
    for prior, gamma in _around(_first(powers, noise, weight, rule)):
        xi = F.avg_pool2d(prior[None], (3, 3), 1, (0, 1), count_include_pad=False)[0]
        xi = xi.clamp_(min=noise_gains.LEAST_XI)
        gain = rule(xi, gamma).clamp_(min=floor)
        if method == "log-mmse":
            presence = noise_gains.presence(xi, gamma, ABSENCE)
            gain = gain.log_().sub_(math.log(floor)).mul_(presence).add_(math.log(floor)).exp_()
        # Where there is no noise nothing is taken.
        yield torch.where(noise > 0, gain, 1.0)


def _first(
    powers: Iterator[Tensor], noise: Tensor, weight: float, rule: noise_gains.Rule
) -> Iterator[tuple[Tensor, Tensor]]:
    """What the first step leaves, as a signal-to-noise ratio, and gamma, of each group."""
    last: Tensor | None = None
    for power in powers:
        gammas = noise_gains.ratio_of(power, noise)
        prior = torch.empty_like(gammas)
        for n, gamma in enumerate(gammas):
            now = (gamma - 1.0).clamp_(min=0.0)
            xi = now if last is None else torch.lerp(now, last, weight)
            last = rule(xi.clamp(min=noise_gains.LEAST_XI), gamma).square_().mul_(gamma)
            prior[n] = last
        yield prior, gammas


def _around(groups: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Groups, the first of each pair with the frame before and the frame behind it."""
    before: Tensor | None = None
    held: tuple[Tensor, Tensor] | None = None
    for prior, gamma in groups:
        if held is not None:
            assert before is not None
            yield torch.cat([before, held[0], prior[:1]]), held[1]
        before = prior[:1] if held is None else held[0][-1:]
        held = prior, gamma
    if held is not None:
        assert before is not None
        yield torch.cat([before, held[0], held[0][-1:]]), held[1]
