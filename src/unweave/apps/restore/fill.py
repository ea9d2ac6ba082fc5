"""A place made anew from what is around it: the sound before it goes on, and the sound after it,
backwards; the two are cross-faded.

Both are foretold by an autoregressive model of a second of sound each (Burg 1967; Kauppinen and
Roth, "Audio signal extrapolation: theory and applications", DAFx 2002). Tones go on, dying away as
they do in the model; to them comes noise through the same model, as loud as what it could not
foretell, without which noise would fade into silence. What was in the place is not used: the
result is a likely continuation, not what was there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

AROUND_S = 1.0
ORDER_S = 0.02
MOST = 1200  # orders
SEED = 0

Array = npt.NDArray[np.float64]


def filled(wave: Wave, start: int, end: int, sample_rate_hz: int) -> Wave:
    """`(channel, time)` with the samples `start` to `end` made anew; the others keep their bits.

    Where nothing lies on one side, the other alone goes on; all of it is silence if both lack.
    """
    length, around = end - start, round(AROUND_S * sample_rate_hz)
    order = min(MOST, round(ORDER_S * sample_rate_hz))
    rng = np.random.default_rng(SEED)
    found = wave.copy()
    rise = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / length)
    for channel, row in enumerate(wave.astype(np.float64)):
        before, after = row[max(0, start - around) : start], row[end : end + around][::-1]
        tone = noise = np.zeros(length)
        sides = [side for side in (before, after) if len(side) > 8 and side.any()]
        for side in sides:
            on, more = _continued(side, length, min(order, len(side) // 3), rng)
            fade = np.sqrt(1 - rise**2) if side is before else rise
            if len(sides) == 1:
                fade = np.ones(length)
            if side is after:
                on, more = on[::-1], more[::-1]
            tone, noise = tone + on * fade**2, noise + more * fade
        found[channel, start:end] = tone + noise
    return found


def _continued(
    past: Array, length: int, order: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """What comes after `past` by its model: what follows from it, and noise as in it."""
    model, left = _burg(past, order)
    flipped = -model[::-1]
    tone, noise = np.concatenate([past[-order:], np.zeros(length)]), np.zeros(order + length)
    random = rng.standard_normal(length) * np.sqrt(left)
    for n in range(length):
        tone[order + n] = flipped @ tone[n : n + order]
        noise[order + n] = flipped @ noise[n : n + order] + random[n]
    return tone[order:], noise[order:]


def _burg(wave: Array, order: int) -> tuple[Array, float]:
    """The coefficients `a` of `x[n] = -sum a[k] x[n - 1 - k] + e[n]`, which are stable, and the
    power of e."""
    forward, backward = wave[1:].copy(), wave[:-1].copy()
    model = np.zeros(0)
    power = float(np.mean(wave**2))
    for _ in range(order):
        under = forward @ forward + backward @ backward
        if under <= 1e-20:
            break
        reflection = float(-2 * (forward @ backward) / under)
        model = np.append(model + reflection * model[::-1], reflection)
        power *= float(1 - reflection**2)
        forward, backward = (
            (forward + reflection * backward)[1:],
            (backward + reflection * forward)[:-1],
        )
    return np.pad(model, (0, order - len(model))), power
