"""What a trained network scores on its validation tracks, beside the mix as every stem.

    .venv/bin/python -m benchmarks.training.mixture RUN

RUN is the folder of a training; its card has the network's scores. Training should beat the mix.
"""

import argparse
from pathlib import Path
from statistics import fmean

from unweave.models import cards
from unweave.training import audio, validate
from unweave.training.recipe import read


def main() -> None:
    """Means over the tracks in dB, by the metric that chooses the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    given = parser.parse_args()
    recipe = read(given.run / "recipe.toml")
    data = recipe.data
    tracks = audio.split(data).validation
    rows = [validate.score(t, {stem: t.mix() for stem in data.stems}) for t in tracks]
    card = cards.card(str(given.run / f"{recipe.name}.toml"))
    scores = {score.stem: score.value_db for score in card.scores}
    line([f"{len(rows)} tracks, dB", *data.stems])
    line(["---"] * (1 + len(data.stems)))
    line([f"`{card.name}`", *(f"{scores[stem]:.2f}" for stem in data.stems)])
    mixture = (fmean(row[stem] for row in rows) for stem in data.stems)
    line(["the mix as every stem", *(f"{score:.2f}" for score in mixture)])


def line(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
