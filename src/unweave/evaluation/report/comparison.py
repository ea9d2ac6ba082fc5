"""Which scores may stand in one table: those of one dataset, split and protocol, on common tracks.

A table that compares systems holds the same tracks for all of them, stem by stem
(`evaluation.common`).

Where the tracks are MUSDB18's full test songs, the systems of SiSEC 2018 join on those tracks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unweave.evaluation import aggregate, sisec
from unweave.evaluation.aggregate import stems_of, track_values
from unweave.evaluation.common import Common, common, frame_median
from unweave.evaluation.scores import MIR_1K, TrackScores
from unweave.evaluation.table import SEEN, SEEN_NOTE, Table

MIXTURE = "mixture"
EXCERPT_S = 10.0  # MUSDB18's sample has 7 seconds of each song, its songs have minutes
_ORDER = ("separator", "published", SEEN, "oracle", "mixture")


@dataclass(frozen=True, slots=True)
class System:
    """A row of the tables. `published`: the scores are not ours; `note` says whose they are."""

    label: str
    kind: str  # separator, published, seen, oracle or mixture
    published: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scores of one dataset, split, protocol and rounding that are compared with each other.

    `scores` holds every system on every one of `tracks`, each stem and metric as one score, its
    median over frames; `frames` has how many frames that were. `common` says which tracks and stems
    were left out because some system lacks them.
    """

    dataset: str
    split: str
    protocol: str
    rounded_to_bits: int | None
    tracks: tuple[str, ...]
    systems: tuple[System, ...]
    scores: tuple[TrackScores, ...]
    frames: Mapping[tuple[str, str, str], int]  # [system, track, stem]
    lengths_s: Mapping[str, float]  # [track]; museval's own files tell them only to the frame
    common: Common

    @property
    def title(self) -> str:
        bits = f"rounded to {self.rounded_to_bits} bits" if self.rounded_to_bits else ""
        return ", ".join(part for part in (self.dataset or "scores", self.split, bits) if part)

    @property
    def own(self) -> tuple[TrackScores, ...]:
        """Without what was published elsewhere."""
        published = {system.label for system in self.systems if system.published}
        return tuple(item for item in self.scores if item.separator not in published)

    def own_of(self, system: System) -> list[TrackScores]:
        return [item for item in self.own if item.separator == system.label]

    @property
    def is_mir1k(self) -> bool:
        return self.protocol == MIR_1K

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that a separator of ours gives; where there is none, all that were scored."""
        own = [item for item in self.own if item.kind == "separator"] or self.scores
        return stems_of(own) if not self.is_mir1k else _mir1k_stems(own)

    @property
    def primary(self) -> str:
        """The metric that is tested, mapped and plotted against speed."""
        return "NSDR" if self.is_mir1k else "SDR"

    @property
    def ranking(self) -> str:
        """The name of the average that ranks the systems."""
        return "GNSDR" if self.is_mir1k else "cSDR"

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("NSDR", "SIR", "SAR") if self.is_mir1k else sisec.METRICS

    @property
    def excerpts(self) -> bool:
        """Whether the tracks are snippets rather than songs."""
        lengths = list(self.lengths_s.values())
        return bool(lengths) and float(np.median(lengths)) < EXCERPT_S

    @property
    def on_sisec_songs(self) -> bool:
        """Whether SiSEC's scores are on these very tracks: MUSDB18's test songs in full."""
        return (
            self.dataset in ("musdb18", "musdb18-hq", "")  # museval's own files name no dataset
            and not self.is_mir1k
            and bool(self.tracks)
            and set(self.tracks) <= set(sisec.campaign().tracks)
            and not self.excerpts
        )

    @cached_property
    def csdr(self) -> dict[str, Table]:
        """`[metric]`: SiSEC's aggregation of every stem."""
        return {
            metric: aggregate.csdr_table(self.scores, metric, self.stems)
            for metric in sisec.METRICS
        }

    @cached_property
    def gnsdr(self) -> Table:
        """MIR-1K's aggregation."""
        return aggregate.mir1k_table(self.scores)

    def headline(self, stem: str) -> dict[str, float]:
        """`[label]`: the score that ranks a stem, cSDR or GNSDR; NaN where there is none.

        A system whose scores cover fewer tracks than the others' has none.
        """
        if self.is_mir1k:
            found = self.gnsdr.column(f"{stem} GNSDR")
        else:
            found = self.csdr["SDR"].column(stem)
        return found | dict.fromkeys(self.common.unranked(stem) & set(found), np.nan)

    def values(self, stem: str, metric: str) -> dict[str, npt.NDArray[np.float64]]:
        """`[label] (track,)`: one score per track, NaN where there is none, in dB.

        Under BSS Eval v4 the median over the track's frames. Systems without the stem are missing.
        """
        found = track_values(self.scores, stem, metric)
        return {
            system.label: np.array(
                [found[system.label].get(track, np.nan) for track in self.tracks]
            )
            for system in self.systems
            if system.label in found
        }

    def system(self, label: str) -> System:
        return next(system for system in self.systems if system.label == label)


def comparisons(scores: Iterable[TrackScores]) -> list[Comparison]:
    """The scores sorted into what may be compared, by dataset, split, protocol and rounding.

    Scores of museval's own, which do not say how samples were rounded, stand beside ours if those
    were all rounded alike.
    """
    groups: dict[tuple[str, str, str], list[TrackScores]] = {}
    for item in scores:
        groups.setdefault((item.dataset, item.split, item.protocol), []).append(item)
    found = []
    for _, items in sorted(groups.items()):
        ways = {item.rounded_to_bits for item in items if not item.is_foreign} or {None}
        home = next(iter(ways)) if len(ways) == 1 else None
        for bits in sorted(ways, key=lambda way: way or 0):
            mine = [i for i in items if (home if i.is_foreign else i.rounded_to_bits) == bits]
            found.append(_with_campaign(_comparison(mine, bits)))
    return found


def _comparison(scores: Sequence[TrackScores], bits: int | None) -> Comparison:
    found = common(scores)
    systems = {
        item.separator: System(
            item.separator, _kind(item), note=SEEN_NOTE if item.separator in found.seen else ""
        )
        for item in scores
        if item.separator not in found.aside
    }
    return Comparison(
        dataset=scores[0].dataset,
        split=scores[0].split,
        protocol=scores[0].protocol,
        rounded_to_bits=bits,
        tracks=found.tracks,
        systems=_ordered(systems.values()),
        scores=tuple(_condensed(item) for item in found.scores),
        frames={
            (item.separator, item.track, stem): len(values["SDR"])
            for item in found.scores
            for stem, values in item.targets.items()
        },
        lengths_s={item.track: _length_s(item) for item in found.scores},
        common=found,
    )


def _with_campaign(comparison: Comparison) -> Comparison:
    if not comparison.on_sisec_songs:
        return comparison
    taken = [system.label for system in comparison.systems]
    systems, scores = campaign(comparison.tracks, taken)
    return replace(
        comparison,
        systems=_ordered([*comparison.systems, *systems]),
        scores=(*comparison.scores, *scores),
    )


def campaign(
    tracks: Sequence[str], taken: Sequence[str] = ()
) -> tuple[list[System], list[TrackScores]]:
    """SiSEC 2018's systems on some of its tracks. Labels that are `taken` get `(SiSEC)` added.

    The campaign's score of a track is its median over frames already: one frame here.
    """
    data = sisec.campaign()
    places = [(track, data.tracks.index(track)) for track in tracks]
    known = {label.lower() for label in taken}
    systems, scores = [], []
    for name in data.systems:
        learned = sisec.training(name)
        label = f"{name} (SiSEC)" if name.lower() in known else name
        kind = learned if learned in ("oracle", "mixture") else "published"
        notes = ["SiSEC"] * (label == name) + [learned] * (kind == "published")
        systems.append(System(label, kind, True, " · ".join(notes)))
        values = {
            target: {metric: data.of(name, target, metric) for metric in sisec.METRICS}
            for target in sisec.TARGETS
            if np.isfinite(data.of(name, target, "SDR")).any()
        }
        scores += [
            TrackScores(
                dataset="musdb18",
                split="test",
                track=track,
                separator=label,
                kind="published",
                targets={
                    target: {metric: whole[at : at + 1] for metric, whole in metrics.items()}
                    for target, metrics in values.items()
                },
            )
            for track, at in places
        ]
    return systems, scores


def _condensed(item: TrackScores) -> TrackScores:
    """The same with one frame, the median of all: every table starts from that."""
    medians = {
        stem: {metric: np.array([frame_median(frames)]) for metric, frames in values.items()}
        for stem, values in item.targets.items()
    }
    return replace(item, targets=medians, among_stems={})


def _length_s(item: TrackScores) -> float:
    if item.samples and item.sample_rate_hz:
        return item.samples / item.sample_rate_hz
    frames = max((len(values["SDR"]) for values in item.targets.values()), default=0)
    return frames * item.hop_s


def _kind(item: TrackScores) -> str:
    if item.kind == "oracle":
        return "mixture" if item.separator == MIXTURE else "oracle"
    if item.seen_in_training:
        return SEEN
    return "published" if item.kind == "published" else "separator"


def _ordered(systems: Iterable[System]) -> tuple[System, ...]:
    return tuple(sorted(systems, key=lambda system: (_ORDER.index(system.kind), system.label)))


def _mir1k_stems(scores: Iterable[TrackScores]) -> tuple[str, ...]:
    """The voice first, as the protocol is about it."""
    names = {stem for item in scores for stem in item.mir1k}
    return tuple(sorted(names, key=lambda name: (name not in ("vocals", "voice"), name)))
