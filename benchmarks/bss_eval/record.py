"""Records what museval 0.4.1 and mir_eval 0.8 say about small signals, for the tests.

    benchmarks/bss_eval/install.sh
    benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/record.py

(a person runs this; the tests only read) Writes `tests/data/bss_eval/scores.npz`; the signals are
those of `tests/evaluation/metrics/cases.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from mir_eval import separation
from museval.metrics import bss_eval

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.evaluation.metrics import cases


def turned(signals: Any) -> tuple[Any, Any]:
    return tuple(np.moveaxis(x, 1, 2) for x in signals)  # to (stem, time, channel)


def v4(signals: Any, **options: bool) -> Any:
    *found, order = bss_eval(*turned(signals), window=cases.RATE_HZ, hop=cases.RATE_HZ, **options)
    return np.stack(found), np.asarray(order)


def main() -> None:
    stereo, mono = cases.signals(2), cases.signals(1)
    out = {
        "v4": v4(stereo)[0],
        "v4 framewise": v4(stereo, framewise_filters=True)[0],
        "v4 paused": v4(cases.paused(*stereo))[0],
    }
    refs, ests = mono
    mixed = (refs, ests[cases.ORDER])
    out["v4 permuted"], order = v4(mixed, compute_permutation=True)
    out["v4 permuted order"] = order[:, 0]
    out["v4 permuted framewise"], order = v4(
        mixed, compute_permutation=True, framewise_filters=True
    )
    out["v4 permuted framewise order"] = order
    *found, order = separation.bss_eval_sources(*(x[:, 0] for x in mixed))
    out["v3 sources"], out["v3 sources order"] = np.stack(found), order
    for name, (refs, ests) in (("mono", mono), ("stereo", stereo)):
        *found, order = separation.bss_eval_images(*turned((refs, ests[cases.ORDER])))
        out[f"v3 images {name}"], out[f"v3 images {name} order"] = np.stack(found), order
    cases.RECORDED.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(cases.RECORDED, **out)


if __name__ == "__main__":
    main()
