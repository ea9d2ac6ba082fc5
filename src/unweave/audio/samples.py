"""Between FFmpeg's sample formats and float32 waves `(channel, time)`.

Integers of b bits become floats by division by 2**(b-1), so up to 24 bits they are exact. The way
back multiplies by 2**(b-1), rounds half to even and clips to the range. There is no dither: the
same wave gives the same bytes, and stems that sum to the mix still do, up to half a step each.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt

from unweave.types import Wave

# FFmpeg's name without the planar 'p': numpy type, zero level, scale to full range 1.0
_FORMATS: dict[str, tuple[str, int, float]] = {
    "u8": ("u1", 128, 2.0**-7),
    "s16": ("i2", 0, 2.0**-15),
    "s32": ("i4", 0, 2.0**-31),
    "s64": ("i8", 0, 2.0**-63),
    "flt": ("f4", 0, 1.0),
    "dbl": ("f8", 0, 1.0),
}


def frame_wave(frame: av.AudioFrame) -> Wave:
    """The samples of a decoded frame, `(channel, time)` float32, in memory of their own."""
    kind, zero, scale = _FORMATS[frame.format.name.removesuffix("p")]
    channels, length = frame.layout.nb_channels, frame.samples
    planes: tuple[Any, ...] = frame.planes[:channels]
    raw: npt.NDArray[Any]
    if frame.format.is_planar:
        raw = np.empty((channels, length), kind)
        for row, plane in zip(raw, planes, strict=True):
            row[:] = np.frombuffer(plane, kind, length)
        if kind == "f4":
            return raw
    else:
        raw = np.frombuffer(planes[0], kind, length * channels).reshape(length, channels).T
    if kind == "f4":
        return np.array(raw, np.float32, order="C")
    if zero:
        raw = raw.astype(np.int16) - np.int16(zero)
    # 32-bit integers are scaled in float64, so that they are rounded only once.
    wide = np.float64(scale) if raw.dtype.itemsize > 2 else np.float32(scale)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite
        return np.ascontiguousarray(raw * wide, np.float32)


def interleaved_ints(wave: Wave, bits: int) -> npt.NDArray[np.int32]:
    """`(channel, time)` float -> `(time, channel)` int32 holding `bits`-bit values."""
    full = float(2 ** (bits - 1))
    steps = np.rint(wave.T * np.float32(full))
    # full - 1 is exact in float32 up to 24 bits
    return np.ascontiguousarray(np.clip(steps, -full, full - 1), np.int32)
