"""Other programs that take noise away, and measures of quality: arrays in, arrays out.

    benchmarks/restore/.venv/bin/python peers.py restore|score IN.npz OUT.npz

`compare.py` runs it. What is not installed is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import gcd

import noisereduce
import numpy as np
from scipy.signal import resample_poly

Arrays = dict[str, np.ndarray]


def resampled(wave: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    part = gcd(from_hz, to_hz)
    return resample_poly(wave, to_hz // part, from_hz // part).astype(np.float32)


def grouped(given: Arrays) -> Iterator[tuple[str, int, bool, Arrays]]:
    """Number, rate, whether it is speech, arrays by name."""
    groups: dict[tuple[str, str, str], Arrays] = {}
    for key, wave in given.items():
        number, rate_hz, kind, name = key.split("/")
        groups.setdefault((number, rate_hz, kind), {})[name] = wave
    for (number, rate_hz, kind), waves in groups.items():
        yield number, int(rate_hz), kind == "speech", waves


def rnnoise(wave: np.ndarray, rate_hz: int) -> np.ndarray | None:
    try:
        from pyrnnoise import RNNoise
    except ImportError:
        return None
    high = resampled(wave, rate_hz, 48000)
    program = RNNoise(sample_rate=48000)
    frames = [frame for _, frame in program.denoise_chunk(np.round(high * 32767).astype(np.int16))]
    found = np.concatenate(frames, axis=-1).reshape(-1).astype(np.float32) / 32767
    low = resampled(found, 48000, rate_hz)
    return aligned(np.pad(low, (0, max(0, len(wave) - len(low))))[: len(wave)], wave)


def aligned(found: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Without the delay of the program: by the highest correlation with what it was given."""
    size = 1 << (2 * len(wave)).bit_length()
    products = np.fft.rfft(found, size) * np.conj(np.fft.rfft(wave, size))
    late = int(np.argmax(np.fft.irfft(products, size)[: len(wave) // 10]))
    return np.pad(found[late:], (0, late))


def restore(given: Arrays) -> Arrays:
    out = {}
    for number, rate_hz, speech, waves in grouped(given):
        mix, noise = waves["mix"], waves["noise"]
        out[f"{number}/noisereduce"] = noisereduce.reduce_noise(
            y=mix, sr=rate_hz, stationary=True, y_noise=noise
        )
        out[f"{number}/noisereduce default"] = noisereduce.reduce_noise(y=mix, sr=rate_hz)
        found = rnnoise(mix, rate_hz) if speech else None
        if found is not None:
            out[f"{number}/RNNoise"] = found
    return {name: np.asarray(wave, np.float32) for name, wave in out.items()}


def score(given: Arrays) -> Arrays:
    out = {}
    for number, rate_hz, speech, waves in grouped(given):
        clean = waves.pop("clean")
        for name, wave in waves.items():
            for measure, value in scores(clean, wave, rate_hz, speech).items():
                out[f"{number}/{name}/{measure}"] = np.float64(value)
    return out


def scores(clean: np.ndarray, wave: np.ndarray, rate_hz: int, speech: bool) -> dict[str, float]:
    found = {}
    if speech:
        try:
            from pesq import pesq

            low = (resampled(each, rate_hz, 16000) for each in (clean, wave))
            found["PESQ"] = pesq(16000, *low, "wb")
        except ImportError:
            pass
    try:
        found["ViSQOL"] = visqol(clean, wave, rate_hz, speech)
    except ImportError:
        pass
    return found


def visqol(clean: np.ndarray, wave: np.ndarray, rate_hz: int, speech: bool) -> float:
    from visqol import VisqolApi

    rate = 16000 if speech else 48000
    api = VisqolApi()
    api.create(mode="speech" if speech else "audio")
    both = (resampled(each, rate_hz, rate).astype(np.float64) for each in (clean, wave))
    return float(api.measure_from_arrays(*both, sample_rate=rate).moslqo)


def main() -> None:
    task, source, target = sys.argv[1:]
    with np.load(source) as given:
        found = {"restore": restore, "score": score}[task](dict(given))
    np.savez(target, **found)


if __name__ == "__main__":
    main()
