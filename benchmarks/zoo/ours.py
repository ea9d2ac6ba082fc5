"""unweave's side of `speed.py`, each command in a process of its own.

python ours.py add CHECKPOINT SETTINGS CARD OVERLAP    # a model by a path
python ours.py run CARD WAVE.npy STEMS.npy [OPTION=VALUE ...]    # prints one JSON line
python ours.py count CARD                           # prints operations of a chunk
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def add(checkpoint: str, settings: str, target: str, overlap: str) -> None:
    """A card and its weights, as `unweave models add` makes them, for chunks that overlap so."""
    import tomllib

    from unweave.core import toml
    from unweave.models import cards
    from unweave.models.layers import msst
    from unweave.models.store import own

    with tempfile.TemporaryDirectory() as data:
        os.environ["UNWEAVE_DATA"] = data
        own.add(Path(checkpoint), name="drawn", config=Path(settings))
        folder = cards.own_folder()
        assert folder is not None
        card = folder / "drawn.toml"
        facts = tomllib.loads(card.read_text(encoding="utf-8"))
        facts["normalise_track"] = False  # as the network alone
        length = facts["segment"]["length"]
        if facts["architecture"] == "htdemucs":  # with the ends that Demucs has
            facts["segment"] |= {"hop": length // int(overlap)}
        elif facts["architecture"] != "mdx_net":  # whose chunks are those of its original
            facts["segment"] = msst.segment(length, int(overlap))
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(card.with_suffix(".safetensors"), Path(target).with_suffix(".safetensors"))
        Path(target).write_bytes(toml.dumps(facts))


def run(card: str, wave: str, target: str, *options: str) -> None:
    from unweave.engine import allocator

    allocator.settle()  # as the command line does; the card says whether pages are large
    import unweave

    mix = np.load(wave)
    separator = unweave.load(card, **dict(each.split("=") for each in options))
    unweave.separate(mix[:, : mix.shape[-1] // 64], 44100, model=separator, device="cpu")
    start, busy = time.perf_counter(), time.process_time()
    stems = unweave.separate(mix, 44100, model=separator, device="cpu")
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    np.save(target, np.stack([stems[name] for name in separator.spec.stems]))
    print(json.dumps({"seconds": seconds, "busy_s": busy, "peak_mb": peak}))


def count(path: str) -> None:
    """Operations of the products and convolutions of one segment: a product and a sum are two."""
    from benchmarks.networks.cost import cost

    from unweave.models import architectures, cards

    card = cards.card(path)
    config, network = architectures.model(card.architecture).NETWORK
    chosen = config(stems=card.stems, channels=card.channels, **card.config)
    seconds = card.segment.length / card.sample_rate_hz
    found = cost(lambda: network(chosen), card.channels, card.sample_rate_hz, seconds)
    print(2 * found.multiply_adds_per_s * seconds)


if __name__ == "__main__":
    {"add": add, "run": run, "count": count}[sys.argv[1]](*sys.argv[2:])
