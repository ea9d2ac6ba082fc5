"""How far unweave's Spleeter of 4 and 5 stems is from the authors' graph: a table in dB.

    benchmarks/spleeter/install.sh
    benchmarks/spleeter/.venv/bin/python benchmarks/spleeter/graphs.py FOLDER SONG
    .venv/bin/python benchmarks/spleeter/graphs_compare.py FOLDER

The archives in the folder are read, converted and run as those that the authors publish. The last
two columns are how far either of them is from networks and masks in 64 bits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from unweave.engine.run import separate_array
from unweave.models import architectures, cards
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers import reader
from unweave.models.spleeter.model import Spleeter
from unweave.request import Execution


def exact(network: Spleeter) -> Spleeter:
    """The readable network, its networks and masks in 64 bits."""
    network.nets.double()
    masks = network.masks
    network.masks = lambda magnitudes: (mask.float() for mask in masks(magnitudes.double()))
    return network


def below_db(want: np.ndarray, got: np.ndarray) -> str:
    want = want.astype(np.float64)
    return f"{10 * np.log10(np.sum(want**2) / np.sum((want - got) ** 2)):.1f}"


def main(folder: Path) -> None:
    print("| graph | stem | dB | the authors', exactly | unweave, exactly |\n|---|---|---|---|---|")
    for path in sorted(folder.glob("*.tar.gz")):
        name = path.name.removesuffix(".tar.gz")
        card = cards.card(f"spleeter-{name.lower()}")
        arrays = reader("tensorflow")(path)
        weights = architectures.converter(card.architecture)({",".join(card.stems): arrays})
        with np.load(folder / f"{name}.npz") as found:
            theirs = {stem: found[stem].T for stem in card.stems}
            mix = np.ascontiguousarray(found["mix"].T)
        readable, fast = (NeuralSeparator(card, {"bandwidth": "model"}, weights) for _ in "ab")
        exact(readable.network)
        readable.device = "cpu"  # so that nothing is rearranged
        right, ours = (
            separate_array(
                each, mix, card.sample_rate_hz, execution=Execution(device="cpu"), warn=print
            )
            for each in (readable, fast)
        )
        for stem in card.stems:
            pairs = ((theirs, ours), (right, theirs), (right, ours))
            levels = " | ".join(below_db(want[stem], got[stem]) for want, got in pairs)
            print(f"| {name} | {stem} | {levels} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
