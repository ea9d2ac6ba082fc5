"""Waves that people give in memory: checked, and as the engine and the metrics want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_CHANNELS = 64  # as many as any format of ours carries; more than that is (time, channel)


def as_wave(wave: object, *, keep_double: bool = False) -> npt.NDArray[Any]:
    """`wave` as `(channel, time)` float32, full scale 1.0; a copy only where one is needed.

    Takes numpy arrays and torch tensors: floats as they are, signed integers over their full scale,
    uint8 as 8-bit PCM. keep_double: leave float64 as it is. Raises ValueError for any other type or
    rank, or a `(time, channel)` array.
    """
    import numpy as np

    array = as_array(wave)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"expected (channel, time) or (time,) with samples, got {array.shape}")
    if array.shape[0] > MOST_CHANNELS:
        raise ValueError(
            f"expected (channel, time), got {array.shape}: that is {array.shape[0]} channels; "
            "transpose a (time, channel) array with .T first"
        )
    if array.dtype == np.uint8:
        return ((array.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if np.issubdtype(array.dtype, np.signedinteger) and array.dtype.itemsize <= 4:
        scale = -float(np.iinfo(array.dtype).min)
        return (array / scale).astype(np.float32)
    if keep_double and array.dtype == np.float64:
        return array
    if np.issubdtype(array.dtype, np.floating):
        return np.asarray(array, dtype=np.float32)
    raise ValueError(f"expected floats, or integers of 8, 16 or 32 bits, got {array.dtype}")


def as_array(wave: object) -> npt.NDArray[Any]:
    """A numpy array or a torch tensor as a numpy array. Raises ValueError for anything else."""
    import numpy as np

    if hasattr(wave, "detach"):  # a torch tensor, recognised without importing torch
        tensor = wave.detach().cpu()
        if tensor.is_sparse:
            raise ValueError("expected a dense tensor; use .to_dense() first")
        half = tensor.is_floating_point() and tensor.element_size() < 4  # bfloat16 is torch's own
        wave = (tensor.float() if half else tensor).numpy()
    if not isinstance(wave, np.ndarray):
        raise ValueError(f"expected a path, a numpy array or a tensor, got {type(wave).__name__}")
    return wave


def whole_rate_hz(rate_hz: object) -> int:
    """A sample rate as a whole number of Hz. Raises ValueError for what can be none."""
    import numbers

    whole = isinstance(rate_hz, numbers.Real) and float(rate_hz).is_integer()
    if not whole or float(rate_hz) <= 0:  # type: ignore[arg-type]
        raise ValueError(f"sample_rate_hz must be a positive whole number, got {rate_hz!r}")
    return int(rate_hz)  # type: ignore[call-overload, no-any-return]
