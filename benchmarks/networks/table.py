"""The networks that were trained on MIR-1K: what each scores, and what it costs.

    unweave benchmark --dataset mir-1k --root DATA --split test-public -s mir1k-unet ... -o RESULTS
    .venv/bin/python -m benchmarks.networks.table DATA RESULTS [--repeat 3] [--picture FILE.png]

Scores are those of RESULTS. Costs: multiply-adds are counted (`cost.py`); seconds and memory are
those of `unweave separate` on two minutes of MIR-1K's dev clips, medians over runs, each in a
process of its own; the real-time factor is that of separating, without starting up. Minutes and
steps of training are from the card. What else RESULTS holds, techniques and oracles, and what
papers published, is a second table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from benchmarks.memory import cost_of
from benchmarks.networks.cost import Cost, cost

from unweave import datasets
from unweave.evaluation import aggregate
from unweave.evaluation.published import published
from unweave.models import architectures, cards
from unweave.models.cards import Card

SECONDS = 120


HEAD = (
    "| | GNSDR | GSIR | GSAR | parameters | multiply-adds a second of sound | real-time factor"
    " | peak memory, MB | steps | minutes |\n|---|---|---|---|---|---|---|---|---|---|"
)
BESIDE = "\n| beside them | GNSDR | GSIR | GSAR |\n|---|---|---|---|"


@dataclass(frozen=True)
class Line:
    """One network. scores: of the voice, dB."""

    card: Card
    scores: tuple[float, ...]
    cost: Cost
    factor: float
    megabytes: float

    def text(self) -> str:
        made = self.card.made
        figures = [f"{score:.2f}" for score in self.scores]
        figures += [f"{self.cost.parameters / 1e6:.2f} M"]
        figures += [f"{self.cost.multiply_adds_per_s / 1e9:.3f} G", f"{self.factor:.4f}"]
        figures += [f"{self.megabytes:.0f}", str(made["steps"]), str(made.get("minutes", ""))]
        return f"| `{self.card.name}` | {' | '.join(figures)} |"


def counted(card: Card) -> Cost:
    config, module = architectures.model(card.architecture).NETWORK
    settings = config(stems=card.stems, channels=card.channels, **card.config)
    return cost(lambda: module(settings), card.channels, card.sample_rate_hz)


def recording(root: Path, target: Path) -> None:
    """The dev clips' mixes, one after another and again, to two minutes of 16 kHz."""
    tracks = datasets.load("mir-1k", root, "dev")
    rate = tracks[0].sample_rate_hz
    once = np.concatenate([track.mix() for track in tracks], axis=-1)[0]
    soundfile.write(target, np.resize(once, SECONDS * rate), rate, subtype="FLOAT")


def run(name: str, song: Path, repeat: int) -> tuple[float, float]:
    """Medians of the real-time factor of separating and of the peak memory in MB."""
    factors, peaks = [], []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "unweave", "separate", "-q", "-m", name, "-o", folder]
            megabytes, _, _ = cost_of([*command, str(song)])
            [report] = Path(folder).glob("*/report.json")
            factors.append(
                json.loads(report.read_text())["execution"]["seconds"]["separate"] / SECONDS
            )
            peaks.append(megabytes)
    return statistics.median(factors), statistics.median(peaks)


def draw(lines: Sequence[Line], target: Path) -> None:
    """The voice's GNSDR against operations and against the real-time factor."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    columns = (
        (
            "million multiply-adds for a second of sound",
            [x.cost.multiply_adds_per_s / 1e6 for x in lines],
        ),
        ("seconds of two cores for an hour of sound", [3600 * x.factor for x in lines]),
    )
    scores = [line.scores[0] for line in lines]
    for axis, (title, values) in zip(axes, columns, strict=True):
        axis.scatter(values, scores)
        axis.set(xlabel=title, xscale="log", xlim=(min(values) / 1.5, max(values) * 2.2))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.margins(y=0.15)
        axis.grid(alpha=0.3)
    figure.suptitle("Networks trained on MIR-1K: quality against cost")
    axes[0].set_ylabel("GNSDR of the voice, MIR-1K test-public, dB")
    figure.canvas.draw()  # the layout decides where the points are
    names = [line.card.name.removeprefix("mir1k-") for line in lines]
    for axis, (_, values) in zip(axes, columns, strict=True):
        label(axis, list(zip(names, values, scores, strict=True)))
    figure.savefig(target, dpi=110)


def label(axis: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """A name beside each point, on the side where it covers no other point and no other name."""
    from matplotlib.transforms import Bbox

    size = 8  # of a dot and the air around it, in pixels
    dots = axis.transData.transform([(x, y) for _, x, y in points])
    taken = [Bbox.from_bounds(x - size, y - size, 2 * size, 2 * size) for x, y in dots]
    for name, x, y in points:
        text = axis.annotate(name, (x, y), (0, 0), textcoords="offset points", fontsize=9)
        for across, up, side in (
            (8, -3, "left"),
            (-8, -3, "right"),
            (0, 8, "center"),
            (0, -15, "center"),
        ):
            text.set(position=(across, up), ha=side)
            if not any(text.get_window_extent().overlaps(other) for other in taken):
                break
        taken.append(text.get_window_extent())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    table = aggregate.mir1k_table(aggregate.load(arguments.results))
    place = table.names.index("vocals GNSDR")
    scores = {row.label: row.values[place : place + 3] for row in table.rows}
    lines, networks = [], cards.names()
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        recording(arguments.data, song)
        for name in sorted(scores, key=lambda name: -scores[name][0]):
            if name not in networks:
                continue  # a technique or an oracle
            card = cards.card(name)
            line = Line(card, scores[name], counted(card), *run(name, song, arguments.repeat))
            lines.append(line)
            print(line.text(), flush=True)
    print(BESIDE)
    beside = [(scores[name], name) for name in scores if name not in networks]
    papers = published("mir-1k")
    for group in papers.groups if papers else ():
        own = "oracle" if group.kind == "oracle" else "published"
        for system, row in group.rows.items():
            beside.append((tuple(row.values()), f"{system} ({own}, 825 clips)"))
    for values, name in sorted(beside, reverse=True):
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |")
    if arguments.picture:
        draw(lines, arguments.picture)


if __name__ == "__main__":
    main()
