"""What a CUDA card makes of every family of networks, beside the CPU: a check of a few minutes.

    .venv/bin/python -m benchmarks.cuda                          # on a machine with a card
    .venv/bin/python -m benchmarks.cuda --device cpu --small     # the program itself, anywhere

Weights are drawn at random at the published sizes, and nothing is fetched. For each family: how far
the card's stems lie from the CPU's on one segment, the worst stem, in dB (as the engine runs it,
without TF32, in float16, in bfloat16), and how many times real time a recording goes through the
engine. Then: does a batch that does not fit halve itself, and is a card that is not there refused
in one line? What could not be done is listed with the reason. The exit code is 1 where a check
failed: float32 without TF32 below 80 dB, 16 bits below 20 dB, another error than the one expected.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks import untrained

from unweave.engine.adapters.precision import Precision
from unweave.engine.executor import Executor
from unweave.engine.inference import check_precision
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.models import cards, store
from unweave.models.adapter import NeuralSeparator
from unweave.request import Execution
from unweave.types import Separator

SMALL_SEGMENT = {"length": 8192, "hop": 6144}
SMALL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # settings, and samples of a segment
    "htdemucs": (
        {"length": 8192, "width": 8, "frame_size": 256, "levels": 2, "bottleneck": 16, "heads": 2}
        | {"layers": 2, "hidden": 2.0, "compress": 4},
        SMALL_SEGMENT,
    ),
    "hdemucs_mmi": (
        {"width": 8, "frame_size": 256, "norm_from": 2, "lstm_from": 2, "attention_from": 2},
        SMALL_SEGMENT,
    ),
    "demucs": (
        {"width": 8, "depth": 3},
        {"length": 8298, "hop": 6144, "context": 53, "step": 64, "margin": 84},
    ),
    "tasnet": (
        {"filters": 16, "kernel": 16, "hop": 8, "bottleneck": 8, "hidden": 16}
        | {"blocks": 3, "repeats": 2},
        SMALL_SEGMENT,
    ),
    "umxhq": (
        {"hidden": 8, "seen": 100, "frame_size": 256, "hop": 64, "block": 30},
        {"length": 11776, "hop": 3840, "fade": 320, "context": 2048, "before": 3840},
    ),
    "spleeter-4stems": (
        {"filters": (4, 8, 8, 16, 16, 32), "frames": 64, "bins": 128}
        | {"frame_size": 512, "hop": 128},
        {"length": 8576, "hop": 8192, "before": 512},
    ),
}
LEAST_DB, LEAST_16_BITS_DB = 80.0, 20.0
SIXTEEN = ("float16", "bfloat16")
COLUMNS = ("float32", "no TF32", *SIXTEEN, *(f"{kind}, x" for kind in ("float32", *SIXTEEN)))


@dataclass
class Findings:
    """What came out, and until when there is time."""

    device: str
    end: float
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def late(self, what: str) -> bool:
        if time.monotonic() < self.end:
            return False
        self.skipped.append(f"{what}: the time was over")
        return True

    def at_least(self, what: str, level_db: float, least_db: float) -> str:
        if not level_db >= least_db:
            self.failed.append(f"{what}: {level_db:.1f} dB, less than {least_db:g}")
        return "the same" if level_db == np.inf else f"{level_db:.1f}"


def below_db(want: np.ndarray, got: np.ndarray) -> float:
    """How far the difference lies below a stem, the worst of `(..., stem, channel, time)`."""
    want, wrong = want.astype(np.float64), got.astype(np.float64) - want
    energy, error = (np.square(x).sum(axis=(-1, -2)).ravel() for x in (want, wrong))
    if not np.isfinite(error).all():
        return -np.inf
    return min(10 * np.log10(e / d) if d else np.inf for e, d in zip(energy, error, strict=True))


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    kinds = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [kind.allow_tf32 for kind in kinds]
    for kind in kinds:
        kind.allow_tf32 = allowed
    try:
        yield
    finally:
        for kind, value in zip(kinds, before, strict=True):
            kind.allow_tf32 = value


def separated(separator: Separator, mix: np.ndarray, device: str) -> np.ndarray:
    with torch.inference_mode():
        stems = separator(torch.from_numpy(mix).to(device), separator.spec.sample_rate_hz or 0)
        return stems.float().cpu().numpy()


def through_engine(
    separator: Separator, wave: np.ndarray, execution: Execution, warn: Callable[[str], None]
) -> tuple[np.ndarray, float]:
    """The stems of a whole wave, and how many seconds they took once the way there was known."""
    rate = separator.spec.sample_rate_hz or 0
    executor = Executor()
    for _ in range(2):
        start = time.perf_counter()
        stems = separate_array(
            separator, wave, rate, execution=execution, executor=executor, warn=warn
        )
        seconds = time.perf_counter() - start
    return np.stack(list(stems.values())), seconds


def family(name: str, folder: Path, *, small: bool, seconds: float, found: Findings) -> None:
    """One row of the table."""
    settings, segment = SMALL[name] if small else ({}, {})
    card = cards.card(str(untrained.write(folder, name, config=settings, segment=segment)))
    weights = store.weights(card)
    rng = np.random.default_rng(0)
    mix = (0.1 * rng.standard_normal((1, card.channels, card.segment.length))).astype("f4")
    length = round(seconds * card.sample_rate_hz)
    wave = (0.1 * rng.standard_normal((card.channels, length))).astype("f4")
    want = separated(NeuralSeparator(card, {}, weights).to("cpu"), mix, "cpu")
    there = NeuralSeparator(card, {}, weights).to(found.device)
    cells = dict.fromkeys(COLUMNS, "")
    if found.device == "cpu":
        cells["float32"] = found.at_least(name, below_db(want, separated(there, mix, "cpu")), 80)
        found.skipped.append(f"{name} without TF32: the CPU has none")
    else:
        cells["float32"] = f"{below_db(want, separated(there, mix, found.device)):.1f}"
        with tf32(False):
            level = below_db(want, separated(there, mix, found.device))
        cells["no TF32"] = found.at_least(f"{name}, float32", level, LEAST_DB)
    kinds: list[tuple[str, Separator]] = [("float32", there)]
    for kind in SIXTEEN:
        try:
            check_precision(kind, found.device)
            lower = Precision(there, kind)
        except UsageError as error:
            found.skipped.append(f"{name} in {kind}: {error}")
            continue
        kinds.append((kind, lower))
        level = below_db(want, separated(lower, mix, found.device))
        cells[kind] = found.at_least(f"{name}, {kind}", level, LEAST_16_BITS_DB)
    for kind, separator in kinds:
        if not found.late(f"{name}, times real time in {kind}"):
            execution = Execution(device=found.device)
            _, took = through_engine(separator, wave, execution, found.failed.append)
            cells[f"{kind}, x"] = f"{seconds / took:.1f}"
    print(f"| {name} | {' | '.join(cells.values())} |", flush=True)


def halving(folder: Path, *, small: bool, found: Findings) -> None:
    """A batch of which a third fits: the engine halves it, warns, and the stems are the same."""
    if found.device == "cpu":
        found.skipped.append("halving of batches: a CPU has no memory of its own to run out")
        return
    settings, segment = SMALL["htdemucs"] if small else ({}, {})
    card = cards.card(str(untrained.write(folder, "htdemucs", config=settings, segment=segment)))
    separator = NeuralSeparator(card, {}, store.weights(card)).to(found.device)
    length = 12 * card.segment.hop
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal((card.channels, length))).astype("f4")
    card_bytes = torch.cuda.get_device_properties(found.device).total_memory
    want, _ = through_engine(separator, wave, Execution(device=found.device, batch=4), print)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(found.device)
    through_engine(separator, wave, Execution(device=found.device, batch=4), print)
    four = torch.cuda.max_memory_reserved(found.device)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, 1.2 * four / card_bytes), found.device)
    said: list[str] = []
    try:
        got, _ = through_engine(
            separator, wave, Execution(device=found.device, batch=12), said.append
        )
        level = found.at_least("halving of batches", below_db(want, got), LEAST_DB)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, found.device)
    halved = [line for line in said if "out of memory" in line]
    if not halved:
        found.failed.append("halving of batches: a batch that could not fit was not halved")
    print(f"| a batch of 12 where 4 fit | {level} dB, {'; '.join(halved) or 'nothing said'} |")


def refusal(folder: Path, found: Findings) -> None:
    """A card that is not there, on the command line."""
    import soundfile

    count = torch.cuda.device_count()
    song = folder / "noise.wav"
    noise = np.random.default_rng(0).standard_normal((8000, 2))
    soundfile.write(song, 0.1 * noise, 8000)
    command = [sys.executable, "-m", "unweave", "separate", "-q", "-m", "hpss", str(song)]
    wrong = [*command, "-o", str(folder / "out"), "--device", f"cuda:{count}"]
    done = subprocess.run(wrong, capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    if done.returncode == 0 or len(lines) != 1:
        found.failed.append(f"--device cuda:{count}: exit code {done.returncode}, {done.stderr}")
    print(f"| --device cuda:{count} | {lines[0] if lines else 'nothing said'} |")
    if not count:
        found.skipped.append("--device cuda:0 accepted: there is no card")
        return
    right = [*command, "-o", str(folder / "out"), "--device", "cuda:0"]
    done = subprocess.run(right, capture_output=True, text=True)
    if done.returncode:
        found.failed.append(f"--device cuda:0: {done.stderr}")
    print(f"| --device cuda:0 | exit code {done.returncode} |")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks, for a try")
    parser.add_argument("--families", nargs="+", choices=SMALL, default=list(SMALL))
    parser.add_argument("--sound", type=float, default=120, metavar="SECONDS", help="to time")
    parser.add_argument("--limit", type=float, default=420, metavar="SECONDS", help="of this run")
    given = parser.parse_args(arguments)
    if given.device != "cpu" and not torch.cuda.is_available():
        print("error: there is no CUDA card here; --device cpu tries the program", file=sys.stderr)
        return 3
    found = Findings(given.device, time.monotonic() + given.limit)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| check | result |\n|---|---|")
        refusal(folder, found)
        halving(folder, small=given.small, found=found)
        print(f"\n| model, dB and times real time | {' | '.join(COLUMNS)} |")
        print("|---|" + "---|" * len(COLUMNS), flush=True)
        for each in given.families:
            if not found.late(each):
                family(each, folder, small=given.small, seconds=given.sound, found=found)
    what = torch.cuda.get_device_name() if given.device != "cpu" else "the CPU"
    print(f"\n{what}, torch {torch.__version__}, {time.monotonic() - start:.0f} s")
    for kind, lines in (("skipped", found.skipped), ("FAILED", found.failed)):
        for line in lines:
            print(f"{kind}: {line}")
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
