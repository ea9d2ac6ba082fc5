"""Cross-correlations of many signals over a few hundred lags, block by block.

Lags 0 to `taps - 1` need no transform of the whole song. A block of one signal, padded with zeros,
meets a block of the other that is `taps - 1` samples longer. Both go through a short transform;
products are summed over all blocks in the frequency domain, as one small matrix product for each
bin; a pair of signals needs a single inverse transform at the end.
"""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor

SIZE = 8192  # of the transforms, where the taps leave a good part of it for new samples
GROUP = 8  # blocks at a time: the spectra of eight stereo stems and references fit the cache


def correlations(left: Tensor, rights: tuple[Tensor, ...], taps: int) -> Tensor:
    """`result[i, j, k] = sum over n of left[i, n] right[j, n + k]`, k from 0 to `taps - 1`.

    left: `(i, time)`, rights: some `(j, time)`, whose rows are counted through; all are taken as
    zero beyond their ends. Returns float64 `(i, j, taps)`.
    """
    size = max(SIZE, 1 << (4 * taps - 1).bit_length())
    hop = size - taps + 1
    bins, rows = size // 2 + 1, sum(len(right) for right in rights)
    total = torch.zeros(bins, len(left), rows, dtype=torch.complex128)
    # One set of arrays for all groups: fresh ones would cost more than the arithmetic.
    short, long = (torch.zeros(count, GROUP, size, dtype=torch.float64)
                   for count in (len(left), rows))  # fmt: skip
    spectra = torch.empty(max(len(left), rows), GROUP, bins, dtype=torch.complex128)
    before = torch.empty(bins, len(left), GROUP, dtype=torch.complex128)
    after = torch.empty(bins, GROUP, rows, dtype=torch.complex128)
    for first in range(0, left.shape[-1], GROUP * hop):
        _cut(left, first, hop, hop, short)
        found = torch.fft.rfft(short, out=spectra[: len(left)])
        torch.conj_physical(found.permute(2, 0, 1), out=before)
        row = 0
        for right in rights:
            _cut(right, first, hop, size, long[row : row + len(right)])
            row += len(right)
        found = torch.fft.rfft(long, out=spectra[:rows])
        after.copy_(found.permute(2, 1, 0))
        total.baddbmm_(before, after)
    return torch.fft.irfft(total.permute(1, 2, 0), n=size)[..., :taps].contiguous()


def _cut(signals: Tensor, first: int, hop: int, width: int, blocks: Tensor) -> None:
    """Fill `blocks (signal, block, at least width)`: one every `hop`, zeros beyond the end."""
    length, count = signals.shape[-1], blocks.shape[1]
    whole = min(count, max(0, (length - first - width) // hop + 1))
    if whole:
        part = signals[:, first : first + (whole - 1) * hop + width]
        blocks[:, :whole, :width] = part.unfold(-1, width, hop)
    for n in range(whole, count):
        start = first + n * hop
        have = min(max(0, length - start), width)
        blocks[:, n, :have] = signals[:, start : start + have]
        blocks[:, n, have:width] = 0


def fast_size(length: int) -> int:
    """The next even length of factors 2, 3 and 5, for which Fourier transforms are quick."""
    return 2 * next_fast_len(-(-length // 2), real=True)
