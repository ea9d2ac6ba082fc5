"""Compares our VR with audio-separator's, bands, windows and all, and records small cases.

    .venv/bin/python vr.py             # write tests/data/networks/vr.npz and vr_lstm.npz
    .venv/bin/python vr.py --compare   # two tables: the networks alone, and songs with all bands
    .venv/bin/python vr.py --bands 4band_v3   # songs with these

(a person runs this, after install.sh; the tests only read). The original is `VRSeparator` of
audio-separator 0.47.1 with random weights in its own networks. What the tables have is how far our
difference lies below the original's output, in dB. The original resamples by `polyphase` on Apple's
processors, and elsewhere by a library that unweave has not, as the band file says downwards and by
`sinc_fastest` upwards; the columns are of the first way, of it in a song without silence at its
ends, and of the second way, in which noise differs more than music.
"""

import argparse
import json
import logging
import sys
import tempfile
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import nn

from unweave.core.plan import Plan
from unweave.engine.adapters.track_normalised import Highest
from unweave.engine.stream import stream
from unweave.models.vr import options
from unweave.models.vr.convert import convert
from unweave.models.vr.model import build
from unweave.models.vr.published import BANDS, FACTS
from unweave.models.vr.recognise import recognise

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "tests" / "data" / "networks"
RATE = 8000
BAND = {
    1: {"sr": 2000, "hl": 4, "n_fft": 32, "crop_start": 0, "crop_stop": 8}
    | {"lpf_start": 3, "lpf_stop": 6},
    2: {"sr": 2000, "hl": 4, "n_fft": 16, "crop_start": 2, "crop_stop": 8}
    | {"hpf_start": 3, "hpf_stop": 2, "lpf_start": 4, "lpf_stop": 7},
    3: {"sr": 4000, "hl": 8, "n_fft": 32, "crop_start": 5, "crop_stop": 13}
    | {"hpf_start": 7, "hpf_stop": 5, "lpf_start": 9, "lpf_stop": 13},
    4: {"sr": RATE, "hl": 16, "n_fft": 64, "crop_start": 10, "crop_stop": 20}
    | {"hpf_start": 12, "hpf_stop": 10},
}
SMALL = {"bins": 32, "sr": RATE, "pre_filter_start": 28, "pre_filter_stop": 32}
KINDS = {1: "mid_side", 2: "mid_side_c", 3: "stereo", 4: "stereo_n"}
# By their names: version, stem, window, and what the band file says besides the bands.
CASES = {
    "vr": (5, "Vocals", 320, {**SMALL, "mid_side_b2": True}),
    "vr_lstm": (5.1, "Instrumental", 160, SMALL),
}

# One band, for networks alone.
WHOLE = {"bins": 128, "band": {"1": {"sr": RATE, "hl": 128, "n_fft": 256, "crop_stop": 128}}}
# Versions, and published sizes: the kibibytes of a file, the width of version 5.1.
SIZES = (
    (5, 31191), (5, 33966), (5, 129605), (5, 123821), (5, 537238), (5.1, 16), (5.1, 32), (5.1, 64),
)  # fmt: skip


def parameters(version: float, facts: dict[str, Any]) -> dict[str, Any]:
    """A band file."""
    band = {n: {**each, "res_type": "polyphase"} for n, each in BAND.items()}
    if version > 5:
        band = {n: {**each, "convert_channels": KINDS[n]} for n, each in band.items()}
    return {**facts, "band": {str(n): each for n, each in band.items()}}


def network(version: float, bins: int, size: int = 0) -> nn.Module:
    """The original's, small; size: by its kibibytes, of a published size; else by its width."""
    from audio_separator.separator.uvr_lib_v5.vr_network import nets, nets_new

    if version > 5:
        width, hidden = (size, 128) if size else (4, 8)
        return nets_new.CascadedNet(2 * bins, nout=width, nout_lstm=hidden)
    if size:
        return nets.determine_model_capacity(2 * bins, size)
    plain = (1, 1, 0)
    capacity = [
        (2, 2), (2, 2), (4, 1, *plain), (1, 2), (6, 2, *plain), (2, 4), (4, 2, 1), (2, 2, 1),
        (2, 2, 1),
    ]  # fmt: skip
    return nets.CascadedASPPNet(2 * bins, capacity, 33966)


def redraw(net: nn.Module) -> None:
    """Every number anew, so that every layer matters; float16 numbers, as they are recorded so."""
    draw = torch.Generator().manual_seed(5)
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        # Few different numbers, so that what is recorded is small.
        drawn = torch.randint(-4, 5, value.shape, generator=draw) / 2.5
        if value.dim() > 1:
            drawn *= 1.5 * value[0].numel() ** -0.5
        elif name.endswith("running_var"):
            drawn = 0.5 + drawn.abs()
        else:
            drawn = name.endswith(".weight") + 0.3 * drawn
        value.copy_(drawn.half().float())


def original(
    net: nn.Module,
    version: float,
    facts: dict[str, Any],
    stem: str,
    window: int,
    mix: np.ndarray,
    upwards: str = "polyphase",
) -> np.ndarray:
    """What audio-separator makes of a mix `(2, time)`: `(stem, 2, time)`, whole hops of it."""
    for name in ("onnx", "onnx2torch"):  # which its other networks need
        sys.modules.setdefault(name, types.ModuleType(name))
    from audio_separator.separator.architectures.vr_separator import VRSeparator
    from audio_separator.separator.uvr_lib_v5 import spec_utils

    spec_utils.wav_resolution = upwards
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bands.json").write_text(json.dumps(facts))
        song = Path(folder, "song.wav")
        soundfile.write(song, mix.T, facts["sr"], "FLOAT")
        common = {
            "logger": logging.getLogger("audio_separator"),
            "log_level": logging.WARNING,
            "torch_device": torch.device("cpu"),
            "model_name": "small",
            "model_data": {"vr_model_param": str(Path(folder, "bands")), "primary_stem": stem},
        }
        made = VRSeparator(common, {"window_size": window, "batch_size": 1})
        made.model_run, made.is_vr_51_model = net.eval(), version > 5
        made.primary_stem_name, made.audio_file_path = stem, str(song)
        made.wav_subtype = "FLOAT"
        spectra = made.inference_vr(made.loading_mix(), made.torch_device, made.aggressiveness)
        return np.stack([made.spec_to_wav(each) for each in spectra]).astype(np.float32)


def ours(arrays: dict[str, np.ndarray], settings: dict[str, Any], mix: np.ndarray) -> np.ndarray:
    """The same by the engine, as a card has it."""
    facts = recognise(arrays, settings)
    assert facts is not None
    stems, config, plan = tuple(facts["stems"]), facts["config"], Plan(**facts["segment"])
    network = build(stems, 2, config, convert({"": arrays}))
    _, highest = Highest(plan, options.level(stems, config))([mix[None]])

    def call(wave: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        return network(wave)

    found = stream(
        call, iter([mix[None] / highest]), plan, facts["sample_rate_hz"], device="cpu", batch=2,
        warn=print,
    )  # fmt: skip
    return np.concatenate(list(found), axis=-1)[0] * highest


def noise(length: int, rest: int) -> np.ndarray:
    """Noise that grows louder, with so many silent samples at both ends."""
    wave = np.random.default_rng(length).standard_normal((2, length))
    wave *= np.linspace(0.05, 0.3, length)
    wave[:, :rest] = wave[:, length - rest :] = 0
    return wave.astype(np.float16).astype(np.float32)


def decibels(reference: np.ndarray, estimate: np.ndarray) -> float:
    error = np.square(reference.astype(np.float64) - estimate).sum()
    return 10 * np.log10(np.square(reference, dtype=np.float64).sum() / error)


def record() -> None:
    for name, (version, stem, window, bands) in CASES.items():
        net, facts = network(version, bands["bins"]), parameters(version, bands)
        redraw(net)
        weights = {key: value.numpy() for key, value in net.state_dict().items()}
        settings = {**facts, "primary_stem": stem, "window_size": window}
        mix = noise(4000, 200)
        stems = original(net, version, facts, stem, window, mix)
        print(name, f"{decibels(stems, ours(weights, settings, mix)[..., : stems.shape[-1]]):.1f}")
        shapes = {key: value.shape for key, value in weights.items()}
        np.savez_compressed(
            TARGET / f"{name}.npz",
            facts=np.array(json.dumps({"settings": settings, "shapes": shapes})),
            weights=np.concatenate([v.ravel() for v in weights.values()]).astype(np.float16),
            mix=mix.astype(np.float16),
            stems=stems,
        )


def compare_networks() -> None:
    """Those of all published widths, by themselves."""
    print("| version | size | dB |\n|---|---|---|")
    for version, size in SIZES:
        net = network(version, 128, size).eval()
        redraw(net)
        weights = {key: value.numpy() for key, value in net.state_dict().items()}
        facts = recognise(weights, {**WHOLE, "primary_stem": "Vocals"})
        assert facts is not None
        ours = build(("a", "b"), 2, facts["config"], convert({"": weights})).network
        seen = torch.rand(1, 2, 129, 288, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            theirs = net.predict_mask(seen)[:, :, :128]
            mask = ours(seen[:, :, :128])[..., net.offset : -net.offset].sigmoid()
        print(f"| {version} | {size} | {decibels(theirs.numpy(), mask.numpy()):.1f} |", flush=True)


def compare_bands(names: Collection[str]) -> None:
    """Songs with the bands of published files."""
    print("| bands | version | polyphase | loud ends | as the file says |\n|---|---|---|---|---|")
    from audio_separator.separator.uvr_lib_v5 import vr_network

    folder = Path(vr_network.__path__[0], "modelparams")
    for name in names:
        version = 5.1 if any(row[0] == name and row[2] for row in FACTS.values()) else 5
        facts = json.loads((folder / f"{name}.json").read_text())
        for band in facts["band"].values():
            band["own"], band["res_type"] = band["res_type"], "polyphase"
        net = network(version, facts.get("n_bins", facts.get("bins")))
        redraw(net)
        weights = {key: value.numpy() for key, value in net.state_dict().items()}
        settings = {**facts, "primary_stem": "Vocals"}
        found = []
        for rest, upwards in ((20000, "polyphase"), (0, "polyphase"), (20000, "sinc_fastest")):
            mix = noise(5 * facts["sr"], rest)
            if upwards != "polyphase":
                for band in facts["band"].values():
                    band["res_type"] = band["own"]
            stems = original(net, version, facts, "Vocals", 512, mix, upwards)
            found.append(decibels(stems, ours(weights, settings, mix)[..., : stems.shape[-1]]))
        print(f"| {name} | {version} | {' | '.join(f'{db:.1f}' for db in found)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--compare", action="store_true", help="write nothing")
    parser.add_argument("--bands", choices=BANDS, action="append", help="only these, in songs")
    torch.set_num_threads(1)
    given = parser.parse_args()
    if given.bands:
        compare_bands(given.bands)
    elif given.compare:
        compare_networks()
        compare_bands(BANDS)
    else:
        record()
