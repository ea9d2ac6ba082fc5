"""REPET-SIM: a voice over a background that comes back, whenever it does.

**Idea.** A background need not have a period to repeat: the same chord, the same drum stroke comes
back somewhere. For each frame of the spectrogram find the frames most like it. Their median is the
background, because the voice over them is a different one each time; what sticks out above it is
the foreground.

**Formula.** The similarity of two frames is the cosine of the angle between their magnitudes (the
mean over the channels). Of each frame `i` the set `J` has up to `similar` others, the most similar
first, each at least `distance_s` from `i` and from those before it, with a cosine above
`threshold`. The background is `W_i = median of V_j over J`, the foreground's mask
`(V - min(W, V)) / V`. All below `high_pass_hz` is background. With `online` the set has only frames
of the last `buffer_s` seconds: nothing later is needed, and memory does not grow with the length.

**When it fails.** A voice that repeats itself (a chorus, a spoken loop) counts as background, and
so does one that holds a note. Drum fills, solos and whatever comes once are taken for the voice.
A recording shorter than a few times `distance_s` has no similar frames and is all background.
`online` finds fewer of them, and none at the beginning.

**Paper.** Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012;
online: Z. Rafii, B. Pardo, "Online REPET-SIM for real-time speech enhancement", ICASSP 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from unweave.core import parameters
from unweave.core.errors import UsageError
from unweave.core.parameters import parameter
from unweave.core.plan import Segmentation
from unweave.core.types import Spec
from unweave.dsp import centred
from unweave.dsp.foreground import FACTS, Grid, excess, separate
from unweave.dsp.median import gathered_median
from unweave.dsp.similar import similar_frames

BODY_S = 30.0
FADE_S = 0.1
BYTES_PER_SAMPLE = 150.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class RepetSim:
    window_s: float = parameter(
        0.0464, "length of a frame, to the nearest power of two samples", above=0, at_most=10
    )
    window: str = parameter("hann", "shape of a frame's window", choices=centred.WINDOWS)
    overlap: int = parameter(4, "frames that cover each sample", at_least=2, at_most=16)
    similar: int = parameter(100, "similar frames per frame, at most", at_least=1, at_most=10000)
    distance_s: float = parameter(0.5, "similar frames are at least so far apart", at_least=0)
    threshold: float = parameter(
        0.0, "cosine above which frames are similar", at_least=0, at_most=1
    )
    high_pass_hz: float = parameter(
        100.0, "frequency below which all is accompaniment", at_least=0, at_most=20000
    )
    online: bool = parameter(False, "look only at the past, in memory that does not grow")
    buffer_s: float = parameter(10.0, "how far back `online` looks", above=0, at_most=600)

    def __post_init__(self) -> None:
        parameters.check(self)
        centred.check_overlap(parameters.name_of(self), self.overlap)
        if self.online and self.buffer_s <= self.distance_s:
            raise UsageError(
                f"repet-sim: buffer_s must be above distance_s {self.distance_s:g}; "
                f"got {self.buffer_s:g}"
            )

    @property
    def spec(self) -> Spec:
        margin_s = self.buffer_s + 1.5 * self.window_s  # windows are rounded, by up to 1.42
        segmentation = Segmentation(
            length_s=BODY_S + FADE_S + 2 * margin_s, fade_s=FADE_S, context_s=margin_s
        )
        return parameters.spec(
            self,
            **FACTS,
            segmentation=segmentation if self.online else None,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            causal=self.online,
            paper="Rafii and Pardo 2012",
        )

    def to(self, device: str) -> RepetSim:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        grid = Grid.of(self.window_s, self.overlap, sample_rate_hz, self.window)

        def mask(magnitudes: Tensor) -> Tensor:
            return excess(magnitudes, self.background(magnitudes, grid))

        return separate(mix, grid, self.high_pass_hz, mask)

    def background(self, magnitudes: Tensor, grid: Grid) -> Tensor:
        """What repeats of `(channel, frequency, frame)`; where nothing does, all of it."""
        out = magnitudes.clone()
        rows = magnitudes.contiguous()  # frames side by side, so that they are gathered quickly
        counts, indices = similar_frames(
            magnitudes.mean(0),
            most=self.similar,
            distance=max(1, grid.frames(self.distance_s)),
            threshold=self.threshold,
            past=max(1, grid.frames(self.buffer_s)) if self.online else 0,
        )
        for count in counts.unique().tolist():
            if count:
                frames = (counts == count).nonzero()[:, 0]
                out[..., frames] = gathered_median(rows, indices[frames, :count])
        return out


TECHNIQUE = RepetSim
