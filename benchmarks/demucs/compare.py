"""unweave against the original Demucs, v1 to v3: agreement on whole songs, and speed.

    make demo && benchmarks/networks/install.sh
    .venv/bin/python -m benchmarks.demucs.compare SONG --agreement
    .venv/bin/python -m benchmarks.demucs.compare SONG [--models hdemucs_mmi] [--pairs 5]

The weights are random, written by the original in its own format and read by unweave's reader;
every one matters. The cards are those that ship, but for where their weights come from.

`--agreement` takes small networks, and of each the song's first minute, 7 seconds of it, one
channel of it, and some at 48 kHz. Noise far below the song lies in it: in a bin without sound the
phase is that of rounding, with which random weights on magnitudes are loud. Both get the same
samples at 44.1 kHz and are compared after the same way back: resamplers differ. A stem 40 dB below
the mix is measured against the mix.

Speed is that of a decoded wave in memory to stems in memory, published sizes, warm, the same
overlap, each in a process of its own, unweave's with memory set as the command line sets it. The
original has the better of one thread and of one for each core, or the threads of `--threads`. Pairs
are taken in turn, the original first; figures are medians, ratios medians of the ratios.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import unweave
from unweave.engine.signal import resampled
from unweave.models import architectures, cards
from unweave.models.readers import reader, safetensors

HERE = Path(__file__).resolve().parent
PEER = HERE.parent / "networks" / ".venv"
RATE_HZ = 44100
MDX = ("mdx_0d19c1c6", "mdx_7ecf8ec1", "mdx_c511e2ab", "mdx_7d865c68")
OLD = ("demucs", "demucs48_hq", "tasnet")
AGREE = (
    *("hdemucs_mmi", "mdx_extra_a1d90b5c", "mdx_extra_5d2d6c55", "repro_mdx_a_9a6b4851"),
    "mdx",
    *OLD,
)
WIDTH = 8  # channels of small networks
OURS = """
import sys, time
import numpy as np
import unweave
from unweave.engine import allocator
allocator.settle()
wave, separator = np.load(sys.argv[1]), unweave.load(f"{sys.argv[2]}.toml")
for _ in range(2):
    start = time.perf_counter()
    unweave.separate(wave, 44100, model=separator, device="cpu")
print(time.perf_counter() - start)
"""


def original(command: str, *arguments: str, old: bool = False) -> str:
    """What ../networks/.venv's Python prints of original.py."""
    folders = [str(HERE.parents[1] / "src"), *[str(PEER / "demucs-2.0.3")] * old]
    return subprocess.run(
        [str(PEER / "bin" / "python"), str(HERE / "original.py"), command, *arguments],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def make(names: tuple[str, ...], folder: Path, width: int) -> None:
    """Random weights of the original, and for each a card with them beside it."""
    for old in (False, True):
        some = [name for name in names if (name in OLD) == old]
        if some:
            original("make", str(folder), *some, "--width", str(width), old=old)
    for name in names:
        text = cards.path(name).read_text(encoding="utf-8")
        architecture, config = tomllib.loads(text)["architecture"], tomllib.loads(text)
        arrays = reader("torch-zip")(folder / f"{name}.th")
        stream = io.BytesIO()
        safetensors.write(stream, architectures.converter(architecture)({"": arrays}))
        content = stream.getvalue()
        (folder / f"{name}.safetensors").write_bytes(content)
        facts = text.partition("[[sources]]")[0].replace("convert = true\n", "")
        if width:
            small = {"filters": 16, "bottleneck": 16, "hidden": 4 * width}
            size = small if architecture == "conv_tasnet" else {"width": width}
            size = {k: v for k, v in config.get("config", {}).items() if k not in size} | size
            facts = facts.partition("[config]")[0] + "[config]\n"
            facts += "".join(f"{key} = {json.dumps(value)}\n" for key, value in size.items())
        facts += f'[weights]\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        (folder / f"{name}.toml").write_text(facts + f"size_bytes = {len(content)}\n")
    if set(MDX) <= set(names):
        text = cards.path("mdx").read_text(encoding="utf-8")
        for name in MDX:
            text = text.replace(f'"{name}"', json.dumps(str(folder / f"{name}.toml")))
        (folder / "mdx.toml").write_text(text)


def at_rate(wave: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    return np.concatenate(list(resampled([wave], from_hz, to_hz)), axis=-1)


def agreement_db(stems: np.ndarray, found: np.ndarray, mix: np.ndarray) -> Iterator[float]:
    """Of each stem, how far the difference lies below it, or below the mix where it is faint."""
    energy = np.square(mix, dtype=np.float64).sum()
    for want, got in zip(stems, found, strict=True):
        own = np.square(want, dtype=np.float64).sum()
        lost = np.square(want.astype(np.float64) - got).sum()
        yield float(10 * np.log10((energy if own < energy * 1e-4 else own) / lost))


def cases(song: np.ndarray) -> Iterator[tuple[str, np.ndarray, int]]:
    minute = song[:, : 60 * RATE_HZ]
    noise = np.random.default_rng(1).standard_normal(minute.shape, dtype=np.float32)
    minute = minute + 1e-3 * noise
    yield "a minute", minute, RATE_HZ
    yield "7 s", minute[:, -7 * RATE_HZ :], RATE_HZ
    yield "7 s, one channel", minute[:1, : 7 * RATE_HZ], RATE_HZ
    yield "7 s at 48 kHz", minute[:, : 7 * 48000], 48000


def agree(song: np.ndarray, names: list[str], folder: Path) -> None:
    every = tuple(dict.fromkeys(n for name in names for n in (MDX if name == "mdx" else (name,))))
    make(every, folder, WIDTH)
    print("| model | sound | least of the stems, dB |\n|---|---|---|", flush=True)
    for name in names:
        for title, wave, rate in cases(song):
            mix = at_rate(wave, rate, RATE_HZ)
            pair = np.repeat(mix, 2, axis=0) if len(mix) == 1 else mix
            np.save(folder / "wave.npy", pair)
            members = "+".join(MDX) if name == "mdx" else name
            files = [str(folder), members, str(folder / "wave.npy"), str(folder / "stems.npy")]
            original("run", *files, "--width", str(WIDTH), old=name in OLD)
            want = np.load(folder / "stems.npy")
            want = want.mean(1, keepdims=True) if len(mix) == 1 else want
            want = at_rate(want, RATE_HZ, rate)[..., : wave.shape[-1]]
            found = unweave.separate(wave, rate, model=str(folder / f"{name}.toml"), device="cpu")
            got = np.stack(list(found.values()))[..., : want.shape[-1]]
            least = min(agreement_db(want, got, wave))
            print(f"| `{name}` | {title} | {least:.1f} |", flush=True)


def speed(
    song: np.ndarray,
    names: list[str],
    folder: Path,
    pairs: int,
    seconds: int,
    threads_tried: Sequence[int],
) -> None:
    every = tuple(dict.fromkeys(n for name in names for n in (MDX if name == "mdx" else (name,))))
    make(every, folder, 0)
    wave = np.tile(song, (1, 1 + seconds * RATE_HZ // song.shape[-1]))[:, : seconds * RATE_HZ]
    np.save(folder / "wave.npy", wave)
    print("| model | original | threads | unweave | ratio | from pair to pair |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in names:
        members = "+".join(MDX) if name == "mdx" else name
        files = [str(folder), members, str(folder / "wave.npy"), str(folder / "stems.npy")]
        theirs, own, threads = [], [], []
        for _ in range(pairs):
            runs = [
                json.loads(
                    original("run", *files, "--repeat", "1", "--threads", str(n), old=name in OLD)
                )
                for n in threads_tried
            ]
            best = min(runs, key=lambda run: run["seconds"][-1])
            theirs.append(best["seconds"][-1])
            threads.append(best["threads"])
            ours = [sys.executable, "-c", OURS, str(folder / "wave.npy"), str(folder / name)]
            own.append(float(subprocess.run(ours, check=True, stdout=subprocess.PIPE).stdout))
        ratios = [a / b for a, b in zip(theirs, own, strict=True)]
        a, b, ratio = map(statistics.median, (theirs, own, ratios))
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        used = statistics.mode(threads)
        print(f"| `{name}` | {a:.2f} s | {used} | {b:.2f} s | {ratio:.2f} | {spread} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--agreement", action="store_true", help="small networks, no timing")
    parser.add_argument("--models", nargs="+", help="names of cards; mdx is the bag")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30)
    both = sorted({1, os.cpu_count() or 1})
    parser.add_argument("--threads", type=int, nargs="+", default=both, help="of the original")
    given = parser.parse_args()
    wave = decoded(given.song)
    with tempfile.TemporaryDirectory() as name:
        if given.agreement:
            agree(wave, given.models or list(AGREE), Path(name))
        else:
            models = given.models or ["hdemucs_mmi"]
            speed(wave, models, Path(name), given.pairs, given.seconds, given.threads)


def decoded(song: Path) -> np.ndarray:
    """A song `(2, time)` at 44.1 kHz."""
    import soundfile

    wave, rate = soundfile.read(song, dtype="float32", always_2d=True)
    if rate != RATE_HZ or wave.shape[1] != 2:
        sys.exit("the comparison wants 44.1 kHz stereo")
    return np.ascontiguousarray(wave.T)


if __name__ == "__main__":
    main()
