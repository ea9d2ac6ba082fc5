"""Are the blind techniques further apart on whole songs, as in SiSEC 2018, than on pieces?

    apt-get download fretsonfire-songs-muldjord fretsonfire-songs-sectoid  # then dpkg -x FILE SONGS
    .venv/bin/python -m benchmarks.blind.songs SONGS data/mir-1k

No whole song with its voice apart is at hand, so voices of MIR-1K, clip after clip with rests, are
laid in the middle of whole instrumental songs, as loud against them as in MUSDB18's excerpts. Each
mix is separated twice: whole, and in pieces of seven seconds, which are joined again. Both are
scored alike, over the whole song: BSS Eval v4, medians over frames of one second. Printed are
medians over songs of the voice's SDR, ISR, SIR and SAR, and how far its SDR is behind REPET-SIM.
"""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly
from scripts.technique_pages import line

from unweave import datasets, registry
from unweave.evaluation import metrics
from unweave.evaluation.rounding import rounded

NAMES = ("repet-sim", "ft2d", "repet", "rpca", "hpss")
RATE_HZ, PIECE_S, REST_S = 44_100, 7, 3
VOICE_DB = -4.5  # against the accompaniment: the median over MUSDB18's excerpts and their seconds
COLUMNS = ["technique", "of", "SDR", "ISR", "SIR", "SAR", "below repet-sim"]
Wave = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("songs", type=Path, help="a folder with song.ogg and guitar.ogg somewhere")
    parser.add_argument("voices", type=Path, help="the folder of MIR-1K")
    parser.add_argument("--every", type=int, default=1, help="take each so-many-th song")
    given = parser.parse_args()
    singers = voices(given.voices)
    found: dict[tuple[str, str], list[list[float]]] = {}
    folders = sorted(path.parent for path in given.songs.rglob("guitar.ogg"))[:: given.every]
    for number, folder in enumerate(folders):
        music = accompaniment(folder)
        voice = laid(singers[number % len(singers)], music)
        # The songs are Ogg Vorbis: 16-bit samples, as the benchmark scores lossy references.
        truth, cache = rounded(np.stack([voice, music]), 16), metrics.ReferenceCache()
        print(f"{folder.name}, {music.shape[1] / RATE_HZ:.0f} s", file=sys.stderr, flush=True)
        for name in NAMES:
            for how, pieces in (("whole", [voice + music]), ("pieces", cut(voice + music))):
                guess = np.concatenate([separated(name, piece) for piece in pieces], axis=-1)
                guess = rounded(guess, 16)
                frames = metrics.bss_eval_v4(truth, guess, window=RATE_HZ, hop=RATE_HZ, cache=cache)
                ratios = (frames.sdr, frames.isr, frames.sir, frames.sar)
                scores = [float(np.nanmedian(ratio[0])) for ratio in ratios]
                found.setdefault((name, how), []).append(scores)
                print(name, how, *(f"{x:.2f}" for x in scores), file=sys.stderr, flush=True)
    rows = []
    for (name, how), scores in found.items():
        behind = np.array(found["repet-sim", how])[:, 0] - np.array(scores)[:, 0]
        cells = [*np.median(scores, axis=0), np.median(behind)]
        rows.append([name, how, *(f"{cell:.2f}" for cell in cells)])
    print(*map(line, [COLUMNS, ["---"] * len(COLUMNS), *rows]), sep="\n")


def voices(root: Path) -> list[Wave]:
    """One long voice for each singer of the training clips: `(time,)`, with rests between clips."""
    clips = sorted(datasets.load("mir-1k", root, "train"), key=lambda clip: clip.name)
    rest = np.zeros(REST_S * RATE_HZ, np.float32)
    found = []
    for _, song in groupby(clips, lambda clip: clip.name.rpartition("_")[0]):
        sung = [resample_poly(clip.stem("vocals")[0], 441, 160).astype(np.float32) for clip in song]
        found.append(np.concatenate([part for wave in sung for part in (wave, rest)]))
    return sorted(found, key=len, reverse=True)


def accompaniment(folder: Path) -> Wave:
    """All that plays, `(2, time)`."""
    parts = [soundfile.read(folder / name, dtype="float32", always_2d=True)[0].T
             for name in ("song.ogg", "guitar.ogg")]  # fmt: skip
    samples = min(part.shape[1] for part in parts)
    return sum(part[:, :samples] for part in parts)


def laid(voice: Wave, music: Wave) -> Wave:
    """The voice, again and again, as long as the music, `(2, time)`, VOICE_DB against it."""
    voice = np.resize(voice, music.shape[1])
    sung = np.abs(voice) > 1e-3
    level = np.sqrt(np.mean(music[:, sung] ** 2) / np.mean(voice[sung] ** 2))
    return np.stack([voice, voice]) * np.float32(level * 10 ** (VOICE_DB / 20))


def cut(mix: Wave) -> list[Wave]:
    """Pieces of PIECE_S; the last one takes the rest with it."""
    count = max(mix.shape[1] // (PIECE_S * RATE_HZ), 1)
    return np.split(mix, np.arange(1, count) * PIECE_S * RATE_HZ, axis=1)


def separated(name: str, mix: Wave) -> Wave:
    """Voice and accompaniment, `(2, 2, time)`; of HPSS what is percussive and what is harmonic."""
    separator = registry.load(name)
    wanted = ("percussive", "harmonic") if name == "hpss" else ("vocals", "accompaniment")
    with torch.inference_mode():
        stems = separator(torch.from_numpy(mix)[None], RATE_HZ)[0]
    return stems[[separator.spec.stems.index(stem) for stem in wanted]].numpy()


if __name__ == "__main__":
    main()
