"""The log as a table and a picture: `curve.csv`, a row for each logged step, and `curve.png`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from unweave.core.files import atomic_write, readable, shown
from unweave.errors import InputError

HEAD = ("step", "name", "value")


class Curves(Logger):
    """One row for each value, at once on the disk; a run that goes on drops what was after its
    checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path, self.folder = folder / "curve.csv", folder

    @property
    def name(self) -> str:
        return "curves"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """The recipe lies beside it."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        new = not self.path.exists()
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(HEAD)
            writer.writerows((step, name, repr(float(value))) for name, value in metrics.items())

    def rows(self) -> list[tuple[int, str, float]]:
        """Everything logged; a last row that was cut off by a kill is left out. Raises InputError
        for a file that is something else."""
        if not self.path.exists():
            return []
        try:
            with readable(self.path):
                lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
        except UnicodeDecodeError as error:
            raise self._wrong("it is not UTF-8 text") from error
        if lines and not lines[-1].endswith("\n"):
            lines.pop()
        found = []
        for number, line in enumerate(lines, 2):
            try:
                step, name, value = next(csv.reader([line]))
                found.append((int(step), name, float(value)))
            except (ValueError, StopIteration, csv.Error) as error:
                raise self._wrong(f"line {number} is not step,name,value") from error
        return found

    def _wrong(self, reason: str) -> InputError:
        return InputError(
            f"{shown(self.path)}: {reason}; repair it, or move it away for a new curve"
        )

    def cut(self, step: int) -> None:
        """Forget what was logged after `step` steps were done. Raises InputError, OutputError."""
        kept = [row for row in self.rows() if row[0] < step + row[1].startswith("score/")]
        text = io.StringIO()
        csv.writer(text).writerows([HEAD, *((s, n, repr(v)) for s, n, v in kept)])
        atomic_write(self.path, text.getvalue().encode())

    def draw(self) -> None:
        """Loss and scores over steps as a picture; nothing without matplotlib."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return
        rows = self.rows()
        names = list(dict.fromkeys(name for _, name, _ in rows))
        groups = [[n for n in names if n.startswith("score/") is score] for score in (False, True)]
        figure = Figure(figsize=(8, 6), layout="constrained")
        for axes, group, label in zip(
            figure.subplots(2, 1, sharex=True), groups, ("loss", "score, dB"), strict=True
        ):
            for name in group:
                points = [(step, value) for step, own, value in rows if own == name]
                axes.plot(*zip(*points, strict=True), label=name, marker="." * (len(points) < 40))
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
            if group:
                axes.legend()
        axes.set_xlabel("step")
        figure.savefig(self.folder / "curve.png", dpi=100)
