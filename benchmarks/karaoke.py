"""How exactly `unweave karaoke` changes key and tempo, measured on recordings.

    .venv/bin/python benchmarks/karaoke.py SONG... [--seconds 20]

The beginning of each song becomes a track as it is and tracks that are changed, with REPET, which
needs no weights. Key: the lag in cents between the spectra of both on a logarithmic axis, where
their cross-correlation is highest. Tempo: the onsets of short pieces of the track are laid over
those of the unchanged one; how the lag grows with time is the error of the tempo.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.signal import stft, welch
from scipy.stats import theilslopes

import unweave
from unweave.audio.reader import Reader, probe

CASES = ((-3.0, 1.0), (2.0, 1.0), (0.0, 0.8), (0.0, 1.25), (-5.0, 0.9), (0.5, 1.1))
LOWEST_HZ, HIGHEST_HZ = 150.0, 4000.0
WINDOW_S = 1.5  # of a spectrum
MOST_CENTS = 60  # of an error
HOP_S = 0.004  # of onsets
PIECE_S, STEP_S, MOST_S = 4.0, 1.0, 0.1

Vector = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    print("| song | key | tempo | key is off by | tempo is off by | samples |\n" + "|---" * 6 + "|")
    with tempfile.TemporaryDirectory() as name:
        for song in given.songs:
            for line in measured(song, given.seconds, Path(name)):
                print(line, flush=True)


def measured(song: Path, seconds: float, folder: Path) -> list[str]:
    """A line of the table for each case."""

    length_s = probe(song).duration_s
    end = seconds if length_s is None or length_s > seconds else None

    def track(key: float, tempo: float) -> tuple[Vector, int]:
        out = folder / f"{key} {tempo}"
        unweave.karaoke(
            song, out, "repet", key=key, tempo=tempo, end=end, stems_dir=folder / "voices"
        )
        with Reader(out / song.stem / "backing.wav") as reader:
            wave = np.concatenate(list(reader.blocks(1 << 16)), axis=1)
            return wave.mean(0).astype(np.float64), reader.info.sample_rate_hz

    plain, rate_hz = track(0.0, 1.0)
    lines = []
    for key, tempo in CASES:
        wave, _ = track(key, tempo)
        cents = key_of(plain, wave, rate_hz, key) - 100 * key
        share = tempo_error(plain, wave, rate_hz, tempo)
        right = "as said" if wave.size == round(plain.size / tempo) else "other"
        lines.append(
            f"| {song.stem[:24]} | {key:+g} | {tempo:g} "
            f"| {cents:+.1f} cents | {100 * share:+.3f} % | {right} |"
        )
    return lines


def key_of(plain: Vector, wave: Vector, rate_hz: int, near: float) -> float:
    """How many cents `wave` is higher than `plain`; near: about so many semitones."""
    count = round(1200 * math.log2(HIGHEST_HZ / LOWEST_HZ))
    at = LOWEST_HZ * 2 ** (np.arange(-MOST_CENTS, count + MOST_CENTS) / 1200)
    before = _spectrum(plain, rate_hz, at[MOST_CENTS:-MOST_CENTS])
    after = _spectrum(wave, rate_hz, at * 2 ** (near / 12))
    found = np.correlate(after, before, "valid")
    return 100 * near + _top(found) - MOST_CENTS


def _spectrum(wave: Vector, rate_hz: int, at_hz: Vector) -> Vector:
    """Levels at frequencies, without their slope; lines stand out."""
    size = round(WINDOW_S * rate_hz)
    hz, power = welch(wave, rate_hz, nperseg=size, nfft=4 * size, noverlap=3 * size // 4)
    level = CubicSpline(hz, np.log10(power + 1e-12 * power.max()))(at_hz)
    return np.asarray(level - gaussian_filter1d(level, 100))


def tempo_error(plain: Vector, wave: Vector, rate_hz: int, tempo: float) -> float:
    """The share by which `wave` is too slow for that tempo."""
    before, after = _onsets(plain, rate_hz), _onsets(wave, rate_hz)
    place = np.arange(before.size)
    after = np.interp(place / tempo, np.arange(after.size), after)
    size, most = round(PIECE_S / HOP_S), round(MOST_S / HOP_S)
    starts = range(most, before.size - size - most, round(STEP_S / HOP_S))
    lags = []
    for start in starts:
        piece = before[start : start + size] - before[start : start + size].mean()
        near = after[start - most : start + size + most]
        lags.append(_top(np.correlate(near - near.mean(), piece, "valid")) - most)
    return float(theilslopes(lags, np.array(starts))[0])


def _onsets(wave: Vector, rate_hz: int) -> Vector:
    """How much the sound rises, every `HOP_S` seconds."""
    hop = round(HOP_S * rate_hz)
    _, _, found = stft(wave, rate_hz, nperseg=6 * hop, noverlap=5 * hop)
    level = np.log10(np.abs(found) + 1e-3 * np.abs(found).max())
    return np.maximum(np.diff(level, axis=1), 0).sum(0)


def _top(values: Vector) -> float:
    """Where the highest value is, between the places too."""
    n = int(np.clip(np.argmax(values), 1, values.size - 2))
    left, top, right = values[n - 1 : n + 2]
    return n + (left - right) / (2 * (left - 2 * top + right))


if __name__ == "__main__":
    main()
