"""Peak memory of an ensemble: its members alone, side by side, and one after another.

    .venv/bin/python -m benchmarks.ensemble_memory SONG [--minutes 0.2 0.6] [--models NAME ...]

Without models the members are networks with random weights, of 170 to 400 MB. Each row is one
process. One after another is what a memory limit makes of them that the largest member fits, and
not all together.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.memory import cost_of, repeated

from unweave import registry
from unweave.engine.adapters.passes import Passes
from unweave.engine.compose import leaves
from unweave.engine.loading import together_mb, weights_mb, working_mb

WIDTHS = 4000, 5000, 6500
BASE_MB = 450  # of Python, PyTorch and the streams, which the limit counts too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.2, 0.6])
    parser.add_argument("--models", nargs="+", help="default: networks with random weights")
    given = parser.parse_args()
    print("| separator | weights MB | minutes | members in turn | peak MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        members = given.models or [drawn(folder, width) for width in WIDTHS]
        whole = "+".join(members)
        made = registry.load_pinned(registry.request(whole).separator)
        [largest] = leaves(Passes(made))
        limit = round(weights_mb(largest) + working_mb(largest.spec)) + BASE_MB
        assert together_mb(made) > limit - 100, "the members are too small to tell"
        for minutes in given.minutes:
            song = folder / f"{minutes:g}.wav"
            repeated(given.song, 60 * minutes, song)
            for model in (*members, whole) if minutes == given.minutes[0] else ():
                row(folder, song, model, minutes, [])
            row(folder, song, whole, minutes, ["--max-memory", str(limit)])


def drawn(folder: Path, width: int) -> str:
    """A network, made by another process: what this one holds, its children begin with."""
    command = [sys.executable, "-m", "benchmarks.untrained", str(folder), "mir1k-drnn-2"]
    command += ["--name", f"width-{width}", "--set", f"width={width}", "recurrent=[]"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def row(folder: Path, song: Path, model: str, minutes: float, options: list[str]) -> None:
    command = [sys.executable, "-m", "unweave", "separate", "-q", "--overwrite", "--batch", "1"]
    peak = cost_of([*command, "-o", str(folder / "o"), "-m", model, *options, str(song)]).peak_mb
    report = json.loads((folder / "o" / song.stem / "report.json").read_text())
    named = "+".join(Path(part).stem if ".toml" in part else part for part in model.split("+"))
    size = weights_mb(registry.load_pinned(registry.request(model).separator))
    in_turn = "yes" if report["execution"]["members_in_turn"] else "no"
    print(f"| {named} | {size:.0f} | {minutes:g} | {in_turn} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
