"""This version of unweave beside an earlier one: time, memory and results, in one run.

    git worktree add /tmp/before COMMIT
    .venv/bin/python benchmarks/beside.py SONG --before /tmp/before [--pairs 5] [--only hpss warm]

`--before` is a source tree, which the same Python runs, or the Python of another environment. A
version from before `unweave models pull` finds Spleeter's weights in the cache, where the first
run of this one puts them.

The two versions run in turn, first one and then the other first, so that a machine that drifts
drifts for both. Figures are medians, ratios medians of the ratios; below 1, this version is faster
or smaller. The default command gets the whole song, all others its first `--seconds`.

"Results" compares what the first pair gave. For stems it is 10 log10 of signal over difference
energy, of the stem that differs most; "equal" is bit for bit. For scores it is the largest
difference.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "src", ROOT / "packages" / "unweave-mir1k" / "src")
BLOCK = 1 << 16  # frames; this process stays small, as own_peak_mb says why
# What would mix the sources, or have them compiled at every start.
NOT_INHERITED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
TINY = 1e-30  # energy of silence

IMPORT = """
import json, sys, time
start = time.perf_counter()
import unweave
seconds = time.perf_counter() - start
print(json.dumps({"s": {"": seconds}, "result": "torch" in sys.modules}))
"""

WARM = """
import json, statistics, sys, time
import soundfile, unweave
wave, rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
separator = unweave.load("spleeter-2stems")
calls = []
for _ in range(4):
    start = time.perf_counter()
    unweave.separate(wave.T.copy(), rate, model=separator)
    calls.append(time.perf_counter() - start)
print(json.dumps({"s": {"": statistics.median(calls[1:])}, "result": None}))
"""

METRICS = """
import json, sys, time
import numpy as np
try:
    from unweave.evaluation import metrics
except ImportError:  # of an earlier version
    from unweave import metrics
RATE_HZ = 44100
random = np.random.default_rng(0)
refs = 0.05 * random.standard_normal((4, 2, int(sys.argv[1]) * RATE_HZ))
refs[..., 1:] += 0.9 * refs[..., :-1]
ests = 0.9 * refs + 0.1 * refs.sum(0) + 0.002 * random.standard_normal(refs.shape)
ests[..., 7:] += 0.3 * refs[..., :-7]
calls = {
    "v4": lambda x, y: metrics.bss_eval_v4(x, y, window=RATE_HZ, hop=RATE_HZ),
    "v3 images": metrics.bss_eval_v3_images,
    "v3 sources": lambda x, y: metrics.bss_eval_v3_sources(x[:, 0], y[:, 0]),
}
seconds, scores = {}, []
for name, call in calls.items():
    call(refs[..., :RATE_HZ], ests[..., :RATE_HZ])  # loads what it needs
    start = time.perf_counter()
    found = call(refs, ests)
    seconds[name] = time.perf_counter() - start
    scores += [*found.sdr.flat, *found.sir.flat, *found.sar.flat]
print(json.dumps({"s": seconds, "result": scores}))
"""


@dataclass(frozen=True, slots=True)
class Version:
    """An installation of unweave: a Python, and the folders of sources that it runs, if any."""

    python: str
    sources: tuple[Path, ...] = ()

    def run(self, words: list[str], folder: Path) -> tuple[str, float, float]:
        """What a process prints, its seconds and its peak memory in MB."""
        inherited = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
        path = {"PYTHONPATH": os.pathsep.join(map(str, self.sources))} if self.sources else {}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as messages:
            start = time.perf_counter()
            process = subprocess.Popen(
                [self.python, *words],
                env=inherited | path,
                cwd=folder,
                stdout=out,
                stderr=messages,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            messages.seek(0)
            if status:
                raise RuntimeError((messages.read().strip().splitlines() or ["no message"])[-1])
            return out.read(), seconds, usage.ru_maxrss * 1024 / 1e6


Outcome = tuple[dict[str, tuple[float, str]], Any]
"""What one run gives: of each row a figure and its unit, and a result to compare."""


@dataclass(frozen=True, slots=True)
class Work:
    """What both versions do: its name, a run of it in an empty folder, how results compare."""

    name: str
    run: Callable[[Version, Path], Outcome]
    compare: Callable[[Any, Any], str] = lambda before, now: ""


def command(title: str, words: list[str]) -> Callable[[Version, Path], Outcome]:
    """A run of the command line. The files that it leaves are its result."""

    def run(version: Version, folder: Path) -> Outcome:
        _, seconds, megabytes = version.run(["-m", "unweave", *words], folder)
        figures = {title: (seconds, "s")}
        if megabytes > 2 * own_peak_mb():  # else it may be that of this process
            figures[f"{title}, peak memory"] = megabytes, "MB"
        return figures, folder

    return run


def own_peak_mb() -> float:
    """Peak memory of this process, below which no child's is counted."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def snippet(title: str, code: str, *words: str) -> Callable[[Version, Path], Outcome]:
    """A run of a few lines of Python, which print what they measured."""

    def run(version: Version, folder: Path) -> Outcome:
        found = json.loads(version.run(["-c", code, *words], folder)[0])
        figures = {f"{title} {name}".strip(): (value, "s") for name, value in found["s"].items()}
        return figures, found["result"]

    return run


def same_stems(before: Path, now: Path) -> str:
    """How the stems in one folder differ from those in the other."""
    names = [sorted(p.relative_to(f) for p in f.rglob("*.wav")) for f in (before, now)]
    if not names[0] or names[0] != names[1]:
        return "other stems"
    worst_db = min(ratio_db(before / name, now / name) for name in names[0])
    if math.isinf(worst_db):
        return "equal" if worst_db > 0 else "other lengths"
    return f"{worst_db:.1f} dB"


def ratio_db(before: Path, now: Path) -> float:
    """10 log10 of signal over difference energy; infinite if all bits are equal.

    Minus infinity where lengths, channels or rates differ.
    """
    signal = difference = 0.0
    equal = True
    with soundfile.SoundFile(before) as a, soundfile.SoundFile(now) as b:
        if (a.frames, a.channels, a.samplerate) != (b.frames, b.channels, b.samplerate):
            return -math.inf
        while len(x := a.read(BLOCK, dtype="float32", always_2d=True)):
            y = b.read(BLOCK, dtype="float32", always_2d=True)
            equal = equal and x.tobytes() == y.tobytes()
            signal += float(np.sum(x.astype(np.float64) ** 2))
            difference += float(np.sum((x.astype(np.float64) - y) ** 2))
    return math.inf if equal else 10 * math.log10(max(signal, TINY) / max(difference, TINY))


def same_scores(before: list[float], now: list[float]) -> str:
    """The largest difference of scores in dB."""
    if len(before) != len(now) or not np.array_equal(np.isnan(before), np.isnan(now)):
        return "other scores"
    worst_db = np.nanmax(np.abs(np.subtract(before, now)))
    return f"{worst_db:.1g} dB" if worst_db else "equal"


def same_import(before: bool, now: bool) -> str:
    """Whether `import unweave` imports torch."""
    words = {False: "no torch", True: "imports torch"}
    return words[now] if before == now else f"{words[before]}; now {words[now]}"


def row(title: str, unit: str, pairs: list[tuple[float, float]], result: str) -> str:
    """A row of the table, of pairs (before, now)."""
    ratios = [now / before for before, now in pairs]
    before, now = (statistics.median(values) for values in zip(*pairs, strict=True))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    figures = f"{figure(before)} {unit} | {figure(now)} {unit} | {statistics.median(ratios):.2f}"
    return f"| {title} | {figures} | {spread} | {result} |"


def figure(value: float) -> str:
    """A positive number with three digits, or all that stand before the point."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def rows(work: Work, versions: tuple[Version, Version], pairs: int) -> list[str]:
    """The rows of one work. In every second pair the later version runs first."""
    measured: dict[tuple[str, str], list[tuple[float, float]]] = {}
    result = ""
    for turn in range(pairs):
        with tempfile.TemporaryDirectory() as name:
            folders = Path(name, "before"), Path(name, "now")
            outcomes: dict[int, Outcome] = {}
            for which in (0, 1) if turn % 2 == 0 else (1, 0):
                folders[which].mkdir()
                outcomes[which] = work.run(versions[which], folders[which])
            (before, old), (now, new) = outcomes[0], outcomes[1]
            if turn == 0:
                result = work.compare(old, new)
        for title, (value, unit) in before.items():
            if title in now:
                measured.setdefault((title, unit), []).append((value, now[title][0]))
    return [
        row(title, unit, found, "" if unit == "MB" else result)
        for (title, unit), found in measured.items()
    ]


def works(song: Path, excerpt: Path, seconds: int, names: list[str]) -> list[Work]:
    """All that is compared."""
    separate = ["separate", "-q", "-o", "."]
    whole = command("`unweave separate SONG`", [*separate, str(song)])
    warm = snippet(f"Spleeter, warm, {seconds} s", WARM, str(excerpt))
    return [
        Work("separate", whole, same_stems),
        Work("warm", warm),
        *(
            Work(
                name,
                command(f"`-m {name}`, {seconds} s", [*separate, "-m", name, str(excerpt)]),
                same_stems,
            )
            for name in names
        ),
        Work("metrics", snippet(f"BSS Eval, {seconds} s,", METRICS, str(seconds)), same_scores),
        Work("help", command("`unweave --help`", ["--help"])),
        Work("import", snippet("`import unweave`", IMPORT), same_import),
    ]


def cut(song: Path, seconds: int, target: Path) -> None:
    """The first seconds of a song, which is repeated if it is shorter."""
    with soundfile.SoundFile(song) as file:
        length = seconds * file.samplerate
        wave = file.read(length, dtype="float32", always_2d=True)
        whole = np.resize(wave, (length, file.channels))
        soundfile.write(target, whole, file.samplerate, subtype="FLOAT")


def earlier(path: Path) -> Version:
    """The version in a source tree, or that of another environment's Python."""
    if not path.is_dir():
        return Version(str(path.absolute()))
    return Version(sys.executable, (path.resolve() / "src",))


def separators(version: Version, folder: Path) -> list[str]:
    listed = version.run(["-m", "unweave", "models", "list", "--json"], folder)[0]
    return [fact["name"] for fact in json.loads(listed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--before", type=Path, required=True, help="a source tree, or a Python")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument(
        "--only", nargs="+", help="separate, warm, metrics, help, import, names of separators"
    )
    given = parser.parse_args()
    versions = earlier(given.before), Version(sys.executable, SOURCES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        excerpt = folder / "excerpt.wav"
        cut(given.song, given.seconds, excerpt)
        for version in versions:  # all that both need comes from the disk once
            version.run(["-m", "unweave", "separate", "-q", "--overwrite", str(excerpt)], folder)
        before, now = (separators(version, folder) for version in versions)
        both = [name for name in now if name in before]
        print("| | before | now | now / before | from pair to pair | results |")
        print("|---|---|---|---|---|---|", flush=True)
        for work in works(given.song.resolve(), excerpt, given.seconds, both):
            if not given.only or work.name in given.only:
                print("\n".join(attempt(work, versions, given.pairs)), flush=True)
    for title, others in (("before", set(before) - set(both)), ("now", set(now) - set(both))):
        if others:
            print(f"\nOnly {title}: {', '.join(sorted(others))}.")


def attempt(work: Work, versions: tuple[Version, Version], pairs: int) -> list[str]:
    """The rows of one work, or one that says why there are none."""
    try:
        return rows(work, versions, pairs)
    except RuntimeError as error:
        return [f"| {work.name} | failed: {error} | | | | |"]


if __name__ == "__main__":
    main()
