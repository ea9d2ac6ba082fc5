"""The words that every package shares: `Audio`, `Spec`, `Separator`, `Progress`.

Waves are `(channel, time)`, stems `(stem, channel, time)`, batches lead, time is last. Sample
values are float32 where full scale is 1.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from unweave.core.plan import Plan, Segmentation
from unweave.core.stem_names import RESIDUAL

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    Wave: TypeAlias = npt.NDArray[np.float32]
    """`(channel, time)`, or `(stem, channel, time)` where a name says stems."""
else:
    Wave = Any  # numpy costs the start of a command more than all else here


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording in memory: `samples (channel, time)` float32 at `sample_rate_hz`.

    `source` says where it came from, for reports.
    """

    samples: Wave
    sample_rate_hz: int
    source: str = ""

    def __post_init__(self) -> None:
        if self.samples.ndim != 2:
            raise ValueError(f"samples must be (channel, time), got shape {self.samples.shape}")
        if self.sample_rate_hz <= 0:
            raise ValueError(f"sample_rate_hz must be positive, got {self.sample_rate_hz}")

    @property
    def duration_s(self) -> float:
        return int(self.samples.shape[-1]) / self.sample_rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a separator is and what it needs: the engine reads it and chooses nothing itself."""

    name: str
    stems: tuple[str, ...]
    sample_rate_hz: int | None = None  # None: any
    channels: int | None = None  # None: any
    min_channels: int = 1  # a recording with fewer is refused ...
    instead: str = ""  # ... with this advice, as in "use nmf, which takes mono"
    segmentation: Segmentation | None = None  # None: needs the whole signal
    bytes_per_sample: float = 64.0  # working memory of one call, per sample of its segment
    complement: str | None = None  # the stem that is the mix minus all others
    additive: bool = False  # the stems sum to the mix
    scale_equivariant: bool = False
    mixed_precision: bool = False  # its products may be taken in 16 bits (torch.autocast)
    needs_track_stats: bool = False  # the recording is read twice, first for its level
    paper: str = ""
    licence: str = ""
    weights_sha256: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)  # all, with the values in force

    def __post_init__(self) -> None:
        if not self.stems or len(set(self.stems)) < len(self.stems):
            raise ValueError(f"{self.name}: stems must be names that differ; got {self.stems}")
        if self.complement is not None and self.complement not in self.stems:
            raise ValueError(
                f"{self.name}: complement must be one of the stems, {', '.join(self.stems)}; "
                f"got {self.complement!r}"
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the engine makes of a mix: the stems, and the residual where they leave one."""
        complete = self.additive and self.complement is not None
        return self.stems if complete else (*self.stems, RESIDUAL)

    def plan(self, sample_rate_hz: int) -> Plan | None:
        """The segments at a sample rate; None where the separator needs the whole signal."""
        return None if self.segmentation is None else self.segmentation.at(sample_rate_hz)


@runtime_checkable
class Separator(Protocol):
    """Anything that turns a mix into stems. Construct stores, call computes, nothing is kept."""

    @property
    def spec(self) -> Spec: ...

    def to(self, device: str) -> Separator:
        """The same separator with its weights on `device`."""
        ...

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        """Separate one batch of segments.

        mix: `(batch, channel, time)` float32 at `sample_rate_hz` (the spec's, where it has one),
        of the spec's channel count, `time` being the segment's length (any length where the spec
        has no segment).
        Returns `(batch, stem, channel, time)`, finite, the input untouched.
        """
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one file is: seconds of sound finished, seconds in all (None: not known yet)."""

    done_s: float
    total_s: float | None


@dataclass(frozen=True, slots=True)
class Block:
    """Finished sound of a separation at work, before the gain that its files may share.

    start: its first sample in the recording. stems: `(channel, time)` each, of equal length; blocks
    follow each other without gap or overlap.
    """

    start: int
    stems: Mapping[str, Wave]


StrPath: TypeAlias = str | os.PathLike[str]
"""Where a file is, as people write it in Python."""
OnProgress = Callable[[Progress], None]
OnBlock = Callable[[Block], None]
ShouldStop = Callable[[], bool]
