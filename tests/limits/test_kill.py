"""Killed without warning, a run leaves no file under a final name that is not complete.

`benchmarks/kill9.py` does the same fifty times.
"""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile


def hashes(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_has_a_final_name_is_complete(tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    soundfile.write(source, np.random.default_rng(0).normal(scale=0.1, size=(44100 * 20, 2)), 44100)

    def command(name: str) -> list[str]:
        run = [sys.executable, "-m", "unweave", "separate", "-q", "-o", str(tmp_path / name)]
        return [*run, str(source)]

    start = time.perf_counter()
    subprocess.run(command("right"), check=True)
    length_s = time.perf_counter() - start
    right = hashes(tmp_path / "right")
    assert set(right) == {"report.json", "vocals.wav", "accompaniment.wav"}
    for n in range(8):
        folder = tmp_path / f"killed{n}"
        process = subprocess.Popen(command(folder.name))
        time.sleep(length_s * (0.3 + 0.1 * n))  # from loading to after the end
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = hashes(folder)
        assert all(right[name] == found[name] for name in found if name != "report.json")
        if "report.json" in found:
            report = json.loads((folder / "song" / "report.json").read_text())
            assert {entry["sha256"] for entry in report["stems"]} <= set(found.values())
    # What a killed run leaves is no obstacle.
    subprocess.run(command("killed0"), check=True)
    assert {k: v for k, v in hashes(tmp_path / "killed0").items() if k != "report.json"} == {
        k: v for k, v in right.items() if k != "report.json"
    }
