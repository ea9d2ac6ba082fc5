"""What the original HT Demucs makes of a file, and how long it takes. Runs in `.venv` here.

    .venv/bin/python original.py SONG WEIGHTS FOLDER [--repeat N] [--threads N] [--workers N]

WEIGHTS is a safetensors file with unweave's names; names.json in FOLDER says which they are there.
The separation is that of the command `demucs` with `--shifts 0`: the track is normalised, cut with
an overlap of a quarter, and brought back to its level; `--workers` is the command's `-j`. Writes
`STEM.npy`, and prints one JSON line with the seconds of the first call and of the warm ones.
"""

import argparse
import json
import resource
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from safetensors.torch import load_file

STEMS = ["drums", "bass", "other", "vocals"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=0, help="warm calls after the first")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = HTDemucs(STEMS, bottom_channels=512, dconv_mode=3, segment=Fraction(39, 5)).eval()
    names = json.loads((arguments.folder / "names.json").read_text())
    found = load_file(arguments.weights)
    network.load_state_dict({theirs: found[ours].float() for theirs, ours in names.items()})
    wave, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    if rate != 44100 or wave.shape[1] != 2:
        raise SystemExit("the comparison wants 44.1 kHz stereo")
    mix = torch.from_numpy(np.ascontiguousarray(wave.T))
    calls = []
    for _ in range(1 + arguments.repeat):
        start = time.perf_counter()
        mono = mix.mean(0)
        mean, scale = mono.mean(), mono.std() + 1e-8
        normal = ((mix - mean) / scale)[None]
        with torch.inference_mode():
            stems = apply_model(network, normal, shifts=0, num_workers=arguments.workers)[0]
        stems = stems * scale + mean
        calls.append(time.perf_counter() - start)
    for name, stem in zip(STEMS, stems, strict=True):
        np.save(arguments.folder / f"{name}.npy", stem.numpy())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"first_s": calls[0], "warm_s": calls[1:], "peak_mb": peak_mb}))


if __name__ == "__main__":
    main()
