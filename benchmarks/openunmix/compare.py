"""unweave against the original Open-Unmix: agreement and speed, in one run.

    benchmarks/openunmix/install.sh
    cd benchmarks/openunmix
    .venv/bin/python compare.py SONG --agreement [--model umxhq]
    .venv/bin/python compare.py SONG --segments [--model umxhq]
    .venv/bin/python compare.py SONG --speed [--model umxhq] [--pairs 5] [--calls 3]
        [--seconds 30 120]
    .venv/bin/python compare.py SONG --parts [--model umxhq]

Published weights are at an address; those here are drawn at random, every parameter and buffer, and
saved by the original's own means in four files, which unweave reads and converts. `memory` makes
the gates of the LSTMs that forget remember for so many frames on average.

Agreement is 10 log10 of signal over difference energy, stem by stem, over the whole song; the
original runs its LSTM over all of it. Segments are compared with unweave's own network over the
whole song, which is quicker, and equal to the original where that is a single segment.

Times are of a decoded wave in memory to its stems in memory, warm, in turns, the original first,
with one thread and with as many as there are processors, of which the faster counts. Figures are
medians, ratios medians of the ratios. Parts are processor time of one thread, without the engine;
their floor is the products of matrices at the rate of one large product on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openunmix.model
import soundfile
import torch
from openunmix.model import OpenUnmix, Separator
from record import draw

from unweave.engine.executor import Executor
from unweave.engine.run import separate_array
from unweave.models import cards
from unweave.models.adapter import NeuralSeparator
from unweave.models.openunmix import model as ours_model
from unweave.models.openunmix.convert import convert
from unweave.models.openunmix.model import OpenUnmix as Ours
from unweave.models.readers import reader
from unweave.request import Execution

MEMORIES = (1, 20, 100)  # frames
WARM_UP_S = 5  # of sound, before what is timed


def original(card: cards.Card, memory: float) -> dict[str, OpenUnmix]:
    """The original's networks of the card's size, with random weights."""
    config, rng = card.config, np.random.default_rng(7)
    bins = config["frame_size"] // 2 + 1
    nets = {}
    for stem in card.stems:
        net = OpenUnmix(bins, card.channels, config["hidden"], max_bin=config["seen"]).eval()
        draw(net, rng)
        for name, value in net.state_dict().items():
            if name.startswith("lstm.bias_hh"):
                hidden = len(value) // 4
                value[hidden : 2 * hidden] += np.log(memory)
        nets[stem] = net
    return nets


def theirs(card: cards.Card, nets: dict[str, OpenUnmix], **options: object) -> Separator:
    sizes = {"n_fft": card.config["frame_size"], "n_hop": card.config["hop"]}
    return Separator(nets, nb_channels=card.channels, **sizes, **{"niter": 1, **options}).eval()


def through_files(nets: dict[str, OpenUnmix]) -> dict[str, np.ndarray]:
    """The weights as unweave has them, from files that the original's training would save."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for stem, net in nets.items():
            path = Path(folder, f"{stem}.pth")
            torch.save(net.state_dict(), path)
            found[stem] = reader("torch-zip")(path)
    return convert(found)


def below_db(want: np.ndarray, got: np.ndarray) -> float:
    want = want.astype(np.float64)
    return float(10 * np.log10(np.sum(want**2) / np.sum((want - got) ** 2)))


def warn(message: str) -> None:
    print(message, file=sys.stderr)


def engine(card: cards.Card, weights: dict[str, np.ndarray], wave: np.ndarray) -> np.ndarray:
    separator = NeuralSeparator(card, {}, weights)
    stems = separate_array(
        separator, wave, card.sample_rate_hz, execution=Execution(device="cpu"), warn=warn
    )
    return np.stack([stems[stem] for stem in card.stems])


def cases(card: cards.Card, wave: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Excerpts by what they are; a segment that stands alone is as long as one can be."""
    segment, rate = card.segment, card.sample_rate_hz
    alone = segment.hop - segment.offset + segment.context
    yield "one segment", wave[:, : min(alone, 30 * rate)]
    if card.channels == 2:
        yield "mono, twice", np.repeat(wave[:1, : 10 * rate], 2, axis=0)
    yield "a tenth of a second", wave[:, : card.config["frame_size"]]
    yield "the whole song", wave


def agreement(card: cards.Card, wave: np.ndarray) -> None:
    print("| sound | memory, frames | " + " | ".join(card.stems) + " |")
    print("|---|---|" + "---|" * len(card.stems))
    for memory in MEMORIES:
        nets = original(card, memory)
        weights, separator = through_files(nets), theirs(card, nets)
        for title, part in cases(card, wave):
            if memory != MEMORIES[0] and title != "the whole song":
                continue
            with torch.inference_mode():
                want = separator(torch.from_numpy(part)[None])[0].numpy()
            got = engine(card, weights, part)
            levels = [f"{below_db(a, b):.1f}" for a, b in zip(want, got, strict=True)]
            print(f"| {title} | {memory} | {' | '.join(levels)} |", flush=True)


def segments(card: cards.Card, wave: np.ndarray) -> None:
    """What it costs that the LSTMs run over segments."""
    weights = through_files(original(card, MEMORIES[0]))
    with torch.inference_mode():
        network = NeuralSeparator(card, {}, weights).to("cpu").network
        whole = network(torch.from_numpy(wave)[None])[0].numpy()
    levels = map(below_db, whole, engine(card, weights, wave))
    print("| in segments | " + " | ".join(card.stems) + " |")
    print("|---|" + "---|" * len(card.stems))
    print(f"| {card.name} | " + " | ".join(f"{level:.1f}" for level in levels) + " |")


def child(who: str, threads: int, card: cards.Card, wave: np.ndarray, calls: int) -> list[float]:
    """Seconds of warm calls in this process."""
    torch.set_num_threads(threads)
    nets = original(card, MEMORIES[0])
    if who == "theirs":
        separator = theirs(card, nets)

        def call(wave: np.ndarray) -> object:
            with torch.inference_mode():
                return separator(torch.from_numpy(wave)[None])
    else:
        ours = NeuralSeparator(card, {}, through_files(nets)).to("cpu")
        assert isinstance(ours.network, Ours)
        executor, execution = Executor(threads=threads), Execution(device="cpu")

        def call(wave: np.ndarray) -> object:
            return separate_array(
                ours, wave, card.sample_rate_hz, execution=execution, executor=executor, warn=warn
            )

    seconds = []
    call(wave[:, : WARM_UP_S * card.sample_rate_hz])
    for _ in range(calls):
        start = time.perf_counter()
        call(wave)
        seconds.append(time.perf_counter() - start)
    return seconds


def timed(owner: object, name: str, spent: dict[str, float], part: str) -> None:
    """Count the processor time of a method's calls in `spent`."""
    method = getattr(owner, name)

    def call(*given: object, **options: object) -> object:
        start = time.process_time()
        try:
            return method(*given, **options)
        finally:
            spent[part] = spent.get(part, 0) + time.process_time() - start

    setattr(owner, name, call)


def parts(card: cards.Card, wave: np.ndarray) -> None:
    """Where the time goes in one segment."""
    torch.set_num_threads(1)
    nets, mix = original(card, MEMORIES[0]), torch.from_numpy(wave)[None]
    separator, theirs_s, ours_s = theirs(card, nets), {}, {}
    network = NeuralSeparator(card, {}, through_files(nets)).to("cpu").network
    timed(openunmix.model, "wiener", theirs_s, "filter")
    for net in nets.values():
        timed(net, "forward", theirs_s, "networks")
        timed(net.lstm, "forward", theirs_s, "their LSTMs")
    timed(ours_model, "images", ours_s, "filter")
    for net in network.nets.values():
        timed(net.lstm, "forward", ours_s, "their LSTMs")
        for step in ("encode", "follow", "decode"):
            timed(net, step, ours_s, "networks")
    with torch.inference_mode():
        for call, spent in ((separator, theirs_s), (network, ours_s)):
            call(mix[..., : WARM_UP_S * card.sample_rate_hz])
            spent.clear()
            start = time.process_time()
            call(mix)
            spent["all"] = time.process_time() - start
    lstm, all_ = operations(card, mix.shape[-1] / card.config["hop"])
    rate = product_rate()
    floors = {"networks": all_ / rate, "their LSTMs": lstm / rate}
    title = f"{mix.shape[-1] / card.sample_rate_hz:g} s of sound"
    print(f"| {title} | original | unweave | floor |\n|---|---|---|---|")
    for part in ("all", "networks", "their LSTMs", "filter"):
        floor = f"{floors[part]:.2f} s" if part in floors else ""
        print(f"| {part} | {theirs_s[part]:.2f} s | {ours_s[part]:.2f} s | {floor} |")


def operations(card: cards.Card, frames: float) -> tuple[float, float]:
    """Additions and multiplications of the LSTMs' products, and of all products of the networks."""
    config, channels = card.config, card.channels
    hidden, bins = config["hidden"], config["frame_size"] // 2 + 1
    lstm = config["layers"] * 2 * 4 * (hidden // 2) * (hidden + hidden // 2)
    dense = hidden * (channels * config["seen"] + 2 * hidden + channels * bins)
    times = 2 * frames * len(card.stems)
    return times * lstm, times * (lstm + dense)


def product_rate(size: int = 1024) -> float:
    """Operations a second of one thread, the best of some products."""
    one = torch.randn(size, size)
    best = float("inf")
    for _ in range(10):
        start = time.process_time()
        one @ one
        best = min(best, time.process_time() - start)
    return 2 * size**3 / best


def speed(song: Path, model: str, lengths: list[float], pairs: int, calls: int) -> None:
    cores = len(os.sched_getaffinity(0))
    print("| sound | original, 1 thread | original, all | unweave | ratio | from pair to pair |")
    print("|---|---|---|---|---|---|")
    for length in lengths:
        runs: dict[str, list[float]] = {"one": [], "all": [], "ours": []}
        for _ in range(pairs):
            for key, who, threads in (
                ("one", "theirs", 1),
                ("all", "theirs", cores),
                ("ours", "ours", cores),
            ):
                command = [sys.executable, __file__, str(song), "--model", model]
                command += ["--seconds", str(length), "--child", who, "--threads", str(threads)]
                command += ["--calls", str(calls)]
                answer = subprocess.run(command, check=True, capture_output=True).stdout
                runs[key].append(statistics.median(json.loads(answer)))
        best = [min(a, b) for a, b in zip(runs["one"], runs["all"], strict=True)]
        ratios = [a / b for a, b in zip(best, runs["ours"], strict=True)]
        cells = [f"{statistics.median(each):.2f} s" for each in runs.values()]
        cells += [f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"]
        print(f"| {model}, {length:g} s | " + " | ".join(cells) + " |", flush=True)


def sound(song: Path, card: cards.Card) -> np.ndarray:
    """`(channel, time)` at the card's rate, its first channels, by taking samples where it must."""
    wave, rate = soundfile.read(song, dtype="float32", always_2d=True)
    if rate != card.sample_rate_hz:
        from scipy.signal import resample_poly

        wave = resample_poly(wave, card.sample_rate_hz, rate, axis=0).astype(np.float32)
    return np.ascontiguousarray(wave.T[: card.channels])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--model", choices=("umx", "umxhq", "umxl", "umxse"), default="umxhq")
    parser.add_argument("--agreement", action="store_true")
    parser.add_argument("--segments", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, nargs="+", default=[30.0, 120.0])
    parser.add_argument("--calls", type=int, default=3, help="of each process, warm")
    parser.add_argument("--child", choices=("theirs", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    card = cards.card(given.model)
    wave = sound(given.song, card)
    if given.child:
        wave = wave[:, : round(given.seconds[0] * card.sample_rate_hz)]
        print(json.dumps(child(given.child, given.threads, card, wave, given.calls)))
    if given.agreement:
        agreement(card, wave)
    if given.segments:
        segments(card, wave)
    if given.parts:
        parts(card, wave[:, : 15 * card.sample_rate_hz])
    if given.speed:
        speed(given.song, given.model, given.seconds, given.pairs, given.calls)


if __name__ == "__main__":
    main()
