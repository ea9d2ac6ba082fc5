"""Record what DiffQ packs of two small networks of Demucs, and what it makes of that again.

    PYTHONPATH=FOLDER python benchmarks/demucs/record_diffq.py

FOLDER has the packages `diffq` 0.2.4 and `demucs` 4.1.0. Every parameter is drawn at random, and
so are the bits of each group. `tests/models/test_diffq.py` reads the files.
"""

from __future__ import annotations

from pathlib import Path

import diffq
import numpy as np
import torch
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs

TARGET = Path(__file__).parents[2] / "tests" / "data" / "networks"
DEEP = {"dconv_lstm": 1, "dconv_attn": 1, "norm_starts": 1, "norm_groups": 2, "dconv_comp": 1}
NETWORKS = {
    "diffq_waves": (Demucs, {"channels": 4, "depth": 2, "samplerate": 8000, "segment": 1, **DEEP}),
    "diffq_hybrid": (HDemucs, {"channels": 4, "depth": 3, "nfft": 64, "samplerate": 8000,
                               "segment": 1, **DEEP}),
}  # fmt: skip


def main() -> None:
    for name, (kind, settings) in NETWORKS.items():
        torch.manual_seed(0)
        keywords = {"sources": ["other", "vocals"], **settings}
        network = kind(**keywords)
        for parameter in network.parameters():
            parameter.data = torch.randn_like(parameter)
        quantizer = diffq.DiffQuantizer(network, min_size=0.001, group_size=4)
        for each in quantizer._qparams:
            each.logit.data.uniform_(-3, -1.5)
        state = quantizer.get_quantized_state()
        package = {"klass": kind, "args": (), "kwargs": keywords, "state": state}
        state["__quantized"] = True
        torch.save(package, TARGET / f"{name}.th")
        again = kind(**keywords)
        diffq.restore_quantized_state(again, state)
        arrays = {key: value.numpy() for key, value in again.state_dict().items()}
        np.savez_compressed(TARGET / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
