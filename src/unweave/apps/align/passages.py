"""Sung passages of a voice: where it is loud enough and voiced.

The level of a frame is held against a floor that follows the recording: the least level around it
(R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
statistics", IEEE Trans. Speech and Audio Processing 9(5), 2001), but so far below the voice's own
level as what other instruments leave in a stem is at the least, and reverberation at the most. A
passage begins where the level comes half of the way from the floor to the voice, in dB, in a voiced
frame. It goes on while the level is no lower and the frame may be voiced. Words are laid along
passages with their tails, which go on while the level is above a quarter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unweave.apps.align.voice import FRAME_S, VOICED

if TYPE_CHECKING:
    import numpy.typing as npt

    from unweave.apps.align.voice import Track, Values

    Mask = npt.NDArray[np.bool_]

AROUND_S = 5.0  # before and after a frame, in which the floor is the least level
DEPTHS_DB = (15.0, 40.0)  # of the floor below the voice
BEGIN, TAIL = 0.5, 0.25  # of the way from floor to voice
MAYBE_VOICED = 0.2  # the voicing at which a passage goes on
CONSONANT_S = 0.05  # the longest that lies between two stretches of one passage
SHORTEST_S = 0.1


def sung(track: Track, hold: float = BEGIN) -> list[tuple[float, float]]:
    """Start and end of each passage in seconds, in order; none where nothing is voiced.

    hold: how much of the way from floor to voice the level is at the least where a passage goes on.
    """
    voiced = track.voicing >= VOICED
    if not voiced.any():
        return []
    voice_db = _middle(track.level_db[voiced])
    least, most = DEPTHS_DB
    floor_db = np.clip(_least_around(track.level_db), voice_db - most, voice_db - least)
    way = (track.level_db - floor_db) / (voice_db - floor_db)
    goes_on = (way >= hold) & (track.voicing >= MAYBE_VOICED)
    found = _held((way >= BEGIN) & voiced, goes_on)
    return _spans(_without_gaps(found, round(CONSONANT_S / FRAME_S)))


def _middle(level_db: Values) -> float:
    """The level that half of the energy lies above: long, faint rests hardly count."""
    ordered = np.sort(level_db)
    energy = np.cumsum(10 ** (ordered / 10))
    return float(ordered[np.searchsorted(energy, energy[-1] / 2)])


def _least_around(level_db: Values) -> Values:
    reach = round(AROUND_S / FRAME_S)
    padded = np.pad(level_db, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(-1)


def _held(begins: Mask, holds: Mask) -> Mask:
    """Hysteresis: the runs of `holds` in which `begins` is somewhere."""
    starts, ends = _runs(holds)
    found = np.zeros_like(holds)
    for start, end in zip(starts, ends, strict=True):
        found[start:end] = begins[start:end].any()
    return found


def _without_gaps(mask: Mask, longest: int) -> Mask:
    """With the gaps filled that are not longer than so many frames."""
    found = mask.copy()
    starts, ends = _runs(mask)
    for end, start in zip(ends[:-1], starts[1:], strict=True):
        found[end:start] |= start - end <= longest
    return found


def _runs(mask: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First frames of the runs of True, and those after their last."""
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _spans(mask: Mask) -> list[tuple[float, float]]:
    """Runs as seconds; frames are centred on their times."""
    spans = [
        (max(0.0, (int(start) - 0.5) * FRAME_S), (int(end) - 0.5) * FRAME_S)
        for start, end in zip(*_runs(mask), strict=True)
    ]
    return [(start_s, end_s) for start_s, end_s in spans if end_s - start_s >= SHORTEST_S]
