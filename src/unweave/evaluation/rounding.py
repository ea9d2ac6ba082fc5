"""Whether references and estimates are rounded to 16 bits before they are scored.

BSS Eval projects an estimate on filtered references. A lossy codec leaves nothing of the treble but
the rounding noise of its decoder, so that in floating point this projection is ill-conditioned: the
filters are free in the treble, and SIR, ISR and SAR fall, SIR by 10 dB and more. Samples of 16 bits
have a noise floor there. SiSEC 2018 and the tables since were measured on such samples, because the
decoder of MUSDB18 and the WAV files of estimates had them. Hence the rule: references of a lossy
codec are rounded, and the estimates with them; all else is scored as it is. SDR hardly changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from unweave.errors import UsageError
from unweave.types import Wave

CLIPPED = "clipped by the rounding to 16 bits"  # how a warning of that ends
AUTO, SIXTEEN, NONE = CHOICES = ("auto", "16-bit", "none")


def bits(choice: str, lossy: Collection[str]) -> int | None:
    """To how many bits samples are rounded; None: not at all.

    choice: one of `CHOICES`, "auto" being 16 bits where there are lossy references. lossy: their
    codecs. Raises UsageError for another choice.
    """
    if choice not in CHOICES:
        raise UsageError(f"unknown rounding {choice!r}; there are {', '.join(CHOICES)}")
    return 16 if choice == SIXTEEN or (choice == AUTO and lossy) else None


def rounded(wave: Wave, to_bits: int | None) -> Wave:
    """`wave` with the values that a file of so many bits would hold; itself where that is None.

    What is above full scale is cut off there, as in the file; `clipped` counts it.
    """
    if to_bits is None:
        return wave
    scale = 2.0 ** (to_bits - 1)
    found: Wave = np.rint(wave * scale)
    np.clip(found, -scale, scale - 1, out=found)
    found /= scale
    return found


def clipped(wave: Wave, to_bits: int | None) -> int:
    """How many samples of `wave`, all channels together, lie above full scale and are cut off."""
    if to_bits is None:
        return 0
    return int(np.count_nonzero(np.rint(np.abs(wave) * 2.0 ** (to_bits - 1)) > 2 ** (to_bits - 1)))


def warnings(estimates: Mapping[str, Wave], to_bits: int | None) -> list[str]:
    """A line for each estimate that rounding clips, with the number of its samples.

    estimates: `[stem]`, before they are rounded, each `(channel, time)`.
    """
    counts = {stem: clipped(wave, to_bits) for stem, wave in estimates.items()}
    return [
        f"the estimate of {stem} has {count} of {estimates[stem].size} samples above full scale: "
        f"{CLIPPED}"
        for stem, count in counts.items()
        if count
    ]


def with_rounding(aggregation: str, to_bits: int | None) -> str:
    """The aggregation for the head of a table, with the rounding where there is any."""
    return aggregation if to_bits is None else f"{aggregation}; samples rounded to {to_bits} bits"
