"""Would other masks explain how far 2DFT, REPET and RPCA fell behind REPET-SIM in SiSEC 2018?

    .venv/bin/python -m benchmarks.blind.masks ../shared/data/musdb18-7s [--every 6]

There the voices of these three have an ISR of 11 to 14 dB, as from masks that leave the voice whole
or take it away; ours have 7. So each technique separates excerpts twice, with its own soft mask and
with that mask made binary at one half. Printed are medians over tracks of the voice's SDR and ISR
(BSS Eval v4, medians over frames), beside the campaign's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from unweave import catalog, datasets, metrics
from unweave.bench import sisec
from unweave.dsp import foreground
from unweave.dsp.foreground import Grid

CAMPAIGN = {"repet-sim": "REP2", "ft2d": "2DFT", "repet": "REP1", "rpca": "RPCA"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="the folder musdb18-7s")
    parser.add_argument("--every", type=int, default=6, help="take each so-many-th track")
    given = parser.parse_args()
    found: dict[str, list[list[float]]] = {}
    tracks = datasets.load("musdb18", given.root, "train")[:: given.every]
    for track in tracks:
        mix, rate_hz, kept = track.mix(), track.sample_rate_hz, metrics.Kept()
        truth = np.stack([track.stem("vocals"), track.stem("accompaniment")])
        for name in CAMPAIGN:
            for kind, work in (("soft", foreground.separate), ("binary", binary)):
                module = f"unweave.separators.{name.replace('-', '_')}.separate"
                with patch(module, work), torch.inference_mode():
                    guess = catalog.load(name)(torch.from_numpy(mix)[None], rate_hz)[0].numpy()
                frames = metrics.bss_eval_v4(truth, guess, window=rate_hz, hop=rate_hz, kept=kept)
                pair = [float(np.nanmedian(ratio[0])) for ratio in (frames.sdr, frames.isr)]
                found.setdefault(f"{name},{kind}", []).append(pair)
    print(f"{len(tracks)} tracks\ntechnique,mask,SDR,ISR,SDR in SiSEC 2018,ISR there")
    for label, pairs in found.items():
        own = np.nanmedian(pairs, axis=0)
        theirs = [np.nanmedian(sisec.campaign().of(CAMPAIGN[label.split(",")[0]], "vocals", metric))
                  for metric in ("SDR", "ISR")]  # fmt: skip
        print(",".join([label, *(f"{value:.2f}" for value in (*own, *theirs))]), flush=True)


def binary(
    mix: Tensor, grid: Grid, high_pass_hz: float, mask_of: Callable[[Tensor], Tensor]
) -> Tensor:
    """As `foreground.separate`, with the mask made binary."""
    return foreground.separate(
        mix, grid, high_pass_hz, lambda values: (mask_of(values) > 0.5).to(values.dtype)
    )


if __name__ == "__main__":
    main()
