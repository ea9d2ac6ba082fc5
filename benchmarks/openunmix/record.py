"""Records what small networks of the original make of noise, for `tests/models/networks`.

    .venv/bin/python record.py

(a person runs this; the tests only read). Every parameter and buffer is drawn at random, so that
each of them matters; weights and mixes are float16 numbers from the start, so that files are small
and nothing is rounded. The mix has a silent channel for a while, and is loud enough for the
filter's scaling.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from openunmix.model import OpenUnmix, Separator
from torch import nn

TARGET = Path(__file__).resolve().parents[2] / "tests" / "data" / "networks"
SMALL = {"hidden": 8, "seen": 20, "frame_size": 64, "block": 7}
CASES: dict[str, tuple[tuple[str, ...], int, int]] = {  # stems, channels, hop
    "openunmix": (("vocals", "drums", "bass", "other"), 2, 16),
    "openunmix_mono": (("speech", "noise"), 1, 32),
}
CALLS: dict[str, dict[str, Any]] = {
    "stems": {"niter": 1},
    "stems_raw": {"niter": 0},
    "stems_twice": {"niter": 2},
    "stems_residual": {"niter": 1, "residual": True},
}


def draw(network: nn.Module, rng: np.random.Generator) -> None:
    """Weights and statistics of order one, under which signals stay of order one, too."""
    for name, value in network.state_dict().items():
        drawn = rng.standard_normal(tuple(value.shape))
        if value.dim() > 1:
            drawn /= np.sqrt(value.shape[1])
        elif name.endswith("running_var"):
            drawn = np.abs(drawn) + 0.5
        elif name.endswith("num_batches_tracked"):
            continue
        else:
            drawn = (0.3 if name.endswith(("bias", "mean")) else 1.0) + 0.3 * drawn
        value.copy_(torch.from_numpy(drawn.astype(np.float16).astype(np.float32)))


def record(name: str, stems: tuple[str, ...], channels: int, hop: int) -> None:
    rng = np.random.default_rng(7)
    size = SMALL["frame_size"]
    nets = {
        stem: OpenUnmix(size // 2 + 1, channels, SMALL["hidden"], max_bin=SMALL["seen"]).eval()
        for stem in stems
    }
    for net in nets.values():
        draw(net, rng)
    mix = rng.standard_normal((1, channels, 41 * hop + 5))
    mix[..., :200] *= 20
    mix = mix.astype(np.float16)
    found = {}
    for key, options in CALLS.items():
        separator = Separator(
            nets,
            n_fft=size,
            n_hop=hop,
            nb_channels=channels,
            wiener_win_len=SMALL["block"],
            **options,
        )
        with torch.inference_mode():
            waves = separator.eval()(torch.from_numpy(mix.astype(np.float32)))
        found[key] = waves[:, : len(stems)].numpy()
    weights = {
        f"{stem}/{name}": value.numpy()
        for stem, net in nets.items()
        for name, value in net.state_dict().items()
    }
    facts = {"stems": stems, "channels": channels, "config": SMALL | {"hop": hop}}
    facts["shapes"] = {name: value.shape for name, value in weights.items()}
    flat = np.concatenate([value.ravel() for value in weights.values()]).astype(np.float16)
    TARGET.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        TARGET / f"{name}.npz", facts=np.array(json.dumps(facts)), weights=flat, mix=mix, **found
    )


if __name__ == "__main__":
    for case, settings in CASES.items():
        record(case, *settings)
