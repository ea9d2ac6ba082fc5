"""Measured tables stand in blocks that `benchmarks/measure.py` writes, and nowhere else."""

import datetime
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from benchmarks import measure
from benchmarks.measurements import MEASUREMENTS, Measurement

from scripts import technique_pages

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))
KNOWN = {each.name: each for each in MEASUREMENTS}
BLOCK = re.compile(r"^<!-- measured: (\S+) -->$(.*?)^<!-- end -->$", re.DOTALL | re.MULTILINE)
STATED = re.compile(
    r"^Machine: .+\. Commit: [0-9a-f]{7,40}(\+changes)?, \d{4}-\d\d-\d\d\.$", re.MULTILINE
)
DECIMAL = r"[-−+]?\d+\.\d+(e[-+]?\d+)?"
UNIT = "s|ms|min|dB|dBFS|MB|GB|M|G|%"
NUMBER = re.compile(rf"\**{DECIMAL}(( to | / |/|, ){DECIMAL})*( ?({UNIT}))?\**")
DAY = datetime.date(2026, 1, 2)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


BLOCKS = [(page, name, text) for page in PAGES for name, text in BLOCK.findall(read(page))]


@pytest.mark.parametrize(("page", "name", "text"), BLOCKS, ids=[f"{b[0]}-{b[1]}" for b in BLOCKS])
def test_a_block_has_its_commands_a_table_and_where_it_is_from(page, name, text) -> None:
    assert name in KNOWN, f"{page}: benchmarks/measurements.py has no {name}"
    commands = "\n".join(measure.typed(KNOWN[name]))
    assert f"\n```sh\n{commands}\n```\n" in text, f"{page}: {name} has other commands"
    assert measure.tables(text)
    assert len(STATED.findall(text)) == 1, f"{page}: {name} has no line with machine and commit"


def test_every_measurement_has_its_block() -> None:
    for each in MEASUREMENTS:
        page = "docs/techniques/README.md" if each.page.endswith(".csv") else each.page
        assert [b[0] for b in BLOCKS if b[1] == each.name].count(page) == 1, each.name


def test_every_file_of_measured_rows_has_its_measurement() -> None:
    files = {f"{path.stem}.csv" for path in (technique_pages.PAGES / "measured").iterdir()}
    assert files == {Path(each.page).name for each in MEASUREMENTS if each.page.endswith(".csv")}
    assert files == {f"{name}.csv" for name in technique_pages.MEASURED}


@pytest.mark.parametrize("page", PAGES)
def test_no_measured_number_stands_in_another_table(page: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", BLOCK.sub("", read(page)), re.MULTILINE):
        head, *rows = (measure.cells(line) for line in table.splitlines())
        if head[1:2] == ["default"]:  # settings and parameters, made from the code
            continue
        for row in rows:
            for cell in row:
                assert not NUMBER.fullmatch(cell), f"{page}: {row} stands in no measured block"


def test_what_is_named_twice_is_told_apart() -> None:
    assert len(KNOWN) == len(MEASUREMENTS)
    for each in MEASUREMENTS:
        folder = ROOT / "benchmarks" / each.environment
        assert not each.environment or (folder / "install.sh").is_file()
        assert (ROOT / each.page).is_file()


def test_what_is_typed_as_a_command_may_be_run() -> None:
    typed = {line.split()[0] for each in MEASUREMENTS for line in measure.typed(each)}
    scripts = [ROOT / word for word in typed if word.endswith(".sh")]
    assert scripts
    assert not [script for script in scripts if not os.access(script, os.X_OK)]


PLANNED = {  # rows of that table, and where the engine has what it plans with for such a network
    "DRNN-2": "mask_inference.model",
    "U-Net": "unet.model",
    "SpecTNT": "spectnt.model",
    "Demucs v2": "demucs.model",
    "Hybrid Demucs (v3)": "hybrid_demucs.model",
    "HT Demucs (v4)": "htdemucs.model",
    "SCNet, small": "scnet.options",
    "MDX23C": "tfc_tdf.options",
    "Bandit v2": "bandit.options",
}


@pytest.mark.parametrize(("title", "place"), PLANNED.items())
def test_the_engine_plans_with_the_memory_that_is_measured(title: str, place: str) -> None:
    [text] = [block for _, name, block in BLOCKS if name == "network-memory"]
    [found] = re.findall(rf"^\| {re.escape(title)} \| (\d+) \|$", text, re.MULTILINE)
    planned = import_module(f"unweave.models.{place}").BYTES_PER_SAMPLE
    assert int(found) <= planned <= 1.6 * int(found)


# The command itself, on a page and a repository of its own.

SAYS = "print('some words\\n\\n| a | b |\\n|---|---|\\n| x | 1.5 |')"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A root with a page of two blocks, in git."""
    monkeypatch.setattr(measure, "ROOT", tmp_path)
    page = "# Title\n\n" + "\n\nBetween.\n\n".join(
        measure.block(name, ["old"], "| old |", "old line") for name in ("one", "other")
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text(page + "\n\nAfter.\n")
    (tmp_path / "code.py").write_text(SAYS)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    return tmp_path


def listed(monkeypatch, *measurements: Measurement) -> None:
    monkeypatch.setattr(measure, "MEASUREMENTS", measurements)


def test_a_measurement_rewrites_its_block_only(here: Path, monkeypatch) -> None:
    listed(monkeypatch, Measurement("one", "docs/page.md", (".venv/bin/python code.py",), 1))
    before = (here / "docs/page.md").read_text()
    assert measure.main(["one"]) == 0
    after = (here / "docs/page.md").read_text()
    stated = measure.statement(
        measure.machine(sys.executable), measure.commit(here), datetime.date.today()
    )
    assert STATED.fullmatch(stated)
    assert "+changes" not in stated
    table = "| a | b |\n|---|---|\n| x | 1.5 |"
    new = measure.block("one", [".venv/bin/python code.py"], table, stated)
    assert after == before.replace(measure.block("one", ["old"], "| old |", "old line"), new)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no table')"])
def test_what_fails_leaves_the_page_and_the_others_run(
    here: Path, monkeypatch, capfd, code: str
) -> None:
    (here / "code.py").write_text(code)
    (here / "other.py").write_text(SAYS)
    listed(
        monkeypatch,
        Measurement("one", "docs/page.md", (".venv/bin/python code.py",), 1),
        Measurement("other", "docs/page.md", (".venv/bin/python other.py",), 1),
    )
    assert measure.main(["all"]) == 1
    after = (here / "docs/page.md").read_text()
    assert measure.block("one", ["old"], "| old |", "old line") in after
    assert "| x | 1.5 |" in after
    assert "+changes, " in after  # code.py is another one than the commit's
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: one: ")


def test_what_cannot_run_here_is_said_before_any_work(here: Path, monkeypatch, capfd) -> None:
    listed(
        monkeypatch,
        Measurement("one", "docs/page.md", (".venv/bin/python code.py {song}",), 1),
        Measurement("other", "docs/page.md", (".venv/bin/python code.py",), 1, "peers"),
    )
    assert measure.main([]) == 0
    told = capfd.readouterr().out.splitlines()
    assert told[0].endswith("needs --song")
    assert told[1].endswith(f"needs {Path('benchmarks/peers/install.sh')}")
    assert measure.main(["one"]) == 1
    assert measure.main(["--song", str(here / "none.wav"), "one"]) == 1
    assert measure.main(["another"]) == 1
    assert capfd.readouterr().err.splitlines() == [
        "error: one: needs --song",
        f"error: one: needs {(here / 'none.wav').resolve()}",
        "error: another: no measurement has this name",
    ]


def test_changes_in_docs_are_none_of_the_code(here: Path) -> None:
    (here / "docs/page.md").write_text("other words")
    assert re.fullmatch(r"[0-9a-f]{7,40}", measure.commit(here))
    (here / "new.py").write_text("")
    assert measure.commit(here).endswith("+changes")


def test_commands_have_the_places_of_this_machine_and_the_page_those_of_a_reader() -> None:
    one = Measurement("one", "p", ("N=1 unweave train {mir1k}/x -o {results}",), 1, "peers")
    places = {"mir1k": Path("/my data"), "results": Path("/r")}
    variables, words = measure.runnable(one.commands[0], places)
    assert variables == {"N": "1"}
    assert words == [sys.executable, "-m", "unweave", "train", f"{Path('/my data')}/x", "-o",
                     str(Path("/r"))]  # fmt: skip
    assert measure.typed(one) == [
        "benchmarks/peers/install.sh", "N=1 unweave train data/mir-1k/x -o results",
    ]  # fmt: skip


def test_a_long_command_goes_on_in_the_next_line_after_the_value_of_an_option() -> None:
    command = " ".join(["unweave", *(f"--option-{n} value" for n in range(12))])
    lines = measure.wrapped(command).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 100 for line in lines)
    assert all(line.endswith("value \\") for line in lines[:-1])
    assert "".join(line.removesuffix("\\") for line in lines).split() == command.split()


def test_rows_of_a_csv_file_are_replaced_below_its_title_and_notes() -> None:
    old = "# Title\n# $ old\n# Machine: a. Commit: abcdef0, 2025-01-01.\n# A note.\na,b\nx,1\n"
    one = Measurement("one", "p.csv", ("unweave x",), 1)
    stated = measure.statement("b", "abcdef1", DAY)
    new = measure.csv_text(old, one, "| a | b |\n|---|---|\n| y, z | 2 |", stated)
    assert new == (
        "# Title\n# $ unweave x\n# Machine: b. Commit: abcdef1, 2026-01-02.\n# A note.\n"
        'a,b\n"y, z",2\n'
    )
    found = technique_pages.parsed(new)
    assert (found.commands, found.stated, found.notes) == (["unweave x"], stated, "A note.")
