"""Pictures of waveforms: the lowest and the highest sample of each column of pixels, made from
blocks as they go by.

When there are too many columns, pairs of them become one, so memory does not grow with length and
the length need not be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unweave.viz.spectrogram import figure_class, time_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unweave.types import Wave

COLUMNS = 1600  # at most; at least half of that for a long file
FIRST_S = 0.002  # of a column, before any are joined


@dataclass(frozen=True, slots=True)
class Envelope:
    """low, high: `(channel, column)`, full scale 1.0; column_s: seconds of a column."""

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    column_s: float
    duration_s: float


def envelope_of(blocks: Iterable[Wave], rate_hz: int) -> Envelope:
    """The envelope of a wave that arrives in blocks `(channel, time)`, of any size."""
    each = max(1, round(FIRST_S * rate_hz))
    low: list[npt.NDArray[np.float32]] = []
    high: list[npt.NDArray[np.float32]] = []
    rest: Wave = np.zeros((1, 0), np.float32)
    samples = 0
    for block in blocks:
        clean = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        rest = np.concatenate([rest, clean], axis=-1) if samples else clean
        samples += block.shape[1]
        while rest.shape[1] >= each:
            if len(low) == COLUMNS:
                low = [np.minimum(a, b) for a, b in zip(low[::2], low[1::2], strict=True)]
                high = [np.maximum(a, b) for a, b in zip(high[::2], high[1::2], strict=True)]
                each *= 2
            count = min(rest.shape[1] // each, COLUMNS - len(low))
            columns = rest[:, : count * each].reshape(rest.shape[0], count, each)
            low.extend(columns.min(axis=-1).T)
            high.extend(columns.max(axis=-1).T)
            rest = rest[:, count * each :]
    if not (low or rest.shape[1]):
        rest = np.zeros((1, 1), np.float32)
    if rest.shape[1]:
        low.append(rest.min(axis=-1))
        high.append(rest.max(axis=-1))
    duration_s = samples / rate_hz
    return Envelope(np.stack(low, axis=-1), np.stack(high, axis=-1), each / rate_hz, duration_s)


def draw(
    envelope: Envelope,
    names: Sequence[str],
    marks: Sequence[tuple[float, float]] = (),
    title: str = "",
) -> Figure:
    """A matplotlib figure with one panel for each channel.

    names: of the channels. marks: places in seconds, from and to, which are numbered from 1 above
    the first panel. Raises UsageError where matplotlib is missing.
    """
    channels = envelope.low.shape[0]
    height = 1.2 + 1.2 * channels
    figure = figure_class()(figsize=(12.0, min(height, 40.0)), dpi=110, layout="constrained")
    panels = figure.subplots(channels, 1, sharex=True, squeeze=False)[:, 0]
    times_s = (np.arange(envelope.low.shape[1]) + 0.5) * envelope.column_s
    loudest = max(np.abs(envelope.low).max(initial=0), np.abs(envelope.high).max(initial=0), 1e-3)
    for panel, name, low, high in zip(panels, names, envelope.low, envelope.high, strict=True):
        panel.fill_between(times_s, low, high, color="#0072b2", linewidth=0.6, edgecolor="#0072b2")
        panel.axhline(0.0, color="#5b6470", linewidth=0.4)
        panel.set_ylim(-1.05 * loudest, 1.05 * loudest)
        panel.set_ylabel(name, parse_math=False)
        for start_s, end_s in marks:
            panel.axvspan(start_s, end_s, facecolor="#a8640055", edgecolor="#a86400", linewidth=1.2)
    for number, (start_s, end_s) in enumerate(marks, 1):
        panels[0].annotate(
            str(number),
            ((start_s + end_s) / 2, 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=8,
            color="#8a4b00",
        )
    longest_s = max(envelope.duration_s, 1e-3)
    panels[-1].set_xlim(0.0, longest_s)
    time_axis(panels[-1], longest_s)
    if title:
        figure.suptitle(title, parse_math=False)
    return figure
