"""A package that is installed beside unweave adds to it, and nothing of unweave is edited."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

import unweave
import unweave.testing
from tests import processes
from tests.beside import packages
from unweave.cli.app import app

EXAMPLE = Path(__file__).parents[1] / "packages" / "unweave-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example as pip installs it, and with a package whose code is broken."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--no-index", "--target", str(folder), str(EXAMPLE)),
        ],
        check=True,
    )
    folder.joinpath("odd.py").write_text(
        "from dataclasses import dataclass\n"
        "from unweave.options import Classical, spec\n\n"
        "class Plain:\n    pass\n\n"
        "@dataclass(frozen=True)\nclass Wrong(Classical):\n"
        "    @property\n    def spec(self):\n        return spec(self, stem=('a', 'b'))\n"
    )
    folder.joinpath("two.py").write_text(
        "from dataclasses import dataclass\n"
        "from unweave.options import Classical, spec\n\n"
        "@dataclass(frozen=True)\nclass First(Classical):\n"
        "    share = 0.25\n\n"
        "    @property\n    def spec(self):\n"
        "        return spec(self, stems=('a', 'b'), paper='none',\n"
        "                    additive=True, complement='b')\n\n"
        "    def __call__(self, mix, sample_rate_hz):\n"
        "        import torch\n"
        "        return torch.stack([mix * self.share, mix * (1 - self.share)], 1)\n\n"
        "@dataclass(frozen=True)\nclass Second(First):\n    share = 0.75\n"
    )
    facts = folder / "broken-1.0.dist-info"
    facts.mkdir()
    facts.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    facts.joinpath("entry_points.txt").write_text(
        "[unweave.separators]\nlost = no_such_module:Lost\nhpss = no_such_module:Hpss\n"
        "wrong = odd:Wrong\nplain = odd:Plain\nfirst = two:First\nsecond = two:Second\n"
        "[unweave.commands]\nlost = no_such_module:lost\nseparate = no_such_module:separate\n"
    )
    return folder


@pytest.fixture
def beside(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process the packages are installed; the current folder is empty but for a sound."""
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal((8000, 2))
    soundfile.write(tmp_path / "a.wav", sound, 8000, subtype="FLOAT")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    with packages(installed):
        yield


@pytest.fixture
def say(beside: None) -> Callable[..., Result]:
    """say(*words): a command of unweave where the packages are installed."""

    def command(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == code, done.stderr
        return done

    return command


@pytest.fixture
def run(
    installed: Path, tmp_path: Path, beside: None
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run(*words): Python where the packages are installed, a process of its own; `bare=True`: one
    that has imported nothing."""
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(installed)])

    def command(*words: str, code: int = 0, bare: bool = False) -> subprocess.CompletedProcess[str]:
        done = (subprocess if bare else processes).run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == code, done.stderr
        return done

    return command


def test_its_technique_is_one_of_unweaves(run, say) -> None:
    listed = say("models", "list", "--json")
    [facts] = [each for each in json.loads(listed.stdout) if each["name"] == "mid-side"]
    assert facts["origin"] == "unweave-example"
    assert "share" in say("models", "show", "mid-side").stdout
    separated = run(
        "-m", "unweave", "separate", "a.wav", "-m", "mid-side", "--set", "share=0.5", "-o", "o",
        "--json",
    )  # fmt: skip
    [file] = json.loads(separated.stdout)["files"]
    assert file["report"]["request"]["separator"]["options"] == {"share": 0.5, "wiener": 0}
    assert sorted(file["outputs"]) == ["mid", "side"]
    again = say("separate", "a.wav", "-m", "mid-side", "--set", "share=0.5", "-o", "o", "--json")
    assert json.loads(again.stdout)["counts"]["skipped"] == 1
    assert "agrees" in say("verify", "o/a").stdout
    wrong = say("separate", "a.wav", "-m", "mid-side", "--set", "share=2", code=2)
    assert wrong.stderr == "error: mid-side: share must be a number, at least 0, at most 1; got 2\n"


def test_it_is_benchmarked(say, tmp_path: Path) -> None:
    for name in ("vocals", "accompaniment"):
        (tmp_path / "data/one").mkdir(parents=True, exist_ok=True)
        sound = 0.1 * np.random.default_rng(len(name)).standard_normal((16000, 2))
        soundfile.write(tmp_path / f"data/one/{name}.wav", sound, 8000, subtype="FLOAT")
    done = say(
        "benchmark", "--root", "data", "-o", "scores", "--json",
        "-s", "mid-side", "--map", "mid=vocals", "--map", "side=accompaniment",
        "-s", "crossover-500", "--map", "low=accompaniment", "--map", "high=vocals",
    )  # fmt: skip
    scored = [each["separator"] for each in json.loads(done.stdout)["scores"]]
    assert sorted(scored) == ["crossover-500", "mid-side"]


def test_a_class_that_gives_no_separator_costs_its_own_name_only(say) -> None:
    listed = say("models", "list", "--json")
    assert "mid-side" in listed.stdout
    assert "warning: wrong: its class odd.Wrong gives no separator (TypeError" in listed.stderr
    assert "warning: plain: odd:Plain of the plug-in broken is no class" in listed.stderr
    one = say("models", "show", "wrong", code=2)
    assert one.stderr.startswith("error: wrong: its class odd.Wrong gives no separator")


def test_two_techniques_of_one_file_are_two(say, tmp_path: Path) -> None:
    for name in ("first", "second"):
        done = say("separate", "a.wav", "-m", name, "-o", name, "--json")
        [file] = json.loads(done.stdout)["files"]
        assert file["status"] == "done"
        assert file["report"]["request"]["separator"]["name"] == name
    first, second = (soundfile.read(tmp_path / name / "a/a.wav")[0] for name in ("first", "second"))
    np.testing.assert_allclose(second, 3 * first, atol=1e-6)
    again = say("separate", "a.wav", "-m", "second", "-o", "first", code=1)
    assert "made with first, now second" in again.stderr


NAMES = {
    "mid-side": ["mid", "side"],
    "crossover-500": ["low", "high"],
    "sides-low-high": ["low", "high", "side"],
}


@pytest.mark.parametrize("name", NAMES)
def test_python_has_it_and_it_keeps_its_word(beside, name: str) -> None:
    unweave.testing.check_separator(name)
    assert list(unweave.separate("a.wav", model=name)) == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_is_listed_separated_verified(say, name: str) -> None:
    listed = json.loads(say("models", "list", "--json").stdout)
    [facts] = [each for each in listed if each["name"] == name]
    assert facts["origin"] == "unweave-example"
    assert facts["stems"] == NAMES[name]
    say("separate", "a.wav", "-m", name, "--format", "flac", "-o", "o")
    assert "agrees" in say("verify", "o/a").stdout


def test_its_network_takes_options_and_separates(say, tmp_path: Path) -> None:
    time_s = np.arange(16000) / 16000
    low, high = np.sin(2 * np.pi * 110 * time_s), np.sin(2 * np.pi * 4000 * time_s)
    soundfile.write(tmp_path / "tones.wav", 0.2 * (low + high), 16000, subtype="FLOAT")
    stems = unweave.separate("tones.wav", model="crossover-500", sharpness=4)
    hz = np.fft.rfft(stems["low"][0], 16000)
    assert abs(hz[110]) > 1000 * abs(hz[4000]), (hz[110], hz[4000])
    wrong = say("separate", "a.wav", "-m", "crossover-500", "--set", "sharpness=0", code=2)
    assert wrong.stderr.startswith("error: crossover-500: sharpness must be a number, above 0")


def test_its_command_is_a_verb(run) -> None:
    listed = run("-m", "unweave", "--help").stdout
    assert "width" in listed
    assert "Of the package unweave-example." in listed
    assert run("-m", "unweave", "width", "a.wav").stdout.startswith("a.wav: width 0.")
    assert "A stereo recording." in run("-m", "unweave", "width", "--help").stdout


def test_names_of_a_broken_package_are_one_line(run, say) -> None:
    says = "the plug-in broken cannot be loaded (ModuleNotFoundError: No module named"
    assert say("models", "list").stderr.count(says) == 1
    separated = say("separate", "a.wav", "-m", "lost", code=2)
    for failed in (separated, run("-m", "unweave", "lost", code=2)):
        assert failed.stderr.count("\n") == 1
        assert failed.stderr.startswith(f"error: lost: {says}")


def test_what_unweave_ships_wins_over_a_package(run, say) -> None:
    assert "harmonic" in say("separate", "a.wav", "-m", "hpss", "-o", "o").stdout
    assert "REC" in run("-m", "unweave", "separate", "--help").stdout


def test_names_import_no_code_of_the_package(run) -> None:
    code = (
        "import sys, unweave; assert 'mid-side' in unweave.list_separators()\n"
        "assert not [name for name in sys.modules if name.startswith(('unweave_example', 'torch'))]"
    )
    run("-c", code, bare=True)
