"""What an original of MSST's world makes of a wave, and how long it takes. Runs in
../networks/.venv.

    ../networks/.venv/bin/python original.py make NAME FOLDER
    ../networks/.venv/bin/python original.py run NAME FOLDER WAVE.npy STEMS.npy [--overlap N]

`make` writes random weights of the size and the file of settings, as MSST keeps them; of MDX-Net
the graph. `run` takes a wave `(2, time)` chunk by chunk, each sample in one of them, without
anything between the network and the chunks. The last one is filled up as MSST does; HT Demucs takes
chunks as Demucs cuts them, MDX-Net as audio-separator cuts and joins them. On each number of
threads an eighth of a chunk is first, and the wave takes that which was the quickest. It prints one
JSON line. With an overlap it takes a song as the programs do that have these networks: chunks
overlap and fade, ends are mirrored.
"""

import argparse
import importlib
import inspect
import json
import logging
import os
import resource
import sys
import time
import types
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]


def network(name: str) -> torch.nn.Module:
    """The original of a size."""
    from sizes import SIZES

    package, kind, settings = SIZES[name]
    found: Any = getattr(importlib.import_module(package), kind)
    model = dict(settings["model"])
    if kind == "TFC_TDF_net":
        from pymss_core.config import AttrDict

        return found(AttrDict(settings)).eval()
    if kind == "HTDemucs":
        model["segment"] = Fraction(39, 5)
        return found(settings["training"]["instruments"], **model).eval()
    return found(**model).eval()


class Mdx:
    """audio-separator's way with a graph of MDX-Net: chunks, windows and all.

    graph: its file. facts: of UVR's table. ONNX Runtime runs it, on threads of its own number.
    """

    def __init__(
        self, graph: Path, facts: dict[str, Any], *, frames: int = 256, hop: int = 1024,
        denoise: bool = False,
    ) -> None:  # fmt: skip
        for name in ("onnx", "onnx2torch"):  # which it needs for other chunks than the graph's
            sys.modules.setdefault(name, types.ModuleType(name))
        from audio_separator.separator.architectures.mdx_separator import MDXSeparator

        common = {
            "logger": logging.getLogger("audio_separator"),
            "log_level": logging.WARNING,
            "torch_device": torch.device("cpu"),
            "onnx_execution_provider": ["CPUExecutionProvider"],
            "model_name": graph.stem,
            "model_path": str(graph),
            "model_data": facts,
        }
        chosen = {"segment_size": frames, "overlap": 0.25, "batch_size": 1}
        chosen |= {"hop_length": hop, "enable_denoise": denoise}
        self.separator = MDXSeparator(common, chosen)

    def __call__(self, mix: torch.Tensor) -> torch.Tensor:
        """The stem `(batch, 1, 2, time)` of mixes `(batch, 2, time)` of any length."""
        stems = [self.separator.demix(wave.numpy()) for wave in mix]
        return torch.from_numpy(np.stack(stems))[:, None]


def loaded(name: str, folder: Path) -> Any:
    """The original with the weights that `make` wrote."""
    from sizes import SIZES

    if SIZES[name][1] == "MDXSeparator":
        return Mdx(folder / f"{name}.onnx", SIZES[name][2])
    made = network(name)
    made.load_state_dict(torch.load(folder / f"{name}.ckpt", mmap=True))
    return made


def make(name: str, folder: Path) -> None:
    from networks.originals import randomise
    from sizes import SIZES

    folder.mkdir(parents=True, exist_ok=True)
    if SIZES[name][1] == "MDXSeparator":
        from tests.models import mdx

        (folder / f"{name}.onnx").write_bytes(mdx.graph(**mdx.PUBLISHED))
    else:
        made = network(name)
        randomise(made, np.random.default_rng(3))
        torch.save(made.state_dict(), folder / f"{name}.ckpt")
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(SIZES[name][2]))


def run(made: Any, wave: torch.Tensor, chunk: int) -> torch.Tensor:
    """Stems `(stem, 2, time)`: MSST fills the last chunk up with its mirror image where that is
    long enough, and with silence where it is not."""
    if isinstance(made, Mdx):
        return made(wave[None])[0]
    if type(made).__name__ == "HTDemucs":
        from demucs.apply import apply_model

        return apply_model(made, wave[None], shifts=0, overlap=0)[0]
    stems = []
    for first in range(0, wave.shape[-1], chunk):
        part = wave[:, first : first + chunk]
        length = part.shape[-1]
        mode = "reflect" if length > chunk // 2 else "constant"
        part = torch.nn.functional.pad(part, (0, chunk - length), mode)
        found = made(part[None])[0]
        stems.append(found.reshape(-1, *part.shape)[..., :length])
    return torch.cat(stems, dim=-1)


def demix(name: str, made: torch.nn.Module, wave: torch.Tensor, overlap: int) -> torch.Tensor:
    """Stems `(stem, 2, time)` by the packages' own procedure, which is MSST's."""
    from bs_roformer import utils
    from mel_band_roformer import utils as of_mel
    from ml_collections import ConfigDict
    from sizes import SIZES

    package, _, settings = SIZES[name]
    given = ConfigDict({**settings, "inference": {"num_overlap": overlap}})
    procedure = of_mel if package == "mel_band_roformer" else utils
    found, _ = procedure.demix_track(given, Stems(made), wave, torch.device("cpu"))
    return torch.from_numpy(np.stack(list(found.values())))


class Stems(torch.nn.Module):
    """A network whose one stem has an axis, too."""

    def __init__(self, made: torch.nn.Module) -> None:
        super().__init__()
        self.made = made

    def forward(self, mix: torch.Tensor) -> torch.Tensor:
        return self.made(mix).reshape(len(mix), -1, *mix.shape[1:])


def timed(work: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def main() -> None:
    from sizes import SIZES

    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    parser.add_argument("command", choices=("make", "run"))
    parser.add_argument("name", choices=SIZES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("wave", type=Path, nargs="?")
    parser.add_argument("stems", type=Path, nargs="?")
    parser.add_argument("--overlap", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.command == "make":
        make(given.name, given.folder)
        return
    with torch.inference_mode():
        made = loaded(given.name, given.folder)
        wave = torch.from_numpy(np.load(given.wave))
        if given.overlap:
            np.save(given.stems, demix(given.name, made, wave, given.overlap).numpy())
            return
        chunk = SIZES[given.name][2]["audio"]["chunk_size"]
        eighth, cores = wave[:, : chunk // 8192 * 1024], os.cpu_count() or 1
        took = {}
        # ONNX Runtime has threads of its own, one for each core.
        for threads in {cores if isinstance(made, Mdx) else 1, cores}:
            torch.set_num_threads(threads)
            made(eighth[None])
            took[threads] = timed(lambda: made(eighth[None]))[1]
        best = min(took, key=lambda threads: took[threads])
        torch.set_num_threads(best)
        busy = time.process_time()
        stems, seconds = timed(lambda: run(made, wave, chunk))
        busy = time.process_time() - busy
    np.save(given.stems, stems.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    facts = {"seconds": seconds, "busy_s": busy, "threads": best, "peak_mb": peak}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
