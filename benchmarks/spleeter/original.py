"""What the original Spleeter makes of a file, and how long it takes. Runs in `.venv` here.

    .venv/bin/python original.py SONG OUTPUT_FOLDER [--repeat N]

Writes `vocals.wav` and `accompaniment.wav` (32-bit float) and prints one JSON line with seconds of
import, load, first call, warm calls, the whole program, and its peak memory.
"""

import time

BEGIN = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402
import soundfile  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("song", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--repeat", type=int, default=0, help="warm calls after the first")
    arguments = parser.parse_args()
    real_stdout, sys.stdout = sys.stdout, sys.stderr  # the package prints
    from spleeter.separator import Separator

    imported = time.perf_counter()
    separator = Separator(multiprocess=False)
    loaded = time.perf_counter()
    wave, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    if rate != 44100 or wave.shape[1] != 2:
        raise SystemExit("the comparison wants 44.1 kHz stereo")
    calls = []
    for _ in range(1 + arguments.repeat):
        start = time.perf_counter()
        stems = separator.separate(wave)
        calls.append(time.perf_counter() - start)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, stem in stems.items():
        soundfile.write(arguments.output / f"{name}.wav", stem, rate, subtype="FLOAT")
    result = {
        "import_s": imported - BEGIN,
        "load_s": loaded - imported,
        "first_s": calls[0],
        "warm_s": calls[1:],
        "whole_s": time.perf_counter() - BEGIN,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "samples": int(np.shape(wave)[0]),
    }
    print(json.dumps(result), file=real_stdout)


if __name__ == "__main__":
    main()
