"""Records what the peers find in small mixtures, for `tests/separators/`, and the echoes of a room.

    benchmarks/ica/.venv/bin/python -m benchmarks.ica.record

(a person runs this; the tests only read) Writes `tests/data/ica/*.npz`: the mixtures, where each
peer began, what it found, and `room.npz`, the impulse responses `(microphone, source, time)` of a
room of 6 x 5 x 3 m with echoes of 0.12 s, two talkers and two microphones, at 16 kHz.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.ica import peers

TARGET = Path(__file__).resolve().parents[2] / "tests" / "data" / "ica"
ROUNDS = 30


def instantaneous(sources: int) -> dict[str, np.ndarray]:
    """A mixture by levels, a start, and what scikit-learn finds with each contrast and order."""
    rng = np.random.default_rng(sources)
    waves = rng.laplace(size=(sources, 4000)) * np.repeat(rng.random((sources, 100)), 40, axis=1)
    mix = (rng.normal(size=(sources, sources)) @ waves + 0.1).astype(np.float32)
    start = rng.normal(size=(sources, sources))
    out = {"mix": mix, "start": start}
    for contrast in ("logcosh", "exp", "cube"):
        for algorithm in ("parallel", "deflation"):
            out[f"{contrast} {algorithm}"] = peers.fastica(
                mix.astype(float),
                start,
                fun=contrast,
                algorithm=algorithm,
                tol=1e-10,
                max_iter=1000,
            )
    return out


def convolutive(channels: int, bins: int, frames: int, sources: int = 2) -> np.ndarray:
    """Spectra `(channel, frequency, frame)` of sources mixed by a matrix for each frequency."""
    rng = np.random.default_rng([channels, sources])

    def noise(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    loudness = (0.1 + rng.random((sources, 1, frames)) ** 2) * rng.random((sources, bins, 1))
    mixing = noise(bins, channels, sources)
    mix = np.einsum("fcs,sft->cft", mixing, noise(sources, bins, frames) * loudness)
    mix += 0.001 * noise(channels, bins, frames)
    return (mix / np.sqrt(np.mean(np.abs(mix) ** 2, (1, 2), keepdims=True))).astype(np.complex64)


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for sources in (2, 3):
        np.savez(TARGET / f"fastica-{sources}.npz", **instantaneous(sources))
    for channels, bins, frames in ((2, 33, 60), (3, 17, 150)):
        mix = convolutive(channels, bins, frames)
        double = mix.astype(np.complex128)
        found = {"mix": mix}
        for model in ("laplace", "gauss"):
            found[f"pyroomacoustics {model}"] = peers.pra_auxiva(
                double, ROUNDS, model=model, n_src=2
            )
        if channels == 2:
            found["ssspy laplace pair"] = peers.ssspy_auxiva(double, ROUNDS, "laplace", "IP2")
            rng = np.random.default_rng(7)
            spectra = rng.uniform(0.1, 1, (2, mix.shape[1], 3)).astype(np.float32)
            activations = rng.uniform(0.1, 1, (2, 3, mix.shape[2])).astype(np.float32)
            found |= {"spectra": spectra, "activations": activations}
            found["pyroomacoustics ilrma"] = peers.pra_ilrma(double, ROUNDS, spectra, activations)
        np.savez(
            TARGET / f"convolutive-{channels}.npz",
            **{k: v.astype(np.complex64) if np.iscomplexobj(v) else v for k, v in found.items()},
        )
    click = np.zeros((2, 2, 2048))
    click[0, 0, 0] = click[1, 1, 0] = 1.0
    images = np.stack([peers.images(sources, 0.12)[n] for n, sources in enumerate(click)])
    np.savez(TARGET / "room.npz", responses=images.transpose(1, 0, 2).astype(np.float32))


if __name__ == "__main__":
    main()
