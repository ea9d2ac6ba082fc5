"""Autoregressive models of sound: each sample foretold from those before it, lost ones filled in.

A stretch of some hundredths of a second is `sum_i a_i x[t - i] = e[t]`, `a_0 = 1`, where `e` is
small and without a pattern. The model is fitted by the autocorrelation of the stretch (Yule and
Walker). Lost samples are those that make the sum of `e^2` least, the others being known; model
and samples are found in turn (Janssen, Veldhuis, Vries, "Adaptive interpolation of discrete-time
signals that can be modeled as autoregressive processes", IEEE Trans. ASSP 34(2), 1986).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NOISE = 1e-7  # power added to the model, of that of the sound: a band without any is not amplified
PASSES = 2  # in which model and lost samples are found in turn


def model(frames: Array, order: int, noise: float = NOISE) -> Array:
    """The coefficients `a`, `(..., order + 1)`, of windowed frames `(..., time)`."""
    size = 1 << int(np.ceil(np.log2(frames.shape[-1] + order + 1)))
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    correlation = np.fft.irfft(power, size)[..., : order + 1]
    correlation[..., 0] = correlation[..., 0] * (1 + noise) + 1e-20
    lags = np.arange(order)
    matrices = correlation[..., np.abs(lags[:, None] - lags)]
    behind = np.linalg.solve(matrices, -correlation[..., 1:, None])[..., 0]
    return np.concatenate([np.ones_like(behind[..., :1]), behind], axis=-1)


def interpolated(wave: Array, lost: Mask, order: int, passes: int = PASSES) -> Array:
    """A stretch `(time,)` with its lost samples filled in; the others stay.

    The stretch should be several times as long as `order`, and most of it known.
    """
    found = wave.astype(np.float64)
    places = np.flatnonzero(lost)
    known = np.flatnonzero(~lost)
    if not len(places) or len(known) <= order:
        return found
    found[places] = np.interp(places, known, found[known])
    if places[0] < min(order, len(wave) - 1 - places[-1]):  # too near the beginning: turned round
        return interpolated(wave[::-1], lost[::-1], order, passes)[::-1]
    window = np.hanning(len(wave) + 2)[1:-1]
    for _ in range(passes):
        found[places] = _least_squares(found, places, model(found * window, order))
    return found


def _least_squares(wave: Array, places: npt.NDArray[np.int64], a: Array) -> Array:
    """The samples at `places` that make the sum of the squared residual least."""
    order = len(a) - 1
    first = max(order, int(places[0]))
    last = min(len(wave), int(places[-1]) + order + 1)
    known = wave.copy()
    known[places] = 0.0
    residual = np.convolve(known, a)[first:last]
    lag = np.arange(first, last)[:, None] - places
    weights = np.where((lag >= 0) & (lag <= order), a[np.clip(lag, 0, order)], 0.0)
    normal = weights.T @ weights
    normal[np.diag_indices_from(normal)] += 1e-9 * max(float(normal.trace()) / len(places), 1e-30)
    return np.linalg.solve(normal, -weights.T @ residual)
