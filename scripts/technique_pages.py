"""The pages of `docs/techniques/`, one for each classical technique, made from its file.

    .venv/bin/python -m scripts.technique_pages                # the text
    .venv/bin/python -m scripts.technique_pages --pictures     # and the spectrograms

A page is the technique's docstring, the table of its parameters, its rows of what was measured, and
a picture of what it does. What was measured lies in `docs/techniques/measured/*.csv`, which
`benchmarks/measure.py` writes: a file begins with lines of `#`, its title, the commands, each with
a `$`, the machine and commit, and what to know; the first column names the technique. A test holds
the pages to the docstrings and to these files.
"""

from __future__ import annotations

import argparse
import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

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
    """What one measurement printed. stated: the line with the machine and the commit."""

    title: str
    commands: list[str]
    stated: str
    notes: str
    columns: list[str]
    rows: list[list[str]]
    name: str = ""

    def of(self, name: str) -> list[list[str]]:
        """The rows of one technique, with whatever options."""
        return [row for row in self.rows if re.match(rf"{name}($|[:,])", row[0])]

    def text(self, rows: list[list[str]]) -> list[str]:
        """These rows in Markdown, with where they come from."""
        parts = [f"**{self.title}**", "", f"<!-- measured: {self.name} -->", ""]
        parts += ["```sh", *self.commands, "```", ""]
        parts += [line(self.columns), line(["---", *["--:"] * (len(self.columns) - 1)])]
        parts += [*map(line, rows), "", self.stated, "", "<!-- end -->", ""]
        return [*parts, self.notes, ""] if self.notes else parts


def line(cells: list[str]) -> str:
    """A row of a Markdown table, in which a bar has to be escaped."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def parsed(text: str) -> Table:
    """A file of `docs/techniques/measured`."""
    lines = text.splitlines()
    title, *head = [line[2:] for line in lines if line.startswith("#")]
    commands = [line[2:] for line in head if line.startswith("$ ")]
    stated, *notes = head[len(commands) :]
    columns, *rows = csv.reader(line for line in lines if line and not line.startswith("#"))
    return Table(title, commands, stated, " ".join(map(str.strip, notes)), columns, rows)


def tables() -> list[Table]:
    paths = (PAGES / "measured" / f"{name}.csv" for name in MEASURED)
    return [
        replace(parsed(path.read_text(encoding="utf-8")), name=path.stem)
        for path in paths
        if path.is_file()
    ]


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


def write() -> None:
    """Every page, and the list of them."""
    for file, text in pages().items():
        (PAGES / file).write_text(text, encoding="utf-8")


def main() -> None:
    """Draw on request, and write every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="draw as well")
    arguments = parser.parse_args()
    if arguments.pictures:
        from scripts.technique_pictures import draw

        for name in registry.techniques():
            draw(name, PAGES / "pictures" / f"{name}.png")
    write()


if __name__ == "__main__":
    main()
