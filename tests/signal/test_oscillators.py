from itertools import pairwise

import numpy as np
import torch

from unweave.signal.oscillators import oscillate
from unweave.signal.partials import Tracks

HOP = 64


def tracks_with(seed: int = 0, count: int = 5, channels: int = 2) -> Tracks:
    """Tracks of random length that drift, with gaps of up to two frames."""
    rng = np.random.default_rng(seed)
    parts = []
    for n in range(count):
        frame = rng.integers(0, 10) + np.cumsum(rng.choice([1, 1, 1, 2, 3], 12))
        frequency = rng.uniform(0.01, 0.3) + np.cumsum(rng.normal(0, 2e-4, 12))
        turn = 2 * np.pi * np.cumsum(np.append(0, np.diff(frame) * HOP * frequency[1:]))
        phase = turn[:, None] + rng.uniform(-3, 3, channels) + rng.normal(0, 0.3, (12, channels))
        level = rng.uniform(0.1, 1, (12, channels))
        parts.append((np.full(12, n), frame, frequency, level, np.angle(np.exp(1j * phase))))
    return Tracks(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def slow(tracks: Tracks, length: int) -> np.ndarray:
    """McAulay and Quatieri's equations (33) to (37), sample by sample."""
    out = np.zeros((tracks.amplitude.shape[1], length))

    def add(start: int, wave: np.ndarray, channel: int) -> None:
        for n, value in enumerate(wave):
            if 0 <= start + n < length:
                out[channel, start + n] += value

    for track in np.unique(tracks.track):
        points = np.flatnonzero(tracks.track == track)
        for channel in range(out.shape[0]):
            for a, b in pairwise(points):
                t = int(tracks.frame[b] - tracks.frame[a]) * HOP
                w0, w1 = 2 * np.pi * tracks.frequency[a], 2 * np.pi * tracks.frequency[b]
                p0, p1 = tracks.phase[a, channel], tracks.phase[b, channel]
                turns = round(((p0 + w0 * t - p1) + (w1 - w0) * t / 2) / (2 * np.pi))
                gap = p1 - p0 - w0 * t + 2 * np.pi * turns
                alpha = 3 / t**2 * gap - (w1 - w0) / t
                beta = -2 / t**3 * gap + (w1 - w0) / t**2
                time = np.arange(t)
                a0, a1 = tracks.amplitude[a, channel], tracks.amplitude[b, channel]
                phase = p0 + w0 * time + alpha * time**2 + beta * time**3
                add(tracks.frame[a] * HOP, (a0 + (a1 - a0) * time / t) * np.cos(phase), channel)
            for point, before in ((points[0], HOP), (points[-1], 0)):
                time = np.arange(HOP) - before
                level = tracks.amplitude[point, channel] * (1 - np.abs(time) / HOP)
                phase = tracks.phase[point, channel] + 2 * np.pi * tracks.frequency[point] * time
                add(tracks.frame[point] * HOP - before, level * np.cos(phase), channel)
    return out


def test_the_slow_way() -> None:
    for seed in range(4):
        tracks = tracks_with(seed)
        for length in (40 * HOP, 17 * HOP + 5, 1):
            found = oscillate(tracks, HOP, length, "cpu")
            assert found.dtype == torch.float32
            np.testing.assert_allclose(found, slow(tracks, length), atol=1e-3)


def test_a_steady_tone_is_a_cosine() -> None:
    frame = np.arange(100)
    frequency, turn = 0.0437, 0.7
    phase = np.angle(np.exp(1j * (2 * np.pi * frequency * frame * HOP + turn)))
    tracks = Tracks(0 * frame, frame, 0 * frame + frequency, np.ones((100, 1)), phase[:, None])
    found = oscillate(tracks, HOP, 99 * HOP, "cpu")[0]
    exact = np.cos(2 * np.pi * frequency * np.arange(99 * HOP) + turn)
    np.testing.assert_allclose(found, exact, atol=2e-4)


def test_no_tracks_no_sound() -> None:
    none = Tracks(*(np.empty(0, np.int64),) * 2, np.empty(0), np.empty((0, 3)), np.empty((0, 3)))
    assert torch.equal(oscillate(none, HOP, 777, "cpu"), torch.zeros(3, 777))
