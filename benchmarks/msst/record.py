"""Records what MSST's metrics say about small signals, for the tests.

    benchmarks/msst/install.sh
    benchmarks/msst/.venv/bin/python benchmarks/msst/record.py

(a person runs this; the tests only read) Writes `tests/data/msst/scores.json`; the signals are
those of `tests/evaluation/metrics/msst_cases.py`. Each score is there twice: in float32, as MSST
computes it, and with the same code in float64, so that its own rounding does not count.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / ".venv"), str(HERE.parents[1])]

import msst_metrics as msst  # noqa: E402
from tests.evaluation.metrics.msst_cases import NAMES, RECORDED, case  # noqa: E402


def scores(name: str, dtype: Any) -> dict[str, float]:
    ref, est, mix = (wave.astype(dtype) for wave in case(name))
    bleedless, fullness = msst.bleed_full(ref, est)
    return {
        "msst_sdr": float(msst.sdr(ref[None], est[None])[0]),
        "l1_freq": msst.L1Freq_metric(ref, est),
        "bleedless": float(bleedless),
        "fullness": float(fullness),
        "aura_stft": msst.AuraSTFT_metric(ref, est),
        "aura_mrstft": msst.AuraMRSTFT_metric(ref, est),
        "log_wmse": msst.LogWMSE_metric(ref, est, mix),
    }


def in_double() -> None:
    """From here on MSST and its packages compute in float64, but for constants of theirs."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    librosa.filters.mel = partial(librosa.filters.mel, dtype=np.float64)
    conv1d = torch.nn.functional.conv1d
    torch.nn.functional.conv1d = lambda wave, taps, **more: conv1d(wave, taps.double(), **more)


def main() -> None:
    found = {"float32": {name: scores(name, np.float32) for name in NAMES}}
    in_double()
    found["float64"] = {name: scores(name, np.float64) for name in NAMES}
    RECORDED.parent.mkdir(parents=True, exist_ok=True)
    RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
