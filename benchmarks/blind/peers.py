"""The peers' techniques behind one kind of call: `(mix (channel, time), rate) -> vocals, same`."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.signal

# Names that nussl 1.1.9 uses and today's numpy and scipy no longer have.
np.bool = np.bool_
for _name in ("hamming", "hann", "blackman"):
    setattr(scipy.signal, _name, getattr(scipy.signal.windows, _name))

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import librosa
    import nussl

Wave = np.ndarray


def nussl_vocals(technique: str, mix: Wave, rate_hz: int, **options: object) -> Wave:
    """What nussl's `technique` takes for the foreground, with its defaults."""
    folder = nussl.separation.factorization if technique == "RPCA" else nussl.separation.primitive
    signal = nussl.AudioSignal(audio_data_array=mix.astype(np.float64), sample_rate=rate_hz)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, foreground = getattr(folder, technique)(signal, **options)()
    return foreground.audio_data


def librosa_background(magnitudes: np.ndarray, width: int) -> np.ndarray:
    """librosa's own way to a repeating background: medians of the most similar frames."""
    return librosa.decompose.nn_filter(
        magnitudes, aggregate=np.median, metric="cosine", width=width, k=100
    )
