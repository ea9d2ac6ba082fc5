"""The transforms of lossy codecs, laid over a recording at any sample: where their frames begin.

A lossy codec cuts sound into frames, transforms each and rounds the coefficients; many become zero.
After decoding, the same transform finds these zeros again, but only where its frames begin at the
same samples (Herre and Schug, Analysis of decompressed audio - the inverse decoder, 2000; Gärtner
et al., Efficient cross-codec framing grid analysis for audio tampering detection, 2014). `scan`
tries every sample where a frame may begin, `contrast` looks at one such grid, frame by frame, and
`grids` does both: what stands out in few frames has to do so in many others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

FLOOR = 0.5 / 32768  # half a step of 16 bits: nothing in such a file is quieter
LOWEST_HZ = 300.0  # below, tones fill every coefficient
NEAR = 16  # samples around a grid in which it still shows
BESIDE = 33  # places beside each other whose median is what there is without a grid
LIKELY = 3.5  # standard deviations by which a place has to stand out to be looked at again
CANDIDATES = 6  # places that are looked at again
LEAST = 0.01  # nats: added to the spread of frames, which may all be alike
LARGE = 20 * FLOOR  # coefficients whose size rounding to 16 bits leaves as it was
# Steps of the codecs' scales in an octave; floor curves of Vorbis go down 140 dB in 256 steps.
STEPS = {"AAC": 4.0, "MP3": 4.0, "Vorbis": 20 * math.log10(2) * 256 / 140}
MP3_TAPS, MP3_BANDS, MP3_LINES = 512, 32, 18
MP3_CUTOFF, MP3_KAISER = 1.14398, 10.8321  # of 1/64 of the rate; beta
MP3_BUTTERFLIES = -0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037
CELT_OVERLAP, CELT_EMPHASIS = 120, 0.85

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform. family: of codecs. hop: samples from frame to frame. size: of one frame.

    apply: a wave `(time,)` and where frames begin in it, `(frame,)` in rising order -> `(frame,
    hop)` coefficients, which keep the power.
    """

    family: str
    hop: int
    size: int
    apply: Callable[[Tensor, Tensor], Tensor]
    at_once: int = 64  # frames that stay in the cache together


@dataclass(frozen=True, slots=True)
class Grid:
    """Where frames of a transform begin: at samples `phase + n * transform.hop`.

    depth: nats by which the coefficients are lower there than beside. score: the same in standard
    errors of frames that lie on no grid.
    """

    transform: Transform
    phase: int
    depth: float
    score: float


@cache
def transforms(sample_rate_hz: int) -> tuple[Transform, ...]:
    """Those that codecs use at this rate."""
    found = [_mdct("AAC", 1024, "sine"), _mdct("AAC", 1024, "kaiser"), _mp3()]
    found.append(_mdct("Vorbis", 1024, "vorbis"))
    if sample_rate_hz < 26_000:
        found.append(_mdct("Vorbis", 512, "vorbis"))
    if sample_rate_hz == 48_000:
        found.append(Transform("Opus", 960, 1 + 1920, _celt))
    return tuple(found)


def grids(
    transform: Transform, wave: Tensor, start: int, frames: int, score: float, rate_hz: int
) -> list[Grid]:
    """The grids of a passage, the deepest first; most passages have none or one.

    wave: `(channel, time)`, of which `samples_for` are scanned, and all else confirms; start: the
    number of its first sample in the recording. score: what is confirmed, in standard errors of
    frames that lie on no grid.
    """
    depth = scan(transform, wave, start, frames, rate_hz)
    spread = 1.4826 * float(np.median(np.abs(depth))) + 1e-3
    likely = [int(each) for each in np.argsort(-depth)[:CANDIDATES]]
    likely = [phase for phase in likely if depth[phase] >= LIKELY * spread]
    if not likely:
        return []

    def confirmed(phase: int) -> Array:
        first = NEAR + (phase - start - NEAR) % transform.hop
        count = (wave.shape[1] - NEAR - transform.size - first) // transform.hop + 1
        starts = first + transform.hop * torch.arange(count)
        return contrast(transform, wave, starts, rate_hz).numpy().astype(np.float64)

    # Vorbis has frames at multiples of 64 from each other: these are none of them.
    thirds = transform.hop // 3 + 7, 2 * transform.hop // 3 + 5
    off = [confirmed(likely[0] + third) for third in thirds]
    usual = float(np.concatenate(off).std()) + LEAST
    found: list[Grid] = []
    for phase in likely:
        here = confirmed(phase)
        mean, error = float(here.mean()), usual / math.sqrt(len(here))
        if mean >= score * error:
            found.append(Grid(transform, phase, mean, mean / error))
    return sorted(found, key=lambda each: -each.depth)


def scan(transform: Transform, wave: Tensor, start: int, frames: int, rate_hz: int) -> Array:
    """How much lower coefficients are for frames from each sample on than for those from beside.

    wave: `(channel, time)`, of which `samples_for` are read; frames take the channels in turn.
    start: the number of its first sample in the recording. Returns `(hop,)` nats by phase.
    """
    hop, levels = transform.hop, torch.zeros(transform.hop)
    for n in range(frames):
        starts = torch.arange(n * hop, (n + 1) * hop)
        levels += _level(transform, wave[n % len(wave)], starts, rate_hz)
    found = np.roll(levels.numpy().astype(np.float64) / frames, start % hop)
    half = BESIDE // 2
    around = np.concatenate([found[-half:], found, found[:half]])
    return np.median(np.lib.stride_tricks.sliding_window_view(around, BESIDE), axis=1) - found


def samples_for(transform: Transform, frames: int) -> int:
    """What `scan` reads."""
    return (frames - 1) * transform.hop + transform.size + transform.hop - 1


def contrast(transform: Transform, wave: Tensor, starts: Tensor, rate_hz: int) -> Tensor:
    """By how many nats frames from `starts` on are lower than those from a few samples beside.

    wave: `(channel, time)`; starts: `(frame,)`, all of them NEAR or more samples from the ends.
    Returns `(frame,)`, the mean of all channels.
    """
    total = torch.zeros(len(starts))
    for row in wave:
        before, on, after = (
            _level(transform, row, starts + by, rate_hz) for by in (-NEAR, 0, NEAR)
        )
        total += (before + after) / 2 - on
    return total / len(wave)


def scale(transform: Transform, wave: Tensor, starts: Tensor, rate_hz: int) -> complex:
    """Where the codec's steps lie on a logarithmic scale, as the mean of unit vectors.

    Coefficients are whole numbers, to a power, times steps that are powers of a fixed ratio. One
    turn of the vector is one such ratio: a gain turns it, whatever the sound is. Its length is near
    zero where there are no steps. wave: `(channel, time)`; starts: `(frame,)`.
    """
    first = math.ceil(LOWEST_HZ / rate_hz * 2 * transform.hop)
    total, count = 0j, 1
    for row in wave:
        size = transform.apply(row, starts)[:, first:].abs().flatten()
        size = size[size > LARGE].double()
        turns = 2 * math.pi * STEPS[transform.family] * size.log2()
        total += complex(float(turns.cos().sum()), float(turns.sin().sum()))
        count += len(size)
    return total / count


def _level(transform: Transform, row: Tensor, starts: Tensor, rate_hz: int) -> Tensor:
    """The mean logarithm of the coefficients' power, `(frame,)`: low where many are zero."""
    first = math.ceil(LOWEST_HZ / rate_hz * 2 * transform.hop)
    levels = []
    for some in starts.split(transform.at_once):
        power = transform.apply(row, some)[:, first:].square_()
        levels.append(power.add_(FLOOR**2).log_().mean(1))
    return torch.cat(levels)


def _mdct(family: str, hop: int, shape: str) -> Transform:
    weights = torch.from_numpy(window(shape, 2 * hop)).float()

    def apply(row: Tensor, starts: Tensor) -> Tensor:
        return mdct(row.unfold(0, 2 * hop, 1)[starts].mul_(weights))

    return Transform(family, hop, 2 * hop, apply)


def window(shape: str, size: int) -> Array:
    """`(size,)`: "sine", "vorbis", or "kaiser" (Kaiser-Bessel derived, alpha 4, as AAC has it)."""
    sine = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    if shape == "sine":
        return sine
    if shape == "vorbis":
        return np.sin(np.pi / 2 * sine**2)
    rising = np.cumsum(np.kaiser(size // 2 + 1, 4 * np.pi))
    half = np.sqrt(rising[:-1] / rising[-1])
    return np.concatenate([half, half[::-1]])


def mdct(frames: Tensor) -> Tensor:
    """The MDCT of windowed frames, `(frame, 2 * hop)` -> `(frame, hop)`.

    Folded to a DCT of type IV, which is a complex transform of half its length.
    """
    hop = frames.shape[1] // 2
    a, b, c, d = frames.unflatten(1, (4, hop // 2)).unbind(1)
    folded = torch.cat([-c.flip(1) - d, a - b.flip(1)], 1)
    twist = _twist(hop)
    pairs = torch.complex(folded[:, ::2].contiguous(), folded[:, 1::2].flip(1).contiguous())
    found = torch.fft.fft(pairs.mul_(twist)).mul_(twist)
    out = torch.empty_like(folded)
    out[:, ::2] = found.real
    out[:, 1::2] = -found.imag.flip(1)
    return out.mul_(math.sqrt(2 / hop))


@cache
def _twist(hop: int) -> Tensor:
    turns = (4 * np.arange(hop // 2) + 1) / (4 * hop)
    return torch.from_numpy(np.exp(-1j * np.pi * turns)).to(torch.complex64)


def _celt(row: Tensor, starts: Tensor) -> Tensor:
    """Opus for music (RFC 6716): an MDCT with short fades of a signal with raised treble."""
    raised = row[1:] - CELT_EMPHASIS * row[:-1]
    return mdct(raised.unfold(0, 1920, 1)[starts].mul_(_celt_window()))


@cache
def _celt_window() -> Tensor:
    hop, fade = 960, window("vorbis", 2 * CELT_OVERLAP)
    none, whole = np.zeros((hop - CELT_OVERLAP) // 2), np.ones(hop - CELT_OVERLAP)
    weights = [none, fade[:CELT_OVERLAP], whole, fade[CELT_OVERLAP:], none]
    return torch.from_numpy(np.concatenate(weights)).float()


def _mp3() -> Transform:
    """32 bands, then an MDCT of 18 lines in each (ISO/IEC 11172-3, layer III, long blocks)."""
    size = MP3_TAPS + MP3_BANDS * (2 * MP3_LINES - 1)
    hop = MP3_BANDS * MP3_LINES
    return Transform("MP3", hop, size, _mp3_lines, at_once=hop)  # they share most of their work


def _mp3_lines(row: Tensor, starts: Tensor) -> Tensor:
    weights, modulation, lines = _mp3_bank()
    times = starts[:, None] + MP3_BANDS * torch.arange(2 * MP3_LINES)  # (frame, 36)
    # Frames beside each other share what the bands hold at most of these times.
    each, index = torch.unique(times, return_inverse=True)
    folded = (row.unfold(0, MP3_TAPS, 1)[each] * weights).unflatten(-1, (8, 64)).sum(-2)
    bands = (folded @ modulation).T[:, index]  # (band, frame, 36)
    found = torch.bmm(bands, lines).transpose(0, 1)  # (frame, band, 18)
    return _butterflies(found).flatten(1)


@cache
def _mp3_bank() -> tuple[Tensor, Tensor, Tensor]:
    """Weights `(512,)`, modulation `(64, 32)`, lines `(32, 36, 18)`, all in the order of time."""
    band, tap = np.arange(MP3_BANDS), np.arange(64)
    turns = (-1.0) ** (np.arange(MP3_TAPS) // 64)
    weights = (prototype() * turns)[::-1]  # the standard counts from the newest sample
    modulation = np.cos((2 * band + 1) * (tap[::-1, None] - 16) * np.pi / 64)
    time, line = np.arange(2 * MP3_LINES)[:, None], np.arange(MP3_LINES)
    block = np.sin(np.pi / 36 * (time + 0.5))
    block = block * np.cos(np.pi / 72 * (2 * time + 19) * (2 * line + 1)) * math.sqrt(2) / 3
    inverted = np.where((band[:, None] % 2 == 1) & (time[:, 0] % 2 == 1), -1, 1)
    lines = inverted[..., None] * block
    weights, modulation, lines = (np.ascontiguousarray(x) for x in (weights, modulation, lines))
    return (
        torch.from_numpy(weights).float(),
        torch.from_numpy(modulation).float(),
        torch.from_numpy(lines).float(),
    )


def prototype() -> Array:
    """`(512,)`: a Kaiser-windowed low-pass, which differs from the standard's table by -55 dB.

    Y.-P. Lin and P. P. Vaidyanathan, A Kaiser window approach for the design of prototype filters
    of cosine modulated filterbanks, 1998.
    """
    tap = np.arange(MP3_TAPS) - MP3_TAPS // 2
    sinc = np.sinc(MP3_CUTOFF / 64 * tap) * np.kaiser(MP3_TAPS + 1, MP3_KAISER)[:MP3_TAPS]
    return sinc * MP3_CUTOFF / 8


def _butterflies(lines: Tensor) -> Tensor:
    """What leaks from each band into the next is taken off: `(frame, band, line)`."""
    ratio = torch.tensor(MP3_BUTTERFLIES)
    own, other = 1 / (1 + ratio**2).sqrt(), ratio / (1 + ratio**2).sqrt()
    upper, lower = lines[:, :-1, 10:].flip(-1), lines[:, 1:, :8]
    out = lines.clone()
    out[:, :-1, 10:] = (upper * own + lower * other).flip(-1)
    out[:, 1:, :8] = lower * own - upper * other
    return out
