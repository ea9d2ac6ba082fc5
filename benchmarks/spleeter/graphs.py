"""The authors' graph of 4 and 5 stems with random weights: a checkpoint, and what it separates.

    .venv/bin/python graphs.py OUTPUT_FOLDER SONG     published sizes: NAME.tar.gz and NAME.npz
    .venv/bin/python graphs.py --record               small ones: what the tests read

(a person runs this; the tests only read). The graph is built by the package's own code from the
published configurations, whose figures are here; weights and statistics are drawn so that each
of them matters, and TensorFlow saves them. `graphs_compare.py` says how far unweave is from it.
"""

import argparse
import json
import os
import tarfile
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import soundfile
import tensorflow as tf
from spleeter.model import EstimatorSpecBuilder

TARGET = Path(__file__).resolve().parents[2] / "tests" / "data" / "networks"
PUBLISHED = {
    "4stems": (("vocals", "drums", "bass", "other"), "unet.unet", 1024),
    "5stems": (("vocals", "piano", "drums", "bass", "other"), "unet.softmax_unet", 1024),
    "2stems-16kHz": (("vocals", "accompaniment"), "unet.unet", 1536),
    "4stems-16kHz": (("vocals", "drums", "bass", "other"), "unet.unet", 1536),
    "5stems-16kHz": (
        ("vocals", "piano", "drums", "bass", "other"),
        "unet.softmax_unet",
        1536,
    ),
}
SMALL = {"frames": 64, "bins": 64, "frame_size": 128, "hop": 32, "filters": [2, 3, 4, 5, 6, 7]}


def parameters(name: str, small: bool) -> dict:
    """What the authors' JSON of that name says, small or as it is."""
    stems, kind, bins = PUBLISHED[name]
    size = SMALL if small else {"frames": 512, "bins": bins, "frame_size": 4096, "hop": 1024}
    elu = {"conv_activation": "ELU", "deconv_activation": "ELU"}
    model: dict = {} if name.startswith("2") else elu  # of 2 stems they name none
    if small:
        model["conv_n_filters"] = SMALL["filters"]
    return {
        "mix_name": "mix",
        "instrument_list": list(stems),
        "sample_rate": 44100,
        "frame_length": size["frame_size"],
        "frame_step": size["hop"],
        "T": size["frames"],
        "F": size["bins"],
        "n_channels": 2,
        "separation_exponent": 2,
        "mask_extension": "zeros",
        "model": {"type": kind, "params": model},
    }


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Of order one, float16 numbers."""
    value = rng.standard_normal(shape)
    if name.endswith("kernel"):
        value /= np.sqrt(np.prod(shape[:2]) * shape[3 if "transpose" in name else 2] / 2)
    elif name.endswith("moving_variance"):
        value = np.abs(value) + 0.5
    elif name.endswith("gamma"):
        value = 1 + 0.3 * value
    else:
        value = 0.3 * value
    return value.astype(np.float16).astype(np.float32)


def separated(name: str, wave: np.ndarray, folder: Path, small: bool) -> tuple[dict, dict]:
    """Weights by name, and stems `(time, channel)` by name; the checkpoint goes to `folder`."""
    rng = np.random.default_rng(3)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        waveform = tf.compat.v1.placeholder(tf.float32, (None, 2))
        outputs = EstimatorSpecBuilder({"waveform": waveform}, parameters(name, small)).outputs
        tf.compat.v1.train.get_or_create_global_step()
        variables = {
            variable.name.removesuffix(":0"): variable
            for variable in tf.compat.v1.global_variables()
        }
        step = variables.pop("global_step")
        weights = {key: drawn(key, tuple(v.shape), rng) for key, v in variables.items()}
        # What initialises a variable is an operation's second input: fed, it is the weight.
        starts = {variables[key].initializer.inputs[1]: value for key, value in weights.items()}
        session.run([step.initializer, *(v.initializer for v in variables.values())], starts)
        tf.compat.v1.train.Saver().save(session, str(folder / "model"))
        return weights, session.run(outputs, {waveform: wave})


def record(name: str) -> None:
    """Noise of two segments, quiet in the middle."""
    rng = np.random.default_rng(4)
    wave = rng.standard_normal((SMALL["frames"] * SMALL["hop"] + 999, 2)) * 0.3
    wave[1000:2000] *= 0.05
    wave = wave.astype(np.float16)
    with tempfile.TemporaryDirectory() as folder:
        weights, stems = separated(name, wave.astype(np.float32), Path(folder), small=True)
    names, kind, _ = PUBLISHED[name]
    config = SMALL | {"encoder_activation": "elu", "decoder_activation": "elu"}
    config["softmax"] = kind.endswith("softmax_unet")
    facts = {"stems": names, "channels": 2, "config": config}
    facts["shapes"] = {key: value.shape for key, value in weights.items()}
    np.savez_compressed(
        TARGET / f"spleeter_{name}.npz",
        facts=np.array(json.dumps(facts)),
        weights=np.concatenate([v.ravel() for v in weights.values()]).astype(np.float16),
        mix=wave.T[None],
        stems=np.stack([stems[stem].T for stem in names])[None].astype(np.float32),
    )


def whole(name: str, song: Path, output: Path) -> None:
    wave, _ = soundfile.read(song, dtype="float32", always_2d=True)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _, stems = separated(name, wave, Path(folder), small=False)
        with tarfile.open(output / f"{name}.tar.gz", "w:gz", compresslevel=1) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.add(path, path.name)
    np.savez(output / f"{name}.npz", mix=wave, **stems)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="write what the tests read")
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("song", type=Path, nargs="?")
    given = parser.parse_args()
    for each in PUBLISHED:
        if not given.record:
            whole(each, given.song, given.output)
        elif not each.endswith("16kHz"):
            record(each)
