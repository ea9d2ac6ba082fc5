"""Traces of lossy codecs: where their frames begin, and where these frames do not go on.

A recording that went through a lossy codec holds the codec's frames ever after, as long as its rate
is kept. Traces in a lossless file tell of an earlier lossy one; traces beside those of the file's
own codec tell of an earlier encoding. A piece that was cut out or put in moves the frames behind
it. See `frame_grids` for how frames are found.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings import frame_grids
from unweave.apps.forensic.findings.frame_grids import Grid
from unweave.signal.blocks import in_blocks
from unweave.types import Wave

SCORE = 6.0  # standard errors: a grid
SECOND_SCORE = 7.0  # the same, of a grid beside a stronger one
AGAIN_SCORE = 4.5  # the same, of frames that go on elsewhere
FRAMES = 3  # of the first look at each passage
PROBES = 3  # passages that are searched for every transform
APART_S = 2.2  # from one of them to the next, in whole pieces
LATER = 128  # pieces from one to the next after these
PIECE = 24576  # samples that are read at once
GROUP = 8  # frames that are judged together
WEAK = 0.35  # of the usual depth: the frames are gone
GAP_S = 1.0  # shorter gaps are a codec's short frames
GONE = 0.1  # of the usual depth, throughout a gap
TURNED = 0.22  # of the ratio between a codec's steps: the level is another
TURNED_GROUPS = 3  # groups after each other that say so
AGREE = 0.9  # length of the mean of their directions
SCALED = 0.08  # length of the mean vector from which on there are steps
QUIET = 10 ** (-60 / 20)  # where nothing shows
STRONG = 0.1  # nats: depth of grids that are followed
SHARED = 24  # samples: closer phases are of one grid
SWITCHED = 64  # Vorbis moves its frames by multiples of this, as its blocks have two lengths
KEPT = 6 * GROUP * 1024 + 8192  # samples at hand to find where frames move
FAMILIES = {"mp3": "MP3", "mp3float": "MP3", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus"}

LOSSY = Kind(
    name="lossy-traces",
    title="Traces of lossy encoding in a lossless file",
    measures="How many more spectral coefficients are near zero where the frames of a lossy codec "
    "would begin than beside, in standard errors.",
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

SCALE = Kind(
    name="scale-step",
    title="A codec's steps have another size",
    measures="By how many dB the steps to which a lossy codec rounded are larger or smaller from "
    "this place on; steps of one ratio look alike, so that only the rest is seen.",
    limits="A gain that is a multiple of that ratio is not seen. Decoders that apply a gain of "
    "their own, such as ReplayGain, keep it for the whole file.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds. Reads the recording twice where there are traces."""
    info = recording.info
    own = FAMILIES.get(info.codec, info.codec) if info.lossy else None
    grids = _searched(recording)
    of_file = [grid for grid in grids if own in (None, grid.transform.family)]
    first = max(of_file, key=lambda grid: grid.score, default=None)
    if first is not None and own is None:
        yield _about_file(LOSSY, first, SCORE, "The lossless file holds sound with traces of")
    for grid in grids:
        if grid is not first and grid.score >= SECOND_SCORE:
            words = "Besides its last lossy encoding the sound has traces of"
            yield _about_file(SECOND, grid, SECOND_SCORE, words)
    followed = [
        _Tracker(grid, info.sample_rate_hz)
        for grid in grids
        if grid.depth >= STRONG and not (own and grid is first)
    ]
    if followed:
        yield from sorted(_followed(recording, followed), key=lambda each: each.start_s or 0.0)


def _searched(recording: Recording) -> list[Grid]:
    """The grids of different encodings, the clearest first."""
    rate_hz = recording.info.sample_rate_hz
    transforms = frame_grids.transforms(rate_hz)
    longest = max(frame_grids.samples_for(each, FRAMES) for each in transforms)
    apart = max(1, round(APART_S * rate_hz / PIECE))
    found: list[list[Grid]] = []
    wait, start = 0, 0
    for piece in _pieces(recording):
        wait -= 1
        if wait < 0 and piece.shape[1] >= longest and _loud(piece):
            here: list[Grid] = []
            for transform in transforms:
                here += frame_grids.grids(transform, piece, start, FRAMES, SCORE, rate_hz)
            found.append(_distinct(here))
            enough = len(found) >= PROBES or (len(found) > 1 and all(found[-2:]))
            wait = LATER if enough else apart - 1
        start += piece.shape[1]
    return _encodings(found)


def _distinct(grids: list[Grid]) -> list[Grid]:
    """The grids that are no trace of a stronger one, strongest first."""
    kept: list[Grid] = []
    for grid in sorted(grids, key=lambda each: -each.score):
        if not any(_same(grid, known) for known in kept):
            kept.append(grid)
    return kept


def _encodings(passages: list[list[Grid]]) -> list[Grid]:
    """One grid for each encoding, the strongest first.

    An edit moves the frames, so that passages have different grids of the same encoding. Two grids
    of one family are two encodings where they lie beside each other in several passages.
    """
    best: dict[str, Grid] = {}
    pairs: dict[tuple[int, int], list[Grid]] = {}
    for grids in passages:
        for n, grid in enumerate(grids):
            family = grid.transform.family
            others = [other for other in grids[:n] if other.transform.family == family]
            if others:
                key = others[0].phase, grid.phase
                pairs.setdefault(key, []).append(grid)
            elif family not in best or grid.score > best[family].score:
                best[family] = grid
    twice = [max(each, key=lambda grid: grid.score) for each in pairs.values() if len(each) > 1]
    # A transform with another window may be the one that sees an encoding in another passage.
    return _distinct([*best.values(), *twice])


def _followed(recording: Recording, trackers: list[_Tracker]) -> Iterator[Finding]:
    buffer, start = torch.zeros(1, 0), 0
    for piece in _pieces(recording):
        buffer = torch.cat([buffer.expand(len(piece), -1), piece], 1)
        for tracker in trackers:
            yield from tracker.take(buffer, start)
        surplus = max(0, buffer.shape[1] - KEPT)
        buffer, start = buffer[:, surplus:], start + surplus
    for tracker in trackers:
        yield from tracker.finish()


def _pieces(recording: Recording) -> Iterator[Tensor]:
    blocks = (_two(block) for block in recording.blocks())
    return (torch.from_numpy(np.ascontiguousarray(piece)) for piece in in_blocks(blocks, PIECE))


def _two(block: Wave) -> Wave:
    """What is looked at: the first channel, and the sum of two."""
    if len(block) == 1:
        return block
    return np.stack([block[0], (block[0] + block[1]) / 2])


def _same(one: Grid, other: Grid) -> bool:
    """Whether both are traces of one encoding: transforms with other windows see it too."""
    hop = min(one.transform.hop, other.transform.hop)
    if max(one.transform.hop, other.transform.hop) % hop:
        return False
    apart = (one.phase - other.phase) % hop
    if "Vorbis" in (one.transform.family, other.transform.family):
        apart, hop = apart % SWITCHED, SWITCHED
    return min(apart, hop - apart) <= SHARED // (1 + 2 * (hop == SWITCHED))


def _about_file(kind: Kind, grid: Grid, limit: float, words: str) -> Finding:
    family = grid.transform.family
    return Finding(
        kind=kind.name,
        words=f"{words} frames of {grid.transform.hop} samples, as {family} has them.",
        figure=round(grid.score, 1),
        unit="standard errors",
        limit=limit,
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

    def __init__(self, grid: Grid, rate_hz: int) -> None:
        self._transform, self._rate_hz = grid.transform, rate_hz
        self._hop, self._phase = grid.transform.hop, grid.phase
        self._usual = grid.depth
        self._seen = False  # any group with traces so far
        self._at = self._first(frame_grids.NEAR)  # where the next group begins
        self._since = self._at  # where groups without traces begin
        self._depths: list[float] = []  # of these groups
        self._scale = 0j  # the usual direction of the codec's steps
        self._turned: list[tuple[int, complex]] = []  # groups in which it is another

    def _first(self, sample: int) -> int:
        return sample + (self._phase - sample) % self._hop

    def take(self, buffer: Tensor, start: int) -> Iterator[Finding]:
        """buffer: `(channel, time)`, the samples from `start` on."""
        size = GROUP * self._hop
        # What lies behind a group confirms where its frames go on.
        while self._at + 2 * size + self._transform.size + 2 * self._hop <= start + buffer.shape[1]:
            depth = float(self._contrast(buffer, start, self._at, GROUP).mean())
            if depth >= WEAK * self._usual:
                yield from self._gap()
                self._depths, self._seen = [], True
                self._usual += 0.1 * (depth - self._usual)
                yield from self._scaled(buffer, start)
            elif _loud(buffer[:, self._at - start :][:, :size]):
                if not self._depths:
                    self._since = self._at
                self._depths.append(depth)
                yield from self._moved(buffer, start)
            self._at += size

    def finish(self) -> Iterator[Finding]:
        """A gap that lasts to the end."""
        yield from self._gap()

    def _contrast(self, buffer: Tensor, start: int, first: int, frames: int) -> Tensor:
        starts = first - start + self._hop * torch.arange(frames)
        return frame_grids.contrast(self._transform, buffer, starts, self._rate_hz)

    def _moved(self, buffer: Tensor, start: int) -> Iterator[Finding]:
        """Where the frames of this group and the next have another phase: the finding of it."""
        weak = len(self._depths)
        switching = self._transform.family == "Vorbis"
        if weak > 4 and weak & (weak - 1) and not switching:
            return
        length = 2 * GROUP * self._hop + self._transform.size
        passage = buffer[:, self._at - start :][:, :length]
        frames = 2 * FRAMES if self._usual < 3 * STRONG else FRAMES
        grids = frame_grids.grids(
            self._transform, passage, self._at, frames, AGAIN_SCORE, self._rate_hz
        )
        if not grids or grids[0].depth < WEAK * self._usual:
            return
        found = grids[0]
        by = (found.phase - self._phase + self._hop // 2) % self._hop - self._hop // 2
        if abs(by) <= 1:
            return
        if self._seen and not (switching and by % SWITCHED == 0):
            yield self._shift(buffer, start, by)
        self._phase, self._depths, self._seen = found.phase, [], True
        # The next group is that behind this one, on the new grid.
        self._at += (self._phase - self._at) % self._hop

    def _shift(self, buffer: Tensor, start: int, by: int) -> Finding:
        hop = self._hop
        begin = max(start + frame_grids.NEAR, self._since - GROUP * hop)
        first = self._first(begin)
        frames = (self._at + GROUP * hop - first) // hop
        old = self._contrast(buffer, start, first, frames).numpy()
        new = self._contrast(buffer, start, first + by % hop, frames).numpy()
        # Frames before the place are on the old grid, those after it on the new one.
        agreed = np.concatenate([[0.0], np.cumsum(old - new)])
        likely = np.flatnonzero(agreed >= agreed.max() - self._usual)  # a frame says so much
        middle = first + (self._transform.size - hop) // 2
        margin_s = 1.5 * hop / self._rate_hz
        start_s = (middle + int(likely[0]) * hop) / self._rate_hz - margin_s
        end_s = (middle + int(likely[-1]) * hop) / self._rate_hz + margin_s
        family = self._transform.family
        return Finding(
            kind=SHIFT.name,
            words=f"The frames of an earlier encoding ({family}) go on displaced by {by} samples: "
            "something is missing here, or was put in.",
            start_s=round(max(0.0, start_s), 4),
            end_s=round(end_s, 4),
            figure=float(by),
            unit="samples",
            limit=1.0,
            details={"codec_family": family, "frame_samples": hop},
        )

    def _scaled(self, buffer: Tensor, start: int) -> Iterator[Finding]:
        """Whether the codec's steps have another size than before: the finding of it."""
        family, hop = self._transform.family, self._hop
        if family not in frame_grids.STEPS:
            return
        starts = self._at - start + hop * torch.arange(GROUP)
        found = frame_grids.scale(self._transform, buffer, starts, self._rate_hz)
        if abs(found) < SCALED:
            return
        if not self._scale:
            self._scale = found
        turn = cmath.phase(found / self._scale) / (2 * math.pi)
        if abs(turn) < TURNED:
            self._turned = []
            self._scale += 0.2 * (found - self._scale)
            return
        self._turned.append((self._at, found))
        if len(self._turned) < TURNED_GROUPS:
            return
        values = [value / abs(value) for _, value in self._turned]
        mean = sum(values) / len(values)
        if abs(mean) < AGREE:
            self._turned.pop(0)
            return
        turn = cmath.phase(mean / self._scale) / (2 * math.pi)
        first = self._turned[0][0]
        self._scale, self._turned = found, []
        ratio_db = 20 * math.log10(2) / frame_grids.STEPS[family]
        yield Finding(
            kind=SCALE.name,
            words=f"The steps of an earlier encoding ({family}) are {turn * ratio_db:+.2f} dB "
            f"larger from here on, or that and a multiple of {ratio_db:.2f} dB: the level was "
            "changed.",
            start_s=round(max(0, first - GROUP * hop // 2) / self._rate_hz, 3),
            end_s=round((first + GROUP * hop // 2 + hop) / self._rate_hz, 3),
            figure=round(turn * ratio_db, 3),
            unit="dB",
            limit=round(TURNED * ratio_db, 3),
            details={"codec_family": family, "ratio_db": round(ratio_db, 3)},
        )

    def _gap(self) -> Iterator[Finding]:
        length_s = len(self._depths) * GROUP * self._hop / self._rate_hz
        family = self._transform.family
        if not self._seen or length_s < GAP_S or family == "Vorbis":
            return
        ratio = max(0.0, float(np.mean(self._depths)) / self._usual)
        if ratio > GONE:
            return
        start_s = self._since / self._rate_hz
        yield Finding(
            kind=GAP.name,
            words=f"The traces of an earlier encoding ({family}) are missing for {length_s:.1f} s "
            "while there is sound.",
            start_s=round(start_s, 3),
            end_s=round(start_s + length_s, 3),
            figure=round(ratio, 3),
            unit="of the usual depth",
            limit=GONE,
            details={"codec_family": family},
        )


FINDER = Finder(
    name="lossy-traces",
    kinds=(LOSSY, SECOND, SHIFT, GAP, SCALE),
    find=find,
    parameters={
        "score": SCORE,
        "score_second": SECOND_SCORE,
        "score_again": AGAIN_SCORE,
        "frames": FRAMES,
        "group_frames": GROUP,
        "weak": WEAK,
        "gap_s": GAP_S,
        "gone": GONE,
        "strong_nats": STRONG,
        "turned": TURNED,
        "turned_groups": TURNED_GROUPS,
        "scaled": SCALED,
    },
    revision=3,
)
