"""The pitch of one voice over time: of the singing by swift-f0, of the bass by YIN.

swift-f0 is L. Nieradzik's network (arXiv:2508.18440), which knows no pitch below 46 Hz; a bass goes
down to 41 Hz and lower. YIN is A. de Cheveigné and H. Kawahara, YIN, a fundamental frequency
estimator for speech and music, JASA 111(4), 2002. Both work on stretches of some seconds with what
lies around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.apps.align.voice import FRAME_S as VOICE_FRAME_S
from unweave.apps.align.voice import RATE_HZ as VOICE_RATE_HZ
from unweave.apps.align.voice import VOICED
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.features import Array, Small
from unweave.apps.analyze.mono import mono
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

STRETCH_S, CONTEXT_S = 20.48, 1.024  # whole frames of swift-f0 both
SILENT_PEAK = 1e-3  # of a stretch without a voice
SILENCE_DB = -120.0
QUIET_DB = 35.0  # below the loudest frames: what another instrument left in a stem

BASS_RATE_HZ = 4000
BASS_HOP = 64
BASS_FRAME_S = BASS_HOP / BASS_RATE_HZ
BASS_WINDOW = 400  # samples that are compared: four periods of 40 Hz
BASS_HZ = 36.0, 330.0
DIP = 0.15  # of the difference function, below which the first dip is the period
FRAMES_AT_ONCE = 2048
SHORTEST_NOTE_S = 0.08
SHORTEST_GAP_S = 0.05


@dataclass(frozen=True)
class Contour:
    """A pitch each `frame_s`, centred on its number times that, from the start of what was heard.

    hz, confidence: `(frame,)`; whatever the confidence, hz is the likeliest pitch.
    """

    frame_s: float
    hz: Small
    confidence: Small


def sung(blocks: Iterator[Wave], sample_rate_hz: int) -> Contour:
    """The pitch of a voice, with swift-f0's confidence, zero where it is far below its own level.

    Raises ImportError where swift-f0 is missing.
    """
    from swift_f0 import SwiftF0

    follower = SwiftF0(threads=1, spin=False)
    size, context = round(STRETCH_S * VOICE_RATE_HZ), round(CONTEXT_S * VOICE_RATE_HZ)
    skip = round(CONTEXT_S / VOICE_FRAME_S)
    parts = []
    wave = mono(blocks, sample_rate_hz, VOICE_RATE_HZ)
    for stretch in windows(in_blocks(wave, size), context):
        count = -(-(len(stretch) - 2 * context) // round(VOICE_FRAME_S * VOICE_RATE_HZ))
        peak = float(np.abs(stretch).max(initial=0.0))
        if peak < SILENT_PEAK:
            parts.append(np.repeat([[0.0], [0.0], [SILENCE_DB]], count, axis=1))
            continue
        # The network takes no levels below about -35 dBFS.
        found = follower.detect(stretch * (0.5 / peak), VOICE_RATE_HZ)
        level_db = found.loudness_db + 20 * np.log10(2 * peak)
        rows = np.stack([found.pitch_hz, found.confidence, level_db])[:, skip : skip + count]
        parts.append(rows)
    if not parts:
        return _none(VOICE_FRAME_S)
    hz, sure, level_db = np.concatenate(parts, axis=1)
    voiced = level_db[sure >= VOICED]
    if len(voiced):
        sure = np.where(level_db < np.percentile(voiced, 95) - QUIET_DB, 0.0, sure)
    return Contour(VOICE_FRAME_S, hz.astype(np.float32), np.clip(sure, 0, 1).astype(np.float32))


def bass(blocks: Iterator[Wave], sample_rate_hz: int) -> Contour:
    """The pitch of a bass; the confidence is one less YIN's difference, weighed with the level."""
    longest = int(np.ceil(BASS_RATE_HZ / BASS_HZ[0])) + 2
    size = BASS_WINDOW + longest
    stretch = FRAMES_AT_ONCE * BASS_HOP
    parts = []
    rows = windows(in_blocks(mono(blocks, sample_rate_hz, BASS_RATE_HZ), stretch), size // 2 + 1)
    for wave in rows:
        count = -(-(len(wave) - 2 * (size // 2 + 1)) // BASS_HOP)
        padded = np.pad(wave, (0, size))
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::BASS_HOP][:count]
        parts.append(_yin(frames.astype(np.float64), longest))
    if not parts:
        return _none(BASS_FRAME_S)
    hz, sure, power = np.concatenate(parts, axis=1)
    loud = np.sqrt(power)
    usual = float(np.percentile(loud[loud > 0], 90)) if np.any(loud > 0) else 1.0
    sure = sure * np.clip(loud / (0.1 * usual) - 0.2, 0, 1)
    return Contour(BASS_FRAME_S, hz.astype(np.float32), np.clip(sure, 0, 1).astype(np.float32))


def _yin(frames: Array, longest: int) -> Array:
    """Pitch in Hz, confidence and power of each frame, `(3, frame)`. frames: `(frame, size)`."""
    shortest = int(BASS_RATE_HZ / BASS_HZ[1])
    width = frames.shape[1] - longest
    size = 1 << (frames.shape[1] + width).bit_length()
    spectrum = np.fft.rfft(frames, size) * np.conj(np.fft.rfft(frames[:, :width], size))
    products = np.fft.irfft(spectrum, size)[:, : longest + 1]
    squares = np.concatenate([np.zeros((len(frames), 1)), np.cumsum(frames**2, axis=1)], axis=1)
    energy = squares[:, width:] - squares[:, : longest + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * products, 0.0)
    lags = np.arange(1, longest + 1)
    sums = np.cumsum(difference[:, 1:], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = np.where(sums > 0, difference[:, 1:] * lags / sums, 1.0)
    normal = np.concatenate([np.ones((len(frames), 1)), normal], axis=1)
    inner = normal[:, shortest:longest]
    dip = (inner <= normal[:, shortest - 1 : longest - 1]) & (inner < normal[:, shortest + 1 :])
    low = dip & (inner < DIP)
    first = np.where(low.any(1), low.argmax(1), inner.argmin(1)) + shortest
    row = np.arange(len(frames))
    left, middle, right = (normal[row, first + n] for n in (-1, 0, 1))
    bend = left - 2 * middle + right
    offset = np.where(bend > 1e-12, 0.5 * (left - right) / np.where(bend > 1e-12, bend, 1.0), 0.0)
    hz = BASS_RATE_HZ / (first + np.clip(offset, -0.5, 0.5))
    return np.stack([hz, 1 - np.clip(middle, 0, 1), energy[:, 0] / width])


def notes(contour: Contour, least: float, start_s: float = 0.0) -> list[Event]:
    """Notes of a contour: runs of frames within a semitone, as MIDI numbers.

    least: the confidence of a frame from which on it sounds. start_s: the time of the first frame.
    The confidence of a note is the mean of its frames'.
    """
    sounds = contour.confidence >= least
    if not sounds.any():
        return []
    pitch = 69 + 12 * np.log2(np.maximum(contour.hz, 1.0) / 440)
    smooth = _median_of_five(pitch)
    whole = np.where(sounds, _settled(smooth), -1)
    edges = np.flatnonzero(np.diff(whole, prepend=-2, append=-2))
    found: list[tuple[int, int, int]] = []
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        value = int(whole[first])
        gap = found and (first - found[-1][1]) * contour.frame_s <= SHORTEST_GAP_S
        if value < 0:
            continue
        if gap and found[-1][2] == value:
            found[-1] = found[-1][0], end, value
        else:
            found.append((first, end, value))
    events = []
    for first, end, value in found:
        if (end - first) * contour.frame_s < SHORTEST_NOTE_S or not 0 <= value <= 127:
            continue
        sure = float(contour.confidence[first:end].mean())
        begin_s = max(0.0, start_s + (first - 0.5) * contour.frame_s)
        end_s = start_s + (end - 0.5) * contour.frame_s
        events.append(Event(begin_s, end_s, value, min(1.0, sure)))
    return events


def _settled(pitch: Array) -> npt.NDArray[np.int64]:
    """Whole semitones that change only when the pitch is more than 0.7 away from the last one."""
    found = np.empty(len(pitch), np.int64)
    now = round(float(pitch[0]))
    for n, value in enumerate(pitch.tolist()):
        if abs(value - now) > 0.7:
            now = round(value)
        found[n] = now
    return found


def _median_of_five(values: Array) -> Array:
    padded = np.pad(values, 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=-1)


@dataclass(frozen=True)
class Compass:
    """MIDI numbers, whole. lowest, highest: the range, without the hundredth part of the time at
    each end; low, high: the tessitura, where half of the time is spent."""

    lowest: int
    highest: int
    low: int
    high: int


def compass(contour: Contour, least: float) -> Compass | None:
    """Of the frames of at least that confidence; None where they are less than a second."""
    hz = contour.hz[(contour.confidence >= least) & (contour.hz > 0)]  # 0 stands for silence
    if len(hz) * contour.frame_s < 1:
        return None
    pitch = 69 + 12 * np.log2(hz / 440)
    lowest, low, high, highest = (round(float(p)) for p in np.percentile(pitch, (1, 25, 75, 99)))
    return Compass(lowest, highest, low, high)


def _none(frame_s: float) -> Contour:
    return Contour(frame_s, np.zeros(0, np.float32), np.zeros(0, np.float32))
