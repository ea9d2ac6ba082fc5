"""Measures what the tables of the documents show, and writes it into the pages.

    .venv/bin/python -m benchmarks.measure                   # lists what can be measured here
    .venv/bin/python -m benchmarks.measure NAME... [--song SONG] [--songs FOLDER] [--data FOLDER]
    .venv/bin/python -m benchmarks.measure all --song SONG
    .venv/bin/python -m benchmarks.measure NAME --results FOLDER    # scores so far are used again

`measurements.py` is the list. A page holds a block for each of its measurements: the commands, the
tables that the last command prints, and a line with the machine, the commit and the date. Nothing
else writes there. The tables of the classical techniques are CSV files, whose head has the
commands and the line; their pages are made anew.

Measurements run one after another. Where one fails the old block stays, the others are run, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measurements import MEASUREMENTS, PYTHON, Measurement

from scripts import technique_pages
from unweave.engine.limits import cores

ROOT = Path(__file__).resolve().parents[1]
SHOWN = {
    "song": "SONG", "songs": "SONGS", "data": "data", "musdb": "data/musdb18-7s",
    "mir1k": "data/mir-1k", "results": "results",
}  # fmt: skip
END = "<!-- end -->"
VERSIONS = (
    "import platform as p, importlib.metadata as m;"
    "print(f'Python {p.python_version()}, torch {m.version(\"torch\")}')"
)


class FailedError(Exception):
    """A measurement without a table; one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = parsed(arguments)
    places = places_of(given)
    known = {each.name: each for each in MEASUREMENTS}
    if not given.names:
        for each in MEASUREMENTS:
            lacking = missing(each, places)
            print(f"{each.name:20} {each.minutes:4g} min  {each.page:42} "
                  f"{f'needs {lacking}' if lacking else 'can run'}")  # fmt: skip
        return 0
    if given.names == ["all"]:
        wanted = [each for each in MEASUREMENTS if not missing(each, places)]
    elif unknown := [name for name in given.names if name not in known]:
        return failed(f"{unknown[0]}: no measurement has this name")
    else:
        wanted = [known[name] for name in given.names]
    for each in wanted:
        if lacking := missing(each, places):
            return failed(f"{each.name}: needs {lacking}")
    now = commit(ROOT)
    places["results"] = given.results.resolve() if given.results else results(now)
    code = 0
    for each in wanted:
        print(f"{each.name}, about {each.minutes:g} minutes", file=sys.stderr, flush=True)
        try:
            renew(each, places, now)
        except FailedError as error:
            code = failed(f"{each.name}: {error}")
    return code


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="or `all`: those that can run")
    parser.add_argument("--song", type=Path, help="a stereo song at 44.1 kHz")
    parser.add_argument("--songs", type=Path, help="a folder with songs of Frets on Fire")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the data sets' folder")
    parser.add_argument("--results", type=Path, help="scores so far; those that still fit stay")
    return parser.parse_args(arguments)


def places_of(given: argparse.Namespace) -> dict[str, Path | None]:
    """Where the data is that the commands name; None for what was not given."""
    data = given.data.resolve()
    places = {"data": data, "musdb": data / "musdb18-7s", "mir1k": data / "mir-1k"}
    songs = {name: path and path.resolve() for name, path in vars(given).items() if "song" in name}
    return {**places, **songs}


def failed(line: str) -> int:
    print(f"error: {line}", file=sys.stderr, flush=True)
    return 1


def missing(measurement: Measurement, places: Mapping[str, Path | None]) -> str:
    """What a measurement needs and this machine does not have; empty where it can run."""
    named = set(re.findall(r"{(\w+)}", " ".join(measurement.commands))) - {"results"}
    for name in sorted(named):
        place = places[name]
        if place is None:
            return f"--{name}"
        if not place.exists():
            return str(place)
    folder = Path("benchmarks") / measurement.environment
    if measurement.environment and not (ROOT / folder / ".venv").exists():
        return str(folder / "install.sh")
    return ""


def results(commit: str) -> Path:
    """The folder of scores and weights; those of changed code are not used again."""
    folder = ROOT / "build" / "measured" / commit
    if "+" in commit:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def renew(measurement: Measurement, places: Mapping[str, Path | None], commit: str) -> None:
    """Run the commands and write what they print into the page.

    Raises FailedError, and writes nothing, where one of them fails or prints no table.
    """
    for command in measurement.commands:
        variables, words = runnable(command, places)
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise FailedError(f"exit code {done.returncode} of {shlex.join(words)}")
    found = tables(done.stdout)
    if not found:
        raise FailedError(f"no table printed by {shlex.join(words)}")
    python = words[0] if words[0].endswith("python") else sys.executable
    stated = statement(machine(python), commit, datetime.date.today())
    page = ROOT / measurement.page
    old = page.read_text(encoding="utf-8")
    if page.suffix == ".csv":
        page.write_text(csv_text(old, measurement, found, stated), encoding="utf-8")
        technique_pages.write()
    else:
        text = block(measurement.name, typed(measurement), found, stated)
        page.write_text(replaced(old, measurement.name, text), encoding="utf-8")


def runnable(command: str, places: Mapping[str, Path | None]) -> tuple[dict[str, str], list[str]]:
    """The variables and the words of a command, for this machine."""
    words = [word.format_map(places) for word in shlex.split(command)]
    variables: dict[str, str] = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    here = {"unweave": [sys.executable, "-m", "unweave"], PYTHON: [sys.executable]}
    first = words.pop(0)
    return variables, [*here.get(first, [str(ROOT / first)]), *words]


def typed(measurement: Measurement) -> list[str]:
    """The commands as a reader types them, an installation first; long ones on several lines."""
    commands = [command.format_map(SHOWN) for command in measurement.commands]
    if measurement.environment:
        commands.insert(0, f"benchmarks/{measurement.environment}/install.sh")
    return [wrapped(command) for command in commands]


def wrapped(command: str) -> str:
    """A command on as many lines as it takes, an option beside its value."""
    glued = re.sub(r"(?<= )(--?[a-z][\w-]*) (?!-)", "\\1\0", command)
    lines = textwrap.wrap(glued, 98, break_long_words=False, break_on_hyphens=False)
    return " \\\n  ".join(lines).replace("\0", " ")


def tables(printed: str) -> str:
    """The Markdown tables of what was printed, with titles in bold, and nothing else."""
    parts: list[list[str]] = [[]]
    for line in printed.splitlines():
        if line.startswith(("| ", "|-", "|:", "**")):
            parts[-1].append(line)
            if line.startswith("**"):
                parts[-1].append("")
        elif parts[-1] and parts[-1][-1]:
            parts.append([])
    return "\n\n".join("\n".join(part) for part in parts if part)


def block(name: str, commands: Sequence[str], tables: str, stated: str) -> str:
    """What stands in a page for one measurement."""
    shell = "\n".join(["```sh", *commands, "```"])
    return "\n\n".join([f"<!-- measured: {name} -->", shell, tables, stated, END])


def replaced(page: str, name: str, text: str) -> str:
    """The page with another block of this name. Raises FailedError where it has none."""
    begin = re.escape(f"<!-- measured: {name} -->")
    found, count = re.subn(
        f"^{begin}$.*?^{END}$", lambda _: text, page, flags=re.DOTALL | re.MULTILINE
    )
    if count != 1:
        raise FailedError(f"the page has {count} blocks of this name")
    return found


def csv_text(old: str, measurement: Measurement, table: str, stated: str) -> str:
    """The file with other rows and another statement; its title and its notes stay."""
    before = technique_pages.parsed(old)
    commands = [line for command in typed(measurement) for line in command.splitlines()]
    notes = textwrap.wrap(before.notes, 98, break_long_words=False, break_on_hyphens=False)
    head = [before.title, *(f"$ {line}" for line in commands), stated, *notes]
    body = io.StringIO()
    columns, _, *rows = (cells(line) for line in table.splitlines())
    csv.writer(body, lineterminator="\n").writerows([columns, *rows])
    return "\n".join([*(f"# {line}" for line in head), body.getvalue()])


def cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table."""
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [part.strip().replace(r"\|", "|") for part in parts]


def statement(machine: str, commit: str, date: datetime.date) -> str:
    return f"Machine: {machine}. Commit: {commit}, {date.isoformat()}."


def commit(root: Path) -> str:
    """The short hash of the code, with `+changes` where files outside docs differ from it."""
    git = ["git", "-C", str(root)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changes = subprocess.run(
        [*git, "status", "--porcelain", "--", ".", ":!docs"], capture_output=True, text=True
    )
    if head.returncode:
        raise SystemExit("error: the commit is not known: this folder is no copy made by git")
    return head.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def machine(python: str) -> str:
    """Cores, processor, memory (GB, 10^9 bytes), system, and the versions that `python` has."""
    versions = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True)
    parts = [f"{cores()} cores, {processor()}", *memory(), system()]
    return ", ".join([*parts, versions.stdout.strip() or f"Python {platform.python_version()}"])


def processor() -> str:
    """The processor's name; with family and model where Linux has them: names are often vague."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    name = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return name
    return f"{name} (family {facts['cpu family']}, model {facts['model']})"


def memory() -> list[str]:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return []
    return [f"{size / 1e9:.0f} GB"]


def system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


if __name__ == "__main__":
    sys.exit(main())
