"""The pages of `docs/techniques/`, one for each classical technique, made from its file.

    .venv/bin/python -m scripts.technique_pages                # the text
    .venv/bin/python -m scripts.technique_pages --pictures     # and the spectrograms
    .venv/bin/python -m scripts.technique_pages --scores DIR   # and the scores, from a benchmark

A page is the technique's docstring, the table of its parameters, its rows of what was measured, and
a picture of what it does. What was measured lies in `docs/techniques/measured/*.csv`: a file begins
with lines of `#`, its title, the command that printed it, and what to know; the first column names
the technique. A test holds the pages to the docstrings and to these files.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave import registry
from unweave.options import Option

PAGES = Path(__file__).parent.parent / "docs" / "techniques"
# The order in which a reader meets them.
MEASURED = (
    "musdb18",
    "musdb18-differences",
    "whole-songs",
    "mir-1k",
    "noise",
    "noise-given",
    "rooms",
    "peers-channels",
    "peers-nmf",
    "nussl",
    "peers-blind",
    "speed",
)


@dataclass(frozen=True)
class Table:
    """What one command printed."""

    title: str
    command: str
    notes: str
    columns: list[str]
    rows: list[list[str]]

    def of(self, name: str) -> list[list[str]]:
        """The rows of one technique, with whatever options."""
        return [row for row in self.rows if re.match(rf"{name}($|[:,])", row[0])]

    def text(self, rows: list[list[str]]) -> list[str]:
        """These rows in Markdown, with where they come from."""
        parts = [f"**{self.title}**", "", f"`{self.command}`", ""]
        parts += [line(self.columns), line(["---", *["--:"] * (len(self.columns) - 1)])]
        parts += [*map(line, rows), ""]
        return [*parts, self.notes, ""] if self.notes else parts


def line(cells: list[str]) -> str:
    """A row of a Markdown table, in which a bar has to be escaped."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def read(path: Path) -> Table:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [text[1:].strip() for text in lines if text.startswith("#")]
    columns, *rows = csv.reader(text for text in lines if text and not text.startswith("#"))
    return Table(head[0], head[1], " ".join(head[2:]), columns, rows)


def tables() -> list[Table]:
    paths = (PAGES / "measured" / f"{name}.csv" for name in MEASURED)
    return [read(path) for path in paths if path.is_file()]


def pages() -> dict[str, str]:
    """The text of every file in the folder, by its name."""
    found = {f"{name}.md": page(name) for name in registry.techniques()}
    return {"README.md": contents(), **found}


def page(name: str) -> str:
    """The docstring of the technique, its options, and its measured rows."""
    technique = registry.describe(name)
    assert isinstance(technique, registry.Technique)
    doc = "\n".join(technique.doc.splitlines()[1:]).strip()
    lines = [
        f"# {name}",
        "",
        technique.title,
        "",
        f"`unweave separate song.wav -m {name}` gives {', '.join(technique.stems)}.",
        "",
        doc,
        "",
        "## Parameters",
        "",
        f"`--set NAME=VALUE` on the command line, `unweave.load({name!r}, NAME=VALUE)` in Python.",
        "",
        "| name | default | limits | meaning |",
        "|---|---|---|---|",
        *(row(item) for item in registry.declared(name)),
        "",
    ]
    measured = [text for table in tables() if table.of(name) for text in table.text(table.of(name))]
    if measured:
        lines += ["## Measured", "", *measured]
    picture = PAGES / "pictures" / f"{name}.png"
    if picture.is_file():
        from scripts.technique_pictures import SCENES

        lines += ["## Spectrograms", "", f"{SCENES[name].caption}.", ""]
        lines += [f"![The mix and the stems of {name}](pictures/{picture.name})", ""]
    return "\n".join(lines)


def row(item: Option) -> str:
    """One line of the table of parameters."""
    words = {type(None): "none", bool: str(item.default).lower()}
    default = words.get(type(item.default), item.default)
    return line([f"`{item.name}`", str(default), item.limits, item.meaning])


def contents() -> str:
    """The list of all pages, and all that was measured."""
    lines = ["# The classical techniques", "", *INTRODUCTION, ""]
    lines += ["`unweave models list` lists them; each has a page in this folder.", ""]
    lines += [*WIENER, "", "## Measured", ""]
    for table in tables():
        lines += table.text(table.rows)
    lines += ["Made by `python -m scripts.technique_pages`: edit the docstrings, not these pages."]
    return "\n".join(lines) + "\n"


INTRODUCTION = (
    "Classical techniques need no training and run on any recording. Each is one file or folder in",
    "`src/unweave/separators/`. A technique that works on segments needs memory that does not grow",
    "with the recording. For a technique that needs the whole recording unweave estimates the",
    "memory first, and refuses a recording that would not fit. `unweave models show NAME` lists",
    "the options; the pages here explain them, and when each technique fails.",
)
WIENER = (
    "Every technique and every trained model has the option `wiener` (`--wiener`,",
    "`--set wiener=2`): a multichannel Wiener filter then estimates the stems again from the mix,",
    "by the level and the position of each in the stereo image.",
)


# What the techniques were called in SiSEC 2018, and in the table of Huang and others.
CAMPAIGN = {"REP2": "repet-sim", "2DFT": "ft2d", "REP1": "repet", "RPCA": "rpca", "HPSS": "hpss"}
PUBLISHED = {"RPCA": "rpca", "RNMF": "rnmf"}


def save_scores(folder: Path) -> None:
    """The tables of `unweave benchmark -o folder` as files, beside the published scores."""
    from unweave.evaluation import aggregate, published, sisec

    found = aggregate.load(folder)
    music = [item for item in found if item.dataset == "musdb18"]
    if music:
        columns = [(stem, name) for stem in ("vocals", "accompaniment") for name in sisec.METRICS]
        cells: dict[str, list[float]] = {}
        for stem, metric in columns:
            table = aggregate.csdr_table(music, metric)
            for item in table.rows:
                value = item.values[table.names.index(stem)]
                cells.setdefault(item.label, []).append(value)
        campaign = sisec.campaign()
        theirs = {
            f"{name}, in SiSEC 2018": [
                float(np.nanmedian(campaign.of(system, *column))) for column in columns
            ]
            for system, name in CAMPAIGN.items()
        }
        heads = [f"{stem} {metric}" for stem, metric in columns]
        write("musdb18", ["technique", *heads], [*sorted_rows(cells), *sorted_rows(theirs)])
    clips = [item for item in found if item.dataset == "mir-1k"]
    if clips:
        table = aggregate.mir1k_table(clips)
        metrics = ("GNSDR", "GSIR", "GSAR")
        at = [table.names.index(f"vocals {name}") for name in metrics]
        cells = {item.label: [item.values[n] for n in at] for item in table.rows}
        facts = published.published("mir-1k")
        assert facts is not None
        theirs = {
            f"{PUBLISHED[system]}, as published (825 clips)": [row[name] for name in metrics]
            for group in facts.groups
            for system, row in group.rows.items()
            if system in PUBLISHED
        }
        write("mir-1k", ["technique", *metrics], [*sorted_rows(cells), *sorted_rows(theirs)])


def sorted_rows(cells: dict[str, list[float]]) -> list[list[str]]:
    """By the first score, the best first."""
    ordered = sorted(cells.items(), key=lambda item: -item[1][0])
    return [[label, *(f"{value:.2f}" for value in values)] for label, values in ordered]


def write(name: str, columns: list[str], rows: list[list[str]]) -> None:
    """New scores below the head of the file."""
    path = PAGES / "measured" / f"{name}.csv"
    head = [text for text in path.read_text().splitlines() if text.startswith("#")]
    body = io.StringIO()
    csv.writer(body, lineterminator="\n").writerows([columns, *rows])
    path.write_text("\n".join([*head, body.getvalue()]), encoding="utf-8")


def main() -> None:
    """Write every page, and the list of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, help="folder that `unweave benchmark` wrote")
    parser.add_argument("--pictures", action="store_true", help="draw as well")
    arguments = parser.parse_args()
    if arguments.scores:
        save_scores(arguments.scores)
    if arguments.pictures:
        from scripts.technique_pictures import draw

        for name in registry.techniques():
            draw(name, PAGES / "pictures" / f"{name}.png")
    for file, text in pages().items():
        (PAGES / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
