"""What restoring gains, what other programs do with the same, and what it does to clean sound.

    benchmarks/restore/install.sh
    .venv/bin/python -m benchmarks.restore.compare DATA [--seconds 4] [--only white,clicks,clean]
        [--no-visqol] [--rows FILE]

Prints tables in Markdown. Two recordings of music and two of speech, a few seconds of each, get
noise of four levels, clicks at three rates, or are clipped at four levels (`cases.py`). One and a
half seconds of the noise alone stand before the recording, which every program may learn from;
scores are those of what comes behind. Means over the recordings of a kind.

`mix` is what is to be restored. `gentle` and `full` are unweave's tools for the damage (TOOLS) at
strength 0.5 and 1, `subtraction` the same at 1 with noise reduction by spectral subtraction.
`noisereduce` is given the noise where there is any (stationary); `default` is not. RNNoise is for
speech. `ahead` is what `gentle` and `full` have in SI-SDR above the better of both noisereduce's.

The last table has clean recordings: by how much each tool changes them.

--rows: a file of lines of JSON. What is in it is not computed again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.noise import segmental_snr_db, si_sdr_db
from benchmarks.restore.cases import (
    ALONE_S,
    DAMAGES,
    NOISES,
    Case,
    Recording,
    Wave,
    cases,
    chosen,
    clean,
)
from scripts.technique_pages import line

from unweave.apps.restore import chain, settings
from unweave.core.region import Region

HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin" / "python"
TOOLS = {
    "white": ("denoise",),
    "babble": ("denoise",),
    "vinyl": ("declick", "decrackle", "denoise"),
    "hum": ("dehum", "denoise"),
    "clicks": ("declick",),
    "clipped": ("declip",),
}
PROGRAMS = ("mix", "gentle", "full", "subtraction", "noisereduce", "default", "RNNoise")
JUDGED = ("5 dB", "10 a second", "at 0.35 of the peak")  # by ViSQOL ...
HEARD = ("mix", "full", "noisereduce", "RNNoise")  # ... of these programs
CLEAN_S = 12.0  # long enough for a noise to be looked for
SILENT_DB = -300.0
Row = dict[str, Any]


def restored(case: Case, strength: float, method: str = "log-mmse") -> Wave:
    """What the tools for its damage make of a case, without the noise before it."""
    tools = TOOLS[case.damage]
    how = settings(tools=tools, strength=strength, method=method if "denoise" in tools else None)
    noise = Region(0.0, ALONE_S) if case.alone else None
    return _made(case.wave, how, case.recording.rate_hz, noise)[case.alone :]


def _made(wave: Wave, how: Any, rate_hz: int, noise: Region | None = None) -> Wave:
    def source() -> Iterator[Wave]:
        return iter([wave[None]])

    made = chain.learned(source, how, rate_hz, noise).run(source())
    return np.concatenate(list(made), axis=1)[0]


def ours(case: Case) -> dict[str, Wave]:
    found = {"mix": case.wave[case.alone :], "full": restored(case, 1.0)}
    if case.damage != "clipped":  # strength says nothing to declip
        found["gentle"] = restored(case, 0.5)
    if case.damage in NOISES:
        found["subtraction"] = restored(case, 1.0, "subtraction")
    return found


Scores = dict[str, dict[str, float]]
"""By program and measure."""


def scored(recording: Recording, damaged: Sequence[Case], judge: bool) -> dict[str, Scores]:
    """The scores of every program for one recording and one kind of damage, by level.

    `peers.py` runs the other programs and the measures of quality, in an environment of its own.
    """
    found = {case.level: ours(case) for case in damaged}
    about = {
        "rate_hz": recording.rate_hz,
        "alone": damaged[0].alone,
        "speech": recording.kind == "speech",
        "cases": {level: HEARD if judge and level in JUDGED else () for level in found},
    }
    waves = {f"{case.level}/wave": case.wave for case in damaged}
    for level, made in found.items():
        waves |= {f"{level}/{name}": wave for name, wave in made.items()}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("in.npz", "out.npz")]
        np.savez(files[0], clean=recording.clean, **waves)
        words = [PEERS, HERE / "peers.py", json.dumps(about), *files]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        with np.load(files[1]) as made:
            for key, wave in made.items():
                level, name = key.split("/")
                found[level][name] = wave
    quality = json.loads(done.stdout.splitlines()[-1])
    return {
        level: {
            name: _distances(recording, wave) | quality[level][name] for name, wave in some.items()
        }
        for level, some in found.items()
    }


def _distances(recording: Recording, wave: Wave) -> dict[str, float]:
    return {
        "SI-SDR": si_sdr_db(recording.clean, wave),
        "segmental": segmental_snr_db(recording.clean, wave, recording.rate_hz),
    }


class Kept:
    """Lines of JSON in a file; what is there is not computed again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self._known = dict(json.loads(line) for line in lines)

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = make()
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a") as file:
                    print(json.dumps([key, self._known[key]]), file=file)
        return self._known[key]


def damaged(data: Path, seconds: float, only: Sequence[str], judge: bool, kept: Kept) -> list[Row]:
    """A row for each recording, kind of damage and level."""
    rows, heard = [], set[str]()
    for seed, recording in enumerate(chosen(data, seconds)):
        first = recording.kind not in heard  # ViSQOL takes seconds for each wave
        heard.add(recording.kind)
        for damage in filter(only.__contains__, DAMAGES):
            key = f"{recording.name}, {damage}, {seconds:g} s" + ", judged" * (judge and first)
            every = list(cases(recording, damage, seed))
            levels = kept.get(key, lambda: scored(recording, every, judge and first))  # noqa: B023
            rows += [
                {"kind": recording.kind, "damage": damage, "level": level, "scores": scores}
                for level, scores in levels.items()
            ]
    return sorted(rows, key=lambda row: (row["kind"], DAMAGES.index(row["damage"])))


def changed(data: Path, kept: Kept) -> list[dict[str, float]]:
    """How much each tool changes each clean recording, relative to its power, in dB."""
    return [
        kept.get(f"{recording.name}, clean", lambda: _changes_db(recording))  # noqa: B023
        for recording in clean(data, CLEAN_S)
    ]


def _changes_db(recording: Recording) -> dict[str, float]:
    changes = {}
    for tool in chain.TOOLS:
        found = _made(recording.clean, settings(tools=tool), recording.rate_hz)
        change, whole = (
            np.square(each, dtype=np.float64).sum()
            for each in (found - recording.clean, recording.clean)
        )
        changes[tool] = float(10 * np.log10(change / whole)) if change else SILENT_DB
    return changes


def table(rows: Sequence[Row]) -> list[str]:
    """SI-SDR and segmental SNR of all programs."""
    head = ["recordings", "damage", "level", *PROGRAMS, "ahead"]
    lines = [line(head), line(["---"] * 3 + ["--:"] * (len(head) - 3))]
    for place, group in _grouped(rows):
        cells = []
        for name in PROGRAMS:
            pairs = [_mean(group, name, measure) for measure in ("SI-SDR", "segmental")]
            cells.append(" / ".join(f"{value:.1f}" for value in pairs if value is not None))
        lines.append(line([*place, *cells, _ahead(group)]))
    return lines


def _ahead(group: Sequence[Row]) -> str:
    peers = [_mean(group, name, "SI-SDR") for name in ("noisereduce", "default")]
    best = max(value for value in peers if value is not None)
    own = [_mean(group, name, "SI-SDR") for name in ("gentle", "full")]
    return " / ".join(f"{value - best:+.1f}" for value in own if value is not None)


def quality(rows: Sequence[Row], measure: str) -> list[str]:
    """ViSQOL or PESQ, where it was computed."""
    head = ["recordings", "damage", "level", *PROGRAMS]
    lines = [line(head), line(["---"] * 3 + ["--:"] * len(PROGRAMS))]
    for place, group in _grouped(rows):
        values = [_mean(group, name, measure) for name in PROGRAMS]
        if any(value is not None for value in values):
            cells = ["" if value is None else f"{value:.2f}" for value in values]
            lines.append(line([*place, *cells]))
    return lines if len(lines) > 2 else []


def untouched(every: Sequence[dict[str, float]]) -> list[str]:
    """Of each tool, how many clean recordings it changes at all, and the largest change."""
    lines = [
        line(["tool", "recordings", "changed", "largest change"]),
        line(["---", "--:", "--:", "--:"]),
    ]
    for tool in chain.TOOLS:
        changes = [changes_db[tool] for changes_db in every]
        count, most = sum(db > SILENT_DB for db in changes), max(changes)
        words = f"{most:.1f} dB" if count else "none"
        lines.append(line([f"`{tool}`", str(len(every)), str(count), words]))
    return lines


def _grouped(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Rows of one kind of recording, one damage and one level."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["damage"], row["level"]), []).append(row)
    yield from groups.items()


def _mean(group: Sequence[Row], name: str, measure: str) -> float | None:
    values = [
        scores[measure] for row in group if measure in (scores := row["scores"].get(name, {}))
    ]
    return float(np.mean(values)) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", default=",".join((*DAMAGES, "clean")), help="kinds of damage")
    parser.add_argument("--no-visqol", action="store_true", help="which takes half of the time")
    parser.add_argument("--rows", type=Path, help="a file of what is computed already")
    given = parser.parse_args()
    torch.set_num_threads(1)
    only, kept = given.only.split(","), Kept(given.rows)
    rows = damaged(given.data, given.seconds, only, not given.no_visqol, kept)
    tables = {"SI-SDR / segmental SNR, in dB": table(rows) if rows else []}
    tables |= {f"{measure}, from 1 to 5": quality(rows, measure) for measure in ("ViSQOL", "PESQ")}
    if "clean" in only:
        tables["Clean recordings"] = untouched(changed(given.data, kept))
    for title, lines in tables.items():
        if lines:
            print(f"**{title}**", *lines, "", sep="\n")


if __name__ == "__main__":
    main()
