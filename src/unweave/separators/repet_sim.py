"""REPET-SIM: a voice over a background that comes back, whenever it does.

**Idea.** A background need not have a period to repeat: the same chord, the same drum stroke comes
back somewhere. For each frame of the spectrogram find the frames most like it. Their median is the
background, because the voice over them is a different one each time; what exceeds it is the
foreground.

**Formula.** The similarity of two frames is the cosine of the angle between their magnitudes (the
mean over the channels). Of each frame `i` the set `J` has up to `similar` others, the most similar
first, each at least `distance_s` from `i` and from those before it, with a cosine above
`threshold`. The background is `W_i = median of V_j over J`, the foreground's mask `(V - min(W, V))
/ V`. All below `high_pass_hz` is background. With `online` the set has only frames of the last
`buffer_s` seconds: nothing later is needed, and memory does not grow with the length.

**When it fails.** A voice that repeats itself (a chorus, a spoken loop) counts as background, and
so does one that holds a note. Drum fills, solos and whatever comes once go to the vocals. A
recording shorter than a few times `distance_s` has no similar frames and is all background.
`online` finds fewer of them, and none at the beginning.

**Paper.** Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012;
online: Z. Rafii, B. Pardo, "Online REPET-SIM for real-time speech enhancement", ICASSP 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave import options
from unweave.core.plan import Segmentation
from unweave.errors import UsageError
from unweave.options import Classical, option
from unweave.separators._shared.foreground import FACTS, Grid, excess, separate
from unweave.signal import centred
from unweave.signal.median import gathered_median
from unweave.signal.threads import parallel_map
from unweave.types import Spec

BODY_S = 30.0
FADE_S = 0.1
BYTES_PER_SAMPLE = 150.0  # as measured on stereo at an overlap of 4
VALUES_AT_ONCE = 1 << 21  # of the similarity matrix, which is never there as a whole


@dataclass(frozen=True, kw_only=True)
class RepetSim(Classical):
    window_s: float = option(
        0.0464, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    window: str = option("hann", "window function", choices=centred.WINDOWS)
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    similar: int = option(
        100, "maximum number of similar frames for each frame", at_least=1, at_most=10000
    )
    distance_s: float = option(0.5, "minimum distance between similar frames", at_least=0)
    threshold: float = option(
        0.0, "minimum cosine similarity of similar frames", at_least=0, at_most=1
    )
    high_pass_hz: float = option(
        100.0, "cut-off frequency; everything below it is accompaniment", at_least=0, at_most=20000
    )
    online: bool = option(False, "use past frames only, in constant memory")
    buffer_s: float = option(10.0, "length of the past that `online` uses", above=0, at_most=600)

    def __post_init__(self) -> None:
        super().__post_init__()
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
        return options.spec(
            self,
            **FACTS,
            segmentation=segmentation if self.online else None,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            paper="Rafii and Pardo 2012",
        )

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


def similar_frames(
    spectrogram: Tensor, *, most: int, distance: int, threshold: float = 0.0, past: int = 0
) -> tuple[Tensor, Tensor]:
    """For each frame the others that are most like it, by the cosine of the angle between them.

    spectrogram: `(frequency, frame)`, not negative. The likest is taken, then the likest of those
    at least `distance` frames from it and from the frame itself, and so on, up to `most` and as
    long as the cosine is above `threshold`. past: look only at so many frames before each; 0 looks
    at all. Returns how many each frame has `(frame,)` and which `(frame, at most `most`)`; of a
    row the first ones count.
    """
    unit = spectrogram.mT.contiguous()  # (frame, frequency)
    unit = unit / unit.norm(dim=1, keepdim=True).clamp_(min=torch.finfo(unit.dtype).tiny)
    frames = unit.shape[0]
    rows = max(1, VALUES_AT_ONCE // frames)

    def some(first: int) -> tuple[Tensor, Tensor]:
        last = min(first + rows, frames)
        begin, end = (max(0, first - past), last) if past else (0, frames)
        cosines = unit[first:last] @ unit[begin:end].mT
        if threshold > 0:
            cosines[cosines <= threshold] = 0.0
        for row, own in zip(cosines, range(first - begin, last - begin), strict=True):
            row[max(0, own - distance + 1) : own + distance] = 0.0
            if past:
                row[: max(0, own - past)] = 0.0
                row[own:] = 0.0
        counts, indices = peaks(cosines, most, distance)
        return counts, indices.add_(begin)

    found = parallel_map(some, range(0, frames, rows))
    width = max(indices.shape[1] for _, indices in found)
    padded = [F.pad(indices, (0, width - indices.shape[1])) for _, indices in found]
    return torch.cat([counts for counts, _ in found]), torch.cat(padded)


def peaks(values: Tensor, most: int, distance: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row that lie at least `distance` apart, from the largest down.

    values: `(row, column)`, of which those above 0 count. Returns how many each row has `(row,)`
    and their columns `(row, most that any row has)`.
    """
    rows, columns = values.shape
    # Maxima of blocks: after a peak only the blocks around it have to be looked at again.
    size = max(1, distance)
    blocks = -(-columns // size) + 2
    padded = values.new_zeros(rows, blocks * size)
    padded[:, size : size + columns] = values  # a block of nothing on either side
    table = padded.view(rows, blocks, size)
    best = table.amax(-1)
    lines = torch.arange(rows, device=values.device)[:, None]
    around = torch.arange(1 - size, size, device=values.device)
    near = torch.arange(-1, 2, device=values.device)
    found = []
    alive = torch.ones(rows, dtype=torch.bool, device=values.device)
    for _ in range(most):
        peak, block = best.max(-1)
        alive = peak > 0
        if not alive.any():
            break
        column = block * size + table[lines[:, 0], block].argmax(-1)
        column = torch.where(alive, column, size)
        found.append(torch.where(alive, column - size, -1))
        padded[lines, column[:, None] + around] = 0.0
        touched = torch.where(alive, block, 1)[:, None] + near
        best[lines, touched] = table[lines, touched].amax(-1)
    if not found:
        return torch.zeros(rows, dtype=torch.long, device=values.device), lines[:, :0].clone()
    indices = torch.stack(found, dim=1)
    return (indices >= 0).sum(1), indices.clamp_(min=0)


TECHNIQUE = RepetSim
