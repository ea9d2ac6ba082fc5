"""Prints the table of docs/networks.md: what each network costs at its published and a small size.

    python count.py

Small sizes are for MIR-1K: 16 kHz, mono, two stems, within 4 million parameters.
"""

from collections.abc import Iterator
from typing import Any

from unweave.networks import conv_tasnet, demucs, hybrid_demucs
from unweave.networks._cost import cost

SMALL: dict[str, dict[str, Any]] = {
    "conv_tasnet": {
        "filters": 192,
        "kernel": 64,
        "hop": 32,
        "bottleneck": 128,
        "hidden": 192,
        "blocks": 8,
        "repeats": 3,
    },
    "demucs": {"width": 64, "growth": 1.25, "depth": 5, "resample": False},
    "hybrid_demucs": {
        "width": 16,
        "frame_size": 1024,
        "norm_from": 3,
        "lstm_from": 3,
        "attention_from": 3,
    },
}
VOICE = {"stems": ("vocals", "accompaniment"), "channels": 1}
SPEECH = {"stems": ("one", "other"), **conv_tasnet.SPEECH}


def rows() -> Iterator[tuple[str, Any, Any, int]]:
    """Title, network, its config, sample rate."""
    net, config = conv_tasnet.ConvTasNet, conv_tasnet.ConvTasNetConfig
    yield "Conv-TasNet, music", net, config(), 44100
    yield "Conv-TasNet, asteroid's defaults", net, config(**SPEECH), 8000
    yield "Conv-TasNet, small", net, config(**VOICE, **SMALL["conv_tasnet"]), 16000
    net, config = demucs.Demucs, demucs.DemucsConfig
    yield "Demucs v1", net, config(**demucs.V1), 44100
    yield "Demucs v2", net, config(), 44100
    yield "Demucs, small", net, config(**VOICE, **SMALL["demucs"]), 16000
    net, config = hybrid_demucs.HybridDemucs, hybrid_demucs.HybridDemucsConfig
    yield "Hybrid Demucs (v3)", net, config(), 44100
    yield "Hybrid Demucs, small", net, config(**VOICE, **SMALL["hybrid_demucs"]), 16000


if __name__ == "__main__":
    print("| network | rate | channels | stems | parameters | multiply-adds per second of sound |")
    print("|---|---|---|---|---|---|")
    for title, network, config, rate in rows():
        found = cost(lambda n=network, c=config: n(c), config.channels, rate)
        print(
            f"| {title} | {rate / 1000:g} kHz | {config.channels} | {len(config.stems)} |"
            f" {found.parameters / 1e6:.2f} M | {found.multiply_adds_per_s / 1e9:.2f} G |",
            flush=True,
        )
