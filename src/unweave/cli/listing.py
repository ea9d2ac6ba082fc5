"""The table of separators, for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Any

import typer

from unweave.core.stem_names import canonical
from unweave.models.cards import SEPARATION

NETWORKS, TECHNIQUES, PRESETS = "Networks", "Classical techniques", "Presets, made of others"
ESTIMATORS = "Networks that separate nothing, for 'unweave analyze'"
LAST = (TECHNIQUES, PRESETS, ESTIMATORS)
WIDE = 110  # columns; in fewer, scores stand in lines of their own
STEMS, LICENCE, LEAST = 26, 16, 20  # columns: of stems, of licences at most, of the last at least
FEW = 30  # separators; of more, only those that are or ran here have such lines

Facts = dict[str, Any]


def lines(facts: Sequence[Facts], default: str, stem: str, columns: int) -> Iterator[str]:
    """A table for each group; of a score that of `stem`, where one is named."""
    groups: dict[str, list[Facts]] = {}
    for fact in sorted(facts, key=lambda fact: (fact["name"] != default, fact["name"])):
        groups.setdefault(_group(fact), []).append(fact)
    for title in sorted(groups, key=lambda title: (title in LAST and LAST.index(title) + 1, title)):
        yield typer.style(title, bold=True)
        table = _models if title.startswith(NETWORKS) else _others
        yield from table(groups[title], default, stem, columns, len(facts) > FEW)
        yield ""
    if any(fact.get("weights_path_exists") for fact in facts):
        yield "* weights that are here"
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


def _models(
    facts: Sequence[Facts], default: str, stem: str, columns: int, brief: bool
) -> Iterator[str]:
    """A line for each; in the last column, or in a line below, its score and how it ran here.

    brief: no line below for models that are not here and never ran here.
    """
    from unweave.models.licences import short

    wide = columns >= WIDE
    heads = ["name", "size", "licence", "stems" if any(f["stems"] for f in facts) else "finds"]
    rows = [
        [
            fact["name"] + " (default)" * (fact["name"] == default),
            f"{fact['size_bytes'] / 1e6:.0f} MB" if fact["size_bytes"] else "?",
            short(fact["licence_weights"]),
        ]
        for fact in facts
    ]
    widths = [max(map(len, column)) for column in zip(heads[:3], *rows, strict=True)]
    widths[2] = min(widths[2], LICENCE)
    left = columns - 1 - 2 * len(heads) - sum(widths)
    widths.append(STEMS if wide else max(left, LEAST))
    if wide:
        heads.append("score, and speed here")
        widths.append(max(left - STEMS - 2, LEAST))
    yield from _table([heads], widths)
    for fact, row in zip(facts, rows, strict=True):
        cells = [*row, _some(fact["stems"] or [fact["task"]], stem, widths[3])]
        note = _note(fact, stem)
        mark = "* " if fact["weights_path_exists"] else "  "
        yield from _table([[*cells, note] if wide else cells], widths, mark)
        known_here = fact["weights_path_exists"] or fact["measured"]
        if note and not wide and (known_here or not brief):
            yield from wrap(note, columns - 1, initial_indent="      ", subsequent_indent="      ")


def _some(stems: Sequence[str], stem: str, width: int) -> str:
    """As many stems as there is room for, that which was asked for the first, and how many more."""
    names = sorted(stems, key=lambda name: name not in {stem, canonical(stem)})
    for left_out in range(len(names)):
        kept = ", ".join(names[: len(names) - left_out])
        text = f"{kept} and {left_out} more" if left_out else kept
        if len(text) <= width:
            return text
    return f"{len(names)} stems"


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


def _others(
    facts: Sequence[Facts], default: str, stem: str, columns: int, brief: bool
) -> Iterator[str]:
    rows = [["name", "stems", "idea"]]
    for fact in facts:
        members = [part.replace("+", " + ") for part in fact.get("made_of", ())]
        made = f" ({', '.join(members)})" if members else ""
        rows.append([fact["name"], ", ".join(fact["stems"]), fact["title"] + made])
    first = max(len(row[0]) for row in rows)
    second = min(24, max(len(row[1]) for row in rows))
    yield from _table(rows, (first, second, max(24, columns - first - second - 7)))


def _table(rows: Sequence[Sequence[str]], widths: Sequence[int], mark: str = "  ") -> Iterator[str]:
    """Cells below each other; long ones go on in the next line. mark: before the first line."""
    for row in rows:
        cells = [
            wrap(cell, width, break_long_words=False, break_on_hyphens=False)
            for cell, width in zip(row, widths, strict=True)
        ]
        for n, parts in enumerate(zip_longest(*cells, fillvalue="")):
            padded = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
            yield ("  " if n else mark) + "  ".join(padded).rstrip()
