"""What the mix itself scores as every stem on a recipe's validation tracks: training beats that.

python -m benchmarks.training.mixture recipes/musdb18-7s/smoke.toml
"""

import sys
from pathlib import Path
from statistics import fmean

from unweave.training import audio, validate
from unweave.training.recipe import read


def main(path: Path) -> None:
    """Means over the tracks in dB, by the metric that chooses the weights."""
    data = read(path).data
    tracks = audio.split(data).validation
    rows = [validate.score(t, {stem: t.mix() for stem in data.stems}) for t in tracks]
    found = {stem: fmean(row[stem] for row in rows) for stem in rows[0]}
    print(f"{len(rows)} tracks:", ", ".join(f"{stem} {db:.2f} dB" for stem, db in found.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
