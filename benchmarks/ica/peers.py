"""The peers, one function each; they run in the environment of install.sh.

Spectra are `(channel, frequency, frame)`, separated ones `(source, frequency, frame)`.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable

import numpy as np

warnings.simplefilter("ignore")
Arrays = dict[str, np.ndarray]


def fastica(mix: np.ndarray, start: np.ndarray, **options: object) -> np.ndarray:
    """scikit-learn's unmixing matrix for a mix `(channel, time)`.

    start: rows to begin with, `(source, source)`, for the white signal whose components have
    principal directions with a positive first entry, as scikit-learn has them.
    """
    from sklearn.decomposition import FastICA

    model = FastICA(len(start), w_init=start, whiten="arbitrary-variance", **options)
    model.fit_transform(mix.T)
    return model.components_ * np.sqrt(mix.shape[1])


def pra_auxiva(mix: np.ndarray, iterations: int, **options: object) -> np.ndarray:
    from pyroomacoustics.bss import auxiva

    return auxiva(frames_first(mix), n_iter=iterations, **options).transpose(2, 1, 0)


def pra_ilrma(
    mix: np.ndarray, iterations: int, spectra: np.ndarray, activations: np.ndarray
) -> np.ndarray:
    """spectra `(source, frequency, component)`, activations `(source, component, frame)`.

    pyroomacoustics draws both from numpy's global generator, which is replaced here.
    """
    from pyroomacoustics.bss import ilrma

    drawn = iter([(spectra - 0.1) / 0.9, (activations.transpose(0, 2, 1) - 0.1) / 0.9])
    original, np.random.rand = np.random.rand, lambda *_: next(drawn).astype(float)
    try:
        found = ilrma(frames_first(mix), n_iter=iterations, n_components=spectra.shape[-1])
    finally:
        np.random.rand = original
    return found.transpose(2, 1, 0)


def frames_first(mix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(mix.transpose(2, 1, 0))


def ssspy_auxiva(mix: np.ndarray, iterations: int, model: str, step: str) -> np.ndarray:
    from ssspy.bss import iva
    from ssspy.utils.select_pair import sequential_pair_selector

    kind = {"laplace": iva.AuxLaplaceIVA, "gauss": iva.AuxGaussIVA}[model]
    pairs = {"pair_selector": sequential_pair_selector} if step == "IP2" else {}
    return kind(spatial_algorithm=step, record_loss=False, **pairs)(mix, n_iter=iterations)


def ssspy_ilrma(mix: np.ndarray, iterations: int, components: int) -> np.ndarray:
    from ssspy.bss.ilrma import GaussILRMA

    model = GaussILRMA(components, record_loss=False, rng=np.random.default_rng(0))
    return model(mix, n_iter=iterations)


def _without_torchaudio() -> None:
    """torchiva imports one class of torchaudio, for networks; its wheel here wants CUDA."""
    transforms = types.ModuleType("torchaudio.transforms")
    transforms.MelScale = None
    package = types.ModuleType("torchaudio")
    package.transforms = transforms
    sys.modules.setdefault("torchaudio", package)
    sys.modules.setdefault("torchaudio.transforms", transforms)


def torchiva_auxiva(mix: np.ndarray, iterations: int) -> np.ndarray:
    import torch

    _without_torchaudio()
    from torchiva import AuxIVA_IP

    return AuxIVA_IP(n_iter=iterations, n_src=len(mix))(torch.from_numpy(mix)).numpy()


def torchiva_ilrma(mix: np.ndarray, iterations: int, components: int) -> np.ndarray:
    import torch

    _without_torchaudio()
    from torchiva import AuxIVA_IP
    from torchiva.models import NMFModel

    model = NMFModel(n_basis=components)
    return AuxIVA_IP(n_iter=iterations, n_src=len(mix), model=model)(torch.from_numpy(mix)).numpy()


def rooms(voices: np.ndarray) -> Arrays:
    """Sources `(case, source, time)` at 16 kHz as two microphones hear them in three rooms."""
    out = {}
    for reverberation_s in (0.12, 0.2, 0.3):
        for case, sources in enumerate(voices):
            out[f"{reverberation_s} {case}"] = images(sources, reverberation_s)
    return out


def images(sources: np.ndarray, reverberation_s: float) -> np.ndarray:
    """`(source, microphone, time)` in a room of 6 x 5 x 3 m, microphones 6 cm apart."""
    import pyroomacoustics as pra

    absorption, order = pra.inverse_sabine(reverberation_s, [6, 5, 3])
    room = pra.ShoeBox(
        [6, 5, 3], fs=16000, materials=pra.Material(absorption), max_order=min(order, 40)
    )
    for place, source in zip(([1.8, 1.5, 1.5], [4.0, 1.6, 1.6]), sources, strict=True):
        room.add_source(place, signal=source)
    room.add_microphone_array(np.array([[2.97, 2.5, 1.4], [3.03, 2.5, 1.4]]).T)
    images = room.simulate(return_premix=True)
    return images[..., : sources.shape[1]].astype(np.float32)


def contenders(kind: str, given: Arrays) -> dict[str, Callable[[], np.ndarray]]:
    """What to run on an input, by the name to report it under."""
    mix, rounds = given.get("mix"), int(given.get("iterations", 0))
    if kind == "fastica":
        options = {
            "fun": str(given["contrast"]),
            "algorithm": str(given["algorithm"]),
            "tol": float(given["tolerance"]),
            "max_iter": rounds,
        }
        return {
            f"scikit-learn, {solver}, {dtype}": lambda solver=solver, dtype=dtype: fastica(
                mix.astype(dtype), given["start"], whiten_solver=solver, **options
            )
            for solver in ("eigh", "svd")
            for dtype in ("float32", "float64")
        }
    double = mix.astype(np.complex128)
    if kind == "auxiva":
        return {
            "pyroomacoustics, complex64": lambda: pra_auxiva(mix, rounds),
            "pyroomacoustics, complex128": lambda: pra_auxiva(double, rounds),
            "ssspy": lambda: ssspy_auxiva(double, rounds, "laplace", "IP1"),
            "torchiva, complex64": lambda: torchiva_auxiva(mix, rounds),
            "torchiva, complex128": lambda: torchiva_auxiva(double, rounds),
        }
    spectra, activations = given["spectra"], given["activations"]
    components = spectra.shape[-1]
    return {
        "pyroomacoustics, complex64": lambda: pra_ilrma(mix, rounds, spectra, activations),
        "pyroomacoustics, complex128": lambda: pra_ilrma(double, rounds, spectra, activations),
        "ssspy": lambda: ssspy_ilrma(double, rounds, components),
        "torchiva, complex64": lambda: torchiva_ilrma(mix, rounds, components),
    }
