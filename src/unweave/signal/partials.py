"""Partials: the peaks of successive frames joined into tracks, with a birth and a death.

Every track looks for the peak nearest to its frequency in the next frame, every peak for the
nearest track; where the two choose each other, and the step is small enough, the track goes on.
A track that finds nothing sleeps for some frames, then it is over; a peak that no track takes is
the first of a new one. Tracks that stay short, or faint, are chance and are dropped.

A window contains a note before it begins and after it ends, by half its length. There a track's
amplitude shows how much of the window is filled: where it is half of what it is half a window
further in, lies the beginning. What is outside is cut off and what is inside set right.

McAulay and Quatieri, "Speech analysis/synthesis based on a sinusoidal representation", IEEE Trans.
ASSP 34(4), 1986; Serra and Smith, "Spectral modeling synthesis", Computer Music Journal 14(4),
1990.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from unweave.signal.peaks import Peaks

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tracks:
    """The points of all tracks, those of one track side by side, in the order of time."""

    track: Ints  # 0, 1, 2 ...
    frame: Ints
    frequency: Floats  # cycles per sample
    amplitude: Floats  # `(point, channel)`
    phase: Floats  # `(point, channel)`, of the cosine, at the frame's middle

    def __len__(self) -> int:
        return len(self.track)

    def at(self, points: npt.NDArray[np.bool_] | Ints) -> Tracks:
        """Some of the points; tracks are numbered anew."""
        track = self.track[points]
        return Tracks(
            np.unique(track, return_inverse=True)[1].astype(np.int64),
            self.frame[points],
            self.frequency[points],
            self.amplitude[points],
            self.phase[points],
        )

    @property
    def begins(self) -> Ints:
        """The first point of each track; and one more, behind the last."""
        return np.append(np.flatnonzero(np.diff(self.track, prepend=-1)), len(self))


class Linker:
    """Joins peaks to tracks, frame after frame; frames may come in several lots.

    steepest: the largest step from a frame to the next, as a part of the frequency; least_step: in
    cycles per sample, what is allowed in any case. asleep: frames that a track may miss.
    """

    def __init__(self, steepest: float, least_step: float, asleep: int) -> None:
        self.steepest, self.least_step, self.asleep = steepest, least_step, asleep
        self._frequency = np.empty(0)  # of the tracks alive, ascending
        self._track = np.empty(0, np.int64)
        self._last = np.empty(0, np.int64)  # frame with a peak
        self._count = 0

    def link(self, peaks: Peaks) -> Ints:
        """The track of each peak: frames after those that came before, in order."""
        tracks = np.empty(len(peaks), np.int64)
        edges = np.append(np.flatnonzero(np.diff(peaks.frame, prepend=-1)), len(peaks))
        for first, last in pairwise(edges):
            here = slice(first, last)
            tracks[here] = self._frame(int(peaks.frame[first]), peaks.frequency[here])
        return tracks

    def _frame(self, frame: int, frequency: Floats) -> Ints:
        alive = frame - self._last <= self.asleep + 1
        known, names, last = self._frequency[alive], self._track[alive], self._last[alive]
        mine, theirs = self._matches(known, frequency)
        found = np.full(len(frequency), -1, np.int64)
        found[theirs] = names[mine]
        new = found < 0
        found[new] = self._count + np.arange(new.sum())
        self._count += int(new.sum())
        waits = np.ones(len(known), bool)
        waits[mine] = False
        everyone = np.concatenate([frequency, known[waits]])
        order = np.argsort(everyone, kind="stable")
        self._frequency = everyone[order]
        self._track = np.concatenate([found, names[waits]])[order]
        self._last = np.concatenate([np.full(len(frequency), frame), last[waits]])[order]
        return found

    def _matches(self, known: Floats, frequency: Floats) -> tuple[Ints, Ints]:
        """Pairs of tracks and peaks that choose each other; then again among those left over."""
        mine, theirs = np.empty(0, np.int64), np.empty(0, np.int64)
        left, free = np.arange(len(known)), np.arange(len(frequency))
        for _ in range(2):
            if not len(left) or not len(free):
                break
            a, b = known[left], frequency[free]
            to_peak, to_track = _nearest(b, a), _nearest(a, b)
            step = np.abs(a - b[to_peak])
            chosen = to_track[to_peak] == np.arange(len(a))
            chosen &= step <= np.maximum(self.steepest * a, self.least_step)
            mine = np.concatenate([mine, left[chosen]])
            theirs = np.concatenate([theirs, free[to_peak[chosen]]])
            left, free = left[~chosen], np.delete(free, to_peak[chosen])
        return mine, theirs


def _nearest(sorted_values: Floats, wanted: Floats) -> Ints:
    """The index of the nearest of `sorted_values` to each wanted one."""
    if len(sorted_values) == 1:
        return np.zeros(len(wanted), np.int64)
    middles = (sorted_values[1:] + sorted_values[:-1]) / 2
    return np.searchsorted(middles, wanted)


def chosen_tracks(peaks: Peaks, track: Ints, least: int, prominence_db: float) -> Tracks:
    """The tracks that reach over `least` frames and whose peaks stand out so far in the mean.

    track: the one of each peak.
    """
    points = np.maximum(np.bincount(track), 1)
    prominent = np.bincount(track, peaks.prominence_db) / points >= prominence_db
    first, last = np.full(len(points), np.iinfo(np.int64).max), np.full(len(points), -1)
    np.minimum.at(first, track, peaks.frame)
    np.maximum.at(last, track, peaks.frame)
    chosen = np.flatnonzero((prominent & (last - first + 1 >= least))[track])
    order = chosen[np.lexsort((peaks.frame[chosen], track[chosen]))]
    return Tracks(
        np.unique(track[order], return_inverse=True)[1].astype(np.int64),
        peaks.frame[order],
        peaks.frequency[order],
        np.abs(peaks.amplitude[order]),
        np.angle(peaks.amplitude[order]),
    )


def sharpened(tracks: Tracks, size: int, hop: int) -> Tracks:
    """Beginnings and ends that are sudden, cut where half of the window is filled.

    size: of the window, in samples. What a window that is not full has of the amplitude is made up
    for, up to half a window inwards.
    """
    half = size // (2 * hop)
    if not len(tracks) or not half:
        return tracks
    begins = tracks.begins
    joint = np.sqrt(np.sum(tracks.amplitude**2, axis=1))
    gain = np.ones(len(tracks))
    head = _edge(joint, gain, begins[:-1], np.diff(begins), half, _filled(hop / size), +1)
    tail = _edge(joint, gain, begins[1:] - 1, np.diff(begins), half, _filled(hop / size), -1)
    place = np.arange(len(tracks)) - begins[tracks.track]
    left = np.diff(begins)[tracks.track] - 1 - place
    kept = (place >= head[tracks.track]) & (left >= tail[tracks.track])
    return replace(tracks, amplitude=tracks.amplitude * gain[:, None]).at(kept)


def _edge(
    joint: Floats, gain: Floats, edge: Ints, count: Ints, half: int, full: float, step: int
) -> Ints:
    """Points to cut from an edge of each track, at most `half`; sets `gain` of those after it.

    joint: the amplitude over all channels; edge: the outermost point; step: 1 inwards from the
    beginning, -1 from the end; full: the part of a window filled when a hop more than half is.
    """
    cut = np.zeros(len(edge), np.int64)
    long = count > 3 * half  # both edges may be cut, and something is left to compare with
    for n in range(half):
        here = edge[long] + n * step
        sudden = (cut[long] == n) & (joint[here] < 0.5 * joint[here + half * step])
        cut[long] += sudden
    first = edge + cut * step
    goal = joint[(first + half * step)[long]]
    # Where nothing was cut, a recording may begin in the middle of a note: half a window, exactly.
    sudden = joint[first[long]] < np.where(cut[long] > 0, full, 0.55) * goal
    for n in range(half):
        here = first[long][sudden] + n * step
        gain[here] = np.clip(goal[sudden] / joint[here], 1.0, 2.0)
    return cut


def _filled(hops: float) -> float:
    """How much of a Hann window, by its sum, a sound fills that begins `hops` windows before its
    middle; a little more, for noise, and as the bell that is fitted is not the one of a part."""
    return 0.56 + hops + np.sin(2 * np.pi * hops) / (2 * np.pi)
