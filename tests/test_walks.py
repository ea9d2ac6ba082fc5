"""Adding to unweave is one place: each patch in `walks/` adds one thing, and the checks pass on it.

A patch adds files, and changes no other; only an option of every separation is a declaration and
its use. It is applied to a copy of the source tree, where the checks that hold for all find what is
new by themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import LONG, processes

pytestmark = LONG

ROOT = Path(__file__).parents[1]
WALKS = Path(__file__).parent / "walks"
TREE = ("src", "tests", "docs", "scripts", "benchmarks", "packages", "recipes", "pyproject.toml",
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile",
        "constraints.txt")  # fmt: skip
SKIPPED = shutil.ignore_patterns(".venv", "*.egg-info", ".*_cache")
CHANGED = {"run-option": {"src/unweave/request.py", "src/unweave/engine/run.py"}}
MOST_CHANGED_LINES = 3

Run = Callable[..., str]


def _copy(source: str, target: str) -> str:
    """A file of the tree; large ones are shared, as no patch touches them.

    Compiled modules come along and count while the times of their sources are the same.
    """
    if source.endswith((".safetensors", ".npz", ".png", ".mp3")):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


@pytest.fixture
def patched(tmp_path: Path) -> Callable[[str], Run]:
    """patched("bag"): run Python with these words in a copy of the tree that has the patch."""
    if shutil.which("git") is None:
        pytest.fail("git is needed to apply a patch: install it")

    def apply(name: str) -> Run:
        tree = tmp_path / "tree"
        tree.mkdir()
        for part in TREE:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, tree / part, ignore=SKIPPED, copy_function=_copy)
            else:
                shutil.copyfile(source, tree / part)
        subprocess.run(["git", "apply", str(WALKS / f"{name}.patch")], cwd=tree, check=True)
        path = [tree / "src", tree / "packages" / "unweave-mir1k" / "src", tmp_path / "site"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
        environment.pop("PYTEST_XDIST_WORKER", None)

        def run(*words: str, code: int = 0) -> str:
            done = processes.run(
                [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True
            )
            assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
            return done.stdout

        run("-m", "ruff", "check", "--quiet", ".")
        return run

    return apply


@pytest.fixture
def song(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    path = tmp_path / "song.wav"
    soundfile.write(path, 0.1 * rng.standard_normal((16000, 2)), 16000, subtype="FLOAT")
    return str(path)


@pytest.mark.parametrize("name", sorted(path.stem for path in WALKS.glob("*.patch")))
def test_a_patch_touches_what_is_new_alone(name: str) -> None:
    text = (WALKS / f"{name}.patch").read_text(encoding="utf-8")
    changed = set()
    for part in text.split("diff --git a/")[1:]:
        if "\nnew file mode" not in part:
            changed.add(part.split(" b/")[0])
            lines = [line for line in part.splitlines() if re.match(r"[+-](?![+-])", line)]
            assert len(lines) <= MOST_CHANGED_LINES, part
    assert changed == CHANGED.get(name, set())


def test_a_classical_technique(patched: Callable[[str], Run], song: str, tmp_path: Path) -> None:
    run = patched("technique")
    run("-c", "import unweave.testing; unweave.testing.check_separator('mid-side')")
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scripts/test_technique_pages.py")
    assert "mid-side" in run("-m", "unweave", "models", "list")
    run("-m", "unweave", "separate", song, "-m", "mid-side", "--set", "share=0.5",
        "-o", str(tmp_path / "o"))  # fmt: skip
    assert (tmp_path / "o" / "song" / "centre.wav").is_file()


def test_a_foreign_network_with_yaml_settings(patched: Callable[[str], Run]) -> None:
    run = patched("network")
    # The checks that hold for every separator, on those whose name holds "band_gain".
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "-k", "band_gain")
    assert re.search(r"[1-9]\d* passed", said), said
    run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/models/networks/test_band_gain.py",
        "tests/models/test_architectures.py", "tests/models/test_cards.py",
    )  # fmt: skip
    facts = json.loads(run("-m", "unweave", "models", "show", "band-gain", "--json"))
    assert facts["config"] == {"frame_size": 2048, "hop": 512}


def test_a_bag_of_models(patched: Callable[[str], Run], song: str, tmp_path: Path) -> None:
    run = patched("bag")
    run("-c", "import unweave.testing; unweave.testing.check_separator('mir1k-both')")
    done = run("-m", "unweave", "separate", song, "-m", "mir1k-both", "-o", str(tmp_path / "o"),
               "--json")  # fmt: skip
    separator = json.loads(done)["files"][0]["report"]["request"]["separator"]
    assert [each["name"] for each in separator["members"]] == ["mir1k-dnn", "mir1k-drnn-2"]
    assert "agrees" in run("-m", "unweave", "verify", str(tmp_path / "o" / "song"))


def test_a_dataset(patched: Callable[[str], Run], tmp_path: Path) -> None:
    run = patched("dataset")
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/datasets/test_catalog.py")
    rng = np.random.default_rng(0)
    for name in ("mix", "source-01", "source-02"):
        path = tmp_path / "corpus" / "A" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal((16000, 2)), 16000)
    root = str(tmp_path / "corpus")
    assert "ccmixter" in run("-m", "unweave", "dataset", "list")
    run("-m", "unweave", "benchmark", "--root", root, "-s", "hpss", "-o", str(tmp_path / "o"),
        "--map", "percussive=vocals")  # fmt: skip


def test_a_metric(patched: Callable[[str], Run], tmp_path: Path) -> None:
    run = patched("metric")
    folder = str(tmp_path / "o")
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/evaluation/test_scores.py",
        "tests/evaluation/test_aggregate.py")  # fmt: skip
    run("-m", "unweave", "benchmark", "--dataset", "synthetic", "-s", "hpss", "-o", folder,
        "--split", "test", "--tracks", "1", "--map", "percussive=drums")  # fmt: skip
    run("-m", "unweave", "report", folder)
    (page,) = Path(folder).rglob("*.md")
    assert "L1" in page.read_text(encoding="utf-8")


def test_a_use(patched: Callable[[str], Run], song: str) -> None:
    run = patched("use")
    assert "loudest" in run("-m", "unweave", "--help")
    said = run("-m", "unweave", "loudest", song, "-m", "hpss").strip()
    assert said in ("harmonic", "percussive")
    called = run("-c", f"import unweave; print(unweave.loudest({song!r}, model='hpss'))")
    assert called.strip() == said
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docs", "-k", "loudest")


def test_an_option_of_every_separation(
    patched: Callable[[str], Run], song: str, tmp_path: Path
) -> None:
    run = patched("run-option")
    out = str(tmp_path / "o")
    command = ("-m", "unweave", "separate", song, "-m", "hpss", "-o", out, "--json")
    plain = json.loads(run(*command))["files"][0]["report"]
    run(*command, "--inverted", code=1)  # other stems lie there
    other = json.loads(run(*command, "--inverted", "--overwrite"))["files"][0]["report"]
    assert other["identity"] != plain["identity"]
    assert other["request"]["output"]["inverted"] is True
    assert json.loads(run(*command, "--inverted"))["counts"]["skipped"] == 1
    assert "agrees" in run("-m", "unweave", "verify", str(tmp_path / "o" / "song"))
    python = f"import unweave; unweave.separate_file({song!r}, {out!r}, 'hpss', inverted=True)"
    run("-c", python)
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_request.py")


def test_a_package(patched: Callable[[str], Run], tmp_path: Path) -> None:
    run = patched("plug-in")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
        "--target", str(tmp_path / "site"), "packages/unweave-hello")  # fmt: skip
    run("-c", "import unweave.testing; unweave.testing.check_separator('halves')")
    assert "halves" in run("-m", "unweave", "models", "list")
