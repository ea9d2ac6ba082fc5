"""What `unweave analyze` finds against the truth: on stems, on the mix, and beside librosa.

    benchmarks/analyze/install.sh
    benchmarks/analyze/.venv/bin/python -m benchmarks.analyze.truth MIR_1K \
        [--ultrastar FOLDER] [--keep FOLDER]

Composed songs (`songs`) with voices of the folder MIR_1K, and half a minute of each of the
UltraStar songs (`real`). Prints tables:

- the scores of mir_eval on the stems as they were rendered, on those of a model, on the mix, and of
  librosa on the mix (`plain`), and by how much the model's stems are better than the mix, with the
  number of songs in which they are better and worse;
- the same of the real songs;
- the share of estimates that are right by their confidence, and how many of all these are, on the
  stems of the model and on the mix: a bin without any has none;
- the processor time for each second of sound.

Nothing is left out for its confidence, but frames of melody and bass. The melody's reference is
where swift-f0 and pYIN agree on the voice before it is mixed; other frames do not count.

Songs, stems and findings stay in the folder `--keep` and are used again, the findings while
`REVISION` of the use is the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.analyze import plain, real, scores
from benchmarks.analyze.scores import Rated, Told
from benchmarks.analyze.songs import DESIGNS, Song, songs
from scripts.technique_pages import line

import unweave
from unweave.apps.analyze import pitch
from unweave.apps.analyze.analysis import BASS_WITHOUT_STEM, LEAST
from unweave.apps.analyze.finders import FINDERS
from unweave.apps.analyze.job import REVISION
from unweave.audio.reader import Reader, probe

BINS = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0)
TRUE, MIX, LIBROSA = "true stems", "mix", "librosa, mix"
SAME = 0.005  # scores that are no further apart are equal


@dataclass(frozen=True)
class Found:
    """One analysis. pitch: of melody and bass, `(frame, 3)`: time, Hz, confidence. seconds: of
    processor time."""

    report: dict[str, Any]
    pitch: dict[str, np.ndarray]
    seconds: float

    @property
    def told(self) -> Told:
        return scores.told(self.report, self.pitch)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("mir1k", type=Path)
    parser.add_argument("--ultrastar", type=Path, help="a folder of UltraStar songs")
    parser.add_argument("--model", default="htdemucs", help="that separates")
    parser.add_argument("--count", type=int, default=len(DESIGNS), help="how many composed songs")
    parser.add_argument("--keep", type=Path, help="a folder for songs, stems and findings")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="unweave-analyze-") as scratch:
        keep = Keep(given.keep or Path(scratch), given.model)
        print("\n\n".join(tables(keep, given)))


def tables(keep: Keep, given: argparse.Namespace) -> list[str]:
    made = songs(keep.folder / "songs", given.mir1k, given.count)
    sung = real.songs(given.ultrastar, keep.folder / "songs") if given.ultrastar else []
    ways: dict[str, list[Found]] = {
        TRUE: [keep.found(TRUE, s.mix, stems_from=s.mix.parent / "stems") for s in made],
        given.model: [keep.on_stems(song.mix) for song in made],
        MIX: [keep.found(MIX, song.mix, model=None) for song in made],
    }
    melodies = [_melody(keep, song) for song in made]
    told = {way: [each.told for each in found] for way, found in ways.items()}
    told[LIBROSA] = [scores.told_by_librosa(keep.plain(song.mix)) for song in made]
    scored = {
        way: np.array([scores.scores(*of) for of in zip(made, melodies, found, strict=True)])
        for way, found in told.items()
    }
    parts = ["**Composed songs**\n\n" + gains(scores.ROWS, scored, given.model)]
    if sung:
        parts.append("**Real songs**\n\n" + _real(keep, sung, given.model))
    for way, title in ((given.model, f"{given.model} stems"), (MIX, MIX)):
        rated = [
            scores.rated(song, melody, found.report, found.pitch)
            for song, melody, found in zip(made, melodies, ways[way], strict=True)
        ]
        table = by_confidence(rated, limits(way != MIX))
        parts.append(f"**Right, by confidence: {title}**\n\n{table}")
    parts.append("**Processor time**\n\n" + _times(keep, made, ways))
    return parts


@dataclass(frozen=True)
class Keep:
    """A folder for what takes long."""

    folder: Path
    model: str

    def json(self, place: str, name: str, make: Callable[[], Any]) -> Any:
        """What a file has, which is made first where it is not there."""
        path = self.folder / place / f"{name}.json"
        if not path.exists():
            print(f"{name}: {place}", file=sys.stderr, flush=True)
            made = json.dumps(make())
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(made)
            partial.replace(path)
        return json.loads(path.read_text())

    def found(self, way: str, mix: Path, **how: Any) -> Found:
        def analysed() -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as scratch:
                started = time.process_time()
                report = unweave.analyze(mix, scratch, least=0.0, export="csv", **how)
                seconds = time.process_time() - started
                return {"report": report, "pitch": _pitch(Path(scratch)), "seconds": seconds}

        each = self.json(f"found-{REVISION}/{way}", mix.stem, analysed)
        pitch = {name: np.array(rows).reshape(-1, 3) for name, rows in each["pitch"].items()}
        return Found(each["report"], pitch, each["seconds"])

    def on_stems(self, mix: Path) -> Found:
        return self.found(self.model, mix, stems_from=self.stems(mix)[0])

    def stems(self, mix: Path) -> tuple[Path, float]:
        """The model's stems, and the processor time that they took."""
        stems = self.folder / self.model / mix.stem

        def separated() -> float:
            started = time.process_time()
            unweave.separate_file(
                mix, stems, self.model, filename_template="{stem}.{ext}", overwrite=True
            )
            return time.process_time() - started

        return stems, float(self.json(f"{self.model}-seconds", mix.stem, separated))

    def plain(self, mix: Path) -> dict[str, Any]:
        found: dict[str, Any] = self.json("librosa", mix.stem, lambda: plain.found(mix))
        return found


def _pitch(folder: Path) -> dict[str, list[list[float]]]:
    rows = next(folder.glob("*/pitch.csv")).read_text().splitlines()[1:]
    found: dict[str, list[list[float]]] = {"melody": [], "bass": []}
    for row in rows:
        name, *values = row.split(",")
        found[name].append([float(value) for value in values])
    return found


def _melody(keep: Keep, song: Song) -> np.ndarray:
    """The pitch of the voice alone where both programs agree, `(2, frame)`, NaN elsewhere."""

    def followed() -> list[list[float]]:
        path = song.stems["vocals"]
        with Reader(path) as reader:
            rate_hz = reader.info.sample_rate_hz
            contour = pitch.sung(reader.blocks(rate_hz), rate_hz)
        one = np.where(contour.confidence >= LEAST["melody"], contour.hz, 0.0)
        times = np.arange(len(one)) * contour.frame_s
        other = scores.nearest(np.array(plain.sung(path)), times)
        return [times.tolist(), one.tolist(), other.tolist()]

    times, one, other = np.array(keep.json("voices", song.name, followed))
    silent = (one == 0) & (other == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = 1200 * np.abs(np.log2(one / other))
    same = (one > 0) & (other > 0) & (apart <= scores.CENTS)
    return np.stack([times, np.where(silent, 0.0, np.where(same, one, np.nan))])


def gains(rows: Sequence[str], scored: Mapping[str, np.ndarray], model: str) -> str:
    """scored: of each way, `(song, row)`; NaN where there is none."""
    heads = ["", *(f"{way} stems" if way == model else way for way in scored), "gain", "songs"]
    lines = [line(heads), line(["---"] * len(heads))]
    for n, row in enumerate(rows):
        means = [_mean(each[:, n]) for each in scored.values()]
        change = scored[model][:, n] - scored[MIX][:, n]
        change = change[~np.isnan(change)]
        counts = f"{(change > SAME).sum()} better, {(change < -SAME).sum()} worse"
        lines.append(line([row, *means, f"{change.mean():+.2f}", f"{counts} of {len(change)}"]))
    return "\n".join(lines)


def _mean(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f"{known.mean():.2f}" if len(known) else "–"


def _real(keep: Keep, sung: Sequence[real.RealSong], model: str) -> str:
    def notes(found: Found) -> np.ndarray:
        contour = pitch.Contour(pitch.VOICE_FRAME_S, *found.pitch["melody"].T[1:])
        each = pitch.notes(contour, LEAST["melody"])
        return np.array([(e.start_s, e.end_s, e.value) for e in each]).reshape(-1, 3)

    ways = {
        model: [keep.on_stems(song.mix) for song in sung],
        MIX: [keep.found(MIX, song.mix, model=None) for song in sung],
    }
    scored = {
        way: np.array([real.scored(s, f.told, notes(f)) for s, f in zip(sung, found, strict=True)])
        for way, found in ways.items()
    }
    librosa = [scores.told_by_librosa(keep.plain(song.mix)) for song in sung]
    none = np.zeros((0, 3))
    scored[LIBROSA] = np.array([real.scored(*of, none) for of in zip(sung, librosa, strict=True)])
    scored[LIBROSA][:, 2] = np.nan
    lines = [gains(real.ROWS, scored, model), ""]
    heads = ["tempo", "by the text", f"{model} stems", "confidence", "mix", "confidence"]
    lines += [line(heads), line(["---"] * len(heads))]
    for n, song in enumerate(sung):
        cells = []
        for found in ways.values():
            tempo = found[n].report["tempo"] or {"value": 0.0, "confidence": 0.0}
            cells += [f"{tempo['value']:.1f}", f"{tempo['confidence']:.2f}"]
        lines.append(line([song.name, f"{song.bpm:.1f}", *cells]))
    return "\n".join(lines)


def limits(own_stems: bool) -> dict[str, float]:
    """The confidence below which each estimate is left out."""
    bass = {} if own_stems else {"bass": BASS_WITHOUT_STEM}
    found = {each.lane: each.limit(own_stems) for each in FINDERS}
    return {**LEAST, **bass, **found, "drum hits": found["drums"]}


def by_confidence(
    found: Sequence[Mapping[str, Sequence[Rated]]], limits: Mapping[str, float]
) -> str:
    """The share that is right in each bin, with how much of all lies there, and the shares above
    and below the limit."""
    heads = [f"{low:g} to {high:g}" for low, high in pairwise(BINS)]
    heads = ["", *heads, "limit", "told", "left out"]
    lines = [line(heads), line(["---"] * len(heads))]
    for name in dict.fromkeys(name for each in found for name in each):
        rows = np.array([row for each in found for row in each.get(name, ())], float)
        sure = rows[:, 0]
        edges = [*BINS[:-1], np.inf]
        cells = [_share(rows, (sure >= low) & (sure < high)) for low, high in pairwise(edges)]
        told = sure >= limits[name]
        cells += [f"{limits[name]:g}", _share(rows, told), _share(rows, ~told)]
        lines.append(line([name, *cells]))
    return "\n".join(lines)


def _share(rows: np.ndarray, inside: np.ndarray) -> str:
    """rows: `Rated`, `(estimate, 3)`."""
    _, right, weight = rows[inside].T
    if not weight.sum():
        return "–"
    return f"{(right * weight).sum() / weight.sum():.2f} of {weight.sum() / rows[:, 2].sum():.0%}"


def _times(keep: Keep, made: Sequence[Song], ways: Mapping[str, Sequence[Found]]) -> str:
    total_s = sum(probe(song.mix).duration_s or 0.0 for song in made)
    separated_s = sum(keep.stems(song.mix)[1] for song in made)
    rows = [(f"separating by {keep.model}", separated_s)]
    for way, each in ways.items():
        if way != TRUE:
            name = f"analysing the {'mix' if way == MIX else 'stems'}"
            rows.append((name, sum(found.seconds for found in each)))
    lines = [line(["", "for each second of sound"]), line(["---", "---"])]
    return "\n".join([*lines, *(line([name, f"{s / total_s:.2f} s"]) for name, s in rows)])


if __name__ == "__main__":
    main()
