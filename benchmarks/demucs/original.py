"""What the original Demucs makes of a song, and how long it takes. Runs in ../networks/.venv.

    ../networks/.venv/bin/python original.py make FOLDER NAME... [--width N]
    ../networks/.venv/bin/python original.py run FOLDER NAME WAVE.npy STEMS.npy [--repeat N]

`make` writes files of the package's own format for models of the published settings, `NAME.th`,
with random weights: all of them matter, float16 as published (those of 2.0.3 float32). `run`
separates a wave `(2, time)` at 44.1 kHz as the package's command does, without random shifts, in
float32; NAME may be several, `A+B`, which are a bag, with weights as those of `mdx` if they are
four. It prints one JSON line with the seconds of each call and the threads.

The package of 2.0.3 lies in ../networks/.venv/demucs-2.0.3, which PYTHONPATH must name for its
models. Two packages called demucs cannot live in one process.
"""

import argparse
import inspect
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "networks"))
STEMS = ("drums", "bass", "other", "vocals")
MDX = [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]]


def settings(name: str, width: int) -> tuple[type, dict]:
    """The class and the arguments of the model that a card of unweave is called by."""
    size = {"channels": width} if width else {}
    if name.startswith(("demucs", "tasnet")):
        from demucs.model import Demucs
        from demucs.tasnet import ConvTasNet

        if name.startswith("tasnet"):
            small = {"N": 16, "B": 16, "H": 4 * width} if width else {}
            return ConvTasNet, {"X": 10, **small}
        return Demucs, {"demucs48_hq": {"channels": 48}}.get(name, {}) | size
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs

    if name in ("mdx_0d19c1c6", "mdx_7ecf8ec1"):
        return Demucs, {"rewrite": False, "segment": 44, **size}
    if name in ("repro_mdx_a_9a6b4851", "repro_mdx_a_1ef250f1"):
        return Demucs, {"segment": 44, **size}
    own = {
        "mdx_c511e2ab": {"norm_starts": 999, "cac": False, "hybrid_old": True},
        "mdx_7d865c68": {"norm_starts": 999, "multi_freqs": [0.1, 0.3], "multi_freqs_depth": 2},
        "mdx_extra_a1d90b5c": {"cac": False, "hybrid_old": True},
        "mdx_extra_5d2d6c55": {"cac": False},
    }
    return HDemucs, {**own.get(name, {}), "segment": 44, **size}


def make(folder: Path, names: list[str], width: int) -> None:
    from demucs import utils
    from record import randomise

    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        kind, arguments = settings(name, width)
        model = kind(list(STEMS), **arguments)
        randomise(model, np.random.default_rng(seed))
        if hasattr(utils, "save_state"):  # 2.0.3: the weights alone
            torch.save(utils.get_state(model, None), folder / f"{name}.th")
            continue
        from demucs.states import get_state

        args, kwargs = model._init_args_kwargs
        package = {"klass": kind, "args": args, "kwargs": kwargs, "training_args": {"seed": seed}}
        torch.save(package | {"state": get_state(model, None, half=True)}, folder / f"{name}.th")


def load(file: Path, width: int) -> torch.nn.Module:
    from demucs import utils

    if hasattr(utils, "save_state"):
        kind, arguments = settings(file.stem, width)
        model = kind(list(STEMS), **arguments)
        model.load_state_dict(torch.load(file))
        return model.eval()
    from demucs.states import load_model

    return load_model(file).eval()


def separate(models: list[torch.nn.Module], wave: torch.Tensor, overlap: float) -> torch.Tensor:
    """As `demucs/separate.py` has it: one level for every track, and back."""
    mono = wave.mean(0)
    if not hasattr(models[0], "segment"):  # 2.0.3
        from demucs.utils import apply_model

        normal = (wave - mono.mean()) / mono.std()
        stems = apply_model(models[0], normal, split=True, overlap=overlap)
        return stems * mono.std() + mono.mean()
    from demucs.apply import BagOfModels, apply_model

    bag = BagOfModels(models, MDX if len(models) == 4 else None)
    scale = mono.std() + 1e-8
    normal = ((wave - mono.mean()) / scale)[None]
    return apply_model(bag, normal, shifts=0, overlap=overlap)[0] * scale + mono.mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("folder", type=Path)
    maker.add_argument("names", nargs="+")
    runner = commands.add_parser("run")
    runner.add_argument("folder", type=Path)
    runner.add_argument("name")
    runner.add_argument("wave", type=Path)
    runner.add_argument("stems", type=Path)
    runner.add_argument("--repeat", type=int, default=0, help="warm calls after the first")
    runner.add_argument("--threads", type=int, default=0)
    runner.add_argument("--overlap", type=float, default=0.25)
    for each in (maker, runner):
        each.add_argument("--width", type=int, default=0, help="channels; 0: as published")
    given = parser.parse_args()
    if given.command == "make":
        make(given.folder, given.names, given.width)
        return
    if given.threads:
        torch.set_num_threads(given.threads)
    models = [load(given.folder / f"{name}.th", given.width) for name in given.name.split("+")]
    wave = torch.from_numpy(np.load(given.wave))
    seconds = []
    with torch.no_grad():
        for _ in range(1 + given.repeat):
            start = time.perf_counter()
            stems = separate(models, wave, given.overlap)
            seconds.append(time.perf_counter() - start)
    np.save(given.stems, stems.numpy())
    print(json.dumps({"seconds": seconds, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
