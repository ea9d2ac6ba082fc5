"""Which frames of a spectrogram are alike: the most similar ones of each frame, kept apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.dsp.threads import each

VALUES_AT_ONCE = 1 << 21  # of the similarity matrix, which is never there as a whole


def similar_frames(
    spectrogram: Tensor, *, most: int, distance: int, threshold: float = 0.0, past: int = 0
) -> tuple[Tensor, Tensor]:
    """For each frame the others that are most like it, by the cosine of the angle between them.

    spectrogram: `(frequency, frame)`, not negative. The likest is taken, then the likest of those
    at least `distance` frames from it and from the frame itself, and so on, up to `most` and as
    long as the cosine is above `threshold`. past: look only at so many frames before each; 0 looks
    at all. Returns how many each frame has `(frame,)` and which `(frame, at most `most`)`; of a
    row the first ones count.
    """
    unit = spectrogram.mT.contiguous()  # (frame, frequency)
    unit = unit / unit.norm(dim=1, keepdim=True).clamp_(min=torch.finfo(unit.dtype).tiny)
    frames = unit.shape[0]
    rows = max(1, VALUES_AT_ONCE // frames)

    def some(first: int) -> tuple[Tensor, Tensor]:
        last = min(first + rows, frames)
        begin, end = (max(0, first - past), last) if past else (0, frames)
        cosines = unit[first:last] @ unit[begin:end].mT
        if threshold > 0:
            cosines[cosines <= threshold] = 0.0
        for row, own in zip(cosines, range(first - begin, last - begin), strict=True):
            row[max(0, own - distance + 1) : own + distance] = 0.0
            if past:
                row[: max(0, own - past)] = 0.0
                row[own:] = 0.0
        counts, indices = peaks(cosines, most, distance)
        return counts, indices.add_(begin)

    found = each(some, range(0, frames, rows))
    width = max(indices.shape[1] for _, indices in found)
    padded = [F.pad(indices, (0, width - indices.shape[1])) for _, indices in found]
    return torch.cat([counts for counts, _ in found]), torch.cat(padded)


def peaks(values: Tensor, most: int, distance: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row that lie at least `distance` apart, from the largest down.

    values: `(row, column)`, of which those above 0 count. Returns how many each row has `(row,)`
    and their columns `(row, most that any row has)`.
    """
    rows, columns = values.shape
    # Maxima of blocks: after a peak only the blocks around it have to be looked at again.
    size = max(1, distance)
    blocks = -(-columns // size) + 2
    padded = values.new_zeros(rows, blocks * size)
    padded[:, size : size + columns] = values  # a block of nothing on either side
    table = padded.view(rows, blocks, size)
    best = table.amax(-1)
    lines = torch.arange(rows, device=values.device)[:, None]
    around = torch.arange(1 - size, size, device=values.device)
    near = torch.arange(-1, 2, device=values.device)
    found = []
    alive = torch.ones(rows, dtype=torch.bool, device=values.device)
    for _ in range(most):
        peak, block = best.max(-1)
        alive = peak > 0
        if not alive.any():
            break
        column = block * size + table[lines[:, 0], block].argmax(-1)
        column = torch.where(alive, column, size)
        found.append(torch.where(alive, column - size, -1))
        padded[lines, column[:, None] + around] = 0.0
        touched = torch.where(alive, block, 1)[:, None] + near
        best[lines, touched] = table[lines, touched].amax(-1)
    if not found:
        return torch.zeros(rows, dtype=torch.long, device=values.device), lines[:, :0].clone()
    indices = torch.stack(found, dim=1)
    return (indices >= 0).sum(1), indices.clamp_(min=0)
