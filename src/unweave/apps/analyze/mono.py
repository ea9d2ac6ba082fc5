"""The blocks of a stem as one channel at another rate, as networks take it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from unweave.audio.resampler import Resampler

if TYPE_CHECKING:
    from unweave.types import Wave


def mono(blocks: Iterable[Wave], rate_hz: int, to_hz: int) -> Iterator[Wave]:
    """The mean of all channels: blocks `(channel, time)` to blocks `(time,)`, float32.

    Samples that are not finite are zero.
    """
    resampler = Resampler(rate_hz, to_hz, 1)
    for block in blocks:
        mean = np.nan_to_num(block, posinf=0.0, neginf=0.0).mean(0, keepdims=True)
        yield resampler.push(mean.astype(np.float32))[0]
    yield resampler.flush()[0]
