"""Do the blind techniques stand in another order on short pieces than on songs?

    .venv/bin/python -m benchmarks.blind.lengths ../shared/data/mir-1k [--songs 20]

MIR-1K's clips are pieces of songs. Those of one song are separated twice: each by itself, and all
of them joined into one recording, in which the music has come back more often. Both times the
voice is scored on the same seconds. Printed are the medians over songs of both, and for each
technique against REPET-SIM the paired difference with its p (Wilcoxon's signed-rank test, corrected
by Holm). A song's SDR is the median over frames of one second, as in BSS Eval v4 (which needs no
filters for it); clips are mixed as loud as they come.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from unweave import catalog, datasets
from unweave.bench import statistics
from unweave.datasets.track import Track

NAMES = ("repet-sim", "ft2d", "repet", "rpca", "hpss")
Wave = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="the folder of MIR-1K")
    parser.add_argument("--songs", type=int, default=20, help="the longest so many")
    parser.add_argument("--split", default="train")
    given = parser.parse_args()
    found = songs(datasets.load("mir-1k", given.root, given.split))[: given.songs]
    seconds = [sum(clip.duration_s for clip in song) for song in found]
    print(f"{len(found)} songs of {min(seconds):.0f} to {max(seconds):.0f} s in "
          f"{sum(map(len, found))} clips; SDR of the voice, dB, median over songs")  # fmt: skip
    clips, whole = ({name: np.array([sdr(name, song, joined) for song in found]) for name in NAMES}
                    for joined in (False, True))  # fmt: skip
    print("technique,clips,joined,gained,behind repet-sim on clips,p,behind it joined,p")
    pairs = [("repet-sim", name) for name in NAMES[1:]]
    tests = [statistics.compare(clips, pairs), statistics.compare(whole, pairs)]
    for n, name in enumerate(NAMES):
        cells = [
            np.median(clips[name]),
            np.median(whole[name]),
            np.median(whole[name] - clips[name]),
        ]
        words = [f"{value:.2f}" for value in cells]
        for test in tests if n else ():
            words += [f"{test[n - 1].difference:.2f}", f"{test[n - 1].p_holm:.2g}"]
        print(",".join([name, *words]), flush=True)


def songs(clips: list[Track]) -> list[list[Track]]:
    """The clips of each song, `singer_song_clip`, the longest song first."""
    grouped = groupby(sorted(clips, key=lambda clip: clip.name), lambda clip: clip.name[:-3])
    found = [list(some) for _, some in grouped]
    return sorted(found, key=lambda some: -sum(clip.samples for clip in some))


def sdr(name: str, song: list[Track], joined: bool) -> float:
    """The median over frames of one second."""
    mixes, voices = [clip.mix() for clip in song], [clip.stem("vocals") for clip in song]
    rate_hz = song[0].sample_rate_hz
    if joined:
        guesses = np.split(voice(name, np.concatenate(mixes, axis=1), rate_hz),
                           np.cumsum([mix.shape[1] for mix in mixes])[:-1], axis=1)  # fmt: skip
    else:
        guesses = [voice(name, mix, rate_hz) for mix in mixes]
    frames = [ratios(*pair, rate_hz) for pair in zip(voices, guesses, strict=True)]
    return float(np.median(np.concatenate(frames)))


def voice(name: str, mix: Wave, rate_hz: int) -> Wave:
    """What the technique takes for the voice, `(channel, time)`; of HPSS what is percussive."""
    separator = catalog.load(name)
    which = "percussive" if name == "hpss" else "vocals"
    with torch.inference_mode():
        stems = separator(torch.from_numpy(mix)[None], rate_hz)[0]
    return stems[separator.spec.stems.index(which)].numpy()


def ratios(true: Wave, found: Wave, rate_hz: int) -> Wave:
    """The SDR of every frame of one second in which the voice sounds."""
    whole = true.shape[1] // rate_hz * rate_hz
    own, error = true[:, :whole], (found - true)[:, :whole]
    energy, wrong = (
        np.sum(wave.reshape(len(wave), -1, rate_hz).astype(np.float64) ** 2, axis=(0, 2))
        for wave in (own, error)
    )
    heard = (energy > 0) & (wrong > 0)
    return 10 * np.log10(energy[heard] / wrong[heard])


if __name__ == "__main__":
    main()
