"""Tracks of partials to sound: an oscillator for each, without a break in its phase.

Between two points of a track the amplitude is a line and the phase the cubic that has, at both
ends, the phases and frequencies measured there; of all the turns that would fit in between, the
number is the one that lets the frequency move most smoothly. A track is faded in over the hop
before its first point and out over the hop behind its last.

McAulay and Quatieri, "Speech analysis/synthesis based on a sinusoidal representation", IEEE Trans.
ASSP 34(4), 1986, section IV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unweave.signal.partials import Tracks

PIECES_AT_ONCE = 256  # so that all in between stays in the cache

Floats = npt.NDArray[np.float64]


def oscillate(tracks: Tracks, hop: int, length: int, device: torch.device | str) -> Tensor:
    """The sum of all tracks, `(channel, length)` float32; frame n lies at sample `n hop`."""
    channels = tracks.amplitude.shape[1]
    steps = max(-(-length // hop), int(tracks.frame.max(initial=0))) + 2
    out = torch.zeros(channels, steps, hop, device=device)  # from one hop before the first sample
    for piece in _pieces(tracks, hop):
        time = torch.arange(piece.span * hop, dtype=torch.float64) / (piece.span * hop)
        powers = torch.stack([time**n for n in range(4)]).float().to(device)
        for first in range(0, len(piece.frame), PIECES_AT_ONCE):
            some = slice(first, first + PIECES_AT_ONCE)
            frame = torch.from_numpy(piece.frame[some] + 1).to(device)
            for channel in range(channels):
                wave = _waves(
                    torch.from_numpy(piece.turns[some, channel]).to(device),
                    torch.from_numpy(piece.amplitude[some, channel]).to(device),
                    powers,
                )
                for n, part in enumerate(wave.split(hop, dim=1)):
                    out[channel].index_add_(0, frame + n, part)
    return out.reshape(channels, -1)[:, hop : hop + length]


def without_gaps(tracks: Tracks, hop: int) -> Tracks:
    """The same tracks with a point in every frame, those missing as `oscillate` would pass them."""
    joins = np.diff(tracks.track, append=-1) == 0
    a = np.flatnonzero(joins & (np.diff(tracks.frame, append=0) > 1))
    span = tracks.frame[a + 1] - tracks.frame[a]
    step = np.concatenate([np.arange(1, n) for n in span]) if len(a) else np.empty(0, np.int64)
    a, span = np.repeat(a, span - 1), np.repeat(span, span - 1)
    b, place = a + 1, (step / span)[:, None]
    time = (span * hop)[:, None]
    speeds = (tracks.frequency[n][:, None] * time for n in (a, b))
    begin, end = (tracks.phase[n] / (2 * np.pi) for n in (a, b))
    turns = np.sum(_cubic(begin, end, *speeds) * place[..., None] ** np.arange(4), axis=-1)
    frequency = tracks.frequency[a] + (tracks.frequency[b] - tracks.frequency[a]) * place[:, 0]
    amplitude = tracks.amplitude[a] + (tracks.amplitude[b] - tracks.amplitude[a]) * place
    phase = 2 * np.pi * (turns - np.round(turns))
    track = np.concatenate([tracks.track, tracks.track[a]])
    frame = np.concatenate([tracks.frame, tracks.frame[a] + step])
    order = np.lexsort((frame, track))
    return Tracks(
        track[order],
        frame[order],
        np.concatenate([tracks.frequency, frequency])[order],
        np.concatenate([tracks.amplitude, amplitude])[order],
        np.concatenate([tracks.phase, phase])[order],
    )


def _waves(turns: Tensor, amplitude: Tensor, powers: Tensor) -> Tensor:
    """`(piece, time)` from the coefficients of the phase, in turns, and of the amplitude."""
    phase = turns @ powers
    phase.sub_(phase.round())
    return phase.mul_(2 * torch.pi).cos_().mul_(amplitude @ powers[:2])


@dataclass(frozen=True, slots=True)
class _Piece:
    """The stretches between two points of a track that are `span` frames apart."""

    span: int
    frame: npt.NDArray[np.int64]  # where each begins
    turns: npt.NDArray[np.float32]  # `(stretch, channel, 4)`, of the time that runs from 0 to 1
    amplitude: npt.NDArray[np.float32]  # `(stretch, channel, 2)`


def _pieces(tracks: Tracks, hop: int) -> list[_Piece]:
    if not len(tracks):
        return []
    point = np.arange(len(tracks))
    first, last = tracks.begins[:-1], tracks.begins[1:] - 1
    inside = np.setdiff1d(point, last, assume_unique=True)
    frequency, amplitude = tracks.frequency[:, None], tracks.amplitude
    turns = tracks.phase / (2 * np.pi)
    a = np.concatenate([inside, first, last])
    b = np.concatenate([inside + 1, first, last])
    births = slice(len(inside), len(inside) + len(first))
    deaths = slice(len(inside) + len(first), None)
    frame, span = tracks.frame[a].copy(), tracks.frame[b] - tracks.frame[a]
    frame[births] -= 1
    span[births] = span[deaths] = 1
    amplitude_a, amplitude_b = amplitude[a], amplitude[b]
    turns_a, turns_b = turns[a], turns[b]
    amplitude_a[births] = amplitude_b[deaths] = 0.0
    turns_a[births] -= frequency[first] * hop
    turns_b[deaths] += frequency[last] * hop
    time = (span * hop)[:, None]
    cubic = _cubic(turns_a, turns_b, frequency[a] * time, frequency[b] * time)
    lines = np.stack([amplitude_a, amplitude_b - amplitude_a], axis=-1).astype(np.float32)
    pieces = []
    for length in np.unique(span):
        chosen = np.flatnonzero(span == length)
        chosen = chosen[np.argsort(frame[chosen], kind="stable")]
        pieces.append(_Piece(int(length), frame[chosen], cubic[chosen], lines[chosen]))
    return pieces


def _cubic(begin: Floats, end: Floats, speed: Floats, final: Floats) -> npt.NDArray[np.float32]:
    """The smoothest cubic from phase `begin` to `end` in turns, from `speed` to `final` in turns
    over the stretch: `(..., 4)`, the lowest power first."""
    whole = np.round(begin + (speed + final) / 2 - end)
    gap, change = end + whole - begin - speed, final - speed
    begin, speed = np.broadcast_arrays(begin - np.floor(begin), speed)
    return np.stack([begin, speed, 3 * gap - change, change - 2 * gap], axis=-1).astype(np.float32)
