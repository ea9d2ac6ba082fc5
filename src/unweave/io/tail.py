"""Where a stream of sound ends: the declared length decides what lies past it.

Encoders work in blocks, so the last decoded block often runs past the end of the recording. What
comes after the declared end is held back. Less than one encoder block of it is padding and is
dropped; more means that the declaration was wrong (two files joined into one, say) and everything
is given after all.
"""

from __future__ import annotations

import numpy as np

from unweave.core.types import Wave

_LONGEST_PADDING = 8192  # samples: the longest block of Vorbis; AAC, MP3 and Opus have shorter ones


class Tail:
    """Passes blocks on up to `declared` samples (None: no limit) and judges the rest.

    `slack` is how far short the declaration may fall by its own coarseness: a rest of at most
    `slack` samples is sound, not padding.
    """

    def __init__(self, declared: int | None, slack: int) -> None:
        self._declared = declared
        self._slack = slack
        self._held: list[Wave] = []
        self.length = 0  # samples given so far

    def push(self, wave: Wave) -> Wave:
        """Take the next samples, return what surely belongs to the recording."""
        if self._declared is None:
            return self._give(wave)
        sure = wave[:, : max(self._declared - self.length, 0)]
        rest = wave[:, sure.shape[1] :]
        if rest.shape[1]:
            self._held.append(rest)
        if sum(held.shape[1] for held in self._held) <= _LONGEST_PADDING:
            return self._give(sure)
        self._declared = None
        return self._give(np.concatenate([sure, *self._held], axis=1))

    def finish(self) -> Wave | None:
        """What was held back and is sound after all."""
        held = sum(held.shape[1] for held in self._held)
        return self._give(np.concatenate(self._held, axis=1)) if 0 < held <= self._slack else None

    def _give(self, wave: Wave) -> Wave:
        self.length += wave.shape[1]
        return wave
