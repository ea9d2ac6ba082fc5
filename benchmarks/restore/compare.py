"""What restoring gains, and what other programs do with the same: noise, clicks, clipping.

    benchmarks/restore/install.sh
    .venv/bin/python -m benchmarks.restore.compare DATA [--seconds 5] [--each 2]
        [--only white,clicks]

Prints tables in Markdown: SI-SDR and segmental SNR in dB against the clean recording, means over
the recordings of a kind. Mixes of MUSDB18, songs and speech, a few seconds of each, get noise of
their own level (signal-to-noise ratio), clicks at three rates, or are clipped at four levels. Every
program is given one and a half seconds of the noise alone. Everything is seeded.

`mix` is what is to be restored. `gentle` and `full` are unweave's noise reduction at strength 0.5
and 1, `subtraction` the same at strength 1 by spectral subtraction, `tools` unweave's tools for
the kind of damage at strength 1. `noisereduce` with that noise (stationary) and without (its
default). RNNoise is for speech.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from benchmarks.noise import segmental_snr_db, si_sdr_db, whole
from scripts.technique_pages import line
from tests.separators.voices import at_snr, babble

from unweave.apps.restore import chain, settings
from unweave.apps.restore.tools import denoise

HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin" / "python"
ALONE_S = 1.5
SNRS_DB = (0, 5, 10, 20)
CLICKS_HZ = (1, 10, 50)
CLIPPED = (0.7, 0.5, 0.35, 0.2)  # of the highest sample
TOOLS = {
    "white": ("denoise",),
    "babble": ("denoise",),
    "vinyl": ("declick", "decrackle", "denoise"),
    "hum": ("dehum", "denoise"),
    "clicks": ("declick",),
    "clipped": ("declip",),
}
OURS = ("gentle", "full", "subtraction", "tools")
THEIRS = ("noisereduce", "noisereduce default", "RNNoise")
Wave = np.ndarray


@dataclass
class Case:
    """kind: of the recording. noise: alone, or empty. found: what each program made of `mix`."""

    kind: str
    rate_hz: int
    damage: str
    level: str
    clean: Wave
    mix: Wave
    noise: Wave
    found: dict[str, Wave] = field(default_factory=dict)


def recordings(data: Path, seconds: float, each: int) -> Iterator[tuple[str, int, Wave]]:
    """Kind, rate, wave `(time,)`."""
    mixes = sorted((data / "musdb18-7s" / "train").glob("*.mp4"))
    for path in mixes[:: max(1, len(mixes) // each)][:each]:
        rate_hz, wave = whole(path)
        yield "MUSDB18", rate_hz, wave.mean(0)[: round(seconds * rate_hz)]
    for path in sorted((data / "songs").glob("*.ogg"))[:each]:
        rate_hz, wave = whole(path)
        start = wave.shape[1] // 3
        yield "songs", rate_hz, wave[0, start : start + round(seconds * rate_hz)]
    for path in sorted((data / "speech").glob("*.ogg"))[:each]:
        rate_hz, wave = whole(path)
        yield "speech", rate_hz, wave[0, : round(seconds * rate_hz)]


def white(length: int, rate_hz: int, seed: int) -> Wave:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def vinyl(length: int, rate_hz: int, seed: int) -> Wave:
    """Sixty clicks a second of all sizes, and hiss."""
    rng = np.random.default_rng(seed)
    wave = 0.02 * rng.standard_normal(length)
    for at in rng.integers(0, length - 100, round(60 * length / rate_hz)):
        time = np.arange(rng.integers(8, 60))
        shape = np.exp(-4 * time / len(time)) * np.cos(rng.uniform(0.2, 2) * time)
        wave[at : at + len(time)] += rng.exponential() * rng.choice([-1, 1]) * shape
    return wave.astype(np.float32)


def hum(length: int, rate_hz: int, seed: int) -> Wave:
    """50 Hz and its harmonics."""
    rng, time_s = np.random.default_rng(seed), np.arange(length) / rate_hz
    phases = rng.uniform(0, 6, 10)
    waves = (np.sin(100 * np.pi * k * time_s + phases[k]) / k for k in (1, 2, 3, 4, 5, 7, 9))
    return np.sum(list(waves), axis=0).astype(np.float32)


NOISES: dict[str, Callable[[int, int, int], Wave]] = {
    "white": white, "babble": babble, "vinyl": vinyl, "hum": hum
}  # fmt: skip


def cases(data: Path, seconds: float, each: int, only: Sequence[str]) -> Iterator[Case]:
    empty = np.zeros(0, np.float32)
    for seed, (kind, rate_hz, clean) in enumerate(recordings(data, seconds, each)):
        alone = round(ALONE_S * rate_hz)
        for name in filter(only.__contains__, NOISES):
            made = NOISES[name]
            noise = made(alone + len(clean), rate_hz, seed + 3)
            for snr_db in SNRS_DB:
                added = at_snr(clean, noise[alone:], snr_db)
                gain = np.linalg.norm(added) / np.linalg.norm(noise[alone:])
                before = (gain * noise[:alone]).astype(np.float32)
                yield Case(kind, rate_hz, name, f"{snr_db} dB", clean, clean + added, before)
        rng = np.random.default_rng(seed)
        for rate in CLICKS_HZ if "clicks" in only else ():
            mix = clean.copy()
            for at in rng.integers(0, len(mix) - 20, round(rate * seconds)):
                size = rng.integers(1, 20)
                shape = rng.standard_normal(size) * np.hanning(size + 2)[1:-1]
                mix[at : at + size] += 0.7 * np.abs(clean).max() * shape.astype(np.float32)
            yield Case(kind, rate_hz, "clicks", f"{rate} a second", clean, mix, empty)
        for share in CLIPPED if "clipped" in only else ():
            most = share * np.abs(clean).max()
            mix = np.clip(clean, -most, most)
            yield Case(kind, rate_hz, "clipped", f"at {share:g} of the peak", clean, mix, empty)


def restored(case: Case, tools: tuple[str, ...], strength: float, method: str) -> Wave:
    how = settings(tools=tools, strength=strength, method=method if "denoise" in tools else None)

    def source() -> Iterator[Wave]:
        return iter([case.mix[None]])

    noise = None
    if len(case.noise):
        # The noise as the tools before leave it is what is left of it in the end.
        before = tuple(tool for tool in tools if tool != "denoise")
        quiet = case.noise[None]
        if before:
            first = chain.learned(source, settings(tools=before, strength=strength), case.rate_hz)
            long = np.concatenate([quiet, case.mix[None]], axis=1)
            quiet = np.concatenate(list(first.run(iter([long]))), axis=1)[:, : quiet.shape[1]]
        noise = denoise.measured(iter([quiet]), case.rate_hz)
    made = chain.learned(source, how, case.rate_hz, noise).run(source())
    return np.concatenate(list(made), axis=1)[0]


def ours(case: Case) -> dict[str, Wave]:
    found = {"mix": case.mix}
    if len(case.noise):
        found["gentle"] = restored(case, ("denoise",), 0.5, "log-mmse")
        found["full"] = restored(case, ("denoise",), 1.0, "log-mmse")
        found["subtraction"] = restored(case, ("denoise",), 1.0, "subtraction")
    if TOOLS[case.damage] != ("denoise",):
        found["tools"] = restored(case, TOOLS[case.damage], 1.0, "log-mmse")
    return found


def peers(task: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `peers.py` makes of arrays, in the environment of the other programs."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("in.npz", "out.npz")]
        np.savez(files[0], **given)
        subprocess.run([PEERS, HERE / "peers.py", task, *files], check=True, stdout=sys.stderr)
        with np.load(files[1]) as found:
            return dict(found)


def theirs(every: list[Case]) -> None:
    """Add what the other programs make of each case with a noise."""
    given = {}
    for n, case in enumerate(every):
        if len(case.noise):
            speech = "speech" if case.kind == "speech" else "music"
            given |= {f"{n}/{case.rate_hz}/{speech}/mix": case.mix}
            given |= {f"{n}/{case.rate_hz}/{speech}/noise": case.noise}
    for key, wave in peers("restore", given).items():
        number, name = key.split("/")
        every[int(number)].found[name] = wave


def grouped(every: list[Case]) -> dict[tuple[str, str, str], list[Case]]:
    groups: dict[tuple[str, str, str], list[Case]] = {}
    for case in every:
        groups.setdefault((case.kind, case.damage, case.level), []).append(case)
    return groups


def table(every: list[Case]) -> list[str]:
    columns = ("mix", *OURS, *THEIRS)
    lines = [line(["recording", "damage", "level", *columns]), line(["---"] * 3 + ["--:"] * 8)]
    for place, group in grouped(every).items():
        cells = []
        for name in columns:
            pairs = [
                (si_sdr_db(case.clean, found), segmental_snr_db(case.clean, found, case.rate_hz))
                for case in group
                if (found := case.found.get(name)) is not None
            ]
            cells.append("{:.1f} / {:.1f}".format(*np.mean(pairs, axis=0)) if pairs else "")
        lines.append(line([*place, *cells]))
    return lines


def quality(every: list[Case], level: str) -> list[str]:
    """PESQ and ViSQOL of what has noise at one level."""
    some = [case for case in every if len(case.noise) and case.level == level]
    columns = ("mix", "gentle", "full", "noisereduce", "RNNoise")
    given = {}
    for n, case in enumerate(some):
        speech = "speech" if case.kind == "speech" else "music"
        given[f"{n}/{case.rate_hz}/{speech}/clean"] = case.clean
        for name in columns:
            if name in case.found:
                given[f"{n}/{case.rate_hz}/{speech}/{name}"] = case.found[name]
    scores = peers("score", given)
    lines = []
    for (kind, damage, _), group in grouped(some).items():
        for measure in ("PESQ", "ViSQOL"):
            numbers = [some.index(case) for case in group]
            cells = []
            for name in columns:
                found = [scores.get(f"{n}/{name}/{measure}") for n in numbers]
                values = [float(value) for value in found if value is not None]
                cells.append(f"{np.mean(values):.2f}" if values else "")
            if any(cells):
                lines.append(line([kind, damage, measure, *cells]))
    head = [line(["recording", "damage", "measure", *columns]), line(["---"] * 3 + ["--:"] * 5)]
    return head + lines if lines else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--each", type=int, default=2, help="recordings of each kind")
    parser.add_argument("--only", default=",".join(TOOLS), help="kinds of damage")
    given = parser.parse_args()
    torch.set_num_threads(1)
    every = list(cases(given.data, given.seconds, given.each, given.only.split(",")))
    for case in every:
        case.found |= ours(case)
    theirs(every)
    print("SI-SDR / segmental SNR, dB:", "", *table(every), sep="\n")
    if more := quality(every, "5 dB"):
        print("", "At a signal-to-noise ratio of 5 dB:", "", *more, sep="\n")


if __name__ == "__main__":
    main()
