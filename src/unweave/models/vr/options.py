"""What is known of VR before it is built, and its option: see `models/vr/model.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unweave.options import Option

if TYPE_CHECKING:
    from unweave.types import Wave

BYTES_PER_SAMPLE = 4300.0  # working memory for one: version 5, 32 wide, 672 bins, a hop of 480
LSTM_SHARE = 0.65  # of that, in version 5.1
MIXED_PRECISION = False
AGGRESSION = 5  # UVR's own


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample: so many numbers of the last U-Net's outermost level."""
    bands: Sequence[Mapping[str, Any]] = config.get("bands") or ({},)
    numbers = config.get("width", 32) * config.get("bins", 672) / max(bands[-1].get("hop", 480), 1)
    share = LSTM_SHARE if config.get("hidden", 0) else 1.0
    return BYTES_PER_SAMPLE * share * numbers / (32 * 672 / 480)


def additive(options: Mapping[str, object]) -> bool:
    """Bins that no band has are in neither stem."""
    return False


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose, alike for every card."""
    return (
        Option(
            name="aggression",
            types=(int,),
            default=AGGRESSION,
            meaning="how much of what is in doubt goes to the stem that is one source, as the "
            "voice is, and not to all but it; UVR's aggressiveness",
            at_least=-50,
            at_most=50,
        ),
    )


def exponents(aggression: int, solo: bool) -> tuple[float, float]:
    """What the mask is raised to: in the lowest band, and in those above it."""
    share = 2 * aggression / 100
    if share and solo:
        share = 1 - share
    return 1 + share / 3, 1 + share


@dataclass(frozen=True)
class Level:
    """The highest magnitude of a segment's spectrum, which is to be 1 in a whole recording."""

    stems: tuple[str, ...]
    config: Mapping[str, Any]

    def __call__(self, wave: Wave) -> Wave:
        """`(group, 2, segment)` to `(group,)`."""
        from unweave.models.vr.model import highest  # which imports torch

        return highest(self.stems, self.config, wave)


def level(stems: tuple[str, ...], config: Mapping[str, Any]) -> Level:
    """What of every segment of a recording the highest is taken of, to set the level by it."""
    return Level(stems, config)
