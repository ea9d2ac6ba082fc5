"""What `unweave analyze` finds against the truth, on stems and on the mix.

    .venv/bin/python -m benchmarks.analyze.truth MIR_1K [--ultrastar FOLDER] [--plain PYTHON]

Composed songs (`songs`) with voices of the folder MIR_1K laid over. Prints three tables:

- beat and downbeat F-measure, tempo (within 4 %), weighted score of the key, raw pitch and overall
  accuracy of the melody, by mir_eval: on the stems as they were rendered, on those of a
  model, on the mix, and by librosa on the mix (`plain.py`, run by PYTHON, that of an environment
  with librosa). The melody's reference is swift-f0 on the voice before it is mixed;
- the same estimates by bins of their confidence, on the stems of the model;
- the time that an analysis takes, without the separation, as a share of the sound.

With UltraStar songs, a fourth: the tempo of their first minute, by powers of two.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
from benchmarks.analyze.songs import Song, songs

import unweave
from scripts import technique_pages
from unweave.apps.analyze import pitch
from unweave.audio.reader import Reader, probe

COUNT = 8
BINS = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0)
VOICED = 0.7  # the confidence from which on a frame of a melody is sung
SCORES = ("beats", "downbeats", "tempo", "key", "melody pitch", "melody overall")
NEAR_S = 0.07
MINUTE_S = 60.0


@dataclass(frozen=True)
class Found:
    """One analysis: its report, the pitch of the voice `(2, frame)`, time and Hz, 0 where none
    is sung, and the seconds that it took."""

    report: dict[str, Any]
    melody: np.ndarray
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("mir1k", type=Path)
    parser.add_argument("--ultrastar", type=Path, help="a folder of UltraStar songs")
    parser.add_argument("--plain", default=sys.executable, help="a Python that has librosa")
    parser.add_argument("--model", default="spleeter-2stems", help="that separates")
    parser.add_argument("--count", type=int, default=COUNT, help="how many songs")
    parser.add_argument("--keep", type=Path, help="a folder for the songs, used again")
    given = parser.parse_args(arguments)
    voices = sorted(given.mir1k.glob("train/*.flac"))
    with tempfile.TemporaryDirectory(prefix="unweave-analyze-") as scratch:
        folder = given.keep or Path(scratch)
        made = songs(folder, voices, given.count)
        out = Path(scratch)
        ways = {
            "true stems": [_analysed(s, out, stems_from=s.mix.parent / "stems") for s in made],
            f"stems of {given.model}": [_separated(s, folder, given.model, out) for s in made],
            "mix": [_analysed(s, out, model=None) for s in made],
        }
        plain = _plain(made, given.plain)
        print(_table(made, ways, plain))
        print()
        print(_by_confidence(made, ways[f"stems of {given.model}"]))
        print()
        print(_times(made, ways))
        if given.ultrastar:
            print()
            print(_tempos(given.ultrastar, Path(scratch), given.model))


def line(*cells: str) -> str:
    """A row of a table."""
    return technique_pages.line(list(cells))


def _separated(song: Song, folder: Path, model: str, scratch: Path) -> Found:
    stems = folder / model / song.name
    if not stems.exists():
        unweave.separate_file(song.mix, stems, model, filename_template="{stem}.{ext}")
        (stems / "report.json").unlink()
        (stems / "residual.wav").unlink(missing_ok=True)
    return _analysed(song, scratch, stems_from=stems)


def _analysed(song: Song, scratch: Path, **how: Any) -> Found:
    started = time.process_time()
    report = unweave.analyze(
        song.mix, scratch / "found", least=0.0, export="csv", overwrite=True, **how
    )
    seconds = time.process_time() - started
    rows = (scratch / "found" / song.mix.stem / "pitch.csv").read_text().splitlines()[1:]
    values = [row.split(",")[1:] for row in rows if row.startswith("melody,")]
    melody = np.array(values, np.float64).reshape(-1, 3)
    hz = np.where(melody[:, 2] >= VOICED, melody[:, 1], 0.0)
    return Found(report, np.stack([melody[:, 0], hz]), seconds)


def _plain(made: Sequence[Song], python: str) -> dict[str, Any]:
    script = Path(__file__).with_name("plain.py")
    words = [python, str(script), *(str(song.mix) for song in made)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _events(report: Mapping[str, Any], lane: str) -> np.ndarray:
    """Start and confidence of each, `(event, 2)`."""
    rows = next(each["events"] for each in report["lanes"] if each["lane"] == lane)
    return np.array([(start, sure) for start, _, _, sure in rows]).reshape(-1, 2)


def _reference(song: Song) -> np.ndarray:
    """The pitch of the voice alone, `(2, frame)`."""
    with Reader(song.stems["vocals"]) as reader:
        contour = pitch.sung(reader.blocks(reader.info.sample_rate_hz), reader.info.sample_rate_hz)
    hz = np.where(contour.confidence >= VOICED, contour.hz, 0.0)
    return np.stack([np.arange(len(hz)) * contour.frame_s, hz])


def _scores(song: Song, reference: np.ndarray, found: Mapping[str, Any]) -> list[float]:
    def f_measure(truth: np.ndarray, times: np.ndarray) -> float:
        return float(mir_eval.beat.f_measure(truth, np.sort(times), f_measure_threshold=NEAR_S))

    downs = found.get("downbeats")
    melody = mir_eval.melody.evaluate(*reference, *found["melody"])
    return [
        f_measure(song.beats_s, found["beats"]),
        float("nan") if downs is None else f_measure(song.downbeats_s, downs),
        float(found["tempo"] is not None and abs(found["tempo"] / song.bpm - 1) < 0.04),
        float(mir_eval.key.weighted_score(song.key, found["key"])) if found["key"] else 0.0,
        melody["Raw Pitch Accuracy"],
        melody["Overall Accuracy"],
    ]


def _told(found: Found) -> dict[str, Any]:
    tempo, key = found.report["tempo"], found.report["key"]
    return {
        "beats": _events(found.report, "beats")[:, 0],
        "downbeats": _events(found.report, "downbeats")[:, 0],
        "tempo": tempo and tempo["value"],
        "key": key and key["value"],
        "melody": found.melody,
    }


def _table(
    made: Sequence[Song], ways: Mapping[str, Sequence[Found]], plain: Mapping[str, Any]
) -> str:
    references = [_reference(song) for song in made]
    rows = {name: [_told(found) for found in each] for name, each in ways.items()}
    rows["librosa on the mix"] = [
        {**plain[str(song.mix)], "beats": np.array(plain[str(song.mix)]["beats"]),
         "melody": np.array(plain[str(song.mix)]["melody"])}
        for song in made
    ]  # fmt: skip
    lines = [line("on", *SCORES), line(*["---"] * (1 + len(SCORES)))]
    for name, each in rows.items():
        scores = [_scores(*of) for of in zip(made, references, each, strict=True)]
        means = np.mean(scores, axis=0)
        lines.append(line(name, *("" if np.isnan(mean) else f"{mean:.2f}" for mean in means)))
    return "\n".join(lines)


def _by_confidence(made: Sequence[Song], found: Sequence[Found]) -> str:
    """Share of events that are right, and how many there are, in each bin."""
    rows: dict[str, list[tuple[float, bool]]] = {"beats": [], "downbeats": [], "melody": []}
    for song, each in zip(made, found, strict=True):
        for lane, truth in (("beats", song.beats_s), ("downbeats", song.downbeats_s)):
            for at_s, sure in _events(each.report, lane):
                rows[lane].append((sure, bool(np.abs(truth - at_s).min() <= NEAR_S)))
        times, hz = _reference(song)
        lane = next(x["events"] for x in each.report["lanes"] if x["lane"] == "melody")
        for start_s, end_s, midi, sure in lane:
            inside = hz[(times >= start_s) & (times < end_s)]
            inside = inside[inside > 0]
            near = len(inside) and abs(69 + 12 * np.log2(np.median(inside) / 440) - midi) <= 1
            rows["melody"].append((sure, bool(near)))
    heads = [f"{low:g} to {high:g}" for low, high in pairwise(BINS)]
    lines = [line("right, by confidence", *heads), line(*["---"] * (1 + len(heads)))]
    for lane, pairs in rows.items():
        cells = []
        for low, high in pairwise(BINS):
            last = high == BINS[-1]
            right = [ok for sure, ok in pairs if low <= sure < high or (last and sure == high)]
            cells.append(f"{np.mean(right):.2f} of {len(right)}" if right else "")
        lines.append(line(lane, *cells))
    return "\n".join(lines)


def _times(made: Sequence[Song], ways: Mapping[str, Sequence[Found]]) -> str:
    total_s = sum(probe(song.mix).duration_s or 0.0 for song in made)
    lines = [line("analysis on", "processor time for each second of sound"), line("---", "---")]
    for name, each in ways.items():
        seconds = sum(found.seconds for found in each)
        lines.append(line(name, f"{seconds / total_s:.3f} s"))
    return "\n".join(lines)


def _tempos(folder: Path, scratch: Path, model: str) -> str:
    """The tempo of UltraStar songs: `#BPM` is a power of two times the song's."""
    from unweave.jobs.inputs import AUDIO_EXTENSIONS
    from unweave.lyrics import read

    lines = [line("song", "tempo", "truth by a power of two", "off by"), line(*["---"] * 4)]
    for text in sorted(folder.glob("*/song.txt")):
        grid = read(text).grid
        assert grid is not None
        wanted = grid.tempos[0][1]
        recording = next(p for p in text.parent.iterdir() if p.suffix in AUDIO_EXTENSIONS)
        report = unweave.analyze(
            recording, scratch / "ultrastar", model=model, end=MINUTE_S, least=0.0, export=(),
            overwrite=True,
        )  # fmt: skip
        name = text.parent.name.partition(" - ")[2]
        if report["tempo"] is None:
            lines.append(line(name, "none", "", ""))
            continue
        bpm = report["tempo"]["value"]
        truth = wanted * 2.0 ** round(np.log2(bpm / wanted))
        off = 100 * (bpm / truth - 1)
        lines.append(line(name, f"{bpm:.1f}", f"{truth:.1f}", f"{off:+.1f} %"))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
