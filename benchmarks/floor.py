"""Where the time of a separation goes, and how far it is from this machine's arithmetic floor.

    .venv/bin/python benchmarks/floor.py SONG

Counts the multiplications and additions of the networks, measures how fast this machine does them
when nothing else is in the way (the best convolution of a large square problem, one thread), and
measures the parts of one segment on one thread and a whole separation on all cores.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import unweave
from unweave.audio.reader import Reader
from unweave.engine.allocator import settle
from unweave.engine.limits import cores
from unweave.models.spleeter.model import Spleeter, SpleeterConfig
from unweave.signal import stft


def median_ms(work: Callable[[], object], runs: int = 11) -> float:
    work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1e3 * statistics.median(taken)


def operations(config: SpleeterConfig) -> float:
    """Multiplications and additions of the convolutions for one segment, all stems."""
    total = 0
    with torch.device("meta"):
        net = Spleeter(config).nets[0]
        x = torch.empty(1, config.channels, config.frames, config.bins)

        def count(
            module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor
        ) -> None:
            nonlocal total
            # Every weight meets every position of the smaller side: the output of a convolution,
            # the input of a transposed one.
            side = inputs[0] if isinstance(module, torch.nn.ConvTranspose2d) else out
            total += 2 * module.weight.numel() * side.shape[-1] * side.shape[-2]

        for module in net.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                module.register_forward_hook(count)
        net(x)
    return total * len(config.stems)


def peak_gflops() -> float:
    """The best of some convolutions that suit the machine, on one thread, in 1e9 per second."""
    best = 0.0
    for channels, height, width in ((64, 64, 128), (128, 32, 64), (256, 32, 64)):
        x = torch.randn(1, channels, height, width).to(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3).to(memory_format=torch.channels_last)
        done_ms = median_ms(lambda x=x, weight=weight: F.conv2d(x, weight, padding=1))
        best = max(best, 2 * weight.numel() * height * width / done_ms / 1e6)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    song = parser.parse_args().song
    settle()
    separator = unweave.load("spleeter-2stems").to("cpu")
    network = separator.network
    config = network.config
    with Reader(song) as reader:
        rate = reader.info.sample_rate_hz
        wave = np.concatenate(list(reader.blocks(rate)), axis=-1)
    calls = []
    for _ in range(7):
        start = time.perf_counter()
        unweave.separate(wave, rate, model=separator)
        calls.append(time.perf_counter() - start)
    whole_s = statistics.median(calls[1:])
    grid = separator.spec.plan(rate)
    segments = grid.count(wave.shape[1])

    torch.set_num_threads(1)
    with torch.inference_mode():
        peak = peak_gflops()
        middle = wave.shape[1] // 2
        mix = torch.from_numpy(wave[:, middle : middle + config.segment].copy())[None]
        spectrum = stft.stft(mix, network.window, config.hop)
        seen = stft.magnitude(spectrum[..., : config.bins])
        mask = next(network.masks(seen))
        parts = {
            "transform, magnitudes": median_ms(
                lambda: stft.magnitude(
                    stft.stft(mix, network.window, config.hop)[..., : config.bins]
                )
            ),
            "networks": median_ms(lambda: network.nets_at_work(seen)),
            "masked inverse transform": median_ms(lambda: network.invert(spectrum, mask)),
            "whole segment": median_ms(lambda: separator(mix, 44100)),
        }
    count = operations(config)
    each_ms = count / peak / 1e6
    floor_s = segments * each_ms / 1e3 / cores()
    print("| the song, all cores | |\n|---|---|")
    print(f"| operations of the convolutions, each of {segments} segments | {count / 1e9:.1f}e9 |")
    print(f"| operations a second, one of {cores()} cores | {peak:.0f}e9 |")
    print(f"| floor | {floor_s:.2f} s |")
    print(f"| separation | {whole_s:.2f} s |")
    print(f"| separation, of the floor | {whole_s / floor_s:.2f} |")
    print(f"| separation, times real time | {wave.shape[1] / rate / whole_s:.0f} |")
    print("\n| one segment, one thread | ms | of the floor |\n|---|---|---|")
    print(f"| floor | {each_ms:.1f} | 1.00 |")
    for name, taken in parts.items():
        print(f"| {name} | {taken:.1f} | {taken / each_ms:.2f} |")


if __name__ == "__main__":
    main()
