"""Tiles of the spectrogram of a stem, made when they are asked for."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from unweave.server.samples import Sound

WIDTH, HEIGHT = 512, 256
FIRST_HOP = 1 << 10  # samples a column at zoom 0
MOST_ZOOM = 6
WINDOW = 4096
LOWEST_HZ = 40.0
RANGE_DB = 96.0


def tile(sound: Sound, zoom: int, number: int) -> bytes:
    """A PNG of 512 x 256 grey pixels: time to the right, log frequency upwards, 0 dB white.

    A column is the mean power of the channels in a window around it.
    """
    hop = FIRST_HOP >> zoom
    start = number * WIDTH * hop
    first = start + hop // 2 - WINDOW // 2
    length = (WIDTH - 1) * hop + WINDOW
    inside = max(0, first)
    wave = sound.read(inside, max(0, min(first + length, sound.available) - inside))
    padded = np.zeros((length, sound.channels), np.float32)
    padded[inside - first : inside - first + len(wave)] = np.nan_to_num(wave)
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)[::hop]
    rows = _rows(sound.sample_rate_hz)
    power = np.empty((WIDTH, HEIGHT), np.float32)
    for at in range(0, WIDTH, 64):  # so that memory stays small
        spectrum = np.fft.rfft(frames[at : at + 64] * window)
        mean = (spectrum.real**2 + spectrum.imag**2).mean(axis=1) * (2 / window.sum()) ** 2
        power[at : at + 64] = mean.astype(np.float32) @ rows
    db = 10 * np.log10(np.maximum(power, 1e-20))
    grey = np.clip((db + RANGE_DB) / RANGE_DB * 255, 0, 255).astype(np.uint8)
    return png(np.ascontiguousarray(grey.T[::-1]))


def _rows(rate_hz: int) -> npt.NDArray[np.float32]:
    """Weights `(bin, row)` from the bins of a spectrum to rows of log frequency, lowest first."""
    edges = np.geomspace(min(LOWEST_HZ, rate_hz / 8), rate_hz / 2, HEIGHT + 1)
    centres = np.sqrt(edges[:-1] * edges[1:])
    bin_hz = rate_hz / WINDOW
    half = np.maximum(bin_hz, np.diff(edges))
    bins = np.arange(WINDOW // 2 + 1) * bin_hz
    weights = np.clip(1 - np.abs(bins[:, None] - centres) / half, 0, None)
    return (weights / weights.sum(axis=0)).astype(np.float32)


def png(grey: npt.NDArray[np.uint8]) -> bytes:
    """A picture `(row, column)` of grey pixels as PNG (RFC 2083)."""
    height, width = grey.shape
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = grey
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
