"""Scores of estimates that somebody else made, from memory or from files; no dataset needed.

Estimates are matched to references by name. Lengths that differ are made equal and the difference
is said; rates and channels that differ are an error, because making them equal would change scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave.core import stem_names
from unweave.core.waves import MOST_CHANNELS, as_array, as_wave, whole_rate_hz
from unweave.errors import UsageError
from unweave.evaluation import pairing, scores, scoring, stem_files, whole_track
from unweave.evaluation import rounding as how
from unweave.evaluation.aggregate import columns_of, frame_median, stems_of
from unweave.evaluation.scores import (
    BSS_EVAL_V4,
    GLOBAL,
    METRICS,
    V3_IMAGES,
    V3_SOURCES,
    TrackScores,
)
from unweave.evaluation.table import Row, Table, frame
from unweave.evaluation.text import plain
from unweave.types import Wave

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas
    from torch import Tensor

PROTOCOLS = {"v4": BSS_EVAL_V4, "v3": V3_IMAGES, "v3-sources": V3_SOURCES, "global": GLOBAL}
_TITLES = {
    BSS_EVAL_V4: ("BSS Eval v4, dB", "median over frames of one second that have a score"),
    V3_IMAGES: ("BSS Eval v3 images, dB", "one score for the whole length"),
    V3_SOURCES: ("BSS Eval v3 sources, dB", "one score for the whole length"),
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of some estimates. `evaluation["vocals"]["SDR"]` is one score: the median over
    frames of SDR, SIR, ISR or SAR, or one of the whole length, as "global SDR" or "bleedless".

    `scores` has every frame; `save` writes it as museval does.
    """

    scores: TrackScores

    @property
    def stems(self) -> tuple[str, ...]:
        return stems_of([self.scores])

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.scores.warnings

    def __getitem__(self, stem: str) -> dict[str, float]:
        values = self.scores.targets.get(stem, {})
        frames = {metric: frame_median(values[metric]) for metric in values}
        whole, own = whole_track.metrics(), self.scores.global_[stem]
        return frames | {whole[name].title: own[name] for name in whole if name in own}

    def __repr__(self) -> str:
        found = (f"{stem} {self[stem]['global SDR']:.2f}" for stem in self.stems)
        return f"<Evaluation: global SDR, dB: {', '.join(found)}>"

    def __str__(self) -> str:
        """The tables as text, and the warnings."""
        lines = [*map(str, self.tables()), *(f"warning: {words}" for words in self.warnings)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The tables for a notebook."""
        warnings = "".join(f"<p>warning: {escape(words)}</p>" for words in self.warnings)
        return "".join(table._repr_html_() for table in self.tables()) + warnings

    def tables(self) -> list[Table]:
        """The scores with the names of their aggregations, by stem."""
        found, bits = self.scores, self.scores.rounded_to_bits
        whole = [self._whole("without filters, dB", "dB"), self._whole("without a unit", "")]
        if not found.targets:
            return whole
        groups = [(stem, found.targets[stem]) for stem in self.stems]
        groups += [(f"{stem} among stems", values) for stem, values in found.among_stems.items()]
        title, aggregation = _TITLES[found.protocol]
        framed = Table(
            title=title,
            aggregation=how.with_rounding(aggregation, bits),
            rounded_to_bits=bits,
            columns=columns_of(METRICS),
            rows=tuple(
                Row(label, tuple(frame_median(values[metric]) for metric in METRICS))
                for label, values in groups
            ),
        )
        return [framed, *whole]

    def _whole(self, title: str, unit: str) -> Table:
        """The scores of the whole length that are in one unit."""
        found, bits = self.scores, self.scores.rounded_to_bits
        there = {name for scores in found.global_.values() for name in scores}
        metrics = {n: m for n, m in whole_track.metrics().items() if n in there and m.unit == unit}
        return Table(
            title=title,
            aggregation=how.with_rounding("one score for the whole length", bits),
            rounded_to_bits=bits,
            columns=columns_of((metric.title for metric in metrics.values()), unit),
            rows=tuple(
                Row(stem, tuple(found.global_[stem].get(name, math.nan) for name in metrics))
                for stem in self.stems
            ),
        )

    def document(self) -> dict[str, Any]:
        """All but the frames, as plain data: null for what is not finite."""
        found = self.scores
        return {
            "stems": {
                stem: {name: plain(value) for name, value in self[stem].items()}
                for stem in self.stems
            },
            "tables": [table.document() for table in self.tables()],
            "rounded_to_bits": found.rounded_to_bits,
            "lossy_references": list(found.lossy_references),
            "missing": list(found.missing),
            "unscored": list(found.unscored),
            "warnings": list(found.warnings),
        }

    def to_frame(self) -> pandas.DataFrame:
        """A row for each stem, a column for each metric. Raises UsageError without pandas."""
        return frame([self[stem] for stem in self.stems], index=list(self.stems))

    def save(self, path: str | Path) -> None:
        """Write `scores` as a file that museval's tools read. Raises OutputError."""
        scores.write(self.scores, Path(path))


def evaluate(
    references: Mapping[str, Any] | npt.NDArray[Any] | Tensor,
    estimates: Mapping[str, Any] | npt.NDArray[Any] | Tensor,
    sample_rate_hz: int,
    metric: str = "v4",
    *,
    mapping: Mapping[str, str] | None = None,
    rounding: str = how.AUTO,
) -> Evaluation:
    """Score estimates against references.

    references, estimates: `{stem: (channel, time)}`, matched by name, or arrays `(stem, channel,
    time)` in the same order, or `(stem, time)` for mono; numpy arrays or tensors, of floats where
    full scale is 1.0 or of integers. metric: "v4" (BSS Eval v4, one-second frames), "v3" (v3
    images) or "v3-sources" (one channel), or "global" (no BSS Eval, which is much faster); never
    permuted. The metrics of the whole length are always there; that which needs the mix takes the
    sum of the references for it. mapping: `{estimate: reference}` where
    names differ; several estimates of one reference are added up. rounding: "16-bit" rounds
    references and estimates first, as suits references that a lossy codec has been at; "auto" and
    "none" do not, as no array says where it came from.

    An accompaniment is scored beside the vocals alone, and the vocals then twice: see
    `TrackScores.among_stems`. Estimates that are longer or shorter than the references are cut or
    padded with silence, which a warning says. Raises ValueError for arrays that cannot be waves,
    UsageError where names do not match or a metric is unknown.
    """
    protocol, bits = _protocol(metric), how.bits(rounding, ())
    rate_hz = whole_rate_hz(sample_rate_hz)
    own, given = _named(references, "references"), _named(estimates, "estimates")
    request = _Request(rate_hz, protocol, mapping or {}, bits)
    return _score(own, given, request, names=("references", "estimates"))


def evaluate_files(
    references: Path,
    estimates: Path,
    metric: str = "v4",
    mapping: Mapping[str, str] | None = None,
    rounding: str = how.AUTO,
) -> Evaluation:
    """Score two folders of stems, matched by the names of their files, or two files.

    Any sound that unweave reads. A file called mix or mixture is left out; an accompaniment that
    the references lack is the sum of all of them but the vocals. rounding: "auto" rounds to 16 bits
    where a reference is a file of a lossy codec, "16-bit" always, "none" never. Raises InputError
    where something cannot be read or is not finite, or where rates or channels differ, UsageError
    as `evaluate` does.
    """
    protocol = _protocol(metric)
    own, given = stem_files.find(references), stem_files.find(estimates)
    mapping = pairing.renamed(mapping or {}, tuple(given))
    stem_files.check_distinct(own.values())
    stem_files.check_distinct(path for stem, path in given.items() if stem not in mapping)
    if references.is_file() and estimates.is_file():
        mapping.setdefault(next(iter(given)), next(iter(own)))
    rate_hz, lossy = stem_files.check_alike([*own.values()], [*given.values()])
    request = _Request(rate_hz, protocol, mapping, how.bits(rounding, lossy), lossy)
    waves = {stem: stem_files.read(path) for stem, path in own.items()}
    found = {stem: stem_files.read(path) for stem, path in given.items()}
    return _score(waves, found, request, names=(references.stem, estimates.stem))


def _protocol(metric: str) -> str:
    if metric not in PROTOCOLS:
        raise UsageError(f"unknown metric {metric!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[metric]


def _named(waves: object, who: str) -> dict[str, Wave]:
    """Waves by name, each `(channel, time)` float32 or float64; an array's stems are numbered."""
    if isinstance(waves, Mapping):
        given: dict[str, object] = {str(stem): wave for stem, wave in waves.items()}
    else:
        given = {f"stem {n + 1}": wave for n, wave in enumerate(_stems(waves, who))}
    if not given:
        raise ValueError(f"{who} hold no stem")
    named = {stem: _wave(wave, f"{who}: {stem}") for stem, wave in given.items()}
    for stem, wave in named.items():
        if wave.shape[0] != next(iter(named.values())).shape[0]:
            raise ValueError(f"{who}: {stem} has {wave.shape[0]} channels, others have not")
    return named


def _stems(waves: object, who: str) -> npt.NDArray[Any]:
    """An array whose first axis is the stem."""
    try:
        array = as_array(waves)
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None
    if array.ndim not in (2, 3) or len(array) > MOST_CHANNELS:
        raise ValueError(f"{who}: expected (stem, channel, time) or (stem, time), got "
                         f"{array.shape}; say {{name: (channel, time)}} for one stem")  # fmt: skip
    return array


def _wave(wave: object, what: str) -> Wave:
    try:
        found = as_wave(wave, keep_double=True)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if not np.isfinite(found).all():
        raise ValueError(f"{what}: holds values that are not finite (NaN or infinity)")
    return found


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of the scores."""

    sample_rate_hz: int
    protocol: str
    mapping: Mapping[str, str]
    rounded_to_bits: int | None
    lossy_references: tuple[str, ...] = ()


def _mix(references: Mapping[str, Wave]) -> Wave | None:
    """The sum of the references, without an accompaniment beside its parts; None of one alone."""
    names = [
        name
        for name in references
        if len(references) < 3 or stem_names.canonical(name) != stem_names.ACCOMPANIMENT
    ]
    return pairing.total(references, names) if len(names) > 1 else None


def _score(
    references: dict[str, Wave],
    estimates: dict[str, Wave],
    request: _Request,
    names: tuple[str, str],
) -> Evaluation:
    channels = {wave.shape[0] for wave in (*references.values(), *estimates.values())}
    if len(channels) > 1:
        raise ValueError("references and estimates have different numbers of channels")
    mapping, bits = request.mapping, request.rounded_to_bits
    length = max(wave.shape[-1] for wave in references.values())
    warnings: list[str] = []
    references = {
        stem: stem_files.fitted(how.rounded(wave, bits), length, f"the reference {stem}", warnings)
        for stem, wave in references.items()
    }
    clipped = how.warnings(estimates, bits)
    estimates = {stem: how.rounded(wave, bits) for stem, wave in estimates.items()}
    mix = _mix(references)
    voice = next((n for n in references if stem_names.canonical(n) == stem_names.VOCALS), None)
    backing = any(stem_names.canonical(n) == stem_names.ACCOMPANIMENT for n in references)
    wanted = {stem_names.canonical(mapping.get(n, n)) for n in estimates}
    derived = (
        voice is not None
        and not backing
        and len(references) > 1
        and stem_names.ACCOMPANIMENT in wanted
    )
    if derived:
        others = [name for name in references if name != voice]
        references[stem_names.ACCOMPANIMENT] = pairing.total(references, others)
    pairs = pairing.pair(tuple(references), tuple(estimates), mapping, derived=derived)
    given = {name: pairing.total(estimates, parts) for name, parts in pairs.sources.items()}
    given = {name: stem_files.fitted(wave, length, f"the estimate of {name}", warnings)
             for name, wave in given.items()}  # fmt: skip
    found = scoring.score(references, given, request.sample_rate_hz, request.protocol, mix)
    return Evaluation(
        TrackScores(
            dataset="",
            split="",
            track=names[0],
            separator=names[1],
            name=names[1],
            mapping=dict(mapping),
            protocol=request.protocol,
            rounded_to_bits=bits,
            lossy_references=request.lossy_references,
            samples=length,
            sample_rate_hz=request.sample_rate_hz,
            missing=pairs.missing,
            unscored=pairs.unscored,
            warnings=(*warnings, *clipped, *pairs.warnings(names[1]), *found.warnings),
            **found.as_arguments(),
        )
    )
