"""One signal ends any command: exit code 130, one line, nothing half-written, no process left.

Each command is a process of its own. It says on a pipe when it has come to a certain function, and
then waits there, so that no signal depends on how fast anything is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import LONG, processes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)

# argv: pipe, kind of wait, module, name in it, then the command.
SCRIPT = """
import ctypes, importlib, os, sys, time
pipe, how, module, name = int(sys.argv[1]), *sys.argv[2:5]
del sys.argv[1:5]

calls = []

def reached(*given, **__):
    calls.append(sys._getframe(1).f_code.co_name)
    # The first call there is Python's own, further ones are by what it calls in C.
    if how.startswith("in ") and calls.count(how.removeprefix("in ")) < 2:
        return original(*given)
    os.write(pipe, b"!")
    if how == "deaf":  # a library that does not come back, and knows no signals
        ctypes.CDLL(None).sleep(60)
    try:
        time.sleep(60)
    except KeyboardInterrupt as error:
        if how == "renames":  # as the set-up of a library in C++ does
            raise ImportError("initialization failed") from error
        raise

class Importing:
    def find_spec(self, found, path=None, target=None):
        if found == module:
            reached()

if name == "import":
    sys.meta_path.insert(0, Importing())
else:
    owner, _, last = name.rpartition(".")
    place = importlib.import_module(module)
    place = getattr(place, owner) if owner else place
    original = getattr(place, last)
    setattr(place, last, reached)
from unweave.cli.app import main
main()
"""

# Verbs that are interrupted where they are, and where in their work they wait.
INTERRUPTED = {
    "models list": ("unweave.registry", "describe"),
    "info --loudness a.wav": ("unweave.audio.reader", "Reader.blocks"),
    "evaluate true found -o scores.json": ("unweave.evaluation.scoring", "score"),
    "evaluate found true": ("numpy", "import"),
    "report scores": ("unweave.evaluation.report", "build"),
    "dataset check data --decode": ("unweave.datasets.track", "Track.mix"),
    "nmf learn vocals=a.wav -o card.toml": ("unweave.separators.nmf", "Nmf.learn"),
    "spectrogram a.wav -o a.png": ("matplotlib.figure", "Figure.savefig"),
    "partials a.wav -o a.csv": ("unweave.signal.oscillators", "without_gaps"),
    "train --new mine": ("unweave.training.template", "write"),
}
# Verbs that are asked to stop, and where a part of their work does not look.
ASKED = {
    "separate a.wav": ("torch", "import"),
    "separate a.wav --seed 1": ("unweave.models.store", "weights"),
    "separate a.wav -m hpss --json": ("unweave.engine.wrap", "separate_blocks"),
    "restore a.wav --tools declick --json": ("unweave.audio.writer", "Writer.write"),
    "benchmark --root data --oracle mixture": ("unweave.evaluation.scoring", "score"),
    "analyze a.wav --no-separate --json": ("unweave.apps.analyze.job", "analysed"),
    "verify stems/a": ("unweave.jobs.verify", "prepare"),
    "train tiny.toml": ("unweave.training.audio", "split"),
}
SCORE = ("unweave.evaluation.scoring", "score")
RECIPE = """name = "tiny"
[data]
root = "data"
validation_tracks = ["two"]
sample_rate_hz = 8000
channels = 1
seconds = 0.25
batch = 2
workers = 1
[network]
name = "unet"
frame_size = 256
hop = 64
filters = [4, 4]
stride_bins = [4, 2]
stride_frames = [1, 2]
kernel_bins = [8, 4]
kernel_frames = [3, 3]
recurrent = 4
[schedule]
steps = 1000000
validate_every = 1000000
save_every = 3
"""


@pytest.fixture
def scene(here: Path) -> Path:
    """Something for every verb to work on."""
    rng = np.random.default_rng(0)
    for name in ("a.wav", "true/vocals.wav", "true/accompaniment.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        soundfile.write(name, 0.1 * rng.standard_normal((8000, 1)), 8000, subtype="FLOAT")
    for level, folder in ((0.1, "found"), (0.2, "data/one"), (0.3, "data/two")):
        Path(folder).mkdir(parents=True)
        for name in ("vocals.wav", "accompaniment.wav"):
            wave = level * rng.standard_normal((8000, 1))
            soundfile.write(Path(folder, name), wave, 8000, subtype="FLOAT")
    Path("scores").mkdir()
    Path("tiny.toml").write_text(RECIPE)
    return here


@pytest.fixture
def begin(command: list[str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """begin(place, *arguments): a command that has come to `place`, a module and a name in it."""
    begun = []

    def run(
        place: tuple[str, str], *arguments: str, how: str = "waits", ignored: tuple[int, ...] = ()
    ) -> subprocess.Popen[str]:
        # Where an import is what it waits in, nothing is imported before.
        start = subprocess.Popen if place[1] == "import" else processes.Popen
        how_begun = {"ignored": ignored} if ignored else {}
        reading, writing = os.pipe()
        process = start(
            [command[0], "-c", SCRIPT, str(writing), how, *place, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[writing],
            start_new_session=True,
            **how_begun,
        )
        begun.append(process)
        os.close(writing)
        arrived = os.read(reading, 1)
        os.close(reading)
        assert arrived, process.communicate()
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def ended(gone: Callable[[subprocess.Popen[str]], None]) -> Callable[..., tuple[str, str]]:
    """ended(process): stdout and stderr of a command that was interrupted, which must end well."""

    def check(process: subprocess.Popen[str]) -> tuple[str, str]:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert [line for line in err.splitlines() if "interrupted" in line] == [
            err.splitlines()[-1]
        ]
        assert "Traceback" not in err
        gone(process)
        return out, err

    return check


@pytest.mark.parametrize("words", INTERRUPTED)
def test_the_first_signal_interrupts_any_verb(begin, ended, scene: Path, words: str) -> None:
    before = files(scene)
    process = begin(INTERRUPTED[words], *words.split())
    process.send_signal((INT, TERM, HUP)[list(INTERRUPTED).index(words) % 3])
    ended(process)
    assert files(scene) == before


def test_what_a_library_calls_an_interrupt_is_one(begin, ended, scene: Path) -> None:
    process = begin(SCORE, *"evaluate true found".split(), how="renames")
    process.send_signal(INT)
    ended(process)


def test_an_interrupt_that_code_in_c_would_swallow_ends_the_command(
    begin, ended, scene: Path
) -> None:
    """FFmpeg seeks in a Python file, by a callback that cannot pass an exception on."""
    process = begin(("unweave.audio.container", "Seekable.seek"), "info", "a.wav", how="in demuxer")
    process.send_signal(INT)
    assert ended(process) == ("", "error: interrupted\n")


@pytest.mark.parametrize("words", ASKED)
def test_a_second_signal_ends_what_has_not_stopped_yet(
    begin, ended, scene: Path, words: str
) -> None:
    before = files(scene)
    process = begin(ASKED[words], *words.split())
    process.send_signal(INT)  # two of one kind could arrive as one
    process.send_signal(TERM)
    out, _ = ended(process)
    assert files(scene) == before
    if "--json" in words:
        document = json.loads(out)
        assert document["exit_code"] == 130
        assert [(file["input"], file["status"]) for file in document["files"]] == [
            ("a.wav", "cancelled")
        ]


@pytest.mark.parametrize("words", ["evaluate true found", "separate a.wav -m hpss"])
def test_a_library_that_does_not_come_back_is_ended(begin, ended, scene: Path, words: str) -> None:
    before = files(scene)
    place = SCORE if words.startswith("evaluate") else ("unweave.engine.wrap", "separate_blocks")
    process = begin(place, *words.split(), how="deaf")
    process.send_signal(INT)
    ended(process)
    assert files(scene) == before


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=LONG)])
def test_a_technique_that_needs_the_whole_track_is_ended(
    ended, scene: Path, command: list[str], jobs: str
) -> None:
    rng = np.random.default_rng(0)
    for name in ("b.wav", "c.wav"):
        soundfile.write(name, 0.1 * rng.standard_normal((44100 * 100, 2)), 44100)
    before = files(scene)
    process = processes.Popen(
        [*command, *f"separate b.wav c.wav -m rpca --jobs {jobs}".split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for("stems/*/.*", process)
    os.killpg(process.pid, HUP)  # as when a terminal closes
    ended(process)
    assert files(scene) == before
    assert not Path("stems").exists()


def test_children_whose_parent_is_killed_leave_no_folder(
    gone, scene: Path, command: list[str]
) -> None:
    rng = np.random.default_rng(0)
    for name in ("b.wav", "c.wav"):
        soundfile.write(name, 0.1 * rng.standard_normal((44100 * 100, 2)), 44100)
    before = files(scene)
    process = processes.Popen(
        [*command, *"separate b.wav c.wav -m rpca --jobs 2".split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    for name in ("b", "c"):
        wait_for(f"stems/{name}/.*.partial", process)
    process.kill()
    process.communicate()
    gone(process)
    assert files(scene) == before
    assert not Path("stems").exists()


def test_a_training_stops_after_a_step_with_its_checkpoint(
    scene: Path, command: list[str], gone
) -> None:
    process = processes.Popen(
        [*command, "train", "tiny.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for("runs/tiny/last.ckpt", process)
    os.killpg(process.pid, TERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume goes on" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert Path("runs/tiny/last.ckpt").stat().st_size
    assert not list(Path("runs/tiny").glob(".*"))
    gone(process)


def test_the_first_signal_ends_verify_with_its_temporary_folder(
    begin, ended, scene: Path, say, monkeypatch
) -> None:
    Path("temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(scene / "temporary"))
    assert say("separate", "a.wav", "-m", "hpss").code == 0
    before = files(scene)
    process = begin(("unweave.engine.wrap", "separate_blocks"), "verify", "stems/a")
    assert list(Path("temporary").glob("unweave-verify-*"))
    process.send_signal(TERM)
    ended(process)
    assert files(scene) == before
    assert not list(Path("temporary").glob("unweave-verify-*"))


def test_what_is_ignored_from_the_start_stays_ignored(begin, ended, scene: Path) -> None:
    """`nohup unweave ...` goes on when the terminal is closed."""
    process = begin(SCORE, "evaluate", "true", "found", ignored=(HUP,))
    process.send_signal(HUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.send_signal(INT)
    ended(process)


def wait_for(pattern: str, process: subprocess.Popen[str]) -> None:
    while not list(Path().glob(pattern)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
