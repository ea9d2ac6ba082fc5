"""Other programs that take noise away, and measures of quality: arrays in, arrays out.

    benchmarks/restore/.venv/bin/python peers.py ABOUT IN.npz OUT.npz

`compare.py` runs it. ABOUT: JSON with `rate_hz`, `alone` (the samples of each wave that are noise
by itself), `speech`, and `cases`: by name, the programs that ViSQOL judges. IN has `clean`, which
is what should come behind the noise, for each case `CASE/wave`, and what unweave made of it as
`CASE/PROGRAM`. OUT has what the other programs made, named alike; the last line printed has the
scores by case, program and measure.
"""

from __future__ import annotations

import json
import sys
from math import gcd

import noisereduce
import numpy as np
from scipy.signal import resample_poly

Arrays = dict[str, np.ndarray]


def resampled(wave: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    part = gcd(from_hz, to_hz)
    return resample_poly(wave, to_hz // part, from_hz // part).astype(np.float32)


def made(wave: np.ndarray, rate_hz: int, alone: int, speech: bool) -> Arrays:
    """What each program makes of a wave."""
    found = {"default": noisereduce.reduce_noise(y=wave, sr=rate_hz)}
    if alone:
        found["noisereduce"] = noisereduce.reduce_noise(
            y=wave, sr=rate_hz, stationary=True, y_noise=wave[:alone]
        )
    if alone and speech:
        found["RNNoise"] = rnnoise(wave, rate_hz)
    return {name: np.asarray(each[alone:], np.float32) for name, each in found.items()}


def rnnoise(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    from pyrnnoise import RNNoise

    high = resampled(wave, rate_hz, 48000)
    program = RNNoise(sample_rate=48000)
    pcm = np.round(np.clip(high, -1, 1) * 32767).astype(np.int16)
    frames = [frame for _, frame in program.denoise_chunk(pcm, partial=True)]
    found = np.concatenate(frames, axis=-1).reshape(-1).astype(np.float32) / 32767
    low = resampled(found, 48000, rate_hz)
    return aligned(np.pad(low, (0, max(0, len(wave) - len(low))))[: len(wave)], wave)


def aligned(found: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Without the delay of the program: by the highest correlation with what it was given."""
    size = 1 << (2 * len(wave)).bit_length()
    products = np.fft.rfft(found, size) * np.conj(np.fft.rfft(wave, size))
    late = int(np.argmax(np.fft.irfft(products, size)[: len(wave) // 10]))
    return np.pad(found[late:], (0, late))


def pesq_of(clean: np.ndarray, wave: np.ndarray, rate_hz: int) -> float:
    from pesq import pesq

    low = (resampled(each, rate_hz, 16000) for each in (clean, wave))
    return float(pesq(16000, *low, "wb"))


def visqol_of(clean: np.ndarray, wave: np.ndarray, rate_hz: int, speech: bool) -> float:
    from visqol import VisqolApi

    rate = 16000 if speech else 48000
    api = VisqolApi()
    api.create(mode="speech" if speech else "audio")
    both = (resampled(each, rate_hz, rate).astype(np.float64) for each in (clean, wave))
    return float(api.measure_from_arrays(*both, sample_rate=rate).moslqo)


def main() -> None:
    about = json.loads(sys.argv[1])
    rate_hz, speech = about["rate_hz"], about["speech"]
    with np.load(sys.argv[2]) as given:
        waves = dict(given)
    clean = waves.pop("clean")
    out, scores = {}, {}
    for case, judged in about["cases"].items():
        found = made(waves.pop(f"{case}/wave"), rate_hz, about["alone"], speech)
        out |= {f"{case}/{name}": wave for name, wave in found.items()}
        mine = {key: wave for key, wave in waves.items() if key.startswith(f"{case}/")}
        every = found | {key.removeprefix(f"{case}/"): wave for key, wave in mine.items()}
        scores[case] = {name: {} for name in every}
        for name, wave in every.items():
            if speech:
                scores[case][name]["PESQ"] = pesq_of(clean, wave, rate_hz)
            if name in judged:
                scores[case][name]["ViSQOL"] = visqol_of(clean, wave, rate_hz, speech)
    np.savez(sys.argv[3], **out)
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
