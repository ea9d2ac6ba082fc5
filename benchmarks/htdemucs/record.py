"""Prints a card's `[fixture]`: what the original HT Demucs makes of the wave of `models verify`.

    benchmarks/htdemucs/install.sh && .venv/bin/unweave models pull htdemucs
    .venv/bin/python benchmarks/htdemucs/record.py

(a person runs this and puts the lines into the card)

The original's network, with the published weights, sees the wave as one segment and as it is: the
track is not normalised. `unweave.models.store.fixture` makes the wave and says which samples are
kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from compare import names  # noqa: E402

FORWARD = """
import json, sys
from fractions import Fraction
from pathlib import Path
import numpy as np, torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import load_file
torch.set_num_threads(1)
folder = Path(sys.argv[1])
stems = ["drums", "bass", "other", "vocals"]
network = HTDemucs(stems, bottom_channels=512, dconv_mode=3, segment=Fraction(39, 5)).eval()
found = load_file(sys.argv[2])
names = json.loads((folder / "names.json").read_text())
network.load_state_dict({theirs: found[ours].float() for theirs, ours in names.items()})
with torch.inference_mode():
    out = network(torch.from_numpy(np.load(folder / "wave.npy"))[None])
np.save(folder / "stems.npy", out[0].numpy())
"""


def main() -> None:
    from unweave.models import cards, store
    from unweave.models.store import fixture

    card = cards.card("htdemucs")
    wave = fixture.wave(card.channels, card.segment.length, card.sample_rate_hz)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "wave.npy", wave)
        (folder / "names.json").write_text(json.dumps(names()))
        python = str(HERE / ".venv" / "bin" / "python")
        subprocess.run([python, "-c", FORWARD, name, str(store.path(card))], check=True)
        stems = np.load(folder / "stems.npy")
    print('[fixture]\norigin = "demucs 4.1.0, the authors\' own network"\nvalues = [')
    for stem in fixture.kept(stems):
        print(f"  [{', '.join(f'{value:.6g}' for value in stem)}],")
    print("]")


if __name__ == "__main__":
    main()
