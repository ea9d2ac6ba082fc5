"""The null test over recordings as people have them, and over rates: mix minus the sum of stems.

    .venv/bin/python benchmarks/null_test.py FILES OR FOLDERS... [--rates 8000 22050 ...]

Every file is separated as it is; the first one also at every rate. For each there is what the
report says, and what the written files give, for 32-bit float and for 24-bit WAV (the difference
beyond what the rounding of two stems can explain, in dBFS). A table has the worst of all; each
file is a line of the error output.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import unweave
from unweave.audio.reader import Reader
from unweave.audio.resampler import Resampler
from unweave.jobs.inputs import expand

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000)


def decoded(path: Path) -> tuple[np.ndarray, int]:
    with Reader(path) as reader:
        blocks = list(reader.blocks(reader.info.sample_rate_hz))
        return np.concatenate(blocks, axis=-1), reader.info.sample_rate_hz


def check(path: Path, separator: object) -> tuple[float, float, float]:
    """Reported null (dB), null of the float files (dB), peak beyond rounding at 24 bits (dBFS)."""
    mix, _ = decoded(path)
    with tempfile.TemporaryDirectory() as folder:
        report = unweave.separate_file(path, folder, separator, filename_template="{stem}.{ext}")
        total = sum(soundfile.read(p, always_2d=True)[0].T for p in Path(folder).glob("*.wav"))
        energy = np.sum(mix.astype(float) ** 2)
        lost = np.sum((total - mix) ** 2)
        written = 10 * np.log10(lost / energy) if lost and energy else -300.0
    with tempfile.TemporaryDirectory() as folder:
        whole = unweave.separate_file(
            path, folder, separator, bit_depth=24, filename_template="{stem}.{ext}"
        )
        gain = 10 ** (json.loads(json.dumps(whole))["gain_db"] / 20)
        total = sum(soundfile.read(p, always_2d=True)[0].T for p in Path(folder).glob("*.wav"))
        # A report rounds the gain to 1e-4 dB: fit it, so that only the samples are compared.
        fitted = np.sum(total * mix) / energy if gain != 1 and energy else gain
        beyond = np.abs(total - fitted * mix).max() - 2 * 0.5 / 2**23
        peak = 20 * np.log10(beyond) if beyond > 0 else -300.0
    null_test_db = report["null_test_db"]
    return (-300.0 if null_test_db is None else null_test_db), written, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=str, nargs="+")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES)
    arguments = parser.parse_args()
    separator = unweave.load("spleeter-2stems")
    found = [item.path for item in expand(arguments.files, Path("stems"))[0]]
    worst = [-300.0] * 3

    def one(path: Path, name: str) -> None:
        figures = check(path, separator)
        print("".join(f"{db:8.1f}" for db in figures), name, file=sys.stderr, flush=True)
        worst[:] = map(max, zip(worst, figures, strict=True))

    for path in found:
        one(path, path.name)
    mix, rate = decoded(found[0])
    with tempfile.TemporaryDirectory() as folder:
        for hz in arguments.rates:
            resampler = Resampler(rate, hz, mix.shape[0])
            wave = np.concatenate([resampler.push(mix[:, : 20 * rate]), resampler.flush()], axis=1)
            target = Path(folder) / f"{hz}.wav"
            soundfile.write(target, wave.T, hz, subtype="FLOAT")
            one(target, f"{found[0].name} at {hz} Hz")
    print("| recordings | report, dB | 32-bit float files, dB | 24-bit files, dBFS |")
    print("|---|---|---|---|")
    name = f"{len(found)}, and one of them at {len(arguments.rates)} rates"
    print(f"| {name} | {' | '.join(f'{db:.1f}' for db in worst)} |")


if __name__ == "__main__":
    main()
