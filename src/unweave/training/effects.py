"""Augmentations as applied: pure functions from waves `(channel, time)` float32 to the same."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft  # unlike numpy's, many short ones at once

from unweave.audio.formats import FORMATS
from unweave.errors import UsageError
from unweave.training.draws import EQ_BANDS, Effects
from unweave.training.recipe import Augmentation, Data
from unweave.types import Wave

FRAME = 2048  # of the phase vocoder, samples
HOP = FRAME // 4
ENVELOPE_S = 1.5e-3  # of the cepstrum: what is finer belongs to the pitch
FORMANT_GAIN = 6.0  # at most, up or down: a gap must not become noise


def check(how: Augmentation, data: Data) -> None:
    """Check that the effects of a recipe are possible. Raises UsageError."""
    rates_hz = FORMATS["mp3"].rates_hz or ()
    if not how.codec:
        return
    if data.sample_rate_hz not in rates_hz:
        raise UsageError(
            f"augmentation.codec: MP3 has no rate of {data.sample_rate_hz} Hz, it has "
            f"{', '.join(map(str, rates_hz))}; set augmentation.codec to 0"
        )
    if data.channels > 2:
        raise UsageError(
            f"augmentation.codec: MP3 has one channel or two, not {data.channels}; set "
            "augmentation.codec to 0"
        )


def needed(effects: Effects, length: int) -> int:
    """Samples that `apply` needs to give `length`."""
    return int(np.ceil(length * effects.speed * effects.tempo)) + (
        2 * FRAME if effects.tempo != 1.0 else 64 * (effects.speed != 1.0)
    )


def apply(wave: Wave, effects: Effects, length: int, sample_rate_hz: int) -> Wave:
    """`length` samples of `wave` with all that was drawn; too short a wave ends in silence."""
    if effects.silent:
        return np.zeros((wave.shape[0], length), np.float32)
    if effects.tempo != 1.0:
        wave = stretch(wave, effects.tempo)
    if effects.speed != 1.0:
        wave = resample(wave, effects.speed)
    wave = fit(wave, length)
    if effects.formants != 1.0:
        wave = move_formants(wave, effects.formants, sample_rate_hz)
    if effects.eq_db:
        wave = equalise(wave, effects.eq_db)
    if effects.reverb_s:
        wave = reverberate(wave, effects.reverb_s, sample_rate_hz, effects.seed)
    if effects.codec_kbps:
        wave = through_codec(wave, effects.codec_kbps, sample_rate_hz)
    if effects.swapped:
        wave = wave[::-1]
    gain = 10 ** (effects.gain_db / 20) * (-1.0 if effects.inverted else 1.0)
    return np.ascontiguousarray(wave, np.float32) * np.float32(gain)


def fit(wave: Wave, length: int) -> Wave:
    """Cut at the end, or filled up with silence there."""
    return np.pad(wave[:, :length], ((0, 0), (0, max(0, length - wave.shape[1]))))


def resample(wave: Wave, speed: float) -> Wave:
    """Faster and higher by `speed`."""
    faster: Wave = soxr.resample(wave.T, speed, 1.0, quality="MQ").T
    return faster


def stretch(wave: Wave, tempo: float) -> Wave:
    """Faster by `tempo`, pitch kept: a phase vocoder (Flanagan and Golden 1966).

    Phases go on from frame to frame as fast as they did in the original.
    """
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    padded = np.pad(wave, ((0, 0), (HOP, FRAME + HOP)))
    count = int((padded.shape[1] - FRAME - HOP) / (HOP * tempo))
    starts = (np.arange(count) * HOP * tempo).astype(int)
    frames = padded[:, starts[:, None] + np.arange(FRAME)]  # (channel, frame, FRAME)
    later = padded[:, starts[:, None] + np.arange(FRAME) + HOP]
    here, there = fft.rfft(frames * window), fft.rfft(later * window)
    step = there * here.conj()
    step /= np.maximum(np.abs(step), 1e-12)
    first = here[:, :1] / np.maximum(np.abs(here[:, :1]), 1e-12)
    phases = np.cumprod(np.concatenate([first, step[:, :-1]], axis=1), axis=1)
    pieces = fft.irfft(np.abs(here) * phases, n=FRAME) * window
    return overlap_add(pieces)[:, HOP:]


def move_formants(wave: Wave, factor: float, sample_rate_hz: int) -> Wave:
    """Resonances `factor` times as high, pitch and tempo kept: the same song from another throat.

    Vocal tract length perturbation (Jaitly and Hinton 2013), on waves: each frame is multiplied by
    its own envelope, from the low part of the cepstrum, drawn out by `factor`, over the envelope.
    The envelope is a few cosines over the bins, which have a value between bins as well.
    """
    size = 2 ** round(np.log2(0.06 * sample_rate_hz))
    hop, length = size // 4, wave.shape[1]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    count = -(-length // hop) + 3
    padded = np.pad(wave, ((0, 0), (3 * hop, (count + 3) * hop - 3 * hop - length)))
    spectrum = fft.rfft(padded[:, np.arange(count)[:, None] * hop + np.arange(size)] * window)
    bins = np.arange(size // 2 + 1)
    turns = 2 * np.pi / size * np.arange(1, int(ENVELOPE_S * sample_rate_hz) + 1)[:, None]
    waves = np.cos(turns * bins)  # (quefrency, bin)
    twice = np.where((bins == 0) | (bins == size // 2), 1, 2)  # negative frequencies are not there
    cepstrum = np.log(np.abs(spectrum) + 1e-5) @ (waves * twice / size).T.astype(np.float32)
    moved = np.cos(turns * np.minimum(bins / factor, size // 2))
    gain = np.exp(cepstrum @ (2 * (moved - waves)).astype(np.float32))  # (channel, frame, bin)
    gain = np.clip(gain, 1 / FORMANT_GAIN, FORMANT_GAIN, out=gain)
    pieces = fft.irfft(spectrum * gain, n=size) * window
    return overlap_add(pieces)[:, 3 * hop : 3 * hop + length]


def overlap_add(frames: npt.NDArray[np.float64]) -> Wave:
    """A wave from frames `(channel, frame, size)` a quarter of their size apart, which went through
    a Hann window before they were changed and after."""
    channels, count, size = frames.shape
    hop = size // 4
    out = np.zeros((channels, (count + 3) * hop), np.float32)
    for n in range(4):
        own = frames[..., n * hop : (n + 1) * hop].reshape(channels, -1)
        out[:, n * hop : n * hop + own.shape[1]] += own
    out /= 1.5  # what squared Hann windows sum to
    return out


def equalise(wave: Wave, bands_db: tuple[float, ...]) -> Wave:
    """A smooth filter through gains at EQ_BANDS frequencies."""
    length = wave.shape[-1]
    place = np.sqrt(np.linspace(0.0, 1.0, length // 2 + 1)) * (EQ_BANDS - 1)
    gain = (10 ** (np.interp(place, np.arange(EQ_BANDS), bands_db) / 20)).astype(np.float32)
    filtered: Wave = fft.irfft(fft.rfft(wave) * gain, n=length)
    return filtered


def reverberate(wave: Wave, seconds: float, sample_rate_hz: int, seed: int) -> Wave:
    """A room of noise that falls by 60 dB in `seconds`, 10 dB below the direct sound in all."""
    length = round(seconds * sample_rate_hz)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((wave.shape[0], length)) * 10 ** (-3 * np.arange(length) / length)
    noise *= 10 ** (-10 / 20) / np.sqrt(np.sum(noise**2, axis=1, keepdims=True))
    size = wave.shape[1] + length
    wet = fft.irfft(fft.rfft(wave, n=size) * fft.rfft(noise, n=size), n=size)
    return (wave + wet[:, : wave.shape[1]]).astype(np.float32)


def through_codec(wave: Wave, kbps: int, sample_rate_hz: int) -> Wave:
    """What an MP3 encoder at `kbps` leaves of it, in its place."""
    import av

    layout, length = ("mono" if wave.shape[0] == 1 else "stereo"), wave.shape[1]
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp3") as target:
        encoder = target.add_stream("mp3", rate=sample_rate_hz, layout=layout)
        encoder.bit_rate = kbps * 1000
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(np.clip(wave, -1, 1)), format="fltp", layout=layout
        )
        frame.sample_rate = sample_rate_hz
        target.mux([*encoder.encode(frame), *encoder.encode(None)])
    stream.seek(0)
    with av.open(stream, "r", format="mp3") as source:
        decoded = np.concatenate([f.to_ndarray() for f in source.decode(audio=0)], axis=1)
    # Encoder and decoder came late; the best lag brings it back.
    size = length + decoded.shape[1]
    cross = fft.irfft(fft.rfft(decoded[0], n=size) * fft.rfft(wave[0], n=size).conj(), n=size)
    lag = int(np.argmax(cross[: decoded.shape[1]]))
    return fit(decoded[:, lag:].astype(np.float32), length)
