"""Scores of one track: the metrics of each protocol, and those beside them.

`bss-eval-v4` is SiSEC's: BSS Eval v4 on images, windows of one second without overlap. `mir-1k` is
that of Huang et al.: BSS Eval v3 on sources of one channel, one score per clip, and NSDR, which is
how much better the estimate is than the mix itself. The two of v3 score a track as a whole. Named
stems are never permuted. The metrics of a whole track, as SI-SDR, are always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unweave.errors import UsageError
from unweave.evaluation import whole_track
from unweave.evaluation.pairing import evaluations
from unweave.evaluation.scores import (
    BSS_EVAL_V4,
    GLOBAL,
    METRICS,
    MIR_1K,
    V3_IMAGES,
    V3_SOURCES,
    Values,
)
from unweave.types import Wave

if TYPE_CHECKING:
    from unweave.evaluation.metrics import ReferenceCache

WINDOW_S = 1.0

Waves = Mapping[str, Wave]


@dataclass(slots=True)
class Scored:
    """What came out, by stem; fields as in `scores.TrackScores`."""

    window_s: float
    hop_s: float
    targets: dict[str, dict[str, Values]] = field(default_factory=dict)
    among_stems: dict[str, dict[str, Values]] = field(default_factory=dict)
    scored_with: dict[str, tuple[str, ...]] = field(default_factory=dict)
    global_: dict[str, dict[str, float]] = field(default_factory=dict)
    mir1k: dict[str, dict[str, float]] = field(default_factory=dict)
    silent_frames: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_arguments(self) -> dict[str, Any]:
        """The scores without the warnings, as arguments of `scores.TrackScores`."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "warnings"}


def score(
    references: Waves,
    estimates: Waves,
    sample_rate_hz: int,
    protocol: str,
    mix: Wave | None = None,
    caches: dict[tuple[str, ...], ReferenceCache] | None = None,
) -> Scored:
    """The scores of `estimates`, each against the reference of its name.

    All waves are `(channel, time)` of one shape. mix: what NSDR and log-WMSE compare with; without
    it there are none. caches: one dictionary, empty at first, for all estimates of a track makes
    BSS Eval v4 faster, and takes memory. Raises UsageError where a protocol for one channel meets
    more.
    """
    first = next(iter(estimates.values()))
    length_s = first.shape[-1] / sample_rate_hz
    check_protocol(protocol, first.shape[0])
    window_s = min(WINDOW_S, length_s) if protocol == BSS_EVAL_V4 else length_s
    found = Scored(window_s, window_s)
    for names in evaluations(list(estimates)):
        own = np.stack([references[name] for name in names])
        given = np.stack([estimates[name] for name in names])
        whole = whole_track.scores(whole_track.Track(own, given, sample_rate_hz, mix))
        for n, name in enumerate(names):
            found.global_[name] = {metric: float(whole[metric][n]) for metric in whole}
        if protocol == GLOBAL:
            continue
        values = _bss_eval(own, given, sample_rate_hz, protocol, _cache(caches, names))
        for n, name in enumerate(names):
            if name in found.targets:
                found.among_stems[name] = found.targets.pop(name)
            found.targets[name] = {metric: values[metric][n] for metric in METRICS}
            found.scored_with[name] = names
            found.silent_frames[name] = int(np.isnan(values["SDR"][n]).sum())
        found.warnings += _silence(names, np.isnan(values["SDR"]))
        if len(names) == 1:
            found.warnings.append(f"{names[0]} is scored alone, so that nothing can interfere: "
                                  "its SIR is not defined")  # fmt: skip
    if protocol == MIR_1K:
        for name in found.targets:
            found.mir1k[name] = _mir1k(found.targets[name], references[name], mix)
    return found


def check_protocol(protocol: str, channels: int) -> None:
    """Raises UsageError where a protocol for one channel meets more."""
    if protocol in (MIR_1K, V3_SOURCES) and channels != 1:
        raise UsageError(
            f"{protocol} scores recordings of one channel, this one has {channels}; "
            "use BSS Eval v4, or make it mono first"
        )


def _silence(names: tuple[str, ...], gone: npt.NDArray[np.bool_]) -> list[str]:
    """What is said of frames without a score, `gone (stem, frame)`."""
    whole = np.array([bool(row.all()) and not gone.all() for row in gone])
    found = [
        f"{name} has no score, because its reference or its estimate is silent throughout"
        for name, silent in zip(names, whole, strict=True)
        if silent
    ]
    count, frames = int(gone[~whole].any(0).sum()), gone.shape[1]
    if count:
        found.append(
            f"{count} of {frames} frames have no score, because one of {', '.join(names)} is "
            "silent there"
        )
    return found


def _cache(
    caches: dict[tuple[str, ...], ReferenceCache] | None, names: tuple[str, ...]
) -> ReferenceCache | None:
    from unweave.evaluation import metrics

    return None if caches is None else caches.setdefault(names, metrics.ReferenceCache())


def _bss_eval(
    references: Wave,
    estimates: Wave,
    sample_rate_hz: int,
    protocol: str,
    cache: ReferenceCache | None,
) -> dict[str, Values]:
    """Each metric `(stem, frame)`; NaN where a frame has no score."""
    from unweave.evaluation import metrics

    if protocol == BSS_EVAL_V4:
        window = round(WINDOW_S * sample_rate_hz)
        frames = metrics.bss_eval_v4(references, estimates, window=window, hop=window, cache=cache)
        return {"SDR": frames.sdr, "SIR": frames.sir, "ISR": frames.isr, "SAR": frames.sar}
    if protocol == V3_IMAGES:
        images = metrics.bss_eval_v3_images(references, estimates, permutation=False)
        whole = {"SDR": images.sdr, "SIR": images.sir, "ISR": images.isr, "SAR": images.sar}
    else:
        sources = metrics.bss_eval_v3_sources(references[:, 0], estimates[:, 0], permutation=False)
        no_isr = np.full(len(references), np.nan)
        whole = {"SDR": sources.sdr, "SIR": sources.sir, "ISR": no_isr, "SAR": sources.sar}
    return {metric: values[:, None] for metric, values in whole.items()}


def _mir1k(values: Mapping[str, Values], reference: Wave, mix: Wave | None) -> dict[str, float]:
    """SDR, SIR, SAR of a clip, and NSDR: the gain in SDR over the mix as the estimate."""
    from unweave.evaluation import metrics

    found = {metric: float(values[metric][0]) for metric in ("SDR", "SIR", "SAR")}
    if mix is None:
        return found | {"NSDR": float("nan")}
    floor = metrics.bss_eval_v3_sources(reference, mix, permutation=False).sdr[0]
    return found | {"NSDR": found["SDR"] - float(floor)}
