"""The table of separators, for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Any

import typer

from unweave.models.cards import SEPARATION

NETWORKS, TECHNIQUES, PRESETS = "Networks", "Classical techniques", "Presets, made of others"
ESTIMATORS = "Networks that separate nothing, for 'unweave analyze'"
LAST = (TECHNIQUES, PRESETS, ESTIMATORS)
WIDE = 110  # columns; in fewer, stems and scores stand in lines of their own
STEMS = 26  # columns of the stems, at most

Facts = dict[str, Any]


def lines(facts: Sequence[Facts], default: str, stem: str, columns: int) -> Iterator[str]:
    """A table for each group; of a score that of `stem`, where one is named."""
    groups: dict[str, list[Facts]] = {}
    for fact in sorted(facts, key=lambda fact: (fact["name"] != default, fact["name"])):
        groups.setdefault(_group(fact), []).append(fact)
    for title in sorted(groups, key=lambda title: (title in LAST and LAST.index(title) + 1, title)):
        yield typer.style(title, bold=True)
        table = _models if title.startswith(NETWORKS) else _others
        yield from table(groups[title], default, stem, columns)
        yield ""
    if facts:
        yield "'unweave models show NAME' shows all of one, its options too."


def _group(fact: Facts) -> str:
    """The table that a separator stands in."""
    if "made_of" in fact:
        return PRESETS
    if "licence_weights" not in fact:
        return TECHNIQUES
    if fact["task"] != SEPARATION:
        return ESTIMATORS
    if fact["origin"] == "unweave":
        return NETWORKS
    return f"{NETWORKS} of {fact['origin'] or 'your own'}"


def _models(facts: Sequence[Facts], default: str, stem: str, columns: int) -> Iterator[str]:
    from unweave.models.licences import short

    separate = any(fact["stems"] for fact in facts)
    heads = ["name", "stems" if separate else "finds", "size", "here", "licence"]
    rows = [
        [
            fact["name"],
            ", ".join(fact["stems"]) or fact["task"],
            f"{fact['size_bytes'] / 1e6:.0f} MB" if fact["size_bytes"] else "?",
            "yes" if fact["weights_path_exists"] else "no",
            short(fact["licence_weights"]) + " (default)" * (fact["name"] == default),
        ]
        for fact in facts
    ]
    notes = [_note(fact, stem) for fact in facts]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if columns >= WIDE:
        widths[1] = min(widths[1], STEMS)
        widths.append(max(20, columns - 2 - 2 * len(heads) - sum(widths)))
        yield from _table([[*heads, "score, and speed here"]], widths)
        yield from _table([[*row, note] for row, note in zip(rows, notes, strict=True)], widths)
        return
    del heads[1], widths[1]
    yield from _table([heads], widths)
    for (name, stems, *others), note in zip(rows, notes, strict=True):
        yield from _table([[name, *others]], widths)
        about = f"{stems}; {note}" if note else stems
        yield from wrap(about, columns - 1, initial_indent="      ", subsequent_indent="      ")


def _note(fact: Facts, stem: str) -> str:
    """A score of a model with what it was measured on, and how it ran on this machine."""
    of_stem = [score for score in fact["scores"] if score["stem"] == stem]
    means = [score for score in fact["scores"] if not score["stem"]]
    words = []
    if chosen := (of_stem or means or fact["scores"])[:1]:
        (score,) = chosen
        what = f"{score['stem']} " if score["stem"] else ""
        words.append(f"{what}{score['value_db']:.2f} dB {score['metric']}, {score['data']}")
    if run := fact["measured"]:
        words.append(f"{run['speed']:.2g}x real time, {run['peak_memory_mb'] / 1000:.1f} GB here")
    return "; ".join(words)


def _others(facts: Sequence[Facts], default: str, stem: str, columns: int) -> Iterator[str]:
    rows = [["name", "stems", "idea"]]
    for fact in facts:
        made = f" ({', '.join(fact['made_of'])})" if "made_of" in fact else ""
        rows.append([fact["name"], ", ".join(fact["stems"]), fact["title"] + made])
    first = max(len(row[0]) for row in rows)
    second = min(24, max(len(row[1]) for row in rows))
    yield from _table(rows, (first, second, max(24, columns - first - second - 7)))


def _table(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Cells below each other; long ones go on in the next line."""
    for row in rows:
        cells = [
            wrap(cell, width, break_long_words=False, break_on_hyphens=False)
            for cell, width in zip(row, widths, strict=True)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
            yield "  " + "  ".join(padded).rstrip()
