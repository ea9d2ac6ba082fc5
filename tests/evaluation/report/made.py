"""Scores as a benchmark would leave them, made of a seed, so that each score is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unweave.evaluation import scores
from unweave.evaluation.scores import MIR_1K, TrackScores

RATE_HZ = 44100


def frames(middle: float, count: int = 5) -> np.ndarray:
    """`(frame,)` whose median is `middle`, one of them silent."""
    steps = np.linspace(-2.0, 2.0, count)
    return np.concatenate([middle + steps, [np.nan]])


def track_scores(
    track: str,
    separator: str = "ours",
    levels: dict[str, float] | None = None,
    *,
    kind: str = "separator",
    dataset: str = "musdb18",
    split: str = "test",
    length_s: float = 200.0,
    **more,
) -> TrackScores:
    """Scores whose SDR over frames is `levels[stem]`; ISR 5, SIR 3 and SAR 1 dB above it."""
    levels = {"vocals": 5.0, "accompaniment": 12.0} if levels is None else levels
    rises = {"SDR": 0.0, "ISR": 5.0, "SIR": 3.0, "SAR": 1.0}
    targets = {
        stem: {metric: frames(level + rise) for metric, rise in rises.items()}
        for stem, level in levels.items()
    }
    return TrackScores(
        dataset=dataset,
        split=split,
        track=track,
        separator=separator,
        kind=kind,
        samples=round(length_s * RATE_HZ),
        sample_rate_hz=RATE_HZ,
        targets=targets,
        silent_frames=dict.fromkeys(levels, 1),
        **more,
    )


def campaign_of(*separators: str, tracks: list[str], seed: int = 0, **more) -> list[TrackScores]:
    """Each separator on each track; a later one is a dB worse than the one before it.

    Names of oracles make oracles, 3 dB better than the best.
    """
    found = []
    for n, separator in enumerate(separators):
        oracle = separator in ("mixture", "irm1", "irm2", "mwf")
        shift = 3.0 if oracle else -float(n)
        for t, track in enumerate(tracks):
            hard = np.random.default_rng([seed, t]).normal(0.0, 2.0)
            own = np.random.default_rng([seed, t, n]).normal(0.0, 0.3)
            levels = {"vocals": 6.0 + shift + hard + own, "accompaniment": 12.0 + shift + hard}
            found.append(
                track_scores(
                    track,
                    separator,
                    levels,
                    kind="oracle" if oracle else "separator",
                    real_time_factor=None if oracle else 0.1 * (n + 1),
                    **more,
                )
            )
    return found


def clip(track: str, separator: str, nsdr: float, samples: int, kind="separator") -> TrackScores:
    """MIR-1K's scores of one clip: SIR 5 and SAR 2 dB above the NSDR."""
    figures = {"SDR": nsdr, "NSDR": nsdr, "SIR": nsdr + 5, "SAR": nsdr + 2}
    return TrackScores(
        dataset="mir-1k",
        split="test-public",
        track=track,
        separator=separator,
        kind=kind,
        protocol=MIR_1K,
        samples=samples,
        sample_rate_hz=16000,
        mir1k={"vocals": figures},
        global_={"vocals": {"global_sdr_db": nsdr, "si_sdr_db": nsdr, "snr_db": nsdr}},
    )


def write(folder: Path, items: list[TrackScores]) -> Path:
    """The files as the benchmark lays them out."""
    for item in items:
        path = scores.path_of(folder, item.dataset, item.separator, item.split, item.track)
        scores.write(item, path)
    return folder


def names(count: int) -> list[str]:
    return [f"track {n:02d}" for n in range(count)]
