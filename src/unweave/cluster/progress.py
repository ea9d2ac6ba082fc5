"""How far a run is: in words, as plain data, and in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from unweave.cluster.log import DONE, Entry


@dataclass(slots=True)
class Progress:
    """rows, sound_s: of the whole manifest; done, failed: with those of earlier runs. new_*: of
    this run. price_per_hour: of one worker."""

    rows: int
    sound_s: float
    done: int = 0
    failed: int = 0
    done_s: float = 0.0
    new: int = 0
    new_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    workers: int = 0
    price_per_hour: float | None = None
    _started_s: float = field(default_factory=time.monotonic)

    def add(self, entry: Entry, again: bool) -> None:
        """A row has ended. again: it had failed before."""
        self.failed -= again
        self.new += 1
        if entry.state == DONE:
            self.done += 1
            self.done_s += entry.duration_s or 0.0
            self.new_s += entry.duration_s or 0.0
        else:
            self.failed += 1
            self.failures[entry.kind] += 1

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._started_s

    @property
    def left(self) -> int:
        return max(0, self.rows - self.done - self.failed)

    @property
    def left_s(self) -> float | None:
        """Estimate of the time that is left, by the rate of this run; None before it has one."""
        if not self.left:
            return 0.0
        sound_s = self.sound_s - self.done_s
        if self.new_s and sound_s > 0:
            return sound_s / self.new_s * self.seconds
        return self.left / self.new * self.seconds if self.new else None

    @property
    def cost(self) -> float | None:
        if self.price_per_hour is None:
            return None
        return self.seconds / 3600 * self.workers * self.price_per_hour

    def as_dict(self) -> dict[str, Any]:
        """Plain data: counts, seconds, the rate in seconds of sound a second."""
        return {
            "rows": self.rows,
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "sound_s": round(self.sound_s, 3),
            "done_sound_s": round(self.done_s, 3),
            "seconds": round(self.seconds, 3),
            "rate": round(self.new_s / self.seconds, 3) if self.seconds else 0.0,
            "left_s": None if self.left_s is None else round(self.left_s, 1),
            "cost": None if self.cost is None else round(self.cost, 4),
            "workers": self.workers,
            "failures": dict(self.failures),
        }

    def in_words(self) -> str:
        hours, of = self.done_s / 3600, self.sound_s / 3600
        words = [
            f"{self.done} of {self.rows} rows done, {hours:.2f} of {of:.2f} h of sound",
            f"{self.new_s / max(self.seconds, 1e-9):.1f} times real time",
        ]
        if self.left_s:
            words.append(f"{self.left_s / 3600:.2f} h left")
        if self.cost is not None:
            words.append(f"cost {self.cost:.2f}")
        if self.failed:
            kinds = ", ".join(f"{kind} {count}" for kind, count in self.failures.most_common())
            words.append(f"{self.failed} failed{f' ({kinds})' if kinds else ''}")
        return "; ".join(words)

    def prometheus(self, name: str) -> bytes:
        """Gauges of the run called `name`."""
        found = self.as_dict()
        lines = []
        for key, meaning in (
            ("rows", "Rows of the manifest."),
            ("done", "Rows whose stems are complete."),
            ("failed", "Rows that failed."),
            ("sound_s", "Seconds of sound in the manifest."),
            ("done_sound_s", "Seconds of sound that are separated."),
            ("rate", "Seconds of sound separated in a second."),
            ("left_s", "Estimate of the seconds left."),
            ("cost", "Cost of this run so far."),
            ("workers", "Workers of this run."),
        ):
            if found[key] is not None:
                gauge = f"unweave_catalogue_{key.removesuffix('_s')}"
                gauge += "_seconds" if key.endswith("_s") else ""
                lines += [f"# HELP {gauge} {meaning}", f"# TYPE {gauge} gauge"]
                lines.append(f'{gauge}{{run="{name}"}} {found[key]}')
        gauge = "unweave_catalogue_failures"
        lines += [f"# HELP {gauge} Rows of this run that failed, by kind.", f"# TYPE {gauge} gauge"]
        for kind, count in sorted(self.failures.items()):
            lines.append(f'{gauge}{{run="{name}",kind="{kind}"}} {count}')
        return ("\n".join(lines) + "\n").encode()
