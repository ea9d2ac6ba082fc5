"""Chaos: random commands with random options on random short files, two at a time.

    .venv/bin/python benchmarks/chaos.py [--minutes 60] [--seed 0] [--workers 2] [--keep FOLDER]

Every command is drawn from a seeded generator, valid and invalid options alike; some are killed or
interrupted at a random moment and then run again. What must hold after each of them:

- no traceback and no "unexpected" error; every failure prints a line that begins with "error:"
- the exit code is one that the documentation lists, not 0 where an option or an input is wrong, and
  0 where everything is right
- with --json, stdout is one JSON document
- every file that a report names is there with its SHA-256 and has exactly as many samples as the
  recording (or the region) that it was made from; stems of 32-bit float WAV add up to the recording
- no hidden leftover lies in the output folder, unless the command was killed with SIGKILL; then the
  next run into that folder removes it

A violation is printed with the command that repeats it. The exit code is 1 if there is any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from unweave.audio.reader import Reader
from unweave.audio.writer import Writer, encoding

TIMEOUT_S = 240
GOOD, BAD, ANY = "good", "bad", "any"  # what a drawn option or input leads to: 0, not 0, either


@dataclass
class Command:
    """One command line, and whether it must succeed, must fail, or may do either."""

    words: list[str]
    outcome: str = GOOD
    output: Path | None = None  # the folder of the stems
    as_json: bool = False
    notes: list[str] = field(default_factory=list)

    def add(self, *words: str, outcome: str = GOOD) -> None:
        self.words += words
        self.mark(outcome, " ".join(words))

    def mark(self, outcome: str, why: str) -> None:
        """BAD wins over ANY, and ANY over GOOD."""
        order = (GOOD, ANY, BAD)
        self.outcome = max(self.outcome, outcome, key=order.index)
        if outcome != GOOD:
            self.notes.append(f"{outcome}: {why}")

    def __str__(self) -> str:
        return shlex.join(["unweave", *self.words])


# ---------------------------------------------------------------------------------------- material


def tone(samples: int, channels: int, rate: int, chance: np.random.Generator, peak: float):
    """A few partials and noise: `(channel, time)`."""
    time_s = np.arange(samples) / rate
    wave = np.stack(
        [
            sum(np.sin(2 * np.pi * f * time_s) for f in chance.uniform(80, 3000, 4))
            + chance.normal(0, 0.3, samples)
            for _ in range(channels)
        ]
    )
    return (peak * wave / max(1e-9, np.abs(wave).max())).astype(np.float32)


def encode(path: Path, wave: np.ndarray, rate: int, format_: str, bits: int | None = None) -> None:
    writer = Writer(path, encoding(format_, bits, rate, wave.shape[0]), rate, wave.shape[0])
    writer.write(wave)
    writer.close()
    writer.commit()


def material(folder: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Recordings that are fine, and files that are none."""
    folder.mkdir()
    chance = np.random.default_rng(seed)
    good: list[Path] = []

    def add(name: str, seconds: float, channels: int, rate: int, peak: float, *how) -> None:
        good.append(folder / name)
        samples = max(1, round(seconds * rate))
        encode(good[-1], tone(samples, channels, rate, chance, peak), rate, *how)

    add("plain.wav", 1.0, 2, 44100, 0.5, "wav", 16)
    add("two words é.flac", 0.7, 2, 48000, 0.9, "flac", 24)
    add("loud.wav", 0.8, 2, 44100, 2.5, "wav", 32)
    add("mono.wav", 0.9, 1, 16000, 0.4, "wav", 24)
    add("six.wav", 0.4, 6, 44100, 0.5, "wav", 24)
    add("fast.flac", 0.3, 2, 96000, 0.7, "flac", 16)
    add("slow.wav", 1.3, 1, 8000, 0.7, "wav", 16)
    add("song.mp3", 1.1, 2, 44100, 1.0, "mp3")
    add("song.ogg", 0.9, 2, 44100, 0.8, "ogg")
    add("song.opus", 0.9, 2, 48000, 0.8, "opus")
    add("-dash [x].m4a", 0.9, 2, 44100, 0.8, "m4a")
    add("one.wav", 1 / 44100, 2, 44100, 0.5, "wav", 32)
    good.append(folder / "silent.wav")
    encode(good[-1], np.zeros((2, 30000), np.float32), 44100, "wav", 16)
    noise = folder / "noise.wav"
    encode(noise, tone(20000, 2, 44100, chance, 0.1), 44100, "wav", 16)
    good.append(noise)
    bad = [folder / name for name in ("text.wav", "empty.flac", "cut.mp3", "gone.wav", "link.wav")]
    bad[0].write_text("no sound at all\n" * 40)
    bad[1].write_bytes(b"")
    bad[2].write_bytes(b"\xff\xfb\x90\x64" + bytes(60))
    bad[4].symlink_to(folder / "nowhere.wav")
    os.mkfifo(folder / "pipe.wav")
    bad.append(folder / "pipe.wav")
    return good, bad


def stems_folder(folder: Path, seed: int) -> None:
    """`true/` and `found/`: two stems and their noisy estimates; `set/`: a small dataset."""
    chance = np.random.default_rng(seed + 1)
    stems = {name: tone(66150, 2, 22050, chance, 0.4) for name in ("vocals", "accompaniment")}
    for where, noise in (("true", 0.0), ("found", 0.05)):
        (folder / where).mkdir()
        for name, wave in stems.items():
            noisy = wave + chance.normal(0, noise, wave.shape).astype(np.float32)
            encode(folder / where / f"{name}.wav", noisy, 22050, "wav", 16)
    for track in ("first", "second"):
        (folder / "set" / track).mkdir(parents=True)
        for name in stems:
            wave = tone(33075, 2, 22050, chance, 0.4)
            encode(folder / "set" / track / f"{name}.wav", wave, 22050, "wav", 16)


# ---------------------------------------------------------------------------------------- commands

LIGHT = ("hpss", "repet", "repet-sim", "ft2d", "spectral-subtraction", "projet", "mir1k-dnn")
STEMS = {
    "spleeter-2stems": ["vocals", "accompaniment", "instrumental"],
    "hpss": ["harmonic", "percussive"],
    "repet": ["vocals", "accompaniment"],
}
OPTIONS = {  # of --set: what is right and what is wrong
    "hpss": (["window_s=0.1"], ["window_s=-1", "window_s=x", "nothing=1", "window_s"]),
    "spleeter-2stems": (
        ["mask_exponent=2", "wiener=1", "bandwidth=model"],
        ["mask_exponent=high", "wiener=1.7", "bandwidth=half", "mask=2"],
    ),
    "spectral-subtraction": (
        ["rule=wiener", "noise=NOISE"],
        ["rule=none", "noise=missing.wav", "noise=TEXT"],
    ),
}


def separate(chance: random.Random, root: Path, good: list[Path], bad: list[Path]) -> Command:
    command = Command(["separate"])
    several = chance.random() < 0.25
    sources = chance.sample(good, chance.randint(2, 3) if several else 1)
    if chance.random() < 0.15:
        sources.append(chance.choice(bad))
        command.mark(BAD, f"input {sources[-1].name}")
    if len({source.stem for source in sources}) < len(sources):
        command.mark(ANY, "two recordings of one name")
    if any(source.name == "one.wav" for source in sources):
        command.mark(ANY, "a recording of one sample")
    if any(source.name == "silent.wav" for source in sources):
        command.mark(ANY, "silence")
    model = chance.choice((*LIGHT, "spleeter-2stems", "spleeter-2stems"))
    if model != "spleeter-2stems" or chance.random() < 0.3:
        command.add(chance.choice(("-m", "--model")), model)
    if chance.random() < 0.03:
        command.add("-m", chance.choice(("htdemucs", "", "../x", "hpss ")), outcome=BAD)
    if model == "projet" and any(s.name in ("mono.wav", "slow.wav", "six.wav") for s in sources):
        command.mark(ANY, "projet needs stereo")
    right, wrong = OPTIONS.get(model, ([], ["nothing=1", "=", "wiener=-1"]))
    for _ in range(chance.choice((0, 0, 0, 1))):
        if right and chance.random() < 0.7:
            word = chance.choice(right).replace("NOISE", str(root / "good" / "noise.wav"))
            command.add("--set", word, outcome=ANY if "noise" in word else GOOD)
        else:
            word = chance.choice(wrong).replace("TEXT", str(root / "good" / "text.wav"))
            command.add("--set", word, outcome=BAD)
    formats = ("wav", "flac", "mp3", "m4a", "ogg", "opus")
    format_ = chance.choice(formats)
    if chance.random() < 0.75:
        command.add("--format", format_)
    else:
        format_ = "wav"
    many = any(s.name == "six.wav" for s in sources)
    if format_ in ("mp3",) and many:
        command.mark(ANY, "six channels as MP3")
    if chance.random() < 0.3:
        depth = chance.choice((16, 24, 32, 8, 17))
        fits = {"wav": (16, 24, 32), "flac": (16, 24)}.get(format_, ())
        command.add("--bit-depth", str(depth), outcome=GOOD if depth in fits else BAD)
    if chance.random() < 0.03:
        command.add("--format", chance.choice(("aiff", "WAVE", "")), outcome=BAD)
    if chance.random() < 0.35:
        if model in STEMS:
            command.add("--stems", chance.choice(STEMS[model]))
        else:
            command.add("--stems", chance.choice(("vocals", "accompaniment")), outcome=ANY)
    if chance.random() < 0.05:
        command.add("--stems", chance.choice(("drums,basss", "", ",")), outcome=BAD)
    if chance.random() < 0.2:
        start = chance.choice(("0", "0.1", "0:00.2", "0:00:00.05"))
        command.add("--start", start, outcome=ANY if _short(sources) else GOOD)
    if chance.random() < 0.15:
        command.add("--end", chance.choice(("0.25", "0:00.28")), outcome=ANY)
    if chance.random() < 0.06:
        wrong_region = chance.choice((("--start", "99:00"), ("--end", "0"), ("--start", "x"),
                                      ("--start", "-1"), ("--end", "nan")))  # fmt: skip
        command.add(*wrong_region, outcome=BAD)
    if chance.random() < 0.1:
        command.add("--filename-template", "{name} ({stem}).{ext}")
    if chance.random() < 0.04:
        wrong_name = chance.choice(("{stem}", "../{stem}.{ext}", "{nothing}.{ext}", "x.{ext}"))
        command.add("--filename-template", wrong_name, outcome=BAD)
    if chance.random() < 0.1:
        command.add("--batch", chance.choice(("1", "3")))
    if chance.random() < 0.1:
        command.add("--jobs", "2")
    if chance.random() < 0.1:
        command.add("--seed", "7")
    if chance.random() < 0.04:
        wrong_number = chance.choice((("--batch", "0"), ("--jobs", "-1"), ("--seed", "x"),
                                      ("--max-memory", "none"), ("--device", "tpu"),
                                      ("--seed", "9" * 30), ("--no-such-option",)))  # fmt: skip
        command.add(*wrong_number, outcome=BAD)
    if chance.random() < 0.04:
        command.add("--max-memory", "5", outcome=BAD)
    if chance.random() < 0.4:
        command.add("--overwrite")
    _messages(command, chance)
    command.output = root / f"out-{chance.randint(0, 5)}"
    command.add("-o", str(command.output))
    if "--overwrite" not in command.words:
        command.mark(ANY, "stems of another run may lie there")
    command.words += ["--", *map(str, sources)]
    return command


def _short(sources: list[Path]) -> bool:
    """Whether a region may begin behind the end."""
    short = ("one.wav", "silent.wav", "fast.flac", "six.wav")
    return any(source.name in short for source in sources)


def _messages(command: Command, chance: random.Random) -> None:
    if chance.random() < 0.3:
        command.add("--json")
        command.as_json = True
    if chance.random() < 0.2:
        command.add("-q")
    elif chance.random() < 0.2:
        command.add("-v")


def other(chance: random.Random, root: Path, good: list[Path], bad: list[Path]) -> Command:
    """A command of another verb."""
    out = root / "other"
    out.mkdir(exist_ok=True)
    file, wrong = str(chance.choice(good)), str(chance.choice(bad))
    is_bad = chance.random() < 0.3
    source, outcome = (wrong, BAD) if is_bad else (file, GOOD)
    if source.endswith(("one.wav", "silent.wav")):
        outcome = ANY
    verb = chance.choice(
        ("info", "info", "verify", "verify", "spectrogram", "partials", "evaluate", "benchmark",
         "report", "models", "dataset", "nmf", "nonsense", "train")
    )  # fmt: skip
    command = Command([verb])
    n = chance.randint(0, 9)
    if verb == "info":
        if chance.random() < 0.5:
            command.add("--loudness")
        if chance.random() < 0.3:
            command.add("--json")
            command.as_json = True
        command.mark(outcome if not source.endswith("one.wav") else ANY, source)
        command.words += ["--", source]
    elif verb == "verify":
        reports = sorted(root.glob("out-*/**/report*.json"))
        target = str(chance.choice(reports)) if reports and not is_bad else wrong
        command.mark(ANY if target != wrong else BAD, target)
        _messages(command, chance)
        command.words += ["--", target]
    elif verb == "spectrogram":
        name = chance.choice((f"s{n}.png", f"s{n}.png", f"s{n}.xyz", "no/folder/s.png"))
        command.mark(outcome, source)
        command.add("-o", str(out / name), outcome=GOOD if name.endswith(f"{n}.png") else ANY)
        if chance.random() < 0.3:
            command.add("--start", "0.05", "--end", "0.2", outcome=ANY)
        command.words += ["--", source]
    elif verb == "partials":
        suffix = chance.choice((".csv", ".json", ".sdif", ".txt"))
        command.mark(outcome, source)
        command.add("-o", str(out / f"p{n}{suffix}"), outcome=BAD if suffix == ".txt" else GOOD)
        if chance.random() < 0.2:
            command.add("--set", "nothing=1", outcome=BAD)
        command.words += ["--", source]
    elif verb == "evaluate":
        metric = chance.choice(("v4", "v3", "global", "v3-sources", "v5"))
        command.add("--metric", metric, outcome={"v5": BAD, "v3-sources": ANY}.get(metric, GOOD))
        if chance.random() < 0.3:
            command.add("--map", chance.choice(("vox=vocals", "vocals=drums", "x")), outcome=BAD)
        if chance.random() < 0.5:
            command.add("-o", str(out / f"e{n}.json"))
        if chance.random() < 0.3:
            command.add("--json")
            command.as_json = True
        found = chance.choice(("found", "true", "good", "none"))
        command.words += [str(root / "true"), str(root / found)]
        command.mark({"found": GOOD, "true": GOOD}.get(found, BAD), found)
    elif verb == "benchmark":
        command.add("--root", str(root / "set"), "-o", str(root / f"bench-{n % 3}"))
        pick = chance.choice(
            (("--oracle", "irm1"), ("--oracle", "mixture"), ("-s", "repet"), ("-s", "hpss"),
             ("-s", "nothing"), ("--oracle", "nothing"), ("-s", "repet:nothing=1"))
        )  # fmt: skip
        command.add(
            *pick, outcome=BAD if pick[1] in ("hpss", "nothing") or ":" in pick[1] else GOOD
        )
        if chance.random() < 0.2:
            command.add("--tracks", chance.choice(("1", "first")))
        if chance.random() < 0.1:
            command.add("--tracks", "0", outcome=BAD)
        if chance.random() < 0.3:
            command.add("--json")
            command.as_json = True
        if command.outcome == GOOD:
            command.mark(ANY, "another process may hold the folder")
    elif verb == "report":
        folder = chance.choice(("bench-0", "bench-1", "true", "none"))
        command.add(str(root / folder), outcome=ANY if folder.startswith("bench") else BAD)
        command.add("-o", str(out / f"r{n}.html"))
    elif verb == "models":
        words = chance.choice((("list",), ("show", "hpss"), ("show", "nothing"), ("path", "hpss"),
                               ("path", "spleeter-2stems"), ("list", "--json"), ()))  # fmt: skip
        outcome = BAD if "nothing" in words else ANY if words in ((), ("path", "hpss")) else GOOD
        command.add(*words, outcome=outcome)
        command.as_json = "--json" in words
    elif verb == "dataset":
        choices = (["list"], ["check", "set"], ["check", "none"], ["check", "set", "--decode"])
        words = chance.choice((*choices, ["check", "--nothing"]))
        command.add(*words, outcome=BAD if words[-1].endswith(("none", "nothing")) else GOOD)
    elif verb == "nmf":
        card = out / f"n{n}.toml"
        command.add("learn", "-o", str(card), "--steps", "0", "--set", "components=4")
        stem = chance.choice(("vocals", "a b", ""))
        command.add(f"{stem}={source}", outcome=BAD if stem != "vocals" else outcome)
        other_stem = str(root / "true" / "accompaniment.wav")
        command.add(f"accompaniment={other_stem}", outcome=ANY)
    elif verb == "train":
        recipe = out / f"recipe{n}.toml"
        recipe.write_text(
            chance.choice(("", "name = 3\n", "[data]\nroot = 'none'\n", "x = [", "\0"))
        )
        command.add(str(recipe), "-o", str(out / f"run{n}"), outcome=BAD)
    else:
        command.words = [chance.choice(("nonsense", "--nonsense", "song.mp3", "sep"))]
        command.mark(BAD, "no such verb")
    return command


# ------------------------------------------------------------------------------------------ checks


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decoded(path: Path) -> np.ndarray:
    """`(channel, time)`: libsndfile where it can, so that not only our own reader judges."""
    if path.suffix in (".wav", ".flac", ".ogg"):
        return soundfile.read(path, dtype="float32", always_2d=True)[0].T
    with Reader(path) as reader:
        return np.concatenate(list(reader.blocks(reader.info.sample_rate_hz)), axis=-1)


def look_at(folder: Path) -> list[str]:
    """What is wrong with the stems in an output folder that no run is writing to."""
    wrong = []
    for path in sorted(folder.rglob("report*.json")):
        report = json.loads(path.read_text())
        # Opus has 48 kHz only; every other stem has the recording's rate.
        ratio = report["output"]["sample_rate_hz"] / report["input"]["sample_rate_hz"]
        expected = round(report["input"]["samples"] * ratio)
        waves = []
        for stem in report["stems"]:
            file = path.parent / stem["path"]
            if not file.is_file() or sha256(file) != stem["sha256"]:
                wrong.append(f"{file}: is not what {path.name} says")
                continue
            wave = decoded(file)
            waves.append(wave)
            if wave.shape[-1] != expected:
                wrong.append(f"{file}: {wave.shape[-1]} of {expected} samples")
        wrong += _sum_differs(path, report, waves)
    wrong += [f"{path}: left over" for path in folder.rglob(".unweave*") if not _is_lock(path)]
    return wrong


def _is_lock(path: Path) -> bool:
    """An empty lock file may stay; it says nothing about stems."""
    return path.suffix == ".lock" and path.stat().st_size == 0


def _sum_differs(path: Path, report: dict, waves: list[np.ndarray]) -> list[str]:
    """Whether all stems of a model whose stems add up, in float, miss the recording."""
    if report["request"]["separator"]["name"] not in ("spleeter-2stems", "hpss") or len(waves) != 2:
        return []
    if report["request"]["output"]["bit_depth"] != 32:
        return []
    if report["request"]["separator"]["options"].get("bandwidth") == "model":  # leaves a residual
        return []
    if len({wave.shape for wave in waves}) > 1:
        return []
    mix = decoded(Path(report["input"]["path"]))
    start = report["input"]["start"]
    mix = mix[:, start : start + report["input"]["samples"]]
    total = waves[0].astype(np.float64) + waves[1]
    if total.shape != mix.shape:
        return [f"{path}: stems are {total.shape}, the recording {mix.shape}"]
    lost = np.sum((mix - total) ** 2)
    if lost > 1e-10 * max(np.sum(mix.astype(np.float64) ** 2), 1e-12):
        return [f"{path}: the stems miss the recording by {lost:g}; {report['separator']}"]
    return []


def judge(command: Command, code: int, out: str, err: str, interrupted: bool) -> list[str]:
    """What is wrong with what a command said and how it ended."""
    wrong = []
    for text in (out, err):
        for sign in ("Traceback (most recent", "unexpected ", "Error in sys.excepthook"):
            if sign in text:
                wrong.append(f"says {sign!r}")
    allowed = {0, 1, 2, 3} | ({130} if interrupted else set())
    if code not in allowed:
        wrong.append(f"exit code {code}")
    if not interrupted:
        if command.outcome == BAD and code == 0:
            wrong.append(f"exit code 0 in spite of {'; '.join(command.notes)}")
        if command.outcome == GOOD and code != 0:
            wrong.append(f"exit code {code} though nothing is wrong")
        if code != 0 and "error" not in err.lower() and "differs" not in (out + err).lower():
            wrong.append(f"exit code {code} without a line of error")
        if command.as_json and (out.strip() or code != 2):
            try:
                json.loads(out)
            except ValueError:
                wrong.append("stdout is not one JSON document")
    return wrong


# --------------------------------------------------------------------------------------------- run


class Chaos:
    """Draws commands and runs them; one lock for each output folder that is being looked at."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.seed = root, seed
        self.good, self.bad = material(root / "good", seed)
        stems_folder(root, seed)
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.tell = threading.Lock()
        self.users: Counter[Path] = Counter()

    def work(self, worker: int, until: float) -> None:
        n = 0
        while time.monotonic() < until:
            chance = random.Random(f"{self.seed}-{worker}-{n}")
            try:
                self.one(chance)
            except Exception as error:  # a fault of the check is one, too
                with self.tell:
                    self.violations.append(f"{worker}-{n}: the check itself: {error!r}")
                    print(self.violations[-1], flush=True)
            n += 1

    def one(self, chance: random.Random) -> None:
        make = separate if chance.random() < 0.6 else other
        command = make(chance, self.root, self.good, self.bad)
        fate = chance.choices((None, signal.SIGINT, signal.SIGTERM, signal.SIGKILL), (85, 5, 5, 5))[
            0
        ]
        folder = command.output
        with self.tell:
            shared = folder is not None and self.users[folder] > 0
            if folder is not None:
                self.users[folder] += 1
        if shared:
            command.mark(ANY, "two runs share the folder")
        try:
            self.check(command, *self.run(command, chance, fate), fate)
            if fate is not None:
                again = self.run(command, chance, None)
                self.check(command, *again, None)
        finally:
            if folder is not None:
                with self.tell:
                    self.users[folder] -= 1
                    alone = self.users[folder] == 0
                    wrong = look_at(folder) if alone and folder.exists() else []
                    if alone and chance.random() < 0.3:
                        shutil.rmtree(folder, ignore_errors=True)
                self.report(command, wrong)

    def run(
        self, command: Command, chance: random.Random, fate: int | None
    ) -> tuple[int, str, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "unweave", *command.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.root,
            text=True,
            errors="replace",
        )
        if fate is not None:
            try:
                process.wait(chance.uniform(0.3, 4.0))
            except subprocess.TimeoutExpired:
                process.send_signal(fate)
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return 999, out, err
        return process.returncode, out, err

    def check(self, command: Command, code: int, out: str, err: str, fate: int | None) -> None:
        if fate is not None and code < 0:  # before Python listens to signals, or SIGKILL
            wrong = [] if code == -fate else [f"ended by signal {-code}"]
            self.counts["killed"] += 1
        else:
            wrong = judge(command, code, out, err, fate is not None)
        self.counts[f"{command.words[0] if command.words else ''} {code}"] += 1
        self.report(command, wrong, err)

    def report(self, command: Command, wrong: list[str], err: str = "") -> None:
        if not wrong:
            return
        with self.tell:
            text = f"{command}\n    {'; '.join(wrong)}\n    {err.strip()[-600:]}"
            self.violations.append(text)
            print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a new folder to work in, which stays")
    arguments = parser.parse_args()
    root = arguments.keep or Path(tempfile.mkdtemp(prefix="unweave-chaos-"))
    root.mkdir(parents=True, exist_ok=True)
    chaos = Chaos(root, arguments.seed)
    until = time.monotonic() + 60 * arguments.minutes
    threads = [
        threading.Thread(target=chaos.work, args=(worker, until))
        for worker in range(arguments.workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if arguments.keep is None:
        shutil.rmtree(root, ignore_errors=True)
    for what, count in sorted(chaos.counts.items()):
        print(f"{count:6d}  {what}")
    total = sum(count for what, count in chaos.counts.items() if what != "killed")
    print(f"{total} commands, {len(chaos.violations)} violations, seed {arguments.seed}")
    sys.exit(1 if chaos.violations else 0)


if __name__ == "__main__":
    main()
