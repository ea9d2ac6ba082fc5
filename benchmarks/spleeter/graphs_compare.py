"""How far unweave's Spleeter of 4 and 5 stems is from the authors' graph: a table in dB.

    benchmarks/spleeter/install.sh
    benchmarks/spleeter/.venv/bin/python benchmarks/spleeter/graphs.py FOLDER SONG
    .venv/bin/python benchmarks/spleeter/graphs_compare.py FOLDER

The archives in the folder are read, converted and run as those that the authors publish.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from unweave.engine.run import separate_array
from unweave.models import architectures, cards
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers import reader
from unweave.request import Execution


def main(folder: Path) -> None:
    print("| graph | stem | dB |\n|---|---|---|")
    for path in sorted(folder.glob("*.tar.gz")):
        name = path.name.removesuffix(".tar.gz")
        card = cards.card(f"spleeter-{name.lower()}")
        arrays = reader("tensorflow")(path)
        weights = architectures.converter(card.architecture)({",".join(card.stems): arrays})
        separator = NeuralSeparator(card, {"bandwidth": "model"}, weights).to("cpu")
        with np.load(folder / f"{name}.npz") as theirs:
            mix = np.ascontiguousarray(theirs["mix"].T)
            stems = separate_array(
                separator, mix, card.sample_rate_hz, execution=Execution(device="cpu"), warn=print
            )
            for stem in card.stems:
                want, got = theirs[stem].T.astype(np.float64), stems[stem]
                level = 10 * np.log10(np.sum(want**2) / np.sum((want - got) ** 2))
                print(f"| {name} | {stem} | {level:.1f} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
