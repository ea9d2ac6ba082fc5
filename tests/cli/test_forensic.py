"""`unweave forensic` and `unweave verify CASE` from the outside."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import LONG, processes
from tests.apps.forensic import fakes
from unweave.apps.forensic import findings, log, pictures


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """Findings that are known, and pictures without a drawing."""

    def make(_info: object, _blocks: object, _places: object, into: Path) -> None:
        for name in (pictures.WAVEFORM, pictures.SPECTROGRAM):
            (into / name).write_bytes(b"picture")

    monkeypatch.setattr(findings, "ALL", fakes.FINDERS)
    monkeypatch.setattr(pictures, "make", make)


@pytest.fixture
def song(here: Path) -> Path:
    return fakes.recording(Path("song.wav"), 2)


def test_examines_verifies_and_says_what_differs(song, say) -> None:
    done = say("forensic", song, "--technique", "none", "--operator", "A. Smith")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("song.wav: SHA-256 ")
    assert lines[1:3] == ["  folder    01-song", "  findings  test-step 1, test-tag 1"]
    assert lines[-3:-1] == ["case  song-case", "  report  report-1.html, certificate-1.txt"]
    entry, printed = lines[-1].removeprefix("  log     entry ").split(", ")
    verified = say("verify", "song-case", "--log-hash", printed)
    assert verified.code == 0
    assert verified.out.splitlines()[:2] == [
        "song-case: agrees",
        f"  {int(entry) + 2} entries of the log, the last "
        f"{log.read(Path('song-case/log.jsonl').read_bytes()).last}",
    ]
    other = say("verify", "song-case", "--log-hash", "0" * 64, "--hashes-only", "--json")
    assert (other.code, other.json[0]["agrees"]) == (1, False)
    assert "it is another log" in other.json[0]["differs"][0]


def test_a_batch_goes_on_and_prints_one_document(song, say) -> None:
    Path("bad.wav").write_bytes(b"no sound")
    Path("folder").mkdir()
    words = ("bad.wav", "gone.wav", "folder", "song.wav", "--case", "all", "--technique", "none")
    done = say("forensic", *words, "--json")
    assert done.code == 1
    assert [file["status"] for file in done.json["files"]] == ["failed"] * 3 + ["done"]
    assert len(done.json["files"][3]["report"]["findings"]) == 3
    assert "is a folder; name its files" in done.err
    page = Path("all/report-1.html").read_text()
    assert page.count("Not examined: ") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["song.wav", "b.wav"], "several files go into one case; name its folder with --case"),
        (["gone*.wav", "--case", "c"], "no file matches"),
        (["song.wav", "--technique", "hpss"], "hpss has no stem of a voice"),
        (["song.wav", "--sign", "song.wav"], "song.wav: is no private key in PEM"),
        (["song.wav", "--mains-hz", "55"], "--mains-hz takes 50 or 60; got 55"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(song, say, words, message) -> None:
    done = say("forensic", *words)
    assert (done.code, message in done.err) == (2, True), done.err
    assert sorted(path.name for path in Path().iterdir()) == ["song.wav"]


def test_options_of_a_case_go_with_a_case(song, say) -> None:
    done = say("verify", "song.wav", "--log-hash", "0")
    assert (done.code, "--log-hash goes with one case" in done.err) == (2, True)


@LONG
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("after_s", [1.0, 2.0, 4.0, 6.0])
def test_a_killed_run_leaves_a_case_that_goes_on(here, say, command, how, after_s) -> None:
    fakes.recording(Path("song.wav"), 60)
    process = processes.Popen([*command, "forensic", "song.wav", "-q"])
    time.sleep(after_s)
    process.send_signal(how)
    process.wait()
    if Path("song-case").exists():
        found = say("verify", "song-case", "--hashes-only")
        assert "is not what the log says" not in found.out
    assert say("forensic", "song.wav", "--technique", "none").code == 0
    assert say("verify", "song-case", "--hashes-only").code == 0
    left = {path.name for path in Path("song-case").iterdir()}
    assert not {name for name in left if name.startswith(".")}


THREADS = """
import os, sys
from unweave.cli.app import app
sys.argv = ["unweave", *sys.argv[1:]]
try:
    app()
finally:
    print("threads", os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["forensic", "gone.wav"], "1"),
        (["verify", "stems"], None),  # a separation is repeated as `separate` ran
    ],
)
def test_small_systems_are_solved_on_one_thread(here, monkeypatch, words, expected) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    Path("stems").mkdir()
    command = [sys.executable, "-c", THREADS, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == f"threads {expected}", done.stderr
