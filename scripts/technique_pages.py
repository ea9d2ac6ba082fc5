"""The pages of `docs/techniques/`, one for each classical technique, made from its file.

    python scripts/technique_pages.py                          # text; what is measured stays
    python scripts/technique_pages.py --scores DIR --song SONG # scores and pictures

A page is the technique's docstring, the table of its parameters, its rows in the benchmark and a
picture of what it does to one song. A test holds the text to the docstrings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from unweave import catalog
from unweave.core.parameters import Parameter

PAGES = Path(__file__).parent.parent / "docs" / "techniques"
MEASURED = "## In the benchmark"


def main() -> None:
    """Write every page, and the list of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, help="folder that `unweave benchmark` wrote")
    parser.add_argument("--song", type=Path, help="recording to draw")
    arguments = parser.parse_args()
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in catalog.techniques():
        page = PAGES / f"{name}.md"
        picture = PAGES / "pictures" / f"{name}.png"
        measured = rows(arguments.scores, name) if arguments.scores else kept(page)
        if arguments.song:
            draw(name, arguments.song, picture)
        page.write_text(text(name) + measured + shown(picture), encoding="utf-8")
    (PAGES / "README.md").write_text(contents(), encoding="utf-8")


def text(name: str) -> str:
    """What the technique's own file says of it: its docstring and its parameters."""
    technique = catalog.describe(name)
    assert isinstance(technique, catalog.Technique)
    doc = "\n".join(technique.doc.splitlines()[1:]).strip()
    lines = [
        f"# {technique.title.rstrip('.')}",
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
        *(row(item) for item in technique.parameters),
        "",
    ]
    return "\n".join(lines) + "\n"


def row(item: Parameter) -> str:
    """One line of the table of parameters."""
    default = {None: "none", True: "true", False: "false"}.get(item.default, item.default)  # type: ignore[call-overload]
    return f"| `{item.name}` | {default} | {item.limits} | {item.meaning} |"


def kept(page: Path) -> str:
    """What was measured before, as the page holds it."""
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    _, heading, rest = old.partition(MEASURED)
    return heading + rest.partition("\n![")[0].rstrip("\n") + "\n" if heading else ""


def rows(scores: Path, name: str) -> str:
    """The technique's rows in every table of the benchmark."""
    from unweave.bench import aggregate

    tables = aggregate.tables_of(aggregate.load(scores), name)
    return "\n".join([MEASURED, "", *tables, ""])


def shown(picture: Path) -> str:
    if not picture.is_file():
        return ""
    alt = "Spectrograms of a song and of what the technique makes of it"
    return f"\n![{alt}](pictures/{picture.name})\n"


def draw(name: str, song: Path, picture: Path) -> None:
    """Separate the song and draw it, as a user would."""
    picture.parent.mkdir(exist_ok=True)
    unweave = [sys.executable, "-m", "unweave"]
    with tempfile.TemporaryDirectory() as folder:
        separate = [*unweave, "separate", str(song), "-m", name, "-o", folder, "--quiet"]
        subprocess.run(separate, check=True)
        [report] = Path(folder).glob("*/report.json")
        subprocess.run([*unweave, "spectrogram", str(report), "-o", str(picture), "-q"], check=True)


def contents() -> str:
    """The list of all pages."""
    lines = ["# The classical techniques", ""]
    for name in catalog.techniques():
        facts = catalog.describe(name)
        lines.append(f"- [{name}]({name}.md): {facts.title.rstrip('.')}")
    return "\n".join([*lines, "", "Made by `scripts/technique_pages.py`."]) + "\n"


if __name__ == "__main__":
    main()
