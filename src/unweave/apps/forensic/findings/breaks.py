"""Places where the wave breaks off: what lies behind does not go on from what lies before.

Linear prediction foresees each sample from those before it; what it leaves is a weak noise with
pulses where something sounds anew. At a cut, the samples behind it are foreseen from others than
their own past. The errors that follow have a shape, which the predictor and the spectrum of the
sound decide: with the predictor `a` they are the sums of `a[k + 1 + i] d[i]`, where `d` is the
difference of both pasts and has the sound's own correlation. A matched subspace detector (Scharf,
Statistical signal processing, 1991, chapter 4) takes the part of the errors that has this shape,
which finds breaks that are far below a pulse in their largest sample (Vaseghi, Advanced digital
signal processing and noise reduction, 2008, chapter 12, on that one).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings import tails
from unweave.apps.forensic.findings.runs import highest, without_ends
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

ORDER = 32  # of the prediction, and samples behind a break that are looked at together
SHAPES = 2  # of errors behind a break
FRAME_S = 0.05  # one prediction each, to the next power of two samples
FRAMES = 16  # at once
REACH_S = 0.02  # the neighbourhood on each side: longer than the period of a voice
CLEAR = 48  # samples beside a break that are none of its neighbourhood
FAINT = 2e-5  # errors of two thirds of a step of 16 bits: nothing below is a break
FULL = 32766 / 32768  # where a wave is clipped
LEAST = 4.5  # times the largest nearby
STRETCH_S = 0.1  # breaks that are closer are one
USUAL, WEIGHT = 0.15, 8.0  # of tails, see there

Array = npt.NDArray[np.float64]

WAVE = Kind(
    name="waveform-break",
    title="The wave breaks off and goes on elsewhere",
    measures="The error of linear prediction behind this sample, as far as it has the shape that a "
    "cut leaves, over the largest one nearby. The limit is beyond what the rest of the recording "
    "reaches by chance.",
    limits="Clicks of records, of lips and of bad connections break it too, and so do sampled "
    "drums. Speech has so many pulses of its own that cuts rarely stand out. A cross-fade breaks "
    "little or nothing. Clipped places and files of Opus are left out, as they break without an "
    "edit.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind."""
    if recording.info.codec == "opus":  # its frames overlap so little that they break it too
        return
    rate_hz = recording.info.sample_rate_hz
    length = max(1, round(STRETCH_S * rate_hz))
    stretches = tails.Stretches(length)
    for block in in_blocks(_scores(recording.blocks(), rate_hz), length):
        stretches.add(block[0])
    limit = max(LEAST, tails.limit(stretches.tops, USUAL, WEIGHT))
    for place, score in stretches.beyond(limit, length):
        yield _finding(place / rate_hz, score, limit, ORDER / rate_hz)


def _finding(at_s: float, score: float, limit: float, reach_s: float) -> Finding:
    return Finding(
        kind=WAVE.name,
        words="At this sample the wave does not go on as the samples before it let expect.",
        start_s=round(max(0.0, at_s - reach_s), 5),
        end_s=round(at_s + reach_s, 5),
        figure=round(score, 2),
        unit="times the largest nearby",
        limit=round(limit, 2),
    )


def _scores(blocks: Iterator[Wave], rate_hz: int) -> Iterator[Wave]:
    """`(1, time)`: the error with the shape of a break, over the largest such error nearby."""
    frame = 1 << round(math.log2(max(4 * ORDER, FRAME_S * rate_hz)))
    reach = max(2 * CLEAR, round(REACH_S * rate_hz))
    context = 2 * frame + reach

    def scores() -> Iterator[Wave]:
        for wave in windows(in_blocks(blocks, FRAMES * frame), context):
            errors = sum(np.square(_shaped(row, frame)) for row in wave[:2].astype(np.float64))
            score = _over_nearby(np.sqrt(errors), reach)
            score[_clipped(wave)] = 0
            yield score[None, context : wave.shape[1] - context].astype(np.float32)

    return without_ends(scores(), reach)  # where a recording begins and ends it breaks off


def _clipped(wave: Wave) -> npt.NDArray[np.bool_]:
    """Where one of the samples looked at together is at full scale: clipping breaks the wave."""
    full = (np.abs(wave) >= FULL).any(axis=0)
    found: npt.NDArray[np.bool_] = highest(np.pad(full, ORDER), 2 * ORDER + 1)
    return found


def _over_nearby(error: Array, reach: int) -> Array:
    error = np.maximum(error, FAINT)
    tops = highest(error, reach - CLEAR)  # of the samples from each one on
    score = np.zeros(len(error))
    count = len(error) - 2 * reach
    if count < 1:
        return score
    before, after = tops[:count], tops[reach + CLEAR + 1 :][:count]
    score[reach : reach + count] = error[reach : reach + count] / np.maximum(before, after)
    return score


def _shaped(row: Array, frame: int) -> Array:
    """At each sample the size of the ORDER errors from it on, as far as they have the shape."""
    frames = -(-len(row) // frame)
    half = frame // 2
    padded = np.pad(row, (half + ORDER, frames * frame - len(row) + half + ORDER))
    around = np.lib.stride_tricks.sliding_window_view(padded[ORDER:], 2 * frame)[::frame][:frames]
    window = np.hanning(2 * frame)
    power = np.abs(np.fft.rfft(around * window, 4 * frame)) ** 2
    correlation = np.fft.irfft(power)[:, : ORDER + 1]
    correlation[:, 0] += 1e-9 * correlation[:, 0] + np.square(window * FAINT / 2).sum()
    predictor = _predictor(correlation)
    own = np.lib.stride_tricks.sliding_window_view(padded, frame + 2 * ORDER)
    own = own[half::frame][:frames]  # from ORDER samples before each frame
    size = 2 * frame
    spectrum = np.fft.rfft(own, size) * np.fft.rfft(predictor, size)
    error = np.fft.irfft(spectrum, size)[:, ORDER : 2 * ORDER + frame]
    following = np.lib.stride_tricks.sliding_window_view(error, ORDER, axis=1)[:, :frame]
    shaped = following @ _shapes(predictor, correlation[:, :ORDER])
    found: Array = np.sqrt(np.square(shaped).sum(axis=2)).ravel()[: len(row)]
    return found


def _shapes(predictor: Array, correlation: Array) -> Array:
    """`(frame, ORDER, SHAPES)`: the strongest shapes of errors behind a break, orthonormal."""
    later = np.pad(predictor[:, 1:], ((0, 0), (0, ORDER)))
    mixing = np.lib.stride_tricks.sliding_window_view(later, ORDER, axis=1)[:, :ORDER]
    lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    covariance = mixing @ correlation[:, lags] @ mixing.swapaxes(1, 2)
    return np.linalg.eigh(covariance)[1][:, :, -SHAPES:]


def _predictor(correlation: Array) -> Array:
    """Levinson and Durbin's recursion for all frames at once: `(frame, ORDER + 1)`, 1 first."""
    predictor = np.zeros((len(correlation), ORDER + 1))
    predictor[:, 0] = 1
    rest = correlation[:, 0].copy()
    for order in range(1, ORDER + 1):
        past = correlation[:, order:0:-1]
        reflection = -np.einsum("fl,fl->f", predictor[:, :order], past) / rest
        predictor[:, 1 : order + 1] += (
            reflection[:, None] * predictor[:, order - 1 :: -1][:, :order]
        )
        rest = rest * (1 - reflection**2) + 1e-15
    return predictor


FINDER = Finder(
    name="breaks",
    kinds=(WAVE,),
    find=find,
    parameters={
        "order": ORDER,
        "shapes": SHAPES,
        "frame_s": FRAME_S,
        "reach_s": REACH_S,
        "full_scale": FULL,
        "least": LEAST,
        "alarms": tails.ALARMS,
        "tail_share": tails.SHARE,
        "tail_usual": USUAL,
        "tail_weight": WEIGHT,
    },
)
