"""unweave's blind baselines against librosa and nussl: the same results, and in what time.

    benchmarks/blind/install.sh
    benchmarks/blind/.venv/bin/python benchmarks/blind/compare.py DATA SONG [--repeat 5]

DATA is the folder of MUSDB18's excerpts, SONG a stereo recording. Ours and theirs are run in
turn in one process, so that a machine that drifts drifts for both; times are medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from peers import librosa_background, nussl_vocals

from unweave import datasets
from unweave.datasets.track import Track
from unweave.evaluation import metrics
from unweave.evaluation.rounding import rounded
from unweave.separators import hpss
from unweave.separators._shared.foreground import Grid
from unweave.separators.ft2d import Ft2d
from unweave.separators.repet import Repet
from unweave.separators.repet_sim import RepetSim
from unweave.separators.rpca import Rpca
from unweave.types import Separator

# Ours set to nussl's defaults, but that both end RPCA at 1e-4: its own 1e-7 takes minutes for
# seconds of sound.
PAIRS: dict[str, Separator] = {
    "Repet": Repet(window="sqrt-hann"),
    "RepetSim": RepetSim(window="sqrt-hann", distance_s=1.0),
    "FT2D": Ft2d(window="sqrt-hann"),
    "RPCA": Rpca(window="sqrt-hann", mask="binary", tolerance=1e-4),
}
THEIRS: dict[str, dict[str, float]] = {"RPCA": {"epsilon": 1e-4}}


def call(separator: Separator, mix: np.ndarray, rate_hz: int) -> np.ndarray:
    with torch.inference_mode():
        return separator(torch.from_numpy(mix)[None], rate_hz)[0].numpy()


def alternate(
    repeat: int, ours: Callable[[], object], theirs: Callable[[], object]
) -> tuple[float, float]:
    """Median seconds of both, run in turn; the first run of each warms up."""
    times: tuple[list[float], list[float]] = [], []
    for turn in range(repeat + 1):
        for kept, run in zip(times, (ours, theirs), strict=True):
            start = time.perf_counter()
            run()
            if turn:
                kept.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def line(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def row(technique: str, work: str, peer: str, seconds: tuple[float, float]) -> None:
    ours, theirs = seconds
    line(
        [technique, work, peer, f"{ours * 1e3:.1f}", f"{theirs * 1e3:.1f}", f"{theirs / ours:.1f}"]
    )


def ratio_db(want: np.ndarray, got: np.ndarray) -> float:
    want, error = want.astype(np.float64), want.astype(np.float64) - got
    return 10 * np.log10(np.square(want).sum() / np.square(error).sum())


def for_librosa(song: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """60 s of mono at 22.05 kHz, and its magnitudes."""
    wave = librosa.resample(song.mean(0), orig_sr=44100, target_sr=22050)[: 22050 * 60 // 512 * 512]
    return wave, np.abs(librosa.stft(wave))


def against_librosa(song: np.ndarray) -> None:
    """How near our HPSS is to librosa's, at librosa's defaults."""
    wave, magnitudes = for_librosa(song)
    tensor = torch.from_numpy(magnitudes)
    print(f"HPSS against librosa {librosa.__version__}, {len(wave) / 22050:.0f} s mono at 22050 Hz")
    for margin in (1.0, 3.0):
        want = librosa.decompose.hpss(magnitudes, mask=True, margin=margin)
        first, second = hpss.masks(tensor, 31, 31, margin=margin)
        got = first.numpy(), (1 - first if second is None else second).numpy()
        errors = [float(np.abs(g - w).max()) for g, w in zip(got, want, strict=True)]
        print(f"  masks, margin {margin:g}: largest difference {max(errors):.1e}")
    want = librosa.effects.hpss(wave)
    got = call(hpss.Hpss(), wave[None], 22050)[:, 0]
    agreement = [f"{ratio_db(w, g):.0f} dB" for w, g in zip(want, got, strict=True)]
    print(f"  waves: {', '.join(agreement)}")


def scores(track: Track, vocals: np.ndarray) -> np.ndarray:
    """Medians over the frames of the vocals' SDR, SIR and SAR, BSS Eval v4, of 16-bit samples: the
    excerpts are AAC."""
    truth = rounded(np.stack([track.stem("vocals"), track.stem("accompaniment")]), 16)
    guess = rounded(np.stack([vocals, track.mix() - vocals]), 16)
    rate = track.sample_rate_hz
    found = metrics.bss_eval_v4(truth, guess, window=rate, hop=rate)
    return np.array([np.nanmedian(x[0]) for x in (found.sdr, found.sir, found.sar)])


def against_nussl(data: Path) -> None:
    tracks = datasets.load("musdb18", data, "train")[::9][:10]
    line(["technique", "SDR", "nussl's SDR", "difference, at most"])
    line(["---"] * 4)
    for name, separator in PAIRS.items():
        rows = []
        for track in tracks:
            mix, rate = track.mix(), track.sample_rate_hz
            ours = call(separator, mix, rate)[0]
            theirs = nussl_vocals(name, mix, rate, **THEIRS.get(name, {}))
            rows.append((scores(track, ours), scores(track, theirs)))
        table = np.array(rows)  # (track, whose, metric)
        medians = np.median(table, axis=0)
        apart = np.abs(table[:, 0] - table[:, 1]).max(0)
        line([separator.spec.name, *(f"{x[0]:.2f}" for x in (*medians, apart))])
        print(f"{name}: SDR, SIR, SAR {medians[0].round(2)}, nussl {medians[1].round(2)}; apart "
              f"by {apart.round(2)}", file=sys.stderr)  # fmt: skip


def speed(song: np.ndarray, seconds: int, repeat: int) -> None:
    """HPSS on 60 s of mono at 22.05 kHz, the others on `seconds` of stereo at 44.1 kHz."""
    line(["technique", "work", "peer", "unweave (ms)", "peer (ms)", "times as fast"])
    line(["---"] * 6)
    wave, magnitudes = for_librosa(song)
    tensor = torch.from_numpy(magnitudes)
    with torch.inference_mode():
        times = alternate(
            repeat,
            lambda: hpss.masks(tensor, 31, 31),
            lambda: librosa.decompose.hpss(magnitudes, mask=True),
        )
    row("hpss", "masks of a spectrogram", "librosa decompose.hpss", times)
    times = alternate(
        repeat,
        lambda: call(hpss.Hpss(), wave[None], 22050),
        lambda: librosa.effects.hpss(wave),
    )
    row("hpss", "waves", "librosa effects.hpss", times)
    mix = song[:, : seconds * 44100]
    for name, separator in PAIRS.items():
        times = alternate(
            repeat,
            lambda separator=separator: call(separator, mix, 44100),
            lambda name=name: nussl_vocals(name, mix, 44100, **THEIRS.get(name, {})),
        )
        row(separator.spec.name, "waves", f"nussl {name}", times)
    mono = np.abs(librosa.stft(mix.mean(0), n_fft=2048, hop_length=512))
    grid = Grid(2048, 512, 44100)
    near, frames = RepetSim(distance_s=1 / 86.0), torch.from_numpy(mono)[None]
    with torch.inference_mode():
        times = alternate(
            repeat,
            lambda: near.background(frames, grid),
            lambda: librosa_background(mono, 1),
        )
    row("repet-sim", "the background of a spectrogram", "librosa nn_filter", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("song", type=Path)
    parser.add_argument("--only", choices=("librosa", "scores", "speed"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    song = soundfile.read(options.song, dtype="float32", always_2d=True)[0].T
    if options.only in (None, "librosa"):
        against_librosa(song)
    if options.only in (None, "scores"):
        against_nussl(options.data)
    if options.only in (None, "speed"):
        speed(song, options.seconds, options.repeat)


if __name__ == "__main__":
    main()
