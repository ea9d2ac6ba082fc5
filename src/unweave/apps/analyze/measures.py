"""What is measured of a stem: loudness, spectral balance, stereo image, and when it sounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unweave.apps.analyze.events import Event
from unweave.apps.analyze.features import Array, Frames, Small
from unweave.signal.loudness import ABSOLUTE_GATE_LUFS, Loudness
from unweave.types import Wave

OCTAVES_HZ = 1000.0 * 2.0 ** np.arange(-5, 5)  # 31.25 Hz to 16 kHz
SPECTRUM_S = 0.1
SILENCE = 1e-12  # power that stands for none
BELOW_LU = 16.0  # below its integrated loudness a stem is not at work
QUIETEST_LUFS = -60.0
SLOPE_LU = 4.0  # by which a level that is above the limit e-folds the odds
GAP_S, SHORTEST_S = 0.6, 0.4
MOMENT_S, MOMENTS_HZ = 0.4, 10


@dataclass(frozen=True)
class Image:
    """A stereo image. balance_db: right over left. width: the side's share of the power, 0 mono,
    0.5 as two sounds without relation. correlation: of left and right, -1 to 1."""

    balance_db: float
    width: float
    correlation: float


@dataclass(frozen=True)
class Measured:
    """peak: 1.0 is full scale. lufs: integrated; range_lu; None where nothing is above the gate.
    momentary_lufs: of 400 ms, ten a second, `(moment,)`. bands_db: the power in each octave of
    OCTAVES_HZ that the rate has, dB re full scale; image: None but for two channels that sound."""

    peak: float
    lufs: float | None
    range_lu: float | None
    momentary_lufs: Small
    bands_db: Array
    image: Image | None


class Meter:
    """Push blocks `(channel, time)`, then `measured()`."""

    def __init__(self, rate_hz: int, channels: int, channel_names: Sequence[str] = ()) -> None:
        self._loudness = Loudness(rate_hz, channels, channel_names)
        self._channels = channels
        size = 2 ** round(math.log2(SPECTRUM_S * rate_hz))
        self._frames = [Frames(size, size // 2) for _ in range(channels)]
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._hz = np.fft.rfftfreq(size, 1 / rate_hz)
        self._power = np.zeros(size // 2 + 1)
        self._count = 0
        self._products = np.zeros((2, 2))

    def push(self, block: Wave) -> None:
        """The next samples, finite."""
        self._loudness.push(block)
        for frames, row in zip(self._frames, block, strict=True):
            self._add(frames.push(row))
        if self._channels == 2:
            wave = block.astype(np.float64)
            self._products += wave @ wave.T

    def measured(self) -> Measured:
        """Of all that was pushed. The meter is used up."""
        for frames in self._frames:
            self._add(frames.finish())
        lufs = self._loudness.integrated_lufs()
        return Measured(
            self._loudness.peak,
            lufs if math.isfinite(lufs) else None,
            self._loudness.range_lu(),
            self._loudness.momentary_lufs().astype(np.float32),
            self._bands_db(),
            image(self._products) if self._channels == 2 else None,
        )

    def _add(self, frames: Wave) -> None:
        if len(frames):
            spectrum = np.fft.rfft(frames * self._window)
            self._power += (spectrum.real**2 + spectrum.imag**2).sum(0, dtype=np.float64)
            self._count += len(frames)

    def _bands_db(self) -> Array:
        """Of each octave, all channels together; of a sine of full scale -3 dB."""
        scale = 2 / (len(self._window) * float(np.sum(self._window.astype(np.float64) ** 2)))
        power = self._power * scale * self._channels / max(self._count, 1)
        edges_hz = OCTAVES_HZ * 2**-0.5
        bands = []
        for low_hz in edges_hz[self._hz[-1] > edges_hz]:
            inside = (self._hz >= low_hz) & (self._hz < 2 * low_hz)
            bands.append(10 * math.log10(max(float(power[inside].sum()), SILENCE)))
        return np.array(bands)


def image(products: Array) -> Image | None:
    """From the sums of products of left and right, `(2, 2)`; None for silence."""
    left, right, both = float(products[0, 0]), float(products[1, 1]), float(products[0, 1])
    if left + right <= SILENCE:
        return None
    balance_db = 10 * math.log10(max(right, SILENCE) / max(left, SILENCE))
    width = (left + right - 2 * both) / (2 * (left + right))
    correlation = both / math.sqrt(left * right) if left * right > 0 else 0.0
    return Image(
        float(np.clip(balance_db, -120, 120)),
        float(np.clip(width, 0, 1)),
        float(np.clip(correlation, -1, 1)),
    )


def passages(found: Measured, stem: str) -> list[Event]:
    """When a stem sounds: where its momentary loudness is no more than BELOW_LU below its
    integrated loudness. Gaps and passages that are very short do not count.

    The confidence grows with how far the loudness of the passage is above that limit.
    """
    if found.lufs is None:
        return []
    limit = max(found.lufs - BELOW_LU, QUIETEST_LUFS)
    above = np.concatenate([[False], found.momentary_lufs >= limit, [False]])
    edges = np.flatnonzero(np.diff(above.astype(np.int8)))
    spans: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if spans and (first - spans[-1][1]) / MOMENTS_HZ < GAP_S:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((first, end))
    events = []
    for first, end in spans:
        # Half of a moment on both sides is what the 400 ms add to a sound's length.
        start_s, end_s = first / MOMENTS_HZ, (end - 1) / MOMENTS_HZ + MOMENT_S
        shift_s = MOMENT_S / 2 if end_s - start_s > 2 * MOMENT_S else 0.0
        start_s = start_s + shift_s if first else 0.0
        if end < len(found.momentary_lufs):
            end_s -= shift_s
        if end_s - start_s < SHORTEST_S:
            continue
        inside = np.maximum(found.momentary_lufs[first:end], ABSOLUTE_GATE_LUFS)
        over = (float(inside.mean()) - limit) / SLOPE_LU
        events.append(Event(start_s, end_s, stem, 1 / (1 + math.exp(-over))))
    return events
