"""A standard MIDI file, format 1: the tempo map of the beats, markers, and a track for each lane.

A beat is a quarter note, and the tempo changes at each beat, so that bars and grid of a sequencer
lie on the recording (MIDI Manufacturers Association, The complete MIDI 1.0 detailed specification,
Standard MIDI files 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unweave.apps.analyze.analysis import Analysis
from unweave.apps.analyze.events import Event
from unweave.exports.session import line

TICKS = 480  # of a quarter note
USUAL_BPM = 120.0
LONGEST_QUARTER_S = 16.0  # 24 bits of microseconds
PROGRAMS = {"melody": 52, "notes": 0, "bass": 33}  # choir, piano, fingered bass, from 0
CHANNELS = {"melody": 0, "notes": 1, "bass": 2, "drums": 9}
DRUMS = {"kick": 36, "snare": 38, "hi-hat": 42}
HIT_S = 0.05

Message = tuple[int, int, bytes]
"""Tick, order among those of one tick, bytes."""


@dataclass(frozen=True)
class Grid:
    """Ticks over time: linear between `times_s` and `ticks`, and on beyond the last two."""

    times_s: tuple[float, ...]
    ticks: tuple[int, ...]

    def tick(self, time_s: float) -> int:
        if time_s > self.times_s[-1]:
            (a, b), (c, d) = self.times_s[-2:], self.ticks[-2:]
            return round(d + (time_s - b) * (d - c) / (b - a))
        return round(float(np.interp(time_s, self.times_s, self.ticks)))


def grid(beats: Sequence[Event]) -> Grid:
    """The grid of the beats; before the first are as many quarters as fit in best."""
    times = [beat.start_s for beat in beats]
    kept = [t for n, t in enumerate(times) if n == 0 or t - times[n - 1] > 1e-3]
    if len(kept) < 2:
        return Grid((0.0, 60 / USUAL_BPM), (0, TICKS))
    first, period_s = kept[0], float(np.median(np.diff(kept)))
    before = round(first / period_s)
    if before == 0:  # the first beat is at the beginning, or as good as
        kept[0] = 0.0
        return Grid(tuple(kept), tuple(TICKS * n for n in range(len(kept))))
    ticks = [0, *(TICKS * (before + n) for n in range(len(kept)))]
    return Grid((0.0, *kept), tuple(ticks))


def file(found: Analysis, title: str) -> bytes:
    """The file, whatever was found."""
    at = grid(found.events("beats"))
    tracks = [_conductor(found, at, title)]
    for name, channel in CHANNELS.items():
        if events := found.events(name):
            tracks.append(_notes(name, channel, events, at))
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS)
    return header + b"".join(tracks)


def _conductor(found: Analysis, at: Grid, title: str) -> bytes:
    messages: list[Message] = [(0, 0, _meta(0x03, line(title).encode()))]
    metre = found.whole.get("metre")
    first_down = next((e.start_s for e in found.events("downbeats")), None)
    if metre is not None and first_down is not None:
        pickup, beats = at.tick(first_down) // TICKS, int(metre.value)
        if pickup % beats:
            messages.append((0, 1, _signature(pickup % beats)))
            messages.append((pickup % beats * TICKS, 1, _signature(beats)))
        else:
            messages.append((0, 1, _signature(beats)))
    for (a, b), (c, d) in zip(
        zip(at.times_s[:-1], at.times_s[1:], strict=True),
        zip(at.ticks[:-1], at.ticks[1:], strict=True),
        strict=True,
    ):
        quarter_s = min((b - a) * TICKS / (d - c), LONGEST_QUARTER_S)
        messages.append((c, 2, _meta(0x51, round(1e6 * quarter_s).to_bytes(3, "big"))))
    for name in ("form", "chords"):
        kind = 0x06 if name == "form" else 0x01  # marker, text
        messages += [
            (at.tick(event.start_s), 3, _meta(kind, line(str(event.value)).encode()))
            for event in found.events(name)
        ]
    return _track(messages)


def _signature(beats: int) -> bytes:
    return _meta(0x58, bytes([beats, 2, 24, 8]))


def _notes(name: str, channel: int, events: Sequence[Event], at: Grid) -> bytes:
    messages: list[Message] = [(0, 0, _meta(0x03, name.encode()))]
    if name in PROGRAMS:
        messages.append((0, 1, bytes([0xC0 | channel, PROGRAMS[name]])))
    ends: dict[int, int] = {}
    for event in events:
        pitch = DRUMS.get(str(event.value)) if name == "drums" else int(event.value)
        if pitch is None or not 0 <= pitch <= 127:
            continue
        end_s = event.end_s if event.end_s > event.start_s else event.start_s + HIT_S
        start, end = at.tick(event.start_s), at.tick(end_s)
        start = max(start, ends.get(pitch, 0))  # a pitch sounds once at a time
        if (end := max(end, start + 1)) <= ends.get(pitch, -1):
            continue
        ends[pitch] = end
        velocity = round(40 + 80 * event.confidence)
        messages.append((start, 5, bytes([0x90 | channel, pitch, velocity])))
        messages.append((end, 4, bytes([0x80 | channel, pitch, 0])))
    return _track(messages)


def _track(messages: Sequence[Message]) -> bytes:
    body, now = [], 0
    for tick, _, data in sorted(messages, key=lambda each: each[:2]):
        body.append(_variable(tick - now) + data)
        now = tick
    body.append(_variable(0) + _meta(0x2F, b""))
    joined = b"".join(body)
    return b"MTrk" + struct.pack(">I", len(joined)) + joined


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable(len(data)) + data


def _variable(value: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last have the eighth bit."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))
