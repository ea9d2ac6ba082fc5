"""Notes from what the network sees: section 2.3 of the paper that `network` names, on a stream.

From each onset, the last first, a note goes on while its pitch sounds; the sound that it explains
is taken away, from its neighbours too. What sounds on without an onset becomes notes then, the
loudest first, to both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from unweave.types import Wave

    Flags = npt.NDArray[np.bool_]

ONSET = 0.5  # from which on a maximum begins a note
FRAME = 0.3  # below which a pitch does not sound
GAP = 11  # frames that it may pause within a note
SHORTEST = 11  # frames that every note is longer than
PIECE = 5112  # frames that are looked at together: a minute


@dataclass(frozen=True)
class Note:
    """Frames `start` to `end` of one pitch, counted from the lowest. level: its mean, 0 to 1."""

    start: int
    end: int
    pitch: int
    level: float


def created(pieces: Iterable[tuple[Wave, Wave]]) -> Iterator[Note]:
    """Notes from sounding pitches and onsets `(frame, pitch)`, minute by minute.

    Pieces meet where least sounds. A note that lasts longer than a quarter of a minute may become
    two.
    """
    begin = 0
    held: list[tuple[Wave, Wave]] = []
    spent: Flags = np.zeros((0, 0), bool)  # of the first frames, what earlier notes explain
    for piece in pieces:
        held.append(piece)
        if sum(frames.shape[0] for frames, _ in held) < PIECE:
            continue
        frames, onsets = (np.concatenate(each) for each in zip(*held, strict=True))
        half, most = frames.shape[0] // 2, 3 * frames.shape[0] // 4
        cut = half + int(np.argmin(frames[half:most].sum(1)))
        now = found(frames, onsets, spent)
        spent = np.zeros((frames.shape[0] - cut, frames.shape[1]), bool)
        for note in now:
            if note.start < cut:
                spent[: max(0, note.end - cut), _beside(note.pitch)] = True
                yield _later(note, begin)
        held = [(frames[cut:], onsets[cut:])]
        begin += cut
    if held:
        frames, onsets = (np.concatenate(each) for each in zip(*held, strict=True))
        for note in found(frames, onsets, spent):
            yield _later(note, begin)


def found(frames: Wave, onsets: Wave, spent: Flags | None = None) -> list[Note]:
    """The notes of one piece, in order of their start.

    frames: how surely each pitch sounds, onsets: begins, `(frame, pitch)`, 0 to 1. spent: of the
    first frames, what no note may take.
    """
    sound = frames.copy()
    if spent is not None and spent.size:
        sound[: spent.shape[0]][spent] = 0.0
    notes = []
    for start, pitch in _starts(frames, onsets):
        end = _end(sound[:, pitch], start + 1)
        if end - start > SHORTEST:
            sound[start:end, _beside(pitch)] = 0.0
            notes.append(Note(start, end, pitch, float(frames[start:end, pitch].mean())))
    # Sound only goes away, so that one order of all frames does.
    loud = np.flatnonzero(sound > FRAME)
    for place in loud[np.argsort(-sound.flat[loud], kind="stable")]:
        middle, pitch = divmod(int(place), frames.shape[1])
        if sound[middle, pitch] <= FRAME:
            continue
        end = _end(sound[:, pitch], middle + 1)
        start = middle + 1 - _end(sound[middle::-1, pitch], 1)
        sound[max(0, start - GAP) : end + GAP, _beside(pitch)] = 0.0
        end -= 1  # as in the authors' program: the frame in which it fades is none of its own
        if end - start > SHORTEST:
            notes.append(Note(start, end, pitch, float(frames[start:end, pitch].mean())))
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def _starts(frames: Wave, onsets: Wave) -> list[tuple[int, int]]:
    """Frame and pitch where notes begin, the last first: maxima of the onsets, and of how much
    more a pitch sounds than in the two frames before."""
    if frames.shape[0] < 3:
        return []
    rise = np.zeros_like(frames)
    rise[2:] = np.minimum(frames[2:] - frames[1:-1], frames[2:] - frames[:-2]).clip(0.0)
    if rise.max() > 0:
        rise *= onsets.max() / rise.max()
    seen = np.maximum(onsets, rise)
    here = seen[1:-1]
    peak = (here > seen[:-2]) & (here > seen[2:]) & (here >= ONSET)
    frame, pitch = np.nonzero(peak)
    return list(zip((frame + 1).tolist(), pitch.tolist(), strict=True))[::-1]


def _end(sound: Wave, start: int) -> int:
    """The frame from which on one pitch `(frame,)` is below `FRAME` for `GAP` frames; the last
    frame is not looked at."""
    sounding = np.flatnonzero(sound[start:-1] >= FRAME) + start
    gaps = np.flatnonzero(np.diff(np.concatenate([[start - 1], sounding])) > GAP)
    if gaps.size:
        sounding = sounding[: gaps[0]]
    return int(sounding[-1]) + 1 if sounding.size else start


def _beside(pitch: int) -> slice:
    """A pitch and its neighbours."""
    return slice(max(0, pitch - 1), pitch + 2)


def _later(note: Note, frames: int) -> Note:
    return Note(note.start + frames, note.end + frames, note.pitch, note.level)
