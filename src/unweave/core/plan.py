"""Where segments lie, what each contains and how much its stems weigh: pure arithmetic, in samples.

Segment `n` starts at `start(n)`; between its contexts lies the part whose stems are kept, with a
window as their weights. A stem is the sum of weights times stems divided by the sum of weights.
Where the weights sum to one wherever segments overlap, nothing is divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Of a window's zeros: where a sample lies in one segment only, it is that segment's.
LEAST_WEIGHT = 1e-9

WINDOWS = "cross-fade", "linear", "triangle", "hamming", "hann", "none", "own"
EDGES = "zeros", "padded", "reflect", "centred", "fitted", "anchored", "inside", "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """How a recording is cut into segments, and how their stems are joined: weighted overlap-add.

    Every sample of a stem is the mean of the segments that it lies in, weighted by the window. The
    outer `context_s` at both ends of a segment is input only: its stems are thrown away.

    window: `cross-fade` (squared sine) and `linear` have fades of `fade_s` and ones between them,
    `triangle` rises to the middle and is raised to `power`, `hamming`, `hann` and `none` (ones) are
    as usual. `own`: the separator's stems are windowed already, and only added up.

    edge: what segments contain that reach beyond the recording.
    - `zeros`: zeros, at least `before_s` of them before the first sample.
    - `padded`: the same, but the recording ends `margin_s` after the next whole `step_s` beyond its
      end, and a window that would reach further is a shorter one that ends there.
    - `reflect`: the mirrored recording, at both ends.
    - `centred`: zeros, as at both sides of what is left of the recording there is as much input.
    - `fitted`: as `centred`, but no more than it takes: a segment that reaches beyond the end is
      shorter, by as many whole `step_s` as leave it `margin_s` of input beyond its stems.
    - `anchored`: the last segment ends with the recording, and its window lies there.
    - `inside`: nothing; the first segments are shorter, and the last ones end with the recording.
    - `short`: nothing; the first and the last segments are shorter, and all start on the grid.
    """

    length_s: float  # of a segment, context included
    hop_s: float = 0.0  # from one start to the next; 0: neighbours share just their fades
    window: str = "cross-fade"
    fade_s: float = 0.0
    power: float = 1.0
    context_s: float = 0.0
    before_s: float = 0.0
    step_s: float = 0.0
    margin_s: float = 0.0
    edge: str = "zeros"

    def __post_init__(self) -> None:
        others = self.hop_s, self.fade_s, self.context_s, self.before_s, self.step_s, self.margin_s
        if self.length_s <= 0 or min(others) < 0:
            raise ValueError(
                "length_s must be above 0, and hop_s, fade_s, context_s, before_s, step_s and "
                "margin_s not below it"
            )
        kept_s = self.length_s - 2 * self.context_s
        if 2 * self.fade_s > kept_s * (1 + 1e-9):  # as sums of floats are not exact
            raise ValueError(
                f"fade_s must be at most {kept_s / 2:g}, half of the length without context; "
                f"got {self.fade_s:g}"
            )

    def at(self, sample_rate_hz: int) -> Plan:
        """The same in samples."""

        def samples(seconds: float) -> int:
            return round(seconds * sample_rate_hz)

        length, fade, context = map(samples, (self.length_s, self.fade_s, self.context_s))
        return Plan(
            length=length,
            hop=samples(self.hop_s),
            window=self.window,
            fade=fade,
            power=self.power,
            context=context,
            before=samples(self.before_s),
            step=max(1, samples(self.step_s)),
            margin=samples(self.margin_s),
            edge=self.edge,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The segments of one separator at one sample rate: `Segmentation` in samples."""

    length: int
    hop: int = 0
    window: str = "cross-fade"
    fade: int = 0
    power: float = 1.0
    context: int = 0
    before: int = 0
    step: int = 1
    margin: int = 0
    edge: str = "zeros"

    def __post_init__(self) -> None:
        if not self.hop:
            object.__setattr__(self, "hop", self.kept - self.fade)
        for name, value, choices in (
            ("window", self.window, WINDOWS),
            ("edge", self.edge, EDGES),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
        if min(self.fade, self.context, self.before, self.power) < 0:
            raise ValueError("fade, context, before and power must not be negative")
        if not 1 <= self.hop <= self.kept:
            raise ValueError(
                f"hop must be above 0 and at most {self.kept}, the length without context; "
                f"got {self.hop}"
            )
        if 2 * self.fade > self.kept:
            raise ValueError(f"fade must be at most {self.kept // 2}; got {self.fade}")
        if self.window == "own" and self.edge != "zeros":
            raise ValueError("stems have a window of their own in whole segments only: edge zeros")
        if self.context and self.edge in ("reflect", "anchored"):
            raise ValueError(f"context does not go with edge {self.edge}")
        if self.before and self.edge not in ("zeros", "padded", "inside", "short"):
            raise ValueError(f"before does not go with edge {self.edge}")
        most = self.length if self.edge == "padded" else 2 * self.context
        if self.step < 1 or not 0 <= self.margin <= most:
            raise ValueError(f"step must be above 0, and margin at most {most}; got {self.margin}")
        if (self.step > 1 or self.margin) and self.edge not in ("padded", "fitted"):
            raise ValueError("step and margin go with edge padded or fitted")
        if self.context and self.edge == "padded":
            raise ValueError("context does not go with edge padded")
        if self.offset >= self.length - self.context:
            raise ValueError(f"before must be below {self.length - self.context}")

    @property
    def kept(self) -> int:
        """Of a segment, the samples whose stems are kept."""
        return self.length - 2 * self.context

    @property
    def shared(self) -> int:
        """Samples that neighbours both keep."""
        return self.kept - self.hop

    @property
    def sums_to_one(self) -> bool:
        """Whether weights sum to one at every sample, so that nothing is divided."""
        if self.window == "own":
            return True
        fade = self.fade if self.window == "cross-fade" else 0
        faded = self.window in ("cross-fade", "none") and self.shared == fade
        return faded and self.edge in ("zeros", "inside", "short")

    @property
    def offset(self) -> int:
        """Samples of the first segment before the recording, whose first sample it keeps whole."""
        return max(self.before, self.context + (self.shared if self.sums_to_one else 0))

    def start(self, index: int) -> int:
        """The first sample of a segment; negative for the first one where zeros go before."""
        return index * self.hop - self.offset

    def count(self, length: int) -> int:
        """Segments of `length` samples: all whose kept part starts before their end."""
        return max(0, -(-(length + self.offset - self.context) // self.hop))

    def contents(self, index: int, length: int | None = None) -> tuple[int, int, int]:
        """The segment's first sample and the one past its last, and where its kept part begins.

        length: of the recording, None where it is longer than the segment reaches.
        """
        start = self.start(index)
        stop, kept = start + self.length, start + self.context
        if length is not None and stop > length:
            if self.edge in ("inside", "anchored"):
                start, stop = length - self.length, length
            if self.edge == "anchored":
                kept = max(0, start)
            if self.edge == "short":
                stop = length
            if self.edge == "centred":
                start = kept - (self.length - min(self.kept, length - kept)) // 2
                stop = start + self.length
            if self.edge == "fitted":
                left = min(self.kept, length - kept)
                extra = self.margin + (self.length - self.margin - left) % self.step
                start = kept - extra // 2
                stop = start + left + extra
        if self.edge in ("inside", "anchored", "short"):
            start = max(0, start)
        return start, stop, kept

    def weighed(self, index: int, length: int) -> int:
        """Of the last segments, the samples that their window spans; fewer with edge `padded`."""
        if self.edge != "padded":
            return self.kept
        end = (length // self.step + 1) * self.step + self.margin
        return min(self.kept, end - self.start(index))

    def in_seconds(self, sample_rate_hz: int) -> Segmentation:
        """The same for a `Spec`, whose lengths are in seconds."""
        return Segmentation(
            length_s=self.length / sample_rate_hz,
            hop_s=self.hop / sample_rate_hz,
            window=self.window,
            fade_s=self.fade / sample_rate_hz,
            power=self.power,
            context_s=self.context / sample_rate_hz,
            before_s=self.before / sample_rate_hz,
            step_s=self.step / sample_rate_hz if self.step > 1 else 0.0,
            margin_s=self.margin / sample_rate_hz,
            edge=self.edge,
        )

    def weights(self, span: int = 0) -> npt.NDArray[np.float32] | None:
        """`(kept,)` to multiply stems with, or None where all are one.

        span: the samples of the window, where it is shorter than what is kept.
        """
        if self.window in ("none", "own") or (self.window == "cross-fade" and not self.fade):
            return None
        import numpy as np

        weights = np.zeros(self.kept)
        weights[: span or self.kept] = _window(self, span or self.kept)
        if not self.sums_to_one:
            weights = np.maximum(weights, LEAST_WEIGHT)
        return weights.astype(np.float32)


def _window(plan: Plan, length: int) -> npt.NDArray[np.float64]:
    import numpy as np

    fade = min(plan.fade, length // 2)
    if plan.window == "hamming":
        return np.hamming(length)
    if plan.window == "hann":
        return np.hanning(length)
    if plan.window == "triangle":
        rising = np.arange(1, length + 1)
        return (np.minimum(rising, rising[::-1]) / ((length + 1) // 2)) ** plan.power
    weights = np.ones(length)
    if fade:
        if plan.window == "linear":
            rise = np.linspace(0.0, 1.0, fade)
            fall = rise[::-1]
        else:
            phase = (np.arange(fade) + 0.5) * (np.pi / 2 / fade)
            rise, fall = np.sin(phase) ** 2, np.cos(phase) ** 2
        weights[:fade], weights[-fade:] = rise, fall
    return weights
