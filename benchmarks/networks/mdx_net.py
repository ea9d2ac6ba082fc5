"""Compares our MDX-Net with audio-separator's, chunks, windows and all, and records small cases.

    .venv/bin/python mdx_net.py             # write tests/data/networks/mdx_net.npz
    .venv/bin/python mdx_net.py --compare   # a table: small songs, and three minutes

(a person runs this, after install.sh; the tests only read). The original is `MDXSeparator.demix` of
audio-separator 0.47.1, which ONNX Runtime runs; the graph is a small one with random weights. What
the table has is how far our difference lies below the original's output, in dB, for one chunk and
for whole songs, joined by the engine.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.zoo.original import Mdx  # noqa: E402
from tests.models import mdx  # noqa: E402

from unweave.core.plan import Plan  # noqa: E402
from unweave.models.mdx_net.model import build  # noqa: E402
from unweave.models.readers import onnx_graph  # noqa: E402

TARGET = HERE.parents[1] / "tests" / "data" / "networks" / "mdx_net.npz"
SIZE, HOP, COMPENSATION = 256, 64, 1.035
LENGTHS = (700, 960, 4321, 6000)  # samples; a chunk has 960
CONFIG = {"frame_size": SIZE, "hop": HOP, "bins": 64, "frames": 16, "compensation": COMPENSATION}
THREE_MINUTES = 180 * 44100


def original(path: Path, denoise: bool) -> Mdx:
    """audio-separator's, for the graph at `path`."""
    facts = {"mdx_dim_f_set": 64, "mdx_dim_t_set": 4, "mdx_n_fft_scale_set": SIZE}
    facts |= {"compensate": COMPENSATION, "primary_stem": "Vocals"}
    return Mdx(path, facts, frames=16, hop=HOP, denoise=denoise)


def noise(length: int) -> np.ndarray:
    wave = 0.3 * np.random.default_rng(length).standard_normal((2, length))
    return wave.astype(np.float16).astype(np.float32)


def plan() -> Plan:
    """The segments of the small graph, as `models add` states them for large ones."""
    chunk, border = 960, SIZE // 2
    return Plan(
        length=chunk, hop=720, window="hann", before=border, step=chunk - 2 * border,
        margin=border, edge="padded",
    )  # fmt: skip


def ours(arrays: dict[str, np.ndarray], mix: np.ndarray, denoise: bool) -> np.ndarray:
    from unweave.engine.stream import stream

    network = build(("vocals", "instrumental"), 2, CONFIG, arrays)

    def call(wave: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        found = network(wave)
        return 0.5 * (found - network(-wave)) if denoise else found

    found = stream(call, iter([mix[None]]), plan(), 44100, device="cpu", batch=2, warn=print)
    return np.concatenate(list(found), axis=-1)[0, 0]


def decibels(reference: np.ndarray, estimate: np.ndarray) -> float:
    error = np.square(reference.astype(np.float64) - estimate).sum()
    return 10 * np.log10(np.square(reference, dtype=np.float64).sum() / error)


def main(compare: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.onnx")
        path.write_bytes(mdx.graph(**mdx.SMALL))
        arrays = onnx_graph.read(path)
        if not compare:
            found = {f"mix_{length}": noise(length).astype(np.float16) for length in LENGTHS}
            for denoise in (False, True):
                kind = "denoised" if denoise else "plain"
                separator = original(path, denoise).separator
                found |= {f"{kind}_{length}": separator.demix(noise(length)) for length in LENGTHS}
            np.savez_compressed(TARGET, **found)
            return
        print("| song | plain | denoised |\n|---|---|---|")
        for length in (*LENGTHS, THREE_MINUTES):
            row = [
                decibels(
                    original(path, denoise).separator.demix(noise(length)),
                    ours(arrays, noise(length), denoise),
                )
                for denoise in (False, True)
            ]
            print(
                f"| {length} samples | " + " | ".join(f"{db:.1f}" for db in row) + " |", flush=True
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--compare", action="store_true", help="write nothing")
    main(parser.parse_args().compare)
