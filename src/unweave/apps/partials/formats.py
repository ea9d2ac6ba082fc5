"""Tracks of partials as files: CSV, JSON, and SDIF for programs that make music from them.

Times are in seconds, frequencies in Hz, amplitudes of a sinusoid where full scale is 1.0, phases in
radians of the cosine at that time. Each channel has an amplitude and a phase of its own.

SDIF: Wright et al., "New applications of the Sound Description Interchange Format", ICMC 1998. A
file is a header and frames in the order of time, big-endian; a frame of type 1TRC holds a matrix
of four columns, index, frequency, amplitude and phase, with a row for each partial that sounds.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from unweave.signal.partials import Tracks

_HEADER = struct.pack(">4siii", b"SDIF", 8, 3, 1)  # size; versions of the format and its types
_FLOAT32 = 0x0004


@dataclass(frozen=True, slots=True)
class Analysis:
    """The tracks of one recording, without gaps, and what they were made with."""

    source: str
    sample_rate_hz: int
    samples: int
    hop: int
    options: Mapping[str, object]
    tracks: Tracks
    warnings: tuple[str, ...] = ()

    @property
    def time_s(self) -> npt.NDArray[np.float64]:
        """Of each point."""
        return np.asarray(self.tracks.frame * self.hop / self.sample_rate_hz)

    @property
    def frequency_hz(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.tracks.frequency * self.sample_rate_hz)


def csv(found: Analysis) -> bytes:
    """A line for each point; tracks and channels count from 1."""
    tracks = found.tracks
    channels = range(tracks.amplitude.shape[1])
    names = [f"amplitude_{n + 1},phase_rad_{n + 1}" for n in channels]
    columns = [tracks.track + 1, found.time_s, found.frequency_hz]
    formats = ["%d", "%.6f", "%.4f"]
    for n in channels:
        columns += [tracks.amplitude[:, n], tracks.phase[:, n]]
        formats += ["%.6g", "%.4f"]
    text = io.StringIO()
    text.write(",".join(["track", "time_s", "frequency_hz", *names]) + "\n")
    line = ",".join(formats) + "\n"
    for row in zip(*(column.tolist() for column in columns), strict=True):
        text.write(line % row)
    return text.getvalue().encode()


def json_(found: Analysis) -> bytes:
    """An object for each track, with a list for each column."""
    tracks, begins = found.tracks, found.tracks.begins
    time_s, frequency_hz = found.time_s, found.frequency_hz

    def one(n: int) -> dict[str, object]:
        here = slice(begins[n], begins[n + 1])
        return {
            "track": n + 1,
            "start_s": round(float(time_s[here][0]), 6),
            "end_s": round(float(time_s[here][-1]), 6),
            "frequency_hz": frequency_hz[here].round(4).tolist(),
            "amplitude": tracks.amplitude[here].T.round(8).tolist(),
            "phase_rad": tracks.phase[here].T.round(4).tolist(),
        }

    document = {
        "recording": found.source,
        "sample_rate_hz": found.sample_rate_hz,
        "samples": found.samples,
        "hop_s": found.hop / found.sample_rate_hz,
        "options": dict(found.options),
        "tracks": [one(n) for n in range(len(begins) - 1)],
    }
    return (json.dumps(document, allow_nan=False) + "\n").encode()


def sdif(found: Analysis) -> bytes:
    """1TRC frames, one stream for each channel, counted from 1; silence has frames without rows."""
    tracks = found.tracks
    order = np.lexsort((found.frequency_hz, tracks.frame))
    last = int(tracks.frame.max(initial=-1)) + 1  # a frame more: all have ended
    edges = np.searchsorted(tracks.frame[order], np.arange(last + 2))
    parts = [_HEADER]
    matrices = [
        np.column_stack(
            [
                tracks.track[order] + 1,
                found.frequency_hz[order],
                tracks.amplitude[order, n],
                tracks.phase[order, n],
            ]
        ).astype(">f4")
        for n in range(tracks.amplitude.shape[1])
    ]
    for frame in range(last + 1 if len(tracks) else 0):
        time_s = frame * found.hop / found.sample_rate_hz
        for channel, matrix in enumerate(matrices):
            data = matrix[edges[frame] : edges[frame + 1]].tobytes()  # 16 bytes a row: no padding
            head = struct.pack(">dii", time_s, channel + 1, 1)
            shape = struct.pack(">4siii", b"1TRC", _FLOAT32, len(data) // 16, 4)
            size = len(head) + len(shape) + len(data)
            parts += [struct.pack(">4si", b"1TRC", size), head, shape, data]
    return b"".join(parts)


FORMATS: dict[str, Callable[[Analysis], bytes]] = {".csv": csv, ".json": json_, ".sdif": sdif}
