"""What a benchmark gives: an outcome for each track and entry, their tables and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, overload

from unweave.evaluation import aggregate, stem_files
from unweave.evaluation.scores import TrackScores
from unweave.evaluation.table import Table, frame
from unweave.evaluation.work import Outcome

if TYPE_CHECKING:
    import pandas


_SHOWN = 5  # altered estimates that are named before the rest is counted


@dataclass(frozen=True, slots=True, repr=False)
class BenchmarkResult(Sequence[Outcome]):
    """The outcomes, in the order tracks, entries; `folder` holds their files of scores.

    `warnings`: what was not scored, and why.
    """

    outcomes: tuple[Outcome, ...]
    folder: Path
    warnings: tuple[str, ...] = ()

    @overload
    def __getitem__(self, at: int) -> Outcome: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Outcome]: ...
    def __getitem__(self, at: int | slice) -> Outcome | Sequence[Outcome]:
        return self.outcomes[at]

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def scores(self) -> list[TrackScores]:
        """Of all tracks and entries that have some, scored now or in an earlier run."""
        return [outcome.scores for outcome in self if outcome.scores is not None]

    @property
    def errors(self) -> list[str]:
        return [outcome.error for outcome in self if outcome.error]

    def tables(self) -> list[Table]:
        """The averages that fit these scores, each with the name of its aggregation.

        Each column holds the tracks alone that all entries have; `cautions` says what that left
        out.
        """
        return aggregate.tables(self.scores)

    def cautions(self) -> list[str]:
        """Which tracks, stems and entries the tables leave out or do not rank, a line each."""
        return aggregate.compared(self.scores)[1]

    def changed(self) -> list[str]:
        """Estimates that were altered before they were scored, a line for each stem and track.

        After the first few of them, one line counts the others.
        """
        found = [
            f"{outcome.track}: {outcome.label}: {warning}"
            for outcome in self
            for warning in (outcome.scores.warnings if outcome.scores is not None else ())
            if stem_files.tells_change(warning)
        ]
        more = len(found) - _SHOWN
        if more <= 0:
            return found
        return [
            *found[:_SHOWN],
            f"{more} more estimates were altered; the files of scores say which",
        ]

    def to_frame(self) -> pandas.DataFrame:
        """A row for each dataset, split, track, separator, stem and metric.

        A metric with frames is the median over them. Raises UsageError without pandas.
        """
        return frame(aggregate.records(self.scores))

    def report(self, path: Path | None = None, baseline: str | None = None) -> Path:
        """Write the page on all scores of the folder, `report.html` in it where no path is given.

        See `unweave report`. Raises InputError, UsageError or OutputError.
        """
        from unweave.evaluation import report
        from unweave.evaluation.report.render import html

        page = Path(path or self.folder / "report.html")
        report.write({page: html(report.build(self.folder, baseline=baseline))})
        return page

    def __repr__(self) -> str:
        counts = Counter(str(outcome.status) for outcome in self)
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"<BenchmarkResult: {told}; in {self.folder}>"

    def __str__(self) -> str:
        """The tables as text, what was not scored and what failed."""
        told = (*self.cautions(), *self.warnings, *self.changed())
        lines = [*map(str, self.tables()), *(f"warning: {words}" for words in told)]
        return "\n".join([*lines, *(f"error: {words}" for words in self.errors)])

    def _repr_html_(self) -> str:
        """The tables for a notebook."""
        lines = (*self.cautions(), *self.warnings, *self.changed(), *self.errors)
        words = "".join(f"<p>{escape(line)}</p>" for line in lines)
        return "".join(table._repr_html_() for table in self.tables()) + words
