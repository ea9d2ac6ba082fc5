"""Where there is silence, speech, or other sound such as music.

Speech pauses between syllables and words: many frames of a second are far below its mean, and its
level moves about four times a second (Scheirer and Slaney, Construction and evaluation of a robust
multifeature speech/music discriminator, 1997).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings.channels import mono
from unweave.signal.blocks import in_blocks

FRAME_S = 0.025
WINDOW_S = 3.0
STEP_S = 1.0
SILENT_DBFS = -60.0
LOW = 0.5  # of the mean power's root: a pause
PAUSES = 0.35  # the share of pauses from which on sound counts as speech

ACTIVITY = Kind(
    name="activity",
    title="Silence, speech, and other sound",
    measures=f"The share of short pauses in windows of {WINDOW_S:.0f} s.",
    limits="A simple measure, to find one's way: music with many rests counts as speech, speech "
    "over music as other sound. It says nothing about edits.",
    describes=True,
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind."""
    rate_hz = recording.info.sample_rate_hz
    frame = max(1, round(FRAME_S * rate_hz))
    powers = array("f")
    for block in in_blocks(mono(recording.blocks()), 64 * frame):
        whole = block[0, : block.shape[1] // frame * frame].reshape(-1, frame)
        powers.extend(np.square(whole).mean(axis=1).tolist())
    level = np.sqrt(np.array(powers, np.float32))
    step, reach = round(STEP_S / FRAME_S), round((WINDOW_S - STEP_S) / 2 / FRAME_S)
    labels = []
    for first in range(0, len(level), step):
        here = level[max(0, first - reach) : first + step + reach]
        own = level[first : first + step]
        labels.append(_label(own, here))
    at = 0
    for label, group in groupby(labels, key=lambda each: each[0]):
        shares = [share for _, share in group]
        start, at = at, at + len(shares)
        end_s = min(at * step, len(level)) * frame / rate_hz
        share = float(np.mean(shares))
        yield Finding(
            kind=ACTIVITY.name,
            words={"silence": "Silence.", "speech": "Sound with the pauses of speech.",
                   "sound": "Sound without the pauses of speech, such as music."}[label],
            start_s=round(start * step * frame / rate_hz, 3),
            end_s=round(end_s, 3),
            figure=round(100 * share, 1),
            unit="% pauses",
            details={"activity": label},
        )  # fmt: skip


def _label(own: np.ndarray, around: np.ndarray) -> tuple[str, float]:
    """What a second is, and the share of pauses around it."""
    mean = float(np.sqrt(np.square(around, dtype=np.float64).mean()))
    loudest = float(own.max(initial=0.0))
    if loudest < 10 ** (SILENT_DBFS / 20) or mean == 0:
        return "silence", 1.0
    share = float(np.mean(around < LOW * mean))
    return ("speech" if share >= PAUSES else "sound"), share


FINDER = Finder(
    name="activity",
    kinds=(ACTIVITY,),
    find=find,
    parameters={"silent_dbfs": SILENT_DBFS, "pauses": PAUSES, "window_s": WINDOW_S},
)
