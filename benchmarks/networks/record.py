"""Compares our waveform networks with the originals, and records small pairs for the tests.

    .venv/bin/python record.py             # small networks: write tests/data/networks
    .venv/bin/python record.py --compare   # a table of small and published sizes (6 GB of memory)
    .venv/bin/python record.py --compare --peer pymss-core-0.1.14   # of one original

(a person runs this; the tests only read). The table has how far the difference lies below the
original's output, in dB. Both networks get the same random weights, ours through
its `convert`, and every layer matters under them: as the originals start, their residual
branches hardly do. Recorded weights and mixes are float16 numbers from the start, so that files are
small and nothing is rounded.

Two packages of one name cannot live in one process, so each original runs in one of its own.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from originals import CASES, PEERS, TITLES, Case, randomise
from torch import nn

from unweave.models import architectures

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "tests" / "data" / "networks"


def decibels(reference: np.ndarray, estimate: np.ndarray) -> float:
    error = np.square(reference.astype(np.float64) - estimate).sum()
    with np.errstate(divide="ignore"):  # equal to the last bit: infinitely far
        return 10 * np.log10(np.square(reference, dtype=np.float64).sum() / error)


def run(case: Case, keep: bool) -> float:
    """How far ours is from the original's output, in dB below it; kept where it is small."""
    rng = np.random.default_rng(5)
    original = case.original().eval()
    randomise(original, rng)
    mix = rng.standard_normal((1, case.channels, case.samples), dtype=np.float32) * 0.3 + 0.05
    mix = mix.astype(np.float16).astype(np.float32)
    if case.quiet:
        mix[..., case.samples // 3 : case.samples // 2] *= 1e-13
    with torch.inference_mode():
        stems = whole(original, torch.from_numpy(mix)).numpy()
    stems = stems.reshape(1, len(case.stems), case.channels, -1)
    weights = {name: value.numpy() for name, value in original.state_dict().items()}
    if keep:
        TARGET.mkdir(parents=True, exist_ok=True)
        facts = {
            "stems": case.stems,
            "channels": case.channels,
            "config": case.config,
            "shapes": {name: value.shape for name, value in weights.items()},
        }
        np.savez_compressed(
            TARGET / f"{case.name}.npz",
            facts=np.array(json.dumps(facts)),
            weights=np.concatenate([v.ravel() for v in weights.values()]).astype(np.float16),
            mix=mix if case.quiet else mix.astype(np.float16),
            stems=stems,
        )
    convert = architectures.converter(case.ours.__name__.split(".")[-2])
    renamed = convert({"weights": weights})
    ours = case.ours.build(case.stems, case.channels, case.config, renamed)
    with torch.inference_mode():
        return decibels(stems, ours(torch.from_numpy(mix)).numpy())


def whole(original: nn.Module, mix: torch.Tensor) -> torch.Tensor:
    """The original on a mix of any length: Demucs of 2021 leaves filling up to its caller."""
    if not hasattr(original, "normalize") or hasattr(original, "segment"):
        return original(mix)
    length = mix.shape[-1]
    extra = original.valid_length(length) - length
    stems = original(nn.functional.pad(mix, (extra // 2, extra - extra // 2)))
    return stems.narrow(-1, (stems.shape[-1] - length) // 2, length)


def main(keep: bool, peers: Sequence[str]) -> None:
    """Each original in a process of its own. keep: write what the tests read."""
    print("| network | original | size | dB |\n|---|---|---|---|", flush=True)
    for size in ("small",) if keep else ("small", "published"):
        for peer in peers:
            folders = [os.environ.get("PYTHONPATH", "")]
            folders += [str(HERE / ".venv" / peer)]  # of packages that are not beside others
            extra = {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
            command = [sys.executable, __file__, "--peer", peer, "--size", size]
            command += ["--compare"] * (not keep)
            subprocess.run(command, env=os.environ | extra, check=True)


def compare(peer: str, size: str, keep: bool) -> None:
    """The rows of one original."""
    for case in CASES[peer](size == "published"):
        db = run(case, keep)
        found = "equal" if np.isinf(db) else f"{db:.1f}"
        title, original = TITLES.get(case.name, case.name), peer.replace("-", " ")
        print(f"| {title} | {original} | {size} | {found} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--compare", action="store_true", help="write nothing, both sizes")
    parser.add_argument("--peer", choices=PEERS, action="append", help="only this; may be repeated")
    parser.add_argument("--size", choices=("small", "published"), help="only this, in this process")
    given = parser.parse_args()
    keep, peers = not given.compare, given.peer or PEERS
    if given.size:
        for peer in peers:
            compare(peer, given.size, keep)
    else:
        main(keep, peers)
