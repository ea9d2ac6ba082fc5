"""Checkpoints with strange arrays and strange settings, added in a process that is watched.

    python -m tests.models.strange FOLDER COUNT SEED

adds, of each network in `PAIRS`, COUNT checkpoints as MSST writes them, half of them with one to
three things wrong in their YAML file, half in their arrays, and prints as JSON what went wrong: an
error that is not one line of ours with the file's name, ten seconds of work without an answer, more
than half a gigabyte of memory, an instruction that ran, a model that does not separate.
"""

import copy
import json
import math
import os
import random
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

from tests.models.damage import PATIENCE_S, ROOM_BYTES, TooSlow, mutated
from tests.models.networks import waveform
from unweave.errors import UnweaveError
from unweave.models import adapter, cards, options, store
from unweave.models.readers import safetensors
from unweave.models.store import own

COMMON = {
    "audio": {"chunk_size": 1600, "sample_rate": 8000, "num_channels": 2, "n_fft": 128,
              "hop_length": 32, "dim_f": 32},
    "training": {"instruments": ["vocals", "other"], "target_instrument": None, "seed": [1, 2]},
    "inference": {"chunk_size": 1600, "num_overlap": 4, "batch_size": 1, "normalize": False},
}  # fmt: skip
ROFORMER = {
    "dim": 6, "stereo": True, "stft_n_fft": 128, "stft_win_length": 128, "stft_hop_length": 32,
    "sample_rate": 8000, "zero_dc": True, "mask_estimator_depth": 2, "num_stems": 2,
    "skip_connection": False, "freqs_per_bands": [1, 1, 1, 1, 2, 2, 4, 4, 8, 16, 25],
}  # fmt: skip
SCNET = {
    "sources": ["vocals", "other"], "nfft": 128, "hop_size": 32, "win_size": 128,
    "band_SR": [0.175, 0.392, 0.433], "band_stride": [1, 4, 16], "dims": [4, 8, 8],
}  # fmt: skip
TFC_TDF = {"act": "gelu", "norm": "InstanceNorm", "num_subbands": 4, "scale": [2, 2],
           "num_channels": 6, "growth": 2, "bottleneck_factor": 2}  # fmt: skip
PAIRS = {
    "bs_roformer": ROFORMER,
    "mel_band_roformer": ROFORMER | {"num_bands": 8, "sample_rate": 16000},
    "scnet": SCNET,
    "scnet_masked": SCNET,
    "tfc_tdf": TFC_TDF,
}
ODD = (
    None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 10**12, 10**30, 0.1, -0.5, 1e308, math.nan,
    math.inf, "", "many", "!!python/object", "ä" * 300, "a\nb", "../x", [], {}, [[]], ["a", 1],
    ["a"] * 300, [10**9] * 3, {"a": {"b": []}}, [1, 2, 3], [0.5, 0.5], ["vocals", "vocals"],
)  # fmt: skip
TAGS = (
    "!!python/object/apply:os.system ['touch canary']", "!!python/name:os.system", "!!binary x",
    "!!timestamp 2001-99-99", "!!python/tuple [1, 2]", "&a [*a]", "<<: {a: 1}", "!!set {a, b}",
    "[[[[[[[[[[[[", "? [a]: b", "!!float nan", "1e999999", "0x" + "f" * 200, "190:20:30",
)  # fmt: skip
SHAPES = ((), (0,), (1,), (2, 0, 3), (1, 1, 1, 1, 1), (7,), (4096,), (3, 5), (64, 64, 3))


def strange_settings(settings, rng):
    """The text of a YAML file with one to three things wrong."""
    settings = copy.deepcopy(settings)
    for _ in range(rng.choice((1, 1, 2, 3))):
        table = rng.choice(list(settings.values()) if rng.random() < 0.9 else [settings])
        if not isinstance(table, dict) or not table:
            continue
        key = rng.choice(list(table))
        match rng.randrange(4):
            case 0:
                del table[key]
            case 1 if isinstance(table[key], list) and table[key]:
                table[key][rng.randrange(len(table[key]))] = copy.deepcopy(rng.choice(ODD))
            case _:
                table[key] = copy.deepcopy(rng.choice(ODD))
    text = yaml.safe_dump(settings, allow_unicode=True)
    if rng.random() < 0.3:  # in place of a value
        lines = text.splitlines()
        at = rng.randrange(len(lines))
        lines[at] = f"{lines[at].partition(':')[0]}: {rng.choice(TAGS)}"
        text = "\n".join(lines)
    return mutated(text.encode(), rng) if rng.random() < 0.3 else text.encode()


def strange_arrays(arrays, rng):
    """Arrays with one to three of them wrong."""
    arrays = dict(arrays)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(sorted(arrays))
        array = arrays[name]
        match rng.randrange(9):
            case 0:
                del arrays[name]
            case 1:
                arrays[name] = np.zeros(rng.choice(SHAPES), np.float32)
            case 2:
                arrays[name] = array.T.copy() if array.ndim > 1 else np.repeat(array, 2)
            case 3:
                arrays[name] = array.astype(rng.choice((np.int64, np.bool_, np.float64, np.uint8)))
            case 4:
                arrays[name] = np.full_like(array, rng.choice((np.nan, np.inf, -np.inf, 3e38)))
            case 5:  # a number in a name that is far from the others
                digits = [n for n, sign in enumerate(name) if sign.isdigit()]
                if digits:
                    at = rng.choice(digits)
                    far = str(rng.choice((9, 77, 10**6, 10**18)))
                    arrays[name[:at] + far + name[at + 1 :]] = arrays.pop(name)
            case 6:
                arrays[rng.choice(("", "spy", "ä", "x." * 200, name + ".lora_A"))] = array
            case 7:
                other = rng.choice(sorted(arrays))
                arrays[name], arrays[other] = arrays[other], arrays[name]
            case 8:
                prefix = rng.choice(("module.", "model.", "net.", "_orig_mod.", "a.b."))
                arrays = {prefix + key: each for key, each in arrays.items()}
    return arrays


def complaint(file, config, short):
    """Whether a checkpoint is refused, and what is wrong with how, if anything is."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
    try:
        card = own.add(file, config=config)
        network = adapter.NeuralSeparator(card, options.in_force(card, {}), store.weights(card))
        if card.segment.length > 10**6:  # what takes so much at once, nobody waits for here
            return False, None
        with torch.inference_mode():
            found = network(short[..., : max(1, card.segment.length)], card.sample_rate_hz)
        return False, None if found.shape[1] == len(card.stems) else f"{found.shape}"
    except UnweaveError as error:
        text = str(error)
        named = str(file.parent) in text
        good = named and len(text.splitlines()) == 1 and len(text) < 700
        return text, None if good else f"not a line: {text!r}"
    except (Exception, TooSlow) as error:
        return True, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        for name in [each for each in cards.names() if own.called(each)]:
            own.remove(name)


def _too_slow(*_):
    raise TooSlow(f"no answer in {PATIENCE_S} s")


def main(folder, count, seed):
    folder = Path(folder)
    os.chdir(folder)
    os.environ["UNWEAVE_DATA"] = str(folder / "data")
    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, _too_slow)  # by the processor's time: others may be at work
    wrong, refused, room = [], {}, None
    for name, model in PAIRS.items():
        pair = waveform.recorded(name)
        settings = {**COMMON, "model": model}
        if len(pair.stem_names) == 1:
            settings["training"] = {**COMMON["training"], "target_instrument": "vocals"}
        short = torch.zeros(1, 2, 1600)
        refused[name] = [0, 0]
        for n in range(-1, count):
            rng = random.Random(f"{seed} {name} {n}")
            file, config = folder / "its.safetensors", folder / "its.yaml"
            inside = n % 2
            arrays = strange_arrays(pair.weights, rng) if n >= 0 and inside else pair.weights
            text = yaml.safe_dump(settings).encode()
            with file.open("wb") as stream:
                safetensors.write(stream, arrays)
            config.write_bytes(text if n < 0 or inside else strange_settings(settings, rng))
            no, why = complaint(file, config, short)
            if n < 0:  # the sound one, which also imports what is needed
                assert not no, f"{name}: {no} {why}"
                continue
            refused[name][inside] += bool(no)
            if why:
                wrong.append(f"{name} {seed} {n}: {why}")
            if Path("canary").exists():
                wrong.append(f"{name} {seed} {n}: it ran an instruction")
        if room is None:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            room = pages * resource.getpagesize() + ROOM_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
    print(json.dumps({"wrong": wrong, "refused": refused}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
