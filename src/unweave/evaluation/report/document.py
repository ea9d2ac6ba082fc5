"""What a report says, before it is HTML or Markdown: sections of tables, charts and sentences.

Everything here is plain data, with the tables of `bench.table`. The templates turn one `Report`
into two twins, so that no score can differ between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unweave.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or a caution that must not be missed."""

    words: str
    caution: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A plain list of sentences."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, as at the head of a datasheet."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Highlights:
    """The few scores to see first: `(what, score, beside it)`."""

    scores: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as inline SVG; `alt` is what it shows for those who do not see it."""

    svg: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts side by side where there is room; the caption is for all of them."""

    charts: tuple[Chart, ...]
    caption: str = ""


Block = Table | Charts | Text | Items | Facts | Highlights


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; level 2 is a dataset, 3 a part, 4 a stem."""

    title: str
    level: int
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()

    def tables(self) -> Iterator[Table]:
        """All tables below this heading."""
        yield from (block for block in self.blocks if isinstance(block, Table))
        for section in self.sections:
            yield from section.tables()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. `stamp` is the only line that holds a time."""

    title: str
    lead: str
    stamp: str
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()  # files and scores of the folder that are not in it
