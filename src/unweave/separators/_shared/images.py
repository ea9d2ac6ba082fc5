"""Source images at each microphone, the output of the techniques for several channels.

A source that was found blindly has no scale and no sign of its own, and no place among the others.
Its *image*, what it adds to each channel of the mix, has the first two; the order here is by
energy, the loudest first. With as many sources as channels the images sum to the mix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unweave.errors import UsageError
from unweave.separators._shared import demix
from unweave.signal import centred, threads

INSTEAD = (
    "ask for fewer sources, or use projet (songs in stereo: more sources than channels) or nmf "
    "(takes mono)"
)

Estimate = Callable[[Tensor, Tensor], Tensor]
"""Products of a white mix and rows to start from (see `demix`) to rows that separate."""


def facts(sources: int) -> dict[str, Any]:
    """Of every such technique's Spec; the stems are `source-1`, `source-2`, ..."""
    return {
        "stems": tuple(f"source-{n + 1}" for n in range(sources)),
        "min_channels": sources,
        "instead": INSTEAD,
        "scale_equivariant": True,
    }


def bytes_per_sample(sources: int, overlap: int) -> float:
    """Working memory of `separate` for as many channels as sources, as measured."""
    return 1.2 * (overlap * (2 * sources**2 + 4 * sources) + 8 * sources**2)


def check_channels(owner: str, sources: int, mix: Tensor) -> None:
    """Raise UsageError unless `mix (batch, channel, time)` has a channel for each source."""
    centred.check_mix(mix)
    if mix.shape[1] < sources:
        raise UsageError(
            f"{owner} needs a channel for each of {sources} sources, there are {mix.shape[1]}: "
            f"{INSTEAD}"
        )


def by_energy(stems: Tensor) -> Tensor:
    """`(stem, channel, time)`, the loudest first."""
    energy = torch.stack([stem.square().sum(dtype=torch.float32) for stem in stems])
    return stems[torch.argsort(energy, descending=True, stable=True)]


def map_batch(work: Callable[[Tensor], Tensor], mix: Tensor) -> Tensor:
    """`work` on each `(channel, time)` of a batch.

    On a CPU each is held to one thread: these techniques take hundreds of short steps, and where
    threads wait for each other after every one, a busy machine takes a hundred times as long.
    """
    if mix.device.type != "cpu":
        return torch.stack([work(one) for one in mix])
    return torch.stack(threads.parallel_map(work, mix))


def separate(mix: Tensor, sources: int, size: int, hop: int, estimate: Estimate) -> Tensor:
    """Images of the sources in a mix `(channel, time)`: `(source, channel, time)`, loudest first.

    size, hop: of the frames of the short-time spectrum, in samples (`signal.centred`).
    """
    channels, length = mix.shape
    level = mix.square().mean().sqrt()
    stems = mix.new_zeros(sources, channels, length)
    if level == 0:
        return stems
    window = centred.hann(size, mix.device)
    spectrum = centred.analyse(mix / level, size, hop, window)
    products, whitener, inverse = demix.products(spectrum)
    rows = estimate(products, inverse[:, :sources].transpose(0, 1))
    del products
    matrices = demix.projections(rows, whitener, inverse).to(spectrum.dtype)
    found = sources - 1 if sources == channels else sources  # the last is what is left
    for stem, matrix in zip(stems[:found], matrices, strict=False):
        image = (matrix @ spectrum.transpose(0, 1)).transpose(0, 1)
        torch.mul(centred.synthesise(image, size, hop, window, length), level, out=stem)
    if found < sources:
        torch.sub(mix, stems[:found].sum(0), out=stems[found])
    return by_energy(stems)
