"""What spectral subtraction gains, rule by rule: white noise and babble on speech and music.

    .venv/bin/python -m benchmarks.noise [--data data] [--noise estimated | given | alone]

Prints a table in Markdown, with the noise estimated (minimum statistics) or given as a recording of
its own: the segmental SNR and the SI-SDR of the `signal` stem minus those of the mix, means over
the recordings of a kind. Speech and babble are synthesised; with the data at hand singing (MIR-1K)
and songs come in as well. `--noise alone` prints what is left of white noise by itself. Everything
is seeded: the same values every time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from scripts.technique_pages import line
from tests.separators.voices import at_snr, babble, melody, talker

import unweave
from unweave.audio.reader import Reader
from unweave.engine.run import separate_array
from unweave.request import Execution
from unweave.types import Audio

RULES: dict[str, dict[str, object]] = {
    "plain": {"rule": "boll", "average_frames": 1, "residual_reduction": False},
    "boll": {"rule": "boll"},
    "berouti": {"rule": "berouti"},
    "wiener": {"rule": "wiener"},
    "log-mmse": {"rule": "log-mmse"},
}
SNRS_DB = (0, 5, 10)
CPU = Execution(device="cpu")
Wave = np.ndarray


def segmental_snr_db(reference: Wave, estimate: Wave, rate_hz: int, frame_s: float = 0.03) -> float:
    """The mean over frames of the SNR, each cut to -10 ... 35 dB, where the reference sounds."""
    size = int(frame_s * rate_hz)
    count = len(reference) // size * size
    signal = np.sum(reference[:count].reshape(-1, size) ** 2, axis=1, dtype=np.float64)
    wrong = np.sum((reference - estimate)[:count].reshape(-1, size) ** 2, axis=1, dtype=np.float64)
    active = signal > 1e-4 * signal.mean()
    ratio_db = 10 * np.log10(signal[active] / np.maximum(wrong[active], 1e-12))
    return float(np.clip(ratio_db, -10, 35).mean())


def si_sdr_db(reference: Wave, estimate: Wave) -> float:
    reference, estimate = reference.astype(np.float64), estimate.astype(np.float64)
    target = reference * (reference @ estimate) / (reference @ reference)
    return float(10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2)))


def recordings(data: Path | None, seconds: float) -> Iterator[tuple[str, int, Wave]]:
    """Kind, rate, wave `(time,)`."""
    for seed in (1, 2):
        yield "speech, synthetic", 16000, talker(int(seconds * 16000), 16000, seed)
        yield "music, synthetic", 44100, melody(int(seconds * 44100), 44100, seed)
    if data is None:
        return
    for part in (0, 60):
        clips = sorted((data / "mir-1k" / "train").glob("*.flac"))[part:]
        voices = [whole(path)[1][1] for path in islice(clips, 0, 50, 10)]
        yield "singing, MIR-1K", 16000, np.concatenate(voices)[: int(seconds * 16000)]
    for path in sorted((data / "songs").glob("*.ogg")):
        rate_hz, wave = whole(path)
        start = wave.shape[1] // 3
        yield "songs", rate_hz, wave[0, start : start + int(seconds * rate_hz)]


def warn(words: str) -> None:
    print(words, file=sys.stderr)


def whole(path: Path) -> tuple[int, Wave]:
    with Reader(path) as reader:
        rate_hz = reader.info.sample_rate_hz
        return rate_hz, np.concatenate(list(reader.blocks(rate_hz)), axis=1)


def noises(length: int, rate_hz: int, seed: int) -> dict[str, Wave]:
    white = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    return {"white": white, "babble": babble(length, rate_hz, seed)}


def gains(mix: Wave, clean: Wave, rate_hz: int, **options: object) -> tuple[float, float]:
    """Segmental SNR and SI-SDR of the signal minus those of the mix, in dB."""
    separator = unweave.load("spectral-subtraction", **options)
    found = separate_array(separator, mix[None], rate_hz, execution=CPU, warn=warn)["signal"][0]
    return (
        segmental_snr_db(clean, found, rate_hz) - segmental_snr_db(clean, mix, rate_hz),
        si_sdr_db(clean, found) - si_sdr_db(clean, mix),
    )


def measure(data: Path | None, seconds: float, given: bool) -> dict[tuple, list]:
    found: dict[tuple, list] = {}
    for kind, rate_hz, clean in recordings(data, seconds):
        alone = noises(len(clean), rate_hz, seed=7)
        for name, noise in noises(len(clean), rate_hz, seed=3).items():
            for snr_db in SNRS_DB:
                mix = clean + at_snr(clean, noise, snr_db)
                options = {}
                if given:
                    wave = at_snr(clean, alone[name], snr_db)[None]
                    options["noise"] = Audio(wave, rate_hz, f"{name} noise")
                for rule, settings in RULES.items():
                    gain = gains(mix, clean, rate_hz, **settings, **options)
                    found.setdefault((kind, name, snr_db, rule), []).append(gain)
    return found


COLUMNS = ["technique", "recording", "noise", "SNR (dB)", *RULES]


def rows(found: dict[tuple, list]) -> list[list[str]]:
    """By kind, noise and SNR, then the means over them: `segmental SNR / SI-SDR` of each rule."""
    places = list(dict.fromkeys(key[:3] for key in found))
    groups = [(place, [place]) for place in places]
    groups += [(("all", noise, "all"), [p for p in places if p[1] == noise])
               for noise in ("white", "babble")]  # fmt: skip
    groups.append((("all", "all", "all"), places))
    lines = []
    for words, keys in groups:
        cells = []
        for rule in RULES:
            means = np.mean([pair for key in keys for pair in found[*key, rule]], axis=0)
            cells.append(f"{means[0]:+.2f} / {means[1]:+.2f}")
        lines.append(["spectral-subtraction", *map(str, words), *cells])
    return lines


def musical() -> str:
    """What the rules leave of white noise alone: how much, and how much it flickers."""
    noise = np.random.default_rng(1).standard_normal(8 * 44100).astype(np.float32) * 0.05
    lines = ["| rule | noise left (dB) | flicker |", "|---|--:|--:|"]
    for rule, settings in RULES.items():
        separator = unweave.load("spectral-subtraction", **settings)
        left = separate_array(separator, noise[None], 44100, execution=CPU, warn=warn)["signal"][0]
        level_db = 10 * np.log10(np.mean(left**2) / np.mean(noise**2))
        lines.append(f"| {rule} | {level_db:.1f} | {flicker(left):.1f} |")
    return "\n".join(lines)


def flicker(wave: Wave, size: int = 2048, hop: int = 512) -> float:
    """Mean squared power over squared mean power of a spectrogram; of Gaussian noise it is 2."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames)[:, 20:-20]) ** 2
    return float(np.mean(power**2) / np.mean(power) ** 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--noise", choices=("estimated", "given", "alone"), default="estimated")
    arguments = parser.parse_args()
    if arguments.noise == "alone":
        print(musical())
        return
    data = arguments.data if arguments.data.is_dir() else None
    if data is None:
        print("without singing and songs: there is no data", file=sys.stderr)
    found = rows(measure(data, arguments.seconds, arguments.noise == "given"))
    print(*map(line, [COLUMNS, ["---"] * len(COLUMNS), *found]), sep="\n")


if __name__ == "__main__":
    main()
