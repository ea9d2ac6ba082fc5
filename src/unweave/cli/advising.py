"""The table of `unweave models advise`, for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unweave.cli.progress import clock
from unweave.registry.advice import Advice
from unweave.registry.cost import HERE

WIDE = 110  # columns; in fewer, scores stand in lines of their own
HEADS = ["name", "time", "memory", "here", "licence"]


def lines(found: Sequence[Advice], columns: int) -> Iterator[str]:
    """A row for each model, and what the marks mean; cut where a terminal is too narrow."""
    for line in _lines(found, columns):
        yield line if len(line) <= columns else f"{line[: columns - 3]}..."


def _lines(found: Sequence[Advice], columns: int) -> Iterator[str]:
    wide = columns >= WIDE
    rows = [HEADS + ["score"] * wide, *(_row(each) + [_score(each)] * wide for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, each in zip(rows, [None, *found], strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if each is not None and not wide and each.score_db is not None:
            yield f"    {_score(each)}"
    cells = [cell for each in found for cell in (*_row(each), _score(each)) if cell]
    marks = {cell[0] for cell in cells}
    yield ""
    yield from (f"{mark} {words}" for mark, words in MEANINGS.items() if mark in marks)


MEANINGS = {
    "~": "estimated: memory by weights and segments, time by others or one segment",
    "?": "not known here: --measure tries it, and a separation measures it",
    "!": "takes more memory than is free now",
    "(": "a score on other songs, or on songs that the model has seen: not ranked",
}


def _row(each: Advice) -> list[str]:
    time, memory = "?", "?"
    if each.seconds is not None:
        time = f"{'' if each.time_from == HERE else '~'}{clock(each.seconds)}"
    if each.memory_mb is not None:
        mark = "!" if each.fits is False else "" if each.memory_from == HERE else "~"
        memory = f"{mark}{each.memory_mb:.0f} MB"
    size = f"no, {each.download_bytes / 1e6:.0f} MB" if each.download_bytes else "no"
    return [each.name, time, memory, "yes" if each.here else size, each.licence]


def _score(each: Advice) -> str:
    if each.score_db is None:
        return ""
    score = f"{each.score_db:.1f} dB {each.score_of}"
    return score if each.ranked else f"({score})"
