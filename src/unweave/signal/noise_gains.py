"""Gains that turn noise down: one factor for each bin from its power and the noise's.

`gamma = |X|^2 / noise` is the a-posteriori signal-to-noise ratio and `xi` the a-priori one, the
signal's own power over the noise's. Subtraction needs only gamma and leaves musical noise: single
bins that stick out by chance. Wiener and log-MMSE take xi from the frame before as well
("decision-directed"), which changes smoothly where there is only noise.

- Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE Trans. ASSP
  27(2), 1979.
- Berouti, Schwartz and Makhoul, "Enhancement of speech corrupted by acoustic noise", ICASSP 1979.
- Ephraim and Malah, "Speech enhancement using a minimum mean-square error short-time spectral
  amplitude estimator", IEEE Trans. ASSP 32(6), 1984: the decision-directed xi.
- Ephraim and Malah, "Speech enhancement using a minimum mean-square error log-spectral amplitude
  estimator", IEEE Trans. ASSP 33(2), 1985.
- Cohen, "Optimal speech enhancement under signal presence uncertainty using log-spectral amplitude
  estimator", IEEE Signal Processing Letters 9(4), 2002: bins that may hold no signal at all.

Powers and gains are `(batch, frame, frequency)`; a noise may have one frame for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from unweave.signal.noise import Profile, average
from unweave.signal.stft import groups

LEAST_XI = 10.0**-3.5  # where the gain is far below any floor
MOST_GAMMA = 1e6  # above it every gain is 1
# Boll: what is left of a frame without signal, against the noise's mean. He has -12 dB, for speech
# up to 4 kHz; averaged over 20 kHz, most of them empty, music is as faint as that.
SIGNAL_FREE_DB = -24.0
_LOW, _HIGH, _STEPS = -24.0, 4.0, 1 << 16  # the table of E1: log(v) from and to

Rule = Callable[[Tensor, Tensor], Tensor]
"""(xi, gamma) to gain, in a frame."""


def boll(
    magnitude: Tensor, noise: Profile, average_frames: int, floor: float, whole: bool = True
) -> Tensor:
    """Magnitude averaging, subtraction, half-wave rectification, residual noise reduction and
    attenuation of frames without signal: the gain, at most 1.

    magnitude: `|X|`; average_frames: odd, as in the noise's profile; floor: the least gain, and
    that of a frame without signal. whole: False leaves out the last two steps.
    """
    tiny = torch.finfo(magnitude.dtype).tiny
    left = (average(magnitude, average_frames) - noise.mean).clamp_(min=0.0)
    if whole:
        around = torch.cat([left[..., :1, :], left, left[..., -1:, :]], dim=-2)
        least = torch.minimum(torch.minimum(around[..., :-2, :], around[..., 2:, :]), left)
        left = torch.where(left < noise.largest - noise.mean, least, left)
    gain = (left / magnitude.clamp(min=tiny)).clamp_(floor, 1.0)
    if whole:
        ratio = (left / noise.mean.clamp(min=tiny)).mean(-1, keepdim=True)
        gain = torch.where(ratio < 10 ** (SIGNAL_FREE_DB / 20), floor, gain)
    return gain


def berouti(power: Tensor, noise: Tensor, oversubtraction: float, floor: float) -> Tensor:
    """Power subtraction of more than the noise, with a floor of noise below which nothing falls.

    oversubtraction: how many times the noise is subtracted in a frame as loud as it (0 dB); falls
    linearly to 1 at 20 dB and rises until -5 dB. floor: amplitude of the noise that stays.
    """
    tiny = torch.finfo(power.dtype).tiny
    ratio = power.sum(-1, keepdim=True) / noise.sum(-1, keepdim=True).clamp(min=tiny)
    snr_db = (10 * torch.log10(ratio.clamp(min=tiny))).clamp_(-5.0, 20.0)
    alpha = oversubtraction - (oversubtraction - 1.0) * snr_db / 20.0
    left = torch.maximum(power - alpha * noise, floor**2 * noise)
    return (left / power.clamp(min=tiny)).sqrt_().clamp_(max=1.0)


def wiener(xi: Tensor, gamma: Tensor) -> Tensor:
    """The gain of least squared error: `xi / (1 + xi)`."""
    return xi / (1.0 + xi)


def log_mmse(xi: Tensor, gamma: Tensor) -> Tensor:
    """The gain of least squared error of the log spectrum (Ephraim and Malah 1985, eq. 20), at
    most 1: `xi / (1 + xi) exp(E1(v) / 2)` with `v = gamma xi / (1 + xi)`."""
    share = xi / (1.0 + xi)
    return _half_of_e1(share * gamma).exp_().mul_(share).clamp_(max=1.0)


def decision_directed(
    power: Tensor,
    noise: Tensor,
    rule: Rule,
    previous_weight: float,
    floor: float,
    absence: float = 0.0,
) -> Tensor:
    """The gains of a rule with xi from the last frame's estimate and this frame's power.

    previous_weight: of the last frame's estimate of xi, 0 to 1. floor: the least gain. absence: the
    prior probability that a bin holds no signal, so that its gain is the floor; where it is not 0,
    the two gains are averaged in decibels, weighted by their posterior probabilities. Where there
    is no noise the gain is 1.
    """
    gains = torch.empty_like(power)
    last: Tensor | None = None
    for some in groups(power.shape[-2]):
        level = noise[..., some, :] if noise.shape[-2] > 1 else noise
        gammas = ratio_of(power[..., some, :], level)
        xis = (gammas - 1.0).clamp_(min=0.0)
        if last is None:
            last = xis[..., 0, :].clone()
        xis *= 1.0 - previous_weight
        for n in range(some.stop - some.start):
            xi, gamma = xis[..., n, :], gammas[..., n, :]
            xi.add_(last, alpha=previous_weight).clamp_(min=LEAST_XI)
            gain = rule(xi, gamma)
            gains[..., some.start + n, :] = gain
            last = gain.square_().mul_(gamma)
        if absence:
            here = gains[..., some, :].clamp_(min=floor).log_()
            here.sub_(math.log(floor)).mul_(presence(xis, gammas, absence))
            here.add_(math.log(floor)).exp_()
    return gains.clamp_(min=floor)


def presence(xi: Tensor, gamma: Tensor, absence: float) -> Tensor:
    """The chance that a bin holds signal, given its power (Cohen 2002, eq. 9)."""
    odds = absence / (1.0 - absence) * (1.0 + xi)
    return odds.mul_(torch.exp(-xi * gamma / (1.0 + xi))).add_(1.0).reciprocal_()


def ratio_of(power: Tensor, noise: Tensor) -> Tensor:
    """gamma, at most MOST_GAMMA; that too where there is no noise."""
    return torch.where(noise > 0, power / noise, MOST_GAMMA).clamp_(max=MOST_GAMMA)


_NEAR = -0.57721566, 0.99999193, -0.24991055, 0.05519968, -0.00976004, 0.00107857
_FAR_OVER = 0.2677737343, 8.6347608925, 18.0590169730, 8.5733287401
_FAR_UNDER = 3.9584969228, 21.0996530827, 25.6329561486, 9.5733223454


def exponential_integral(x: Tensor) -> Tensor:
    """`E1(x)`, the integral of exp(-t) / t from x to infinity, for x > 0.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 5.1.53 (up to 1) and 5.1.56.
    """
    near = x.clamp(max=1.0)
    small = _polynomial(near, _NEAR) - near.log()
    far = x.clamp(min=1.0)
    ratio = _polynomial(far, (*_FAR_OVER, 1.0)) / _polynomial(far, (*_FAR_UNDER, 1.0))
    return torch.where(x <= 1.0, small, ratio.div_(far).mul_(torch.exp(-far)))


def _half_of_e1(v: Tensor) -> Tensor:
    """`E1(v) / 2` to 1e-4, from a table over log(v): a fifth of the time of the polynomials."""
    place = v.log().sub_(_LOW).mul_(_STEPS / (_HIGH - _LOW)).clamp_(0.0, _STEPS)
    return _table(v.device)[place.round_().long()]


@lru_cache(maxsize=8)
def _table(device: torch.device) -> Tensor:
    v = torch.linspace(_LOW, _HIGH, _STEPS + 1, dtype=torch.float64).exp_()
    return exponential_integral(v).div_(2).float().to(device)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """The lowest power first."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total.mul_(x).add_(coefficient)
    return total
