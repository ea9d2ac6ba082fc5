"""Traces of lossy codecs: where their frames begin, and where these frames do not go on.

A recording that went through a lossy codec holds the codec's frames ever after, as long as its rate
is kept. Traces in a lossless file tell of an earlier lossy one; traces beside those of the file's
own codec tell of an earlier encoding. A piece that was cut out or put in moves the frames behind
it. See `frame_grids` for how frames are found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings import frame_grids
from unweave.apps.forensic.findings.frame_grids import Grid, Transform
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

SCORE = 8.0  # standard deviations: a grid
AGAIN_SCORE = 8.0  # the same, of frames that go on elsewhere
FRAMES = 3  # of each scan
PROBES = 2  # scans with every transform before the recording counts as free of traces
APART = 6  # pieces from one to the next of them
LATER = 128  # pieces from one to the next after these
PIECE = 24576  # samples that are read at once
GROUP = 8  # frames that are judged together
WEAK = 0.35  # of the usual depth: the frames are gone
GAP_S = 0.75  # shorter gaps are a codec's short frames
QUIET = 10 ** (-60 / 20)  # where nothing shows
STRONG = 0.15  # nats: depth of grids that are followed
SHARED = 24  # samples: closer phases are of one grid

LOSSY = Kind(
    name="lossy-traces",
    title="Traces of lossy encoding in a lossless file",
    measures="How many more spectral coefficients are near zero where the frames of a lossy codec "
    "would begin than elsewhere, in standard deviations.",
    limits="Many recordings are lossy from the start and were converted later, for good reasons. "
    "A change of the sample rate after the encoding removes these traces.",
)
SECOND = Kind(
    name="second-encoding",
    title="Traces of an earlier lossy encoding",
    measures="The same figure for frames that do not agree with those of the strongest traces, or "
    "of the file's own codec.",
    limits="A later encoding at a low bit rate, or at another sample rate, removes the traces of "
    "an earlier one. Services that distribute sound encode it again as a rule.",
)
SHIFT = Kind(
    name="frame-shift",
    title="Frames of a lossy codec go on at other samples",
    measures="The number of samples by which the frames behind this place are displaced against "
    "those before it.",
    limits="A recorder that drops samples does the same. A cut by whole frames displaces nothing.",
)
GAP = Kind(
    name="frame-gap",
    title="A passage without the traces of the rest",
    measures="The depth of the traces in this passage over their usual depth.",
    limits="A passage of fast attacks, or of near silence, may hide the traces.",
)
EDITS = (SECOND.name, SHIFT.name, GAP.name)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds."""
    info = recording.info
    rate_hz, own = info.sample_rate_hz, _family(info.codec) if info.lossy else None
    search = _Search(rate_hz, own)
    buffer, start = torch.zeros(1, 0), 0
    keep = 4 * GROUP * 1024 + 4096
    trackers: list[_Tracker] = []
    for piece in in_blocks((_two(block) for block in recording.blocks()), PIECE):
        fresh = torch.from_numpy(piece)
        buffer = torch.cat([buffer.expand(len(fresh), -1), fresh], 1)
        for grid in search.take(fresh, start + buffer.shape[1] - fresh.shape[1]):
            if grid.depth >= STRONG and not (own and grid is search.first):
                trackers.append(_Tracker(grid, rate_hz, start))
        for tracker in trackers:
            yield from tracker.take(buffer, start)
        surplus = max(0, buffer.shape[1] - keep)
        buffer, start = buffer[:, surplus:], start + surplus
    for tracker in trackers:
        yield from tracker.finish()
    yield from search.findings()


def _two(block: Wave) -> Wave:
    """What is looked at: the first channel, and the sum of two."""
    if len(block) == 1:
        return block
    return np.stack([block[0], (block[0] + block[1]) / 2])


def _family(codec: str) -> str:
    known = {"mp3": "MP3", "mp3float": "MP3", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus"}
    return known.get(codec, codec)


class _Search:
    """Looks for grids with every transform, in a few places."""

    def __init__(self, rate_hz: int, own: str | None) -> None:
        self.rate_hz, self.own = rate_hz, own
        self.grids: list[Grid] = []
        self.first: Grid | None = None  # the strongest
        self._transforms = frame_grids.transforms(rate_hz)
        self._depth = {each: np.zeros(each.hop) for each in self._transforms}
        self._probes = 0
        self._next = 0  # pieces to wait

    def take(self, piece: Tensor, start: int) -> list[Grid]:
        """The next piece, which begins at sample `start`. Returns grids that are new."""
        longest = max(frame_grids.samples_for(each, FRAMES) for each in self._transforms)
        self._next -= 1
        if self._next >= 0 or piece.shape[1] < longest or not _loud(piece):
            return []
        self._probes += 1
        self._next = APART if self._probes < PROBES else LATER
        found: list[Grid] = []
        for transform in self._transforms:
            depth, score = frame_grids.scan(transform, piece, start, FRAMES, self.rate_hz)
            self._depth[transform] += depth
            found += _peaks(transform, depth, score)
            if 1 < self._probes <= PROBES:
                every = self._depth[transform]
                found += _peaks(transform, every / self._probes, frame_grids.scored(every))
        return self._add(found)

    def _add(self, found: list[Grid]) -> list[Grid]:
        new = []
        for grid in sorted(found, key=lambda each: -each.score):
            if not any(_same(grid, known) for known in self.grids):
                self.grids.append(grid)
                new.append(grid)
        ranked = [g for g in self.grids if self.own in (None, g.transform.family)]
        self.first = max(ranked, key=lambda each: each.score, default=None)
        return new

    def findings(self) -> Iterator[Finding]:
        """What the grids say about the whole file."""
        if self.first is not None and self.own is None:
            yield _finding(LOSSY, self.first, "The file holds lossless sound with traces of")
        for grid in self.grids:
            if grid is self.first:
                continue
            yield _finding(SECOND, grid, "Besides its last lossy encoding the sound has traces of")


def _peaks(transform: Transform, depth: np.ndarray, score: np.ndarray) -> list[Grid]:
    phase = int(score.argmax())
    found = []
    if score[phase] >= SCORE:
        found.append(Grid(transform, phase, float(depth[phase]), float(score[phase])))
    return found


def _same(one: Grid, other: Grid) -> bool:
    """Whether both are traces of one encoding: transforms with other windows see it too."""
    hop = one.transform.hop
    if hop != other.transform.hop and one.transform.family != other.transform.family:
        return False
    hop = min(hop, other.transform.hop)
    apart = (one.phase - other.phase) % hop
    return min(apart, hop - apart) <= SHARED


def _finding(kind: Kind, grid: Grid, words: str) -> Finding:
    family = grid.transform.family
    return Finding(
        kind=kind.name,
        words=f"{words} frames of {grid.transform.hop} samples, as {family} has them.",
        figure=round(grid.score, 1),
        unit="standard deviations",
        limit=SCORE,
        details={
            "codec_family": family,
            "frame_samples": grid.transform.hop,
            "phase_samples": grid.phase,
            "depth_nats": round(grid.depth, 3),
        },
    )


def _loud(wave: Tensor) -> bool:
    return float(wave[0].square().mean().sqrt()) > QUIET


class _Tracker:
    """Follows one grid from group to group, and looks for another phase where it is gone."""

    def __init__(self, grid: Grid, rate_hz: int, start: int) -> None:
        self.grid, self.rate_hz = grid, rate_hz
        self._hop, self._phase = grid.transform.hop, grid.phase
        self._usual = grid.depth
        self._at = self._first(start + frame_grids.NEAR)  # where the next group begins
        self._weak = 0  # groups without traces
        self._since = self._at  # where they begin
        self._lowest: list[float] = []

    def _first(self, sample: int) -> int:
        return sample + (self._phase - sample) % self._hop

    def take(self, buffer: Tensor, start: int) -> Iterator[Finding]:
        """The samples from `start` on."""
        transform, hop = self.grid.transform, self._hop
        end = start + buffer.shape[1]
        while self._at + GROUP * hop + transform.size + hop + frame_grids.NEAR <= end:
            depth = float(self._contrast(buffer, start, self._at, GROUP).mean())
            here = buffer[:, self._at - start : self._at - start + GROUP * hop]
            if depth >= WEAK * self._usual:
                yield from self._gap()
                self._weak, self._lowest = 0, []
                self._usual += 0.1 * (depth - self._usual)
                self._at += GROUP * hop
                continue
            if not _loud(here):
                self._at += GROUP * hop
                continue
            if not self._weak:
                self._since = self._at
            self._weak += 1
            self._lowest.append(depth)
            moved = self._moved(buffer, start) if self._weak in (1, 2, 3, 8, 32) else None
            if moved is not None:
                yield from self._shifted(buffer, start, moved)
            else:
                self._at += GROUP * hop

    def finish(self) -> Iterator[Finding]:
        """A gap that lasts to the end."""
        yield from self._gap()

    def _contrast(self, buffer: Tensor, start: int, first: int, frames: int) -> Tensor:
        starts = first - start + self._hop * torch.arange(frames)
        return frame_grids.contrast(self.grid.transform, buffer, starts, self.rate_hz)

    def _moved(self, buffer: Tensor, start: int) -> int | None:
        """The phase that frames have at the end of this group, where they have another one."""
        transform = self.grid.transform
        frames = FRAMES
        begin = self._at + (GROUP - frames - 1) * self._hop
        depth, score = frame_grids.scan(
            transform, buffer[:, begin - start :], begin, frames, self.rate_hz
        )
        phase = int(score.argmax())
        if score[phase] < AGAIN_SCORE or depth[phase] < WEAK * self._usual:
            return None
        apart = (phase - self._phase) % self._hop
        return phase if min(apart, self._hop - apart) > 1 else None

    def _shifted(self, buffer: Tensor, start: int, phase: int) -> Iterator[Finding]:
        """The finding, where it lies, and on with the new phase."""
        hop = self._hop
        begin = max(start + frame_grids.NEAR, self._since - GROUP * hop)
        old_first = self._first(begin)
        count = (self._at + GROUP * hop - old_first) // hop
        old = self._contrast(buffer, start, old_first, count).numpy()
        before, self._phase = self._phase, phase
        new = self._contrast(buffer, start, self._first(begin), count).numpy()
        # The frames before the place are on the old grid, those after it on the new one.
        gain = np.concatenate([[0.0], np.cumsum(old - new)])
        best = int(gain.argmax())
        place = old_first + best * hop + self.grid.transform.size // 2 - hop // 2
        by = (phase - before) % hop
        if by > hop // 2:
            by -= hop
        margin_s = 1.5 * hop / self.rate_hz
        place_s = place / self.rate_hz
        yield Finding(
            kind=SHIFT.name,
            words=f"The frames of an earlier encoding ({self.grid.transform.family}) go on "
            f"displaced by {by} samples: what was here before is not all here, or something was "
            "put in.",
            start_s=round(max(0.0, place_s - margin_s), 4),
            end_s=round(place_s + margin_s, 4),
            figure=float(by),
            unit="samples",
            details={"frame_samples": hop, "codec_family": self.grid.transform.family},
        )
        self._weak, self._lowest = 0, []
        self._at = self._first(self._at + GROUP * hop)

    def _gap(self) -> Iterator[Finding]:
        length_s = self._weak * GROUP * self._hop / self.rate_hz
        if length_s < GAP_S or self._weak < 3:
            return
        start_s = self._since / self.rate_hz
        ratio = float(np.mean(self._lowest)) / self._usual
        yield Finding(
            kind=GAP.name,
            words=f"The traces of an earlier encoding ({self.grid.transform.family}) are missing "
            f"for {length_s:.1f} s while there is sound.",
            start_s=round(start_s, 3),
            end_s=round(start_s + length_s, 3),
            figure=round(max(0.0, ratio), 3),
            unit="of the usual depth",
            limit=WEAK,
            details={"codec_family": self.grid.transform.family},
        )


FINDER = Finder(
    name="lossy-traces",
    kinds=(LOSSY, SECOND, SHIFT, GAP),
    find=find,
    parameters={
        "score": SCORE,
        "score_again": AGAIN_SCORE,
        "frames": FRAMES,
        "group_frames": GROUP,
        "weak": WEAK,
        "gap_s": GAP_S,
        "strong_nats": STRONG,
    },
)
