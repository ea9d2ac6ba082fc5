"""Cross-correlations of many signals over a few hundred lags, block by block.

Lags 0 to `taps - 1` need no transform of the whole song. A block of one signal, padded with zeros,
meets a block of the other that is `taps - 1` samples longer. Both go through a short transform;
products are summed over all blocks in the frequency domain, as one small matrix product for each
bin; a pair of signals needs a single inverse transform at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

SIZE = 8192  # of the transforms, where the taps leave a good part of it for new samples
GROUP = 8  # blocks at a time: the spectra of eight stereo stems and references fit the cache


def correlations(left: Tensor, rights: tuple[Tensor, ...], taps: int) -> Tensor:
    """`result[i, j, k] = sum over n of left[i, n] right[j, n + k]`, k from 0 to `taps - 1`.

    left: `(i, time)`, rights: some `(j, time)`, whose rows are counted through; all are taken as
    zero beyond their ends. Returns float64 `(i, j, taps)`.
    """
    size = max(SIZE, 1 << (4 * taps - 1).bit_length())
    hop = size - taps + 1
    length = left.shape[-1]
    rows = sum(len(right) for right in rights)
    total = torch.zeros(size // 2 + 1, len(left), rows, dtype=torch.complex128)
    for first in range(0, length, GROUP * hop):
        count = min(GROUP, -(-(length - first) // hop))
        short = _spectra(left, first, count, hop, hop, size)
        long = torch.cat([_spectra(right, first, count, hop, size, size) for right in rights])
        total.baddbmm_(
            short.permute(2, 0, 1).conj().resolve_conj().contiguous(),
            long.permute(2, 1, 0).contiguous(),
        )
    return torch.fft.irfft(total.permute(1, 2, 0), n=size)[..., :taps].contiguous()


def _spectra(signals: Tensor, first: int, count: int, hop: int, width: int, size: int) -> Tensor:
    """Spectra `(signal, block, bin)` of `count` blocks `width` wide, one every `hop`."""
    last = first + (count - 1) * hop + width
    part = signals[:, first:last].double()
    part = pad(part, (0, last - first - part.shape[1]))
    return torch.fft.rfft(part.unfold(-1, width, hop), n=size)
