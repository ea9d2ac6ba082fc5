"""Peak memory of the original HT Demucs on a long recording, in MB.

    benchmarks/htdemucs/install.sh && .venv/bin/unweave models pull htdemucs
    .venv/bin/python -m benchmarks.htdemucs.memory SONG [--minutes 10]

The song is repeated to the length. unweave's figure is that of `benchmarks/memory.py`, which also
writes the stems as files.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from benchmarks.htdemucs.compare import names, original
from benchmarks.memory import repeated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "long.flac"
        repeated(given.song, given.minutes * 60, source)
        (folder / "names.json").write_text(json.dumps(names()))
        way = {"threads": len(os.sched_getaffinity(0))}
        found = original(source, folder, 0, way)
    print("| the original | minutes | peak MB |\n|---|---|---|")
    print(f"| to arrays in memory | {given.minutes:g} | {found['peak_mb']:.0f} |")


if __name__ == "__main__":
    main()
